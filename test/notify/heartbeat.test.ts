import { describe, expect, test } from 'vitest';

import { beat, type HeartbeatParts } from '../../src/notify/heartbeat.ts';
import { createLocalEngine } from '../../src/engine/local.ts';
import { proveWritable } from '../../src/engine/proof.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import { START } from '../helpers/notify-scenario.ts';

const MINUTE = 60_000;
const CANARY = 'https://hc.example/canary-secret';

interface Bench {
  readonly parts: HeartbeatParts;
  readonly knocks: string[];
  readonly beats: number[];
  readonly logged: string[];
  now: number;
  oldestAt: number | undefined;
  run(url?: string, status?: number | Error): Promise<void>;
}

function bench(overrides: Partial<HeartbeatParts> = {}): Bench {
  const logged: string[] = [];
  const log = (fields: object, message: string): void => void logged.push(`${message} ${JSON.stringify(fields)}`);
  const self: Bench = {
    parts: {
      outbox: { oldestPendingAt: async () => self.oldestAt },
      write: async () => undefined,
      now: () => self.now,
      log: { debug: log, info: log, warn: log, error: log },
      onBeat: (at) => self.beats.push(at),
      ...overrides,
    },
    knocks: [],
    beats: [],
    logged,
    now: START,
    oldestAt: undefined,
    async run(url = CANARY, status = 200) {
      const fetch = async (to: string): Promise<never> => {
        self.knocks.push(to);
        if (status instanceof Error) throw status;
        return { status, headers: new Map(), body: '' } as never;
      };
      const { signal } = new AbortController();
      await beat(self.parts, { patienceMs: 10 * MINUTE, url: async () => url }, { fetch }, signal);
    },
  };
  return self;
}

describe('the heartbeat', () => {
  test('knocks while all is well, also while a message waits its time', async () => {
    const work = bench();
    work.oldestAt = START - 10 * MINUTE;
    await work.run();
    expect(work.knocks).toEqual([CANARY]);
    expect(work.beats).toEqual([START]);
  });

  test('is silent when a message waits too long in the outbox, and beats again when it is gone', async () => {
    const work = bench();
    work.oldestAt = START - 10 * MINUTE - 1;
    await work.run();
    expect([work.knocks, work.beats]).toEqual([[], []]);
    work.oldestAt = undefined;
    await work.run();
    expect(work.knocks).toHaveLength(1);
  });

  test.each([
    ['takes no writes', { write: () => Promise.reject(new Error('disk full')) }],
    ['cannot be read', { outbox: { oldestPendingAt: () => Promise.reject(new Error('malformed')) } }],
  ])('is silent when the store %s', async (_what, overrides) => {
    const work = bench(overrides);
    await work.run();
    expect([work.knocks, work.beats]).toEqual([[], []]);
  });

  test.each([[500], [302], [new Error('the receiver could not be reached')]])(
    'that does not arrive (%s) is logged without its URL',
    async (status) => {
      const work = bench();
      await work.run(CANARY, status);
      expect(work.logged).toHaveLength(1);
      expect(work.logged.join('\n')).not.toContain('canary');
    },
  );

  test('stops when the scheduler does, and when the store is read-only, within two periods', async () => {
    const store = await openSqlite(':memory:');
    const work = bench();
    let tick = (): void => undefined;
    let isBroken = false;
    const dueTimes: typeof store.dueTimes = {
      ...store.dueTimes,
      claim: (...claim) => (isBroken ? Promise.reject(new Error('read-only')) : store.dueTimes.claim(...claim)),
    };
    const engine = createLocalEngine({
      dueTimes,
      clock: { now: () => work.now },
      random: () => 0,
      log: work.parts.log,
      ticker: (run) => {
        tick = run;
        return () => undefined;
      },
    });
    const parts: HeartbeatParts = { ...work.parts, write: (now) => proveWritable(dueTimes, now) };
    const { signal } = new AbortController();
    const { promise: never } = Promise.withResolvers<never>();
    const run = (): Promise<void> => beat(parts, { patienceMs: MINUTE }, { fetch: () => never }, signal);
    await engine.every('heartbeat', { everyMs: MINUTE }, 'node', run);
    await engine.start();
    const pass = async (seconds: number, step = 1): Promise<number> => {
      const before = work.beats.length;
      for (let second = 0; second < seconds; second += step) {
        work.now += step * 1_000;
        tick();
        for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      }
      return work.beats.length - before;
    };
    expect(Math.abs((await pass(600)) - 10)).toBeLessThanOrEqual(1);
    isBroken = true;
    await pass(60);
    expect(await pass(120)).toBe(0);
    isBroken = false;
    expect(await pass(120)).toBeGreaterThanOrEqual(1);
    // A month of health, with a beat every ten minutes: none is missing.
    await engine.every('heartbeat', { everyMs: 10 * MINUTE }, 'node', run);
    const since = work.beats.length;
    expect(await pass(30 * 86_400, 300)).toBeGreaterThanOrEqual(30 * 144 - 1);
    const beats = work.beats.slice(since);
    expect(Math.max(...beats.slice(1).map((at, index) => at - (beats[index] ?? 0)))).toBeLessThanOrEqual(20 * MINUTE);
    // The scheduler stands still.
    work.now += 30 * MINUTE;
    expect(work.beats.at(-1)).toBeLessThan(work.now - 20 * MINUTE);
    await engine.stop(signal);
    await store.close();
  });
});
