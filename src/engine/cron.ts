import { createTask, validateDetailed } from 'node-cron';

/** The due times of one cron expression in one time zone. */
export interface Cron {
  /** The first due time after `after`, milliseconds since the epoch. */
  next(after: number): number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** No zone in use moves its clocks further than this at once. */
const LARGEST_SHIFT_MS = 3 * HOUR_MS;

/** The rarest date is 29 February on one weekday: it may be 40 years away. */
const MAX_DAYS = 366 * 41;

/**
 * Reads a cron expression of 5 or 6 fields (with seconds), as node-cron does: `L`, `W` and `#` are known, and day of
 * month and day of week must both fit. node-cron itself tells due times only from the wall clock on; here they follow
 * from any instant, and changes of the clocks lose none and double none: a time that is skipped falls due as much later,
 * a time that comes twice counts once, except where every hour counts.
 *
 * Throws an Error that says what is wrong with the expression or the zone.
 */
export function readCron(expression: string, timezone: string): Cron {
  const { seconds, minutes, hours, onDay } = readFields(expression);
  const zone = readZone(timezone);
  const everyHour = hours.length === 24;

  function next(after: number): number {
    const wallAfter = after + zone.offset(after);
    // Where the clocks move, a wall time before this one may name an instant after it, and the other way round.
    const from = wallAfter - (zone.showing(wallAfter).moving ? LARGEST_SHIFT_MS : 0);
    let best = Infinity;
    let until = Infinity;
    for (let day = floor(from, DAY_MS), end = day + MAX_DAYS * DAY_MS; day < end && day <= until; day += DAY_MS) {
      if (!onDay(day)) continue;
      for (const hour of hours) {
        for (const minute of minutes) {
          const wall = day + hour * HOUR_MS + minute * MINUTE_MS;
          if (wall <= from - MINUTE_MS || wall > until) continue;
          const { instants, moving } = zone.showing(wall);
          for (const instant of everyHour ? instants : instants.slice(0, 1)) {
            const second = seconds.find((value) => instant + value * 1000 > after);
            if (second === undefined || instant + second * 1000 >= best) continue;
            best = instant + second * 1000;
            until = moving ? wall + LARGEST_SHIFT_MS : wall;
          }
        }
      }
    }
    if (best === Infinity) throw new Error(`the cron expression "${expression}" names no time that ever comes`);
    return best;
  }

  return { next };
}

interface Fields {
  readonly seconds: readonly number[];
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  /** Whether the date of this instant, read in UTC, is one of the expression's. */
  onDay(day: number): boolean;
}

function readFields(expression: string): Fields {
  const { fields, problem } = parse(expression);
  if (fields === undefined) throw new Error(`"${expression}" is not a cron expression: ${problem}`);
  const dates = `0 0 0 ${fields.dayOfMonth.join(',')} ${fields.month.join(',')} ${fields.dayOfWeek.join(',')}`;
  const task = createTask(dates, () => {}, { timezone: 'UTC' });
  void task.destroy();
  return {
    seconds: ascending(fields.second),
    minutes: ascending(fields.minute),
    hours: ascending(fields.hour),
    onDay: (day) => task.match(new Date(day)),
  };
}

function parse(expression: string): {
  fields?: NonNullable<ReturnType<typeof validateDetailed>['fields']>;
  problem: string;
} {
  try {
    const { fields, errors } = validateDetailed(expression);
    const problem = errors.map((error) => error.message).join('; ');
    return fields === undefined ? { problem } : { fields, problem };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

interface Zone {
  /** Wall clock minus UTC at this instant, milliseconds. */
  offset(at: number): number;
  /** When the wall clock shows this time (written as if it were UTC), and whether the clocks move within a day of it. */
  showing(wall: number): { readonly instants: readonly number[]; readonly moving: boolean };
}

function readZone(timezone: string): Zone {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch (error) {
    throw new Error(`"${timezone}" is not a time zone: use an IANA name such as UTC or Europe/Berlin`, {
      cause: error,
    });
  }

  function offset(at: number): number {
    const parts: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
    for (const { type, value } of format.formatToParts(at)) parts[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second) - floor(at, 1000);
  }

  function showing(wall: number): ReturnType<Zone['showing']> {
    const before = offset(wall - DAY_MS);
    const after = offset(wall + DAY_MS);
    if (before === after) return { instants: [wall - before], moving: false };
    const shown = [wall - before, wall - after].filter((instant) => instant + offset(instant) === wall);
    return { instants: shown.length === 0 ? [wall - before] : ascending(shown), moving: true };
  }

  return { offset, showing };
}

function floor(value: number, unit: number): number {
  return Math.floor(value / unit) * unit;
}

function ascending(values: readonly number[]): readonly number[] {
  return values.toSorted((a, b) => a - b);
}
