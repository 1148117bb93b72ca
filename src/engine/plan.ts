import { readCron } from './cron.ts';
import type { Schedule } from './engine.ts';

/** When a schedule falls due. All times are milliseconds since the epoch. */
export interface Plan {
  /** The first due time of a schedule that never ran. */
  first(now: number): number;
  /** The due time after one that is dealt with now. */
  following(now: number): number;
  /**
   * The due time to go by, given the one that was remembered: the same, unless it lies further ahead than this schedule
   * ever plans, because the clock was ahead then or the schedule was another one.
   */
  bounded(due: number, now: number): number;
}

/** The tick. */
const SHORTEST_INTERVAL_MS = 1_000;

/** A new schedule waits at most this long, so that many new ones do not start in the same instant. */
const LARGEST_JITTER_MS = 1_000;

/** Throws an Error that says what is wrong with the schedule. */
export function planOf(name: string, schedule: Schedule, random: () => number): Plan {
  return 'cron' in schedule ? cronPlan(schedule.cron, schedule.timezone) : intervalPlan(name, schedule.everyMs, random);
}

function cronPlan(expression: string, timezone: string): Plan {
  const cron = readCron(expression, timezone);
  // Before anything is planned: an expression that names no time is an error now, not at the first run.
  cron.next(0);
  return {
    first: (now) => cron.next(now),
    following: (now) => cron.next(now),
    bounded: (due, now) => (due > now ? cron.next(now) : due),
  };
}

/**
 * Due times lie on a grid of `everyMs` whose phase comes from the name: the same after every restart, and spread over
 * the interval for many names. A due time that would come within a tenth of the interval is left out, so that a late run
 * is not followed by another at once.
 */
function intervalPlan(name: string, everyMs: number, random: () => number): Plan {
  if (!Number.isFinite(everyMs) || everyMs < SHORTEST_INTERVAL_MS) {
    throw new Error(`an interval of ${everyMs} ms is too short: the shortest is ${SHORTEST_INTERVAL_MS} ms`);
  }
  const phase = hash(name) % everyMs;
  const pauseMs = everyMs / 10;

  function following(now: number): number {
    return Math.ceil((now + pauseMs - phase) / everyMs) * everyMs + phase;
  }

  return {
    first: (now) => now + Math.floor(random() * Math.min(LARGEST_JITTER_MS, pauseMs)),
    following,
    bounded: (due, now) => (due > now + everyMs + pauseMs ? following(now) : due),
  };
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
}
