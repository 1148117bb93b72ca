import { readCron } from './cron.ts';
import type { Schedule } from './engine.ts';

/** What is looked at of a cron expression: enough steps for the weekends of one that runs every minute of office hours. */
const STEPS = 400;
const HORIZON_MS = 2 * 366 * 86_400_000;
/** Runs that lie closer together than this are not looked at one by one. */
const STRIDE_MS = 3_600_000;
const SECOND_MS = 1_000;

/** The longest time that normally lies between two runs, milliseconds. Throws when the schedule is none. */
export function intervalOf(schedule: Schedule): number {
  if ('everyMs' in schedule) return schedule.everyMs;
  const cron = readCron(schedule.cron, schedule.timezone);
  const start = cron.next(0);
  let longest = cron.next(start) - start;
  let at = start;
  for (let step = 0; step < STEPS && at < start + HORIZON_MS; step++) {
    const following = cron.next(at + STRIDE_MS);
    // Nothing runs in the time that the longest gap takes: so this gap is longer.
    if (cron.next(following - longest - 1) === following) longest = following - lastRun(cron.next, at, at + STRIDE_MS);
    at = following;
  }
  return longest;
}

/** The last run from `from` (a run itself) to `to`, to the second: a search in halves, because cron only looks ahead. */
function lastRun(next: (after: number) => number, from: number, to: number): number {
  const following = next(to);
  let run = from;
  let end = to;
  while (end - run >= SECOND_MS) {
    const middle = run + Math.ceil((end - run) / 2);
    if (next(middle - 1) === following) {
      end = middle - 1;
    } else {
      run = next(middle - 1);
    }
  }
  return run;
}
