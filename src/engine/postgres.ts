import type { PgBoss } from 'pg-boss';

import { createBoss } from './boss.ts';
import type { DueTimes } from './due-times.ts';
import type { Engine } from './engine.ts';
import type { Fences } from './fences.ts';
import type { EngineLog } from './log.ts';
import { planOf } from './plan.ts';
import { createSchedules } from './schedules.ts';
import { openSharedQueue, type SharedQueue } from './shared-queue.ts';
import { aborted } from './stopping.ts';
import { cronTicker, type Ticker } from './ticker.ts';

/** What a node runs for all is another's after this long without a sign of it, milliseconds. */
const LEASE_MS = 12_000;
/** pg-boss closes its connections by then, whatever hangs. */
const CLOSE_DEADLINE_MS = 2_000;

export interface PostgresEngineParts {
  /** Address of the database of the queues. */
  readonly url: string;
  readonly dueTimes: DueTimes;
  readonly fences: Fences;
  /** Of this node; names of schedules of its own carry it. */
  readonly node: string;
  /** Milliseconds since the epoch, as all nodes see it. */
  readonly clock: { now(): number };
  /** From 0 up to but not including 1. */
  readonly random: () => number;
  readonly log: EngineLog;
  readonly onLag?: (name: string, lagMs: number) => void;
  readonly ticker?: Ticker;
  /** False for a node that only serves: it runs what is its own, queues work, and takes none. */
  readonly works?: boolean;
}

/**
 * One of many engines that share their work. Schedules lie in the store: of all nodes one runs what is due, holds it by
 * a lease, and another takes over when the lease is not kept up. Queues lie in PostgreSQL (pg-boss): a job outlives its
 * node; who has it says so every few seconds, and after 10 seconds of silence it is handed out again, with a greater
 * fence.
 *
 * `stop` lets what is under way end, then gives it back.
 */
export function createPostgresEngine(parts: PostgresEngineParts): Engine {
  const { dueTimes, clock, random, log, onLag = () => {}, ticker = cronTicker(log), works = true } = parts;
  const schedules = createSchedules({ dueTimes, now: () => clock.now(), log, onLag, leaseMs: LEASE_MS });
  const queues = new Map<string, SharedQueue<never>>();
  const names = new Set<string>();
  let boss: Promise<PgBoss> | undefined;
  let stopTicker: (() => void) | undefined;
  let state: 'new' | 'started' | 'stopped' = 'new';

  function startedBoss(): Promise<PgBoss> {
    boss ??= createBoss(parts.url, log).start();
    return boss;
  }

  /** The name under which the due time is kept. */
  function nameOf(name: string, scope: 'cluster' | 'node'): string {
    return scope === 'cluster' ? name : `${name} @${parts.node}`;
  }

  /** The one of the two names that is in use here. */
  function known(name: string): string {
    const own = nameOf(name, 'node');
    return names.has(own) ? own : name;
  }

  async function settled(): Promise<void> {
    await schedules.settled();
    await Promise.all([...queues.values()].map((queue) => queue.settled()));
  }

  return {
    async every(name, schedule, scope, run) {
      // What all share is run by those who work.
      if (scope === 'cluster' && !works) return;
      const kept = nameOf(name, scope);
      const plan = planOf(kept, schedule, random);
      await schedules.set(kept, plan, run, scope);
      names.add(kept);
    },

    async unschedule(name) {
      const kept = known(name);
      names.delete(kept);
      await schedules.remove(kept);
    },

    trigger: (name) => schedules.trigger(known(name)),

    async queue(name, options, work, abandon) {
      const key = `${name} ${options.zone ?? ''}`;
      if (queues.has(key)) throw new Error(`there is a queue ${name} already`);
      const queue = await openSharedQueue({
        boss: await startedBoss(),
        name,
        options,
        work: work as never,
        abandon: abandon as never,
        nextFence: () => parts.fences.next(),
        log,
      });
      queues.set(key, queue);
      if (state === 'started' && works) queue.open();
      return queue.enqueue as never;
    },

    async start() {
      if (state !== 'new') throw new Error('an engine is started once');
      state = 'started';
      if (works) for (const queue of queues.values()) queue.open();
      stopTicker = ticker(() => schedules.tick());
      await schedules.open();
    },

    async stop(signal) {
      const isFirst = state !== 'stopped';
      state = 'stopped';
      schedules.close();
      for (const queue of queues.values()) queue.close();
      const all = settled();
      await Promise.race([all, aborted(signal, all)]);
      if (signal.aborted) {
        schedules.abort(signal.reason);
        for (const queue of queues.values()) queue.abort(signal.reason);
      }
      await all;
      // Until here: leases are kept up while what is under way ends.
      stopTicker?.();
      stopTicker = undefined;
      if (isFirst) await (await boss)?.stop({ graceful: false, timeout: CLOSE_DEADLINE_MS });
    },
  };
}
