import { afterEach, describe, expect, test, vi } from 'vitest';

import { FIRST_RETRY_MS, GIVE_UP_AFTER_MS, LONGEST_RETRY_MS, retryAt } from '../../src/notify/backoff.ts';
import { createDeliverer, type Deliverer, type DelivererOptions } from '../../src/notify/deliver.ts';
import type { ChannelInstance, Delivery, DeliveryReason, Receipt } from '../../src/plugin/channel.ts';
import type { Notification } from '../../src/plugin/notification.ts';
import { createMemoryAlerts } from '../helpers/memory-alerts.ts';
import { START } from '../helpers/notify-scenario.ts';

type Answer = (
  notification: Notification,
  to: readonly string[],
  previous: Receipt | undefined,
  signal: AbortSignal,
) => Promise<Delivery>;

const delivered: Answer = async (_notification, to) => to.map((recipient) => ({ recipient, status: 'delivered' }));

function failing(reason: DeliveryReason, retryable = true, retryAfterMs?: number): Answer {
  const asked = retryAfterMs === undefined ? {} : { retryAfterMs };
  return async (_notification, to) =>
    to.map((recipient) => ({ recipient, status: 'failed', reason, detail: 'no', retryable, ...asked }));
}

interface Attempt {
  readonly channel: string;
  readonly id: string;
  readonly to: readonly string[];
  readonly previous: Receipt | undefined;
  readonly at: number;
}

interface Bench {
  readonly store: ReturnType<typeof createMemoryAlerts>;
  readonly deliverer: Deliverer;
  readonly attempts: Attempt[];
  readonly events: string[];
  readonly logged: string[];
  now: number;
  enqueue(channel: string, id: string, overrides?: { group?: string; recipients?: readonly string[] }): Promise<void>;
  run(): Promise<number>;
  /** Runs whenever something is due, until nothing waits. */
  drain(): Promise<void>;
  instance(name: string, answer: Answer): ChannelInstance;
}

function bench(answers: Readonly<Record<string, Answer>>, overrides: Partial<DelivererOptions> = {}): Bench {
  const store = createMemoryAlerts();
  const attempts: Attempt[] = [];
  const events: string[] = [];
  const logged: string[] = [];
  const log = (fields: object, message: string): void => void logged.push(`${message} ${JSON.stringify(fields)}`);
  const instance = (name: string, answer: Answer): ChannelInstance => ({
    recipients: () => ['a'],
    send(notification, to, previous, signal) {
      attempts.push({ channel: name, id: notification.id, to, previous, at: self.now - START });
      return answer(notification, to, previous, signal);
    },
  });
  const deliverer = createDeliverer({
    outbox: store,
    channels: new Map(Object.entries(answers).map(([name, answer]) => [name, instance(name, answer)])),
    clock: { now: () => self.now },
    random: () => 0.5,
    log: { debug: log, info: log, warn: log, error: log },
    onDelivered: (channel, reason) => void events.push(`${channel} delivered ${reason}`),
    onFailed: (channel, reason, gaveUp) => void events.push(`${channel} ${gaveUp ? 'gave up' : 'failed'} ${reason}`),
    ...overrides,
  });
  const self: Bench = {
    store,
    deliverer,
    attempts,
    events,
    logged,
    now: START,
    instance,
    async enqueue(channel, id, { group = id, recipients = ['a'] } = {}) {
      const notification: Notification = {
        id,
        kind: 'alert',
        reason: 'first',
        severity: 'warning',
        at: new Date(self.now),
        group,
        alerts: [],
        alertCount: 0,
      };
      await store.enqueue({ channel, notification, recipients }, self.now);
    },
    run: () => deliverer.run(new AbortController().signal),
    async drain() {
      for (let pass = 0; pass < 1000; pass += 1) {
        const dueAt = await store.nextDueAt();
        if (dueAt === undefined) return;
        self.now = Math.max(self.now, dueAt);
        if ((await self.run()) === 0) self.now += 1_000;
      }
      throw new Error('it never drains');
    },
  };
  return self;
}

afterEach(() => {
  vi.useRealTimers();
});

describe('the deliverer', () => {
  test('sends what is due once and remembers what the channel gave back for the next of the group', async () => {
    const work = bench({
      chat: async (_n, to) => to.map((recipient) => ({ recipient, status: 'delivered', receipt: { ts: '1' } })),
    });
    await work.enqueue('chat', 'one', { group: 'g' });
    expect(await work.run()).toBe(1);
    expect(await work.run()).toBe(0);

    await work.enqueue('chat', 'two', { group: 'g' });
    await work.run();
    expect(work.attempts.map(({ id, previous }) => [id, previous])).toEqual([
      ['one', undefined],
      ['two', { ts: '1' }],
    ]);
    expect(work.events).toEqual(['chat delivered first', 'chat delivered first']);
  });

  test('a failing channel holds up no other', async () => {
    const work = bench({ broken: failing('network'), mail: delivered });
    for (let index = 0; index < 5; index += 1) {
      await work.enqueue('broken', `b${index}`);
      await work.enqueue('mail', `m${index}`);
    }
    await work.run();
    expect(work.events.filter((event) => event === 'mail delivered first')).toHaveLength(5);
  });

  test('a channel that hangs holds up no other, and is left alone by the next passes', async () => {
    let release = (): void => {};
    const hanging: Answer = async (notification, to, previous, signal) => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return delivered(notification, to, previous, signal);
    };
    const work = bench({ slow: hanging, mail: delivered });
    await work.enqueue('slow', 's1');
    const first = work.run();
    await vi.waitFor(() => expect(work.attempts).toHaveLength(1));

    await work.enqueue('mail', 'm1');
    expect(await work.run()).toBe(1);
    expect(work.events).toEqual(['mail delivered first']);

    release();
    expect(await first).toBe(1);
    expect(work.attempts.filter(({ channel }) => channel === 'slow')).toHaveLength(1);
  });

  test('a pass does not wait for a channel that takes long; a stop does', async () => {
    const stop = new AbortController();
    const hanging: Answer = (_n, to, _p, signal) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve(to.map((recipient) => ({ recipient, status: 'delivered' }))));
      });
    const work = bench({ slow: hanging, mail: delivered }, { patienceMs: 5, stopGraceMs: 5 });
    await work.enqueue('slow', 's1');
    await work.enqueue('mail', 'm1');
    expect(await work.deliverer.run(stop.signal)).toBe(1);
    expect(await work.deliverer.run(stop.signal)).toBe(0);
    expect(work.events).toEqual(['mail delivered first']);

    stop.abort();
    await work.deliverer.idle();
    expect(work.events).toHaveLength(2);
  });

  test('an attempt ends by its deadline even when the channel ignores it', async () => {
    const work = bench({ deaf: () => new Promise<never>(() => {}) }, { attemptDeadlineMs: 20 });
    await work.enqueue('deaf', 'one');
    expect(await work.run()).toBe(1);
    expect(work.events).toEqual(['deaf failed timeout']);
    expect(await work.store.nextDueAt()).toBeGreaterThan(START);
  });

  test('an attempt under way at a stop may end by itself, and nothing new begins', async () => {
    const stop = new AbortController();
    let release = (): void => undefined;
    const answering: Answer = (_n, to) =>
      new Promise((resolve) => {
        release = () => resolve(to.map((recipient) => ({ recipient, status: 'delivered' })));
      });
    const work = bench({ slow: answering });
    await work.enqueue('slow', 's1');
    await work.enqueue('slow', 's2');
    const run = work.deliverer.run(stop.signal);
    await vi.waitFor(() => expect(work.attempts).toHaveLength(1));
    stop.abort();
    release();

    expect(await run).toBe(1);
    expect(work.events).toEqual(['slow delivered first']);
    expect(work.attempts).toHaveLength(1);
  });

  test('an attempt that the stop cuts short is the first thing to do after the next start', async () => {
    const stop = new AbortController();
    const work = bench({ deaf: () => new Promise<never>(() => {}) }, { stopGraceMs: 5 });
    await work.enqueue('deaf', 'one');
    const run = work.deliverer.run(stop.signal);
    await vi.waitFor(() => expect(work.attempts).toHaveLength(1));
    stop.abort();
    expect(await run).toBe(1);
    expect(await work.store.due(['deaf'], START, 9)).toMatchObject([{ recipients: [{ attempts: 1 }] }]);
  });

  test('retries are kept per recipient: who was reached is not sent to again', async () => {
    let broken = true;
    const work = bench({
      mail: async (_n, to) =>
        to.map((recipient) =>
          recipient === 'b' && broken
            ? { recipient, status: 'failed', reason: 'rejected', detail: '450 try later', retryable: true }
            : recipient === 'c'
              ? { recipient, status: 'failed', reason: 'rejected', detail: '550 unknown', retryable: false }
              : { recipient, status: 'delivered' },
        ),
    });
    await work.enqueue('mail', 'one', { recipients: ['a', 'b', 'c'] });
    await work.run();
    broken = false;
    await work.drain();
    expect(work.attempts.map(({ to }) => to)).toEqual([['a', 'b', 'c'], ['b']]);
    expect(await work.store.failed()).toMatchObject([{ recipient: 'c', error: '550 unknown' }]);
    expect(work.events).toEqual([
      'mail delivered first',
      'mail failed rejected',
      'mail gave up rejected',
      'mail delivered first',
    ]);
  });

  test('a later message of a group waits for the earlier one', async () => {
    let broken = true;
    const work = bench({
      mail: (notification, to, previous, signal) =>
        (broken && notification.id === 'first' ? failing('server_error') : delivered)(
          notification,
          to,
          previous,
          signal,
        ),
    });
    await work.enqueue('mail', 'first', { group: 'g' });
    await work.enqueue('mail', 'resolved', { group: 'g' });
    await work.enqueue('mail', 'other');
    await work.run();
    expect(work.attempts.map(({ id }) => id)).toEqual(['first', 'other']);

    broken = false;
    await work.drain();
    expect(work.attempts.map(({ id }) => id)).toEqual(['first', 'other', 'first', 'resolved']);
  });

  test('when the receiver as a whole is out of reach, the rest of its messages is not tried in that pass', async () => {
    const work = bench({ mail: failing('timeout') });
    for (let index = 0; index < 5; index += 1) await work.enqueue('mail', `m${index}`);
    expect(await work.run()).toBe(1);
  });

  test('a receiver that stays out of reach is tried with one message a minute, and all come when it is back', async () => {
    let broken = true;
    const work = bench({
      mail: (notification, to, previous, signal) =>
        (broken ? failing('network') : delivered)(notification, to, previous, signal),
    });
    for (let index = 0; index < 50; index += 1) await work.enqueue('mail', `m${index}`);
    for (; work.now < START + 600_000; work.now += 1_000) await work.run();
    expect(work.attempts.map(({ at }) => at / 1_000)).toEqual([
      0, 5, 15, 35, 75, 135, 195, 255, 315, 375, 435, 495, 555,
    ]);

    broken = false;
    await work.drain();
    expect(work.events.filter((event) => event === 'mail delivered first')).toHaveLength(50);
    expect((work.attempts.at(-1)?.at ?? Infinity) - 600_000).toBeLessThan(LONGEST_RETRY_MS);
  });

  test('a receiver that was reached in between is not rested as long again', async () => {
    let broken = true;
    const work = bench({
      mail: (notification, to, previous, signal) =>
        (broken ? failing('network') : delivered)(notification, to, previous, signal),
    });
    await work.enqueue('mail', 'one');
    for (; work.now < START + 60_000; work.now += 1_000) await work.run();
    broken = false;
    await work.drain();

    broken = true;
    await work.enqueue('mail', 'two');
    const failedAt = work.now;
    for (; work.now <= failedAt + FIRST_RETRY_MS; work.now += 1_000) await work.run();
    const attempts = work.attempts.filter(({ id }) => id === 'two').map(({ at }) => at + START - failedAt);
    expect(attempts).toEqual([0, FIRST_RETRY_MS]);
  });

  test('a refusal of one message does not keep back the others', async () => {
    const work = bench({ mail: failing('rejected', false) });
    for (let index = 0; index < 5; index += 1) await work.enqueue('mail', `m${index}`);
    expect(await work.run()).toBe(5);
  });

  test('a receiver that asks for a rest gets it, for all its messages', async () => {
    let limited = true;
    const work = bench({
      chat: (notification, to, previous, signal) =>
        (limited ? failing('rate_limited', true, 60_000) : delivered)(notification, to, previous, signal),
    });
    await work.enqueue('chat', 'one');
    await work.enqueue('chat', 'two');
    await work.run();
    limited = false;
    for (work.now = START; work.now < START + 60_000; work.now += 1_000) await work.run();
    expect(work.attempts).toHaveLength(1);
    await work.drain();
    expect(work.attempts.map(({ id, at }) => [id, at])).toEqual([
      ['one', 0],
      ['one', 60_000],
      ['two', 60_000],
    ]);
  });

  test('a channel that throws is a fault of ours, is tried again, and its message is not logged', async () => {
    const work = bench({
      odd: async () => {
        throw new TypeError('canary-secret');
      },
    });
    await work.enqueue('odd', 'one');
    await work.run();
    expect(work.events).toEqual(['odd failed internal']);
    expect(work.logged.join('\n')).toContain('TypeError');
    expect(work.logged.join('\n')).not.toContain('canary-secret');
    expect(JSON.stringify(await work.store.due(['odd'], Infinity, 9))).not.toContain('canary');
  });

  test('a recipient that the channel says nothing about is tried again', async () => {
    const work = bench({ odd: async () => [{ recipient: 'somebody else', status: 'delivered' }] });
    await work.enqueue('odd', 'one');
    await work.run();
    expect(work.events).toEqual(['odd failed internal']);
    expect(await work.store.nextDueAt()).toBeGreaterThan(START);
  });

  test('what cannot be delivered for three days is given up and kept as failed', async () => {
    const work = bench({ mail: failing('network') });
    await work.enqueue('mail', 'one');
    await work.drain();
    const last = work.attempts.at(-1)?.at ?? 0;
    expect(last).toBeGreaterThanOrEqual(GIVE_UP_AFTER_MS);
    expect(last).toBeLessThan(GIVE_UP_AFTER_MS + LONGEST_RETRY_MS);
    expect(work.events.at(-1)).toBe('mail gave up network');
    expect(await work.store.failed()).toHaveLength(1);
  });

  test('new channels take over at the next pass', async () => {
    const work = bench({ mail: failing('authentication') });
    await work.enqueue('mail', 'one');
    await work.run();
    work.deliverer.setChannels(new Map([['mail', work.instance('mail', delivered)]]));
    await work.drain();
    expect(work.events).toEqual(['mail failed authentication', 'mail delivered first']);
  });

  test('a broken outbox of one channel rejects the pass after the others are done', async () => {
    const work = bench({ broken: delivered, mail: delivered });
    const due = work.store.due.bind(work.store);
    work.store.due = async (channels, now, limit) => {
      if (channels.includes('broken')) throw new Error('disk full');
      return due(channels, now, limit);
    };
    await work.enqueue('mail', 'one');
    await expect(work.run()).rejects.toThrow('the outbox failed');
    expect(work.events).toEqual(['mail delivered first']);
  });
});

describe('retryAt', () => {
  const failure = { recipient: 'a', status: 'failed', reason: 'network', detail: '', retryable: true } as const;

  test.each([
    [0, FIRST_RETRY_MS],
    [1, 2 * FIRST_RETRY_MS],
    [4, 16 * FIRST_RETRY_MS],
    [8, LONGEST_RETRY_MS],
    [4_000, LONGEST_RETRY_MS],
  ])('after %i attempts waits between half of and all of %i ms', (attempts, longest) => {
    expect(retryAt(failure, attempts, 0, 0, () => 0)).toBe(longest / 2);
    expect(retryAt(failure, attempts, 0, 0, () => 1)).toBe(longest);
  });

  test('takes what the receiver asks for as the least, within a day', () => {
    expect(retryAt({ ...failure, retryAfterMs: 30_000 }, 0, 0, 0, () => 0)).toBe(30_000);
    expect(retryAt({ ...failure, retryAfterMs: 1 }, 0, 0, 0, () => 0)).toBe(FIRST_RETRY_MS / 2);
    expect(retryAt({ ...failure, retryAfterMs: 1e15 }, 0, 0, 0, () => 0)).toBe(86_400_000);
  });

  test('gives up what cannot be retried, and what is too old', () => {
    expect(retryAt({ ...failure, retryable: false }, 0, 0, 0, () => 0)).toBeUndefined();
    expect(retryAt(failure, 0, 0, GIVE_UP_AFTER_MS, () => 0)).toBeUndefined();
    expect(retryAt(failure, 0, 0, GIVE_UP_AFTER_MS - 1, () => 0)).toBeDefined();
  });
});
