import { readCron } from './cron.ts';
import type { Schedule } from './engine.ts';

/** Gaps looked at in a cron expression: enough for a weekly one with an odd day. */
const GAPS = 16;

/** The longest time that normally lies between two runs, milliseconds. Throws when the schedule is none. */
export function intervalOf(schedule: Schedule): number {
  if ('everyMs' in schedule) return schedule.everyMs;
  const cron = readCron(schedule.cron, schedule.timezone);
  let longest = 0;
  let last = cron.next(0);
  for (let gap = 0; gap < GAPS; gap++) {
    const next = cron.next(last);
    longest = Math.max(longest, next - last);
    last = next;
  }
  return longest;
}
