import type { DueTimes } from './due-times.ts';
import type { Engine } from './engine.ts';
import { openFences } from './fences.ts';
import type { EngineLog } from './log.ts';
import { planOf } from './plan.ts';
import { createSchedules } from './schedules.ts';
import { aborted } from './stopping.ts';
import { cronTicker, type Ticker } from './ticker.ts';
import { createWorkQueue, type WorkQueue } from './work-queue.ts';

export interface LocalEngineParts {
  readonly dueTimes: DueTimes;
  /** Milliseconds since the epoch. */
  readonly clock: { now(): number };
  /** From 0 up to but not including 1. */
  readonly random: () => number;
  readonly log: EngineLog;
  /** Told at every scheduled run how long after its due time it began. */
  readonly onLag?: (name: string, lagMs: number) => void;
  /** What drives it; by default node-cron, once a second. */
  readonly ticker?: Ticker;
}

/**
 * An engine inside one process. Due times outlive it in the store; queued work does not: what was queued and not begun
 * when it stops is left to the next due time of whatever queued it. A due time counts as dealt with when its run
 * begins; only a run that `stop` had to abort gets its due time back.
 *
 * `every` under a name that is scheduled already changes its schedule and its work and keeps its due time. `stop` and
 * `unschedule` wait for work that does not heed its signal.
 */
export function createLocalEngine(parts: LocalEngineParts): Engine {
  const { dueTimes, clock, random, log, onLag = () => {}, ticker = cronTicker(log) } = parts;
  const schedules = createSchedules({ dueTimes, now: () => clock.now(), log, onLag });
  const queues = new Map<string, Pick<WorkQueue<never>, 'open' | 'close' | 'abort' | 'settled'>>();
  let nextFence: (() => bigint) | undefined;
  let stopTicker: (() => void) | undefined;
  let state: 'new' | 'started' | 'stopped' = 'new';

  async function settled(): Promise<void> {
    await schedules.settled();
    await Promise.all([...queues.values()].map((queue) => queue.settled()));
  }

  return {
    async every(name, schedule, scope, run) {
      await schedules.set(name, planOf(name, schedule, random), run, scope);
    },

    unschedule: (name) => schedules.remove(name),

    trigger: (name) => schedules.trigger(name),

    async queue(name, options, work) {
      if (queues.has(name)) throw new Error(`there is a queue ${name} already`);
      const queue = createWorkQueue(name, options, work, log);
      queues.set(name, queue);
      if (nextFence !== undefined) queue.open(nextFence);
      return queue.enqueue;
    },

    async start() {
      if (state !== 'new') throw new Error('an engine is started once');
      state = 'started';
      const fences = await openFences(dueTimes, clock.now());
      // Stopped meanwhile.
      if (state !== 'started') return;
      nextFence = fences;
      for (const queue of queues.values()) queue.open(nextFence);
      stopTicker = ticker(() => schedules.tick());
      await schedules.open();
    },

    async stop(signal) {
      state = 'stopped';
      stopTicker?.();
      stopTicker = undefined;
      schedules.close();
      for (const [name, queue] of queues) {
        const left = queue.close();
        if (left > 0) log.warn({ queue: name, left }, 'queued work was left: it comes again with its schedule');
      }
      const all = settled();
      await Promise.race([all, aborted(signal, all)]);
      if (signal.aborted) {
        schedules.abort(signal.reason);
        for (const queue of queues.values()) queue.abort(signal.reason);
      }
      await all;
    },
  };
}
