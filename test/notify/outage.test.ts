import { describe, expect, test } from 'vitest';

import type { ChannelInstance, DeliveryReason, DeliveryResult } from '../../src/plugin/channel.ts';
import { createNotifying } from '../../src/notify/notifying.ts';
import { createScenario, finding, HOUR, looked, START } from '../helpers/notify-scenario.ts';

const MINUTE = 60_000;

interface Call {
  readonly at: number;
  readonly id: string;
  readonly ok: boolean;
}

/** A receiver that is out of order from the start for a time; alerts come all the while, then time goes on until all is quiet. */
async function outage(
  hours: number,
  failure: { readonly reason: DeliveryReason; readonly retryAfterMs?: number },
): Promise<{
  readonly calls: readonly Call[];
  readonly posted: readonly string[];
  readonly gaveUp: number;
  readonly drainedMs: number;
}> {
  const scenario = createScenario();
  const { store } = scenario;
  const calls: Call[] = [];
  let gaveUp = 0;
  const isDown = (): boolean => scenario.now < START + hours * HOUR;
  const instance: ChannelInstance = {
    recipients: () => ['mail@example.com'],
    async send({ id }, to) {
      calls.push({ at: scenario.now, id, ok: !isDown() });
      return to.map((recipient): DeliveryResult =>
        isDown()
          ? { recipient, status: 'failed', detail: 'out of order', retryable: true, ...failure }
          : { recipient, status: 'delivered' },
      );
    },
  };
  const silent = (): void => undefined;
  const notifying = await createNotifying({
    alerts: store,
    outbox: store,
    transaction: (work) => work({ alerts: store }),
    channels: new Map([['mail', instance]]),
    options: () => scenario.options,
    rate: () => undefined,
    clock: { now: () => scenario.now },
    random: () => 0.5,
    log: { debug: silent, info: silent, warn: silent, error: silent },
    meter: { delivered: silent, undelivered: (_channel, _reason, isLost) => void (gaveUp += Number(isLost)) },
    onPosted: silent,
  });
  const { signal } = new AbortController();
  const news = Math.min(100, hours * 10);
  const gap = (hours * HOUR) / news;
  let made = 0;
  const until = START + hours * HOUR + 2 * HOUR;
  while (scenario.now < until) {
    while (made < news && scenario.now >= START + made * gap) {
      await scenario.after(0, looked(made + 1, 'good', [finding({ cause: `cause-${made}` })]));
      made += 1;
    }
    const next = (await notifying.deliver(signal)) ?? Infinity;
    const more = made < news ? START + made * gap : Infinity;
    scenario.now = Math.min(until, Math.max(scenario.now + 1, Math.min(next, more)));
  }
  const posted = store.posted.map(({ notification }) => notification.id);
  const last = calls.findLast(({ ok }) => ok);
  return { calls, posted, gaveUp, drainedMs: (last?.at ?? Infinity) - (START + hours * HOUR) };
}

describe.each([1, 24, 72])('an outage of %i hours', (hours) => {
  test.each<[string, { readonly reason: DeliveryReason; readonly retryAfterMs?: number }]>([
    ['that cannot be reached', { reason: 'network' }],
    ['that does not answer', { reason: 'timeout' }],
    ['that fails', { reason: 'server_error' }],
    ['that asks to wait ten minutes', { reason: 'rate_limited', retryAfterMs: 10 * MINUTE }],
  ])('of a receiver %s loses nothing and tells nothing twice', async (_what, failure) => {
    const { calls, posted, gaveUp, drainedMs } = await outage(hours, failure);
    const told = calls.filter(({ ok }) => ok).map(({ id }) => id);
    expect(gaveUp).toBe(0);
    expect(told.toSorted()).toEqual(posted.toSorted());
    expect(drainedMs).toBeLessThan(16 * MINUTE);
    if (failure.reason === 'network' || failure.reason === 'timeout') {
      // One message finds out that the receiver is back; the others follow in the order in which they came.
      const [scout] = told;
      expect(told.slice(1)).toEqual(posted.filter((id) => id !== scout));
      expect(drainedMs).toBeLessThan(2 * MINUTE);
    }
    if (failure.retryAfterMs !== undefined) {
      const failed = calls.filter(({ ok }) => !ok);
      const waits = failed.slice(1).map(({ at }, index) => at - (failed[index]?.at ?? 0));
      expect(Math.min(Infinity, ...waits)).toBeGreaterThanOrEqual(failure.retryAfterMs);
    }
  });
});
