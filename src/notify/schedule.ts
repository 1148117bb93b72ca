/** Hours of every day in which a receiver is not disturbed. Minutes since midnight, by the clock of the time zone. */
export interface QuietHours {
  readonly fromMinute: number;
  /** Not after `fromMinute`: the next morning. */
  readonly toMinute: number;
  /** IANA name. */
  readonly timezone: string;
}

/** When a route tells what it has collected. */
export interface DigestSchedule {
  readonly rhythm: 'daily' | 'weekly';
  /** 0 is Sunday; of a weekly digest. */
  readonly weekday: number;
  readonly minute: number;
  /** IANA name. */
  readonly timezone: string;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const DAY_MINUTES = 1_440;

/** When the quiet hours that hold now end, milliseconds since the epoch; undefined when none hold. */
export function quietUntil({ fromMinute, toMinute, timezone }: QuietHours, now: number): number | undefined {
  const local = wallTime(now, timezone);
  const minute = minuteOf(local);
  const isOvernight = toMinute <= fromMinute;
  const isQuiet = isOvernight ? minute >= fromMinute || minute < toMinute : minute >= fromMinute && minute < toMinute;
  if (!isQuiet) return undefined;
  const midnight = local - (local % DAY_MS);
  const day = isOvernight && minute >= fromMinute ? midnight + DAY_MS : midnight;
  // An hour that the clock goes through twice must not end before now.
  return Math.max(instantOf(day + toMinute * MINUTE_MS, timezone), now + MINUTE_MS);
}

/** The first moment of the digest after `after`, milliseconds since the epoch. */
export function nextDigestAt(schedule: DigestSchedule, after: number): number {
  const local = wallTime(after, schedule.timezone);
  const midnight = local - (local % DAY_MS);
  for (let days = 0; days <= 8; days += 1) {
    const day = midnight + days * DAY_MS;
    if (schedule.rhythm === 'weekly' && new Date(day).getUTCDay() !== schedule.weekday) continue;
    const at = instantOf(day + (schedule.minute % DAY_MINUTES) * MINUTE_MS, schedule.timezone);
    if (at > after) return at;
  }
  throw new Error('a digest has no next moment');
}

/** What a clock on the wall shows, as if it showed UTC. */
function wallTime(at: number, timezone: string): number {
  const parts: Record<string, number> = {};
  for (const { type, value } of formatOf(timezone).formatToParts(at)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

/** The moment at which that clock shows this. A time that it leaves out in spring is the one an hour later. */
function instantOf(wall: number, timezone: string): number {
  const first = wall - (wallTime(wall, timezone) - wall);
  const second = wall - (wallTime(first, timezone) - first);
  return wallTime(second, timezone) === wall ? second : Math.max(first, second);
}

function minuteOf(wall: number): number {
  return Math.floor((wall % DAY_MS) / MINUTE_MS);
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Making one is dear; the time zones are those of the config. */
function formatOf(timezone: string): Intl.DateTimeFormat {
  let format = formats.get(timezone);
  if (format === undefined) {
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
    formats.set(timezone, format);
  }
  return format;
}
