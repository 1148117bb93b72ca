import { execFile } from 'node:child_process';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';

import { describe, expect, it, vi } from 'vitest';

import type { DueTimes } from '../../src/engine/due-times.ts';
import { createLocalEngine } from '../../src/engine/local.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import { describeEngine } from '../contract/engine.ts';
import { engineClock, engineLog } from '../helpers/engine-clock.ts';

const START = Date.UTC(2026, 5, 1);

describeEngine('local', async () => {
  const store = await openSqlite(':memory:');
  const clock = engineClock(START, someTurns);
  const log = engineLog();
  return {
    node: () => createLocalEngine({ dueTimes: store.dueTimes, clock, random: () => 0.5, log, ticker: clock.ticker }),
    now: clock.now,
    advance: clock.advance,
    logged: () => log.messages,
    close: () => store.close(),
  };
});

/** A tick asks the store, then runs the work: both are done when the event loop has come round a few times. */
async function someTurns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await setImmediate();
}

/** Due times in memory whose calls can be made to fail. */
function memory(): DueTimes & { broken: boolean; readonly due: Map<string, number> } {
  const due = new Map<string, number>();
  return {
    due,
    broken: false,
    next: async (name) => due.get(name),
    async init(name, at) {
      if (!due.has(name)) due.set(name, at);
    },
    async claim(name, at, following) {
      if (this.broken) throw new Error('database is locked');
      if (due.get(name) !== at) return false;
      due.set(name, following);
      return true;
    },
    forget: async (name) => void due.delete(name),
  };
}

describe('a local engine', () => {
  it('spreads sources of one interval over it, each at its own stable time', async () => {
    const clock = engineClock(START, someTurns);
    const dueTimes = memory();
    const minutes = new Map<string, Set<number>>();
    const engine = createLocalEngine({ dueTimes, clock, random: () => 0.5, log: engineLog(), ticker: clock.ticker });
    for (let index = 0; index < 60; index++) {
      const seen = new Set<number>();
      minutes.set(`source ${index}`, seen);
      await engine.every(`source ${index}`, { everyMs: 3_600_000 }, 'cluster', async () => {
        if (clock.now() > START + 2 * 3_600_000) seen.add(Math.floor(clock.now() / 60_000) % 60);
      });
    }
    await engine.start();
    for (let minute = 0; minute < 6 * 60; minute++) await clock.advance(60_000);
    const each = [...minutes.values()];
    expect(each.every((seen) => seen.size === 1)).toBe(true);
    expect(new Set(each.flatMap((seen) => [...seen])).size).toBeGreaterThan(25);
    await engine.stop(AbortSignal.abort());
  });

  it('does not run again right after the first run, whatever the phase of the name', async () => {
    const clock = engineClock(START, someTurns);
    const runs = new Map<string, number[]>();
    const engine = createLocalEngine({
      dueTimes: memory(),
      clock,
      random: () => 0.5,
      log: engineLog(),
      ticker: clock.ticker,
    });
    for (let index = 0; index < 60; index++) {
      const seen: number[] = [];
      runs.set(`source ${index}`, seen);
      await engine.every(`source ${index}`, { everyMs: 3_600_000 }, 'cluster', async () => void seen.push(clock.now()));
    }
    await engine.start();
    for (let minute = 0; minute < 3 * 60; minute++) await clock.advance(60_000);
    for (const [first = 0, second = 0] of runs.values()) {
      expect(second - first).toBeGreaterThanOrEqual(360_000);
      expect(second - first).toBeLessThanOrEqual(1.1 * 3_600_000 + 60_000);
    }
    await engine.stop(AbortSignal.abort());
  });

  it('tells how late each run began', async () => {
    const clock = engineClock(START, someTurns);
    const lags: [string, number][] = [];
    const engine = createLocalEngine({
      dueTimes: memory(),
      clock,
      random: () => 0,
      log: engineLog(),
      onLag: (name, lagMs) => lags.push([name, lagMs]),
      ticker: clock.ticker,
    });
    await engine.every('a', { cron: '0 * * * *', timezone: 'UTC' }, 'cluster', async () => {});
    await engine.start();
    await clock.advance(3_600_000 + 700);
    expect(lags).toEqual([['a', 700]]);
    await engine.stop(AbortSignal.abort());
  });

  it('logs a due time that it leaves out', async () => {
    const clock = engineClock(START, someTurns);
    const log = engineLog();
    const engine = createLocalEngine({ dueTimes: memory(), clock, random: () => 0, log, ticker: clock.ticker });
    const { promise: gate, resolve: go } = Promise.withResolvers<void>();
    await engine.every('a', { everyMs: 60_000 }, 'cluster', () => gate);
    await engine.start();
    await clock.advance(1000);
    await clock.advance(70_000);
    expect(log.messages).toEqual(['a run was left out: the one before it is still under way']);
    go();
    await engine.stop(AbortSignal.timeout(5000));
  });

  it('tries again when the store fails, and loses no due time', async () => {
    const clock = engineClock(START, someTurns);
    const log = engineLog();
    const dueTimes = memory();
    const run = vi.fn<() => Promise<void>>(async () => {});
    const engine = createLocalEngine({ dueTimes, clock, random: () => 0, log, ticker: clock.ticker });
    await engine.every('a', { cron: '0 * * * *', timezone: 'UTC' }, 'cluster', run);
    await engine.start();
    dueTimes.broken = true;
    await clock.advance(3_600_000);
    expect(run).not.toHaveBeenCalled();
    expect(log.messages).toEqual(['a due time could not be moved: it is tried again']);
    dueTimes.broken = false;
    await clock.advance(1000);
    expect(run).toHaveBeenCalledTimes(1);
    await engine.stop(AbortSignal.abort());
  });

  it('lets go of its ticker when it is stopped', async () => {
    const clock = engineClock(START, someTurns);
    const engine = createLocalEngine({
      dueTimes: memory(),
      clock,
      random: () => 0,
      log: engineLog(),
      ticker: clock.ticker,
    });
    await engine.start();
    expect(clock.listeners.size).toBe(1);
    await engine.stop(AbortSignal.timeout(5000));
    expect(clock.listeners.size).toBe(0);
    await expect(engine.start()).rejects.toThrow('started once');
  });

  it('refuses a queue without room', async () => {
    const engine = createLocalEngine({
      dueTimes: memory(),
      clock: engineClock(START, someTurns),
      random: () => 0,
      log: engineLog(),
    });
    await expect(engine.queue('q', { concurrency: 0, batch: 1, deadlineMs: 1 }, async () => {})).rejects.toThrow(
      'queue q: concurrency must be at least 1',
    );
  });
});

describe('a local engine driven by node-cron in real time', () => {
  it('runs what is due, a second apart', async () => {
    const log = engineLog();
    const runs: number[] = [];
    const { promise: thirdRun, resolve } = Promise.withResolvers<void>();
    const engine = createLocalEngine({ dueTimes: memory(), clock: { now: () => Date.now() }, random: () => 0.5, log });
    await engine.every('a', { everyMs: 1000 }, 'cluster', async () => {
      runs.push(Date.now());
      if (runs.length === 3) resolve();
    });
    await engine.start();
    await thirdRun;
    expect((runs[2] ?? 0) - (runs[1] ?? 0)).toBeGreaterThan(500);
    await engine.stop(AbortSignal.timeout(5000));
    expect(log.messages).toEqual([]);
  });

  it('leaves nothing behind that would keep the process alive', { timeout: 30_000 }, async () => {
    const script = `
      import { createLocalEngine } from ${JSON.stringify(import.meta.resolve('../../src/engine/local.ts'))};
      const due = new Map();
      const dueTimes = {
        next: async (name) => due.get(name),
        init: async (name, at) => { if (!due.has(name)) due.set(name, at); },
        claim: async (name, at, following) => { due.set(name, following); return true; },
        forget: async (name) => { due.delete(name); },
      };
      const log = { warn: console.log, error: console.log };
      const engine = createLocalEngine({ dueTimes, clock: { now: () => Date.now() }, random: () => 0, log });
      const enqueue = await engine.queue('q', { concurrency: 1, batch: 1, deadlineMs: 600_000 }, async () => {});
      await engine.every('a', { everyMs: 1000 }, 'cluster', async () => { await enqueue('k', 1); });
      await engine.start();
      await engine.stop(AbortSignal.timeout(600_000));
      console.log('stopped');
    `;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
      timeout: 20_000,
    });
    expect(stdout).toMatch(/stopped\n$/);
  });
});
