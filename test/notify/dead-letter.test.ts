import { describe, expect, test } from 'vitest';

import type { ChannelInstance, DeliveryResult } from '../../src/plugin/channel.ts';
import { createNotifying, type Notifying } from '../../src/notify/notifying.ts';
import type { NotifyOptions } from '../../src/notify/options.ts';
import type { Notification } from '../../src/plugin/notification.ts';
import { createScenario, finding, HOUR, looked, type Scenario } from '../helpers/notify-scenario.ts';

interface Bench {
  readonly scenario: Scenario;
  readonly notifying: Notifying;
  readonly sent: { readonly channel: string; readonly to: readonly string[]; readonly notification: Notification }[];
  readonly gaveUp: string[];
  /** Recipients that are refused for good. */
  readonly refused: Set<string>;
  /** So many transactions to come fail. */
  failing: number;
  deliver(): Promise<void>;
  /** Another node of the cluster takes over. */
  takeOver(): Promise<void>;
}

async function bench(
  recipients: Readonly<Record<string, readonly string[]>>,
  options: Partial<NotifyOptions> = {},
): Promise<Bench> {
  const scenario = createScenario({
    channels: Object.keys(recipients),
    recipients: (name) => recipients[name] ?? [],
    ...options,
  });
  const sent: Bench['sent'] = [];
  const gaveUp: string[] = [];
  const refused = new Set<string>();
  const instance = (channel: string): ChannelInstance => ({
    recipients: () => recipients[channel] ?? [],
    async send(notification, to) {
      sent.push({ channel, to, notification });
      return to.map((recipient): DeliveryResult =>
        refused.has(recipient)
          ? { recipient, status: 'failed', reason: 'rejected', detail: '550 unknown <b>', retryable: false }
          : { recipient, status: 'delivered' },
      );
    },
  });
  const silent = (): void => undefined;
  const { store } = scenario;
  const start = (): Promise<Notifying> =>
    createNotifying({
      alerts: store,
      outbox: store,
      async transaction(work) {
        if (result.failing-- > 0) throw new Error('disk full');
        return work({ alerts: store });
      },
      channels: new Map(Object.keys(recipients).map((name) => [name, instance(name)])),
      options: () => scenario.options,
      rate: () => undefined,
      clock: { now: () => scenario.now },
      random: () => 0.5,
      log: { debug: silent, info: silent, warn: silent, error: silent },
      meter: { delivered: silent, undelivered: (channel, _reason, isLost) => void (isLost && gaveUp.push(channel)) },
      onPosted: silent,
      turn: { hold: async () => true, isHeld: () => true },
    });
  let notifying = await start();
  const other = start();
  const result: Bench = {
    scenario,
    get notifying() {
      return notifying;
    },
    sent,
    gaveUp,
    refused,
    failing: 0,
    async takeOver() {
      notifying = await other;
    },
    async deliver() {
      const { signal } = new AbortController();
      // What is lost is told in a second round.
      await notifying.deliver(signal);
      await notifying.deliver(signal);
    },
  };
  return result;
}

const lines = ({ sent }: Bench): readonly string[] =>
  sent.map(({ channel, notification: { reason, alerts } }) => `${channel} ${reason} ${alerts[0]?.rules[0] ?? ''}`);

describe('a message that is given up', () => {
  test('is told on another channel, and is over when the recipient gets one again', async () => {
    const work = await bench({ mail: ['a'], chat: ['c'] }, { routes: [{ matchers: [], channels: ['mail'] }] });
    work.refused.add('a');
    await work.scenario.after(0, looked(1, 'good', [finding()]));
    await work.deliver();
    expect(lines(work)).toEqual(['mail first expiring', 'chat first delivery-failed']);
    expect(work.gaveUp).toEqual(['mail']);
    const [alert] = work.sent.at(-1)?.notification.alerts ?? [];
    expect(alert).toMatchObject({
      family: 'coverage',
      cause: 'channel:mail',
      severity: 'warning',
      title: 'channel mail',
    });
    expect(alert?.summary).toContain('550 unknown');
    expect(alert?.summary).toContain('Warning: api.example.com');

    // The next that is lost is no news.
    await work.scenario.after(HOUR, looked(2, 'good', [finding({ cause: 'other' })]));
    await work.deliver();
    expect(lines(work).slice(2)).toEqual(['mail first expiring']);

    work.refused.clear();
    await work.scenario.after(HOUR, looked(2, 'good', [finding({ cause: 'other', severity: 'critical' })]));
    await work.deliver();
    expect(lines(work).slice(3)).toEqual(['mail worse expiring', 'chat resolved delivery-failed']);
  });

  test('is over when the recipient gets one again, also where that could not be recorded at once', async () => {
    const work = await bench({ mail: ['a'], chat: ['c'] }, { routes: [{ matchers: [], channels: ['mail'] }] });
    work.refused.add('a');
    await work.scenario.after(0, looked(1, 'good', [finding()]));
    await work.deliver();
    work.refused.clear();
    await work.scenario.after(HOUR, looked(2, 'good', [finding({ cause: 'other' })]));
    work.failing = 1;
    await expect(work.deliver()).rejects.toThrow('the outbox failed');
    await work.deliver();
    expect(lines(work).at(-1)).toBe('chat resolved delivery-failed');
  });

  test('is withdrawn with its channel, also where that could not be recorded at once', async () => {
    const work = await bench({ mail: ['a'], chat: ['c'] }, { routes: [{ matchers: [], channels: ['mail'] }] });
    work.refused.add('a');
    await work.scenario.after(0, looked(1, 'good', [finding()]));
    await work.deliver();
    work.failing = 1;
    await expect(work.notifying.useChannels(new Map())).rejects.toThrow('disk full');
    await work.notifying.useChannels(new Map());
    const alerts = await work.scenario.store.alerts();
    expect(alerts.find(({ cause }) => cause === 'channel:mail')).toMatchObject({ state: 'withdrawn' });
  });

  test('is over also where another node of the cluster reaches the recipient', async () => {
    const work = await bench({ mail: ['a'], chat: ['c'] }, { routes: [{ matchers: [], channels: ['mail'] }] });
    work.refused.add('a');
    await work.scenario.after(0, looked(1, 'good', [finding()]));
    await work.deliver();
    await work.takeOver();
    work.refused.clear();
    await work.scenario.after(HOUR, looked(2, 'good', [finding({ cause: 'other' })]));
    await work.deliver();
    expect(lines(work).at(-1)).toBe('chat resolved delivery-failed');
  });

  test('to one of several recipients of the only channel is told to the others', async () => {
    const work = await bench({ mail: ['a', 'b'] });
    work.refused.add('a');
    await work.scenario.after(0, looked(1, 'good', [finding({ severity: 'critical' })]));
    await work.deliver();
    expect(lines(work).slice(0, 2)).toEqual(['mail first expiring', 'mail first delivery-failed']);
    expect(work.sent[1]?.notification.severity).toBe('critical');
    // That this cannot reach the one either is no news of its own.
    expect(work.sent).toHaveLength(2);
  });

  test('with nobody else to tell is in the list of alerts', async () => {
    const work = await bench({ mail: ['a'] });
    work.refused.add('a');
    await work.scenario.after(0, looked(1, 'good', [finding()]));
    await work.deliver();
    const alerts = await work.scenario.store.alerts({ state: 'open' });
    expect(alerts.map(({ cause }) => cause)).toContain('channel:mail');
  });

  test('is remembered over a restart, and withdrawn when the channel leaves the config', async () => {
    const work = await bench({ mail: ['a'], chat: ['c'] }, { routes: [{ matchers: [], channels: ['mail'] }] });
    work.refused.add('a');
    await work.scenario.after(0, looked(1, 'good', [finding()]));
    await work.deliver();
    await work.notifying.useChannels(new Map());
    const alerts = await work.scenario.store.alerts();
    expect(alerts.find(({ cause }) => cause === 'channel:mail')).toMatchObject({ state: 'withdrawn' });
  });
});
