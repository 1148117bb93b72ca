import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Engine, Job } from '../../src/engine/engine.ts';

/** Engines over one memory of due times, in a time of their own. */
export interface EngineHarness {
  /** A node: an engine that is not started. All share the due times. */
  node(): Engine;
  now(): number;
  /** Lets time pass, or go back, and every engine notice. */
  advance(ms: number): Promise<void>;
  /** Messages that were logged as errors or warnings. */
  logged(): readonly string[];
  close(): Promise<void>;
}

const MINUTE = 60_000;
/** Queues may lie in a database, and the machine may be busy. */
const SOON = { timeout: 15_000 };

/** What every engine promises. */
export function describeEngine(name: string, open: () => Promise<EngineHarness>): void {
  describe(`${name}: the contract of an engine`, () => {
    let harness: EngineHarness;
    const engines: Engine[] = [];

    beforeEach(async () => {
      harness = await open();
    });
    afterEach(async () => {
      for (const engine of engines.splice(0)) await engine.stop(AbortSignal.abort());
      await harness.close();
    });

    function node(): Engine {
      const engine = harness.node();
      engines.push(engine);
      return engine;
    }

    async function stop(engine: Engine): Promise<void> {
      await engine.stop(AbortSignal.timeout(10_000));
    }

    describe('schedules', () => {
      it('runs a new interval at once and then once in each interval', async () => {
        const engine = node();
        const runs: number[] = [];
        await engine.every('a', { everyMs: MINUTE }, 'cluster', async () => void runs.push(harness.now()));
        await engine.start();
        await harness.advance(1000);
        expect(runs).toHaveLength(1);
        for (let second = 0; second < 600; second++) await harness.advance(1000);
        // The second run comes with the phase of the name; from then on the distance is the interval.
        const distances = runs.slice(1).map((at, index) => at - (runs[index] ?? 0));
        expect(distances[0]).toBeGreaterThanOrEqual(MINUTE / 10);
        expect(distances[0]).toBeLessThanOrEqual(1.1 * MINUTE + 1000);
        expect(new Set(distances.slice(1))).toEqual(new Set([MINUTE]));
        expect(runs.length).toBeGreaterThanOrEqual(10);
      });

      it('does nothing before it is started and nothing after it is stopped', async () => {
        const engine = node();
        const run = vi.fn<() => Promise<void>>(async () => {});
        await engine.every('a', { everyMs: MINUTE }, 'cluster', run);
        await harness.advance(5 * MINUTE);
        expect(run).not.toHaveBeenCalled();
        await engine.start();
        await harness.advance(1000);
        expect(run).toHaveBeenCalledTimes(1);
        await stop(engine);
        await harness.advance(5 * MINUTE);
        expect(run).toHaveBeenCalledTimes(1);
      });

      it('runs what was missed while stopped once at start, not once per miss', async () => {
        const before = node();
        await before.every('a', { everyMs: MINUTE }, 'cluster', async () => {});
        await before.start();
        await harness.advance(1000);
        await stop(before);
        await harness.advance(60 * MINUTE);
        const after = node();
        const run = vi.fn<() => Promise<void>>(async () => {});
        await after.every('a', { everyMs: MINUTE }, 'cluster', run);
        await after.start();
        await harness.advance(1);
        await harness.advance(1);
        expect(run).toHaveBeenCalledTimes(1);
      });

      it('does not run again at start what is not due yet', async () => {
        const before = node();
        await before.every('a', { everyMs: 60 * MINUTE }, 'cluster', async () => {});
        await before.start();
        await harness.advance(1000);
        await stop(before);
        const after = node();
        const run = vi.fn<() => Promise<void>>(async () => {});
        await after.every('a', { everyMs: 60 * MINUTE }, 'cluster', run);
        await after.start();
        await harness.advance(5 * MINUTE);
        expect(run).not.toHaveBeenCalled();
        await harness.advance(61 * MINUTE);
        expect(run).toHaveBeenCalledTimes(1);
      });

      it('runs once per due time over all nodes', async () => {
        const runs: string[] = [];
        for (const which of ['one', 'two', 'three']) {
          const engine = node();
          await engine.every('a', { everyMs: MINUTE }, 'cluster', async () => void runs.push(which));
          await engine.start();
        }
        await harness.advance(2000);
        expect(runs).toHaveLength(1);
        for (let minute = 0; minute < 10; minute++) {
          const before = runs.length;
          await harness.advance(1.2 * MINUTE);
          expect(runs.length - before).toBe(1);
        }
      });

      it('never runs a schedule twice at once, and leaves out what falls due meanwhile', async () => {
        const engine = node();
        const gates: (() => void)[] = [];
        await engine.every('a', { everyMs: MINUTE }, 'cluster', () => new Promise((resolve) => gates.push(resolve)));
        await engine.start();
        await harness.advance(1000);
        for (let minute = 0; minute < 5; minute++) await harness.advance(1.2 * MINUTE);
        expect(gates).toHaveLength(1);
        gates[0]?.();
        await harness.advance(1);
        expect(gates).toHaveLength(1);
        await harness.advance(1.2 * MINUTE);
        expect(gates).toHaveLength(2);
        gates[1]?.();
      });

      it('goes on with all schedules when a run of one fails', async () => {
        const engine = node();
        const good = vi.fn<() => Promise<void>>(async () => {});
        const bad = vi.fn<() => Promise<void>>(async () => Promise.reject(new Error('broken')));
        await engine.every('bad', { everyMs: MINUTE }, 'cluster', bad);
        await engine.every('good', { everyMs: MINUTE }, 'cluster', good);
        await engine.start();
        await harness.advance(1000);
        await harness.advance(1.2 * MINUTE);
        expect(bad).toHaveBeenCalledTimes(2);
        expect(good).toHaveBeenCalledTimes(2);
        expect(harness.logged()).toContain('a scheduled run failed');
      });

      it('runs a cron schedule at its times in its zone', async () => {
        const engine = node();
        const runs: string[] = [];
        await engine.every('a', { cron: '30 3 * * *', timezone: 'Europe/Berlin' }, 'cluster', async () => {
          runs.push(new Date(harness.now()).toISOString().slice(0, 16));
        });
        await engine.start();
        const start = new Date(harness.now()).toISOString();
        expect(start).toBe('2026-06-01T00:00:00.000Z');
        for (let half = 0; half < 96; half++) await harness.advance(30 * MINUTE);
        expect(runs).toEqual(['2026-06-01T01:30', '2026-06-02T01:30']);
      });

      it.each([
        {
          title: 'an expression that is none',
          schedule: { cron: 'every day', timezone: 'UTC' },
          error: '"every day" is not a cron expression',
        },
        {
          title: 'a field out of range',
          schedule: { cron: '0 25 * * *', timezone: 'UTC' },
          error: '"0 25 * * *" is not a cron expression: 25 is a invalid expression for hour',
        },
        {
          title: 'a day that never comes',
          schedule: { cron: '0 0 31 2 *', timezone: 'UTC' },
          error: '"0 0 31 2 *" is not a cron expression',
        },
        {
          title: 'an unknown zone',
          schedule: { cron: '0 3 * * *', timezone: 'Mars/Olympus' },
          error: '"Mars/Olympus" is not a time zone',
        },
        { title: 'an interval of nothing', schedule: { everyMs: 0 }, error: 'an interval of 0 ms is too short' },
        { title: 'an interval that is no number', schedule: { everyMs: NaN }, error: 'too short' },
      ])('refuses $title', async ({ schedule, error }) => {
        await expect(node().every('a', schedule, 'cluster', async () => {})).rejects.toThrow(error);
      });

      it('makes a schedule due now when it is triggered', async () => {
        const engine = node();
        const run = vi.fn<() => Promise<void>>(async () => {});
        await engine.every('a', { cron: '0 3 1 1 *', timezone: 'UTC' }, 'cluster', run);
        await engine.start();
        await harness.advance(MINUTE);
        expect(run).not.toHaveBeenCalled();
        await engine.trigger('a');
        await harness.advance(1000);
        expect(run).toHaveBeenCalledTimes(1);
        await harness.advance(60 * MINUTE);
        expect(run).toHaveBeenCalledTimes(1);
        await expect(engine.trigger('unknown')).rejects.toThrow('unknown');
      });

      it('runs a schedule that is triggered during its run again afterwards', async () => {
        const engine = node();
        const gates: (() => void)[] = [];
        await engine.every(
          'a',
          { everyMs: 60 * MINUTE },
          'cluster',
          () => new Promise((resolve) => gates.push(resolve)),
        );
        await engine.start();
        await harness.advance(1000);
        await engine.trigger('a');
        await harness.advance(5000);
        expect(gates).toHaveLength(1);
        gates[0]?.();
        await harness.advance(1000);
        expect(gates).toHaveLength(2);
        gates[1]?.();
      });

      it('aborts a run that is unscheduled, waits for it, and forgets its due time', async () => {
        const engine = node();
        const events: string[] = [];
        await engine.every('a', { everyMs: 60 * MINUTE }, 'cluster', async (signal) => {
          events.push('begun');
          await aborted(signal);
          await Promise.resolve();
          events.push('ended');
        });
        await engine.start();
        await harness.advance(1000);
        await engine.unschedule('a');
        events.push('unscheduled');
        expect(events).toEqual(['begun', 'ended', 'unscheduled']);
        await harness.advance(120 * MINUTE);
        expect(events).toHaveLength(3);
        // Forgotten: under the same name it is new again.
        const run = vi.fn<() => Promise<void>>(async () => {});
        await engine.every('a', { everyMs: 60 * MINUTE }, 'cluster', run);
        await harness.advance(1000);
        expect(run).toHaveBeenCalledTimes(1);
      });

      it('keeps the due time when a name gets new work, and runs the new work', async () => {
        const engine = node();
        const [old, fresh] = [vi.fn<() => Promise<void>>(async () => {}), vi.fn<() => Promise<void>>(async () => {})];
        await engine.every('a', { everyMs: 60 * MINUTE }, 'cluster', old);
        await engine.start();
        await harness.advance(1000);
        await engine.every('a', { everyMs: 60 * MINUTE }, 'cluster', fresh);
        await harness.advance(1000);
        expect(fresh).not.toHaveBeenCalled();
        await harness.advance(67 * MINUTE);
        expect([old.mock.calls.length, fresh.mock.calls.length]).toEqual([1, 1]);
      });

      it('pulls a due time back when the new schedule is denser', async () => {
        const engine = node();
        await engine.every('a', { everyMs: 24 * 60 * MINUTE }, 'cluster', async () => {});
        await engine.start();
        await harness.advance(1000);
        const run = vi.fn<() => Promise<void>>(async () => {});
        await engine.every('a', { everyMs: MINUTE }, 'cluster', run);
        await harness.advance(1.2 * MINUTE);
        expect(run).toHaveBeenCalledTimes(1);
      });

      it.each([
        { title: 'an interval', schedule: { everyMs: MINUTE } },
        { title: 'a cron schedule', schedule: { cron: '* * * * *', timezone: 'UTC' } },
      ])('keeps $title going when the clock is set back, at once and over a restart', async ({ schedule }) => {
        const engine = node();
        const run = vi.fn<() => Promise<void>>(async () => {});
        await engine.every('a', schedule, 'cluster', run);
        await engine.start();
        await harness.advance(1.2 * MINUTE);
        await harness.advance(-365 * 24 * 60 * MINUTE);
        await harness.advance(1000);
        let before = run.mock.calls.length;
        await harness.advance(1.2 * MINUTE);
        expect(run.mock.calls.length - before).toBe(1);
        await stop(engine);

        await harness.advance(-365 * 24 * 60 * MINUTE);
        const after = node();
        await after.every('a', schedule, 'cluster', run);
        await after.start();
        before = run.mock.calls.length;
        await harness.advance(1.2 * MINUTE);
        expect(run.mock.calls.length - before).toBe(1);
      });
    });

    describe('stopping', () => {
      it('lets what runs end', async () => {
        const engine = node();
        const events: string[] = [];
        const { promise: gate, resolve: go } = Promise.withResolvers<void>();
        await engine.every('a', { everyMs: MINUTE }, 'cluster', async (signal) => {
          await gate;
          events.push(`ended, ${signal.aborted ? 'aborted' : 'in peace'}`);
        });
        await engine.start();
        await harness.advance(1000);
        const stopping = stop(engine).then(() => events.push('stopped'));
        go();
        await stopping;
        expect(events).toEqual(['ended, in peace', 'stopped']);
      });

      it('aborts what still runs when its patience ends, waits for it, and runs it at the next start', async () => {
        const engine = node();
        const patience = new AbortController();
        const events: string[] = [];
        let begun = 0;
        await engine.every('a', { everyMs: 60 * MINUTE }, 'cluster', async (signal) => {
          begun += 1;
          await aborted(signal);
          events.push('aborted');
        });
        const enqueue = await engine.queue<number>(
          'q',
          { concurrency: 1, batch: 1, deadlineMs: 60_000 },
          async (_jobs, signal) => {
            begun += 1;
            await aborted(signal);
            events.push('aborted');
          },
        );
        await engine.start();
        await enqueue('k', 1);
        await harness.advance(1000);
        await vi.waitFor(() => expect(begun).toBe(2), SOON);
        const stopping = engine.stop(patience.signal).then(() => events.push('stopped'));
        patience.abort();
        await stopping;
        expect(events).toEqual(['aborted', 'aborted', 'stopped']);

        const after = node();
        const run = vi.fn<() => Promise<void>>(async () => {});
        await after.every('a', { everyMs: 60 * MINUTE }, 'cluster', run);
        await after.start();
        await harness.advance(1000);
        expect(run).toHaveBeenCalledTimes(1);
      });

      it('may be stopped twice, and before it was started', async () => {
        const engine = node();
        await stop(engine);
        await expect(stop(engine)).resolves.toBeUndefined();
      });
    });

    describe('queues', () => {
      const options = { concurrency: 2, batch: 1, deadlineMs: 60_000 };

      /** Work that is begun and ended by hand. */
      function manual(): {
        readonly begun: Job<number>[];
        work(jobs: readonly Job<number>[], signal: AbortSignal): Promise<void>;
        end(key: string): void;
      } {
        const begun: Job<number>[] = [];
        const gates = new Map<string, () => void>();
        return {
          begun,
          work: (jobs) =>
            new Promise((resolve) => {
              begun.push(...jobs);
              gates.set(jobs[0]?.key ?? '', resolve);
            }),
          end: (key) => gates.get(key)?.(),
        };
      }
      const keys = (jobs: readonly Job<unknown>[]): readonly string[] => jobs.map((job) => job.key);

      it('works every job with its data, also those queued before the start', async () => {
        const engine = node();
        const done = new Map<string, number>();
        const enqueue = await engine.queue<number>('q', options, async (jobs) => {
          for (const job of jobs) done.set(job.key, job.data);
        });
        await enqueue('early', 0);
        await engine.start();
        for (let index = 1; index < 100; index++) expect(await enqueue(`job ${index}`, index)).toBe(true);
        await vi.waitFor(() => expect(done.size).toBe(100), SOON);
        expect(done.get('early')).toBe(0);
        expect(done.get('job 99')).toBe(99);
      });

      it('has no more jobs under way than it may', async () => {
        const engine = node();
        const hand = manual();
        const enqueue = await engine.queue<number>('q', options, hand.work);
        await engine.start();
        for (const key of ['a', 'b', 'c', 'd']) await enqueue(key, 0);
        await vi.waitFor(() => expect(keys(hand.begun)).toEqual(['a', 'b']), SOON);
        hand.end('b');
        await vi.waitFor(() => expect(keys(hand.begun)).toEqual(['a', 'b', 'c']), SOON);
        for (const key of ['a', 'c']) hand.end(key);
        await vi.waitFor(() => expect(keys(hand.begun)).toEqual(['a', 'b', 'c', 'd']), SOON);
        hand.end('d');
      });

      it('hands out full batches of what is queued at once, and never more than the rest of the room', async () => {
        const engine = node();
        const sizes: number[] = [];
        const enqueue = await engine.queue<number>(
          'q',
          { concurrency: 10, batch: 4, deadlineMs: 60_000 },
          (jobs, signal) => {
            sizes.push(jobs.length);
            return aborted(signal);
          },
        );
        for (let index = 0; index < 30; index++) await enqueue(`job ${index}`, index);
        await engine.start();
        // Which of them begins first, the engine does not promise.
        await vi.waitFor(() => expect(sizes.toSorted((one, other) => one - other)).toEqual([2, 4, 4]), SOON);
      });

      it('takes no second job of a key that is queued or under way, and takes it afterwards', async () => {
        const engine = node();
        const hand = manual();
        const enqueue = await engine.queue<number>('q', { ...options, concurrency: 1 }, hand.work);
        expect(await enqueue('a', 1)).toBe(true);
        expect(await enqueue('a', 2)).toBe(false);
        await engine.start();
        await vi.waitFor(() => expect(keys(hand.begun)).toEqual(['a']), SOON);
        expect(hand.begun[0]?.data).toBe(1);
        expect(await enqueue('a', 3)).toBe(false);
        hand.end('a');
        await vi.waitFor(async () => expect(await enqueue('a', 4)).toBe(true), SOON);
        await vi.waitFor(() => expect(hand.begun.map((job) => job.data)).toEqual([1, 4]), SOON);
        hand.end('a');
      });

      it('gives each hand-out a larger fence, over restarts and when the clock was set back', async () => {
        const fences: bigint[] = [];
        for (let restart = 0; restart < 3; restart++) {
          const engine = node();
          const enqueue = await engine.queue<number>('q', options, async (jobs) => {
            for (const job of jobs) fences.push(job.fence);
          });
          await engine.start();
          for (let index = 0; index < 50; index++) await enqueue(`job ${index}`, index);
          await vi.waitFor(() => expect(fences).toHaveLength((restart + 1) * 50), SOON);
          await stop(engine);
          if (restart === 1) await harness.advance(-24 * 60 * MINUTE);
        }
        expect(fences.every((fence, index) => index === 0 || fence > (fences[index - 1] ?? 0n))).toBe(true);
      });

      it('aborts work that runs past its deadline, and goes on when it has ended', async () => {
        const engine = node();
        const begun: string[] = [];
        const enqueue = await engine.queue<number>(
          'q',
          { concurrency: 1, batch: 1, deadlineMs: 20 },
          async (jobs, signal) => {
            begun.push(...keys(jobs));
            if (jobs[0]?.key === 'slow') await aborted(signal);
          },
        );
        await engine.start();
        await enqueue('slow', 0);
        await enqueue('next', 0);
        await vi.waitFor(() => expect(begun).toEqual(['slow', 'next']), SOON);
        expect(harness.logged()).toContain('queued work ran past its deadline and is aborted');
      });

      it('goes on when work fails, and says so', async () => {
        const engine = node();
        const begun: string[] = [];
        const enqueue = await engine.queue<number>('q', { ...options, concurrency: 1 }, async (jobs) => {
          begun.push(...keys(jobs));
          if (jobs[0]?.key === 'bad') throw new Error('broken');
        });
        await engine.start();
        await enqueue('bad', 0);
        await enqueue('good', 0);
        await vi.waitFor(() => expect(begun).toEqual(['bad', 'good']), SOON);
        expect(harness.logged()).toContain('queued work failed');
        await vi.waitFor(async () => expect(await enqueue('bad', 1)).toBe(true), SOON);
      });

      it('begins nothing after it was stopped', async () => {
        const engine = node();
        const hand = manual();
        const enqueue = await engine.queue<number>('q', { ...options, concurrency: 1 }, hand.work);
        await engine.start();
        for (const key of ['a', 'b']) await enqueue(key, 0);
        await vi.waitFor(() => expect(keys(hand.begun)).toEqual(['a']), SOON);
        const stopping = stop(engine);
        hand.end('a');
        await stopping;
        expect(keys(hand.begun)).toEqual(['a']);
        expect(await enqueue('c', 0)).toBe(false);
      });

      it('refuses a second queue of one name', async () => {
        const engine = node();
        await engine.queue('q', options, async () => {});
        await expect(engine.queue('q', options, async () => {})).rejects.toThrow('q');
      });
    });
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
