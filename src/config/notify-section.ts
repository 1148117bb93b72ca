import { z } from 'zod';

import { parseDuration } from '../label/duration.ts';
import { durationOption } from '../plugin/options.ts';
import type { DigestConfig, HeartbeatConfig, QuietHoursConfig, RateConfig } from './config.ts';

const DAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;
const CLOCK = /^([01]\d|2[0-3]):([0-5]\d)$/;
const RATE = /^(\d{1,6})\/(\d*)(s|m|h)$/;
const DIGEST = /^(?:(daily)|weekly(?: on ([a-z]+))?) at (\d\d:\d\d)(?: (\S+))?$/;

const clock = z.string().regex(CLOCK, 'a time of day: 22:00');

const timezoneOption = z
  .string()
  .refine(isTimezone, { error: (issue) => `"${String(issue.input)}" is no time zone; e.g. Europe/Vienna` });

const quietHoursOption = z
  .strictObject({
    from: clock.describe('When they begin.'),
    to: clock.describe('When they end; before `from`: the next morning.'),
    timezone: timezoneOption.default('UTC').describe('Whose clock that is. Default UTC.'),
  })
  .refine(({ from, to }) => from !== to, 'from and to are the same time')
  .transform(({ from, to, timezone }): QuietHoursConfig => ({
    fromMinute: minuteOf(from),
    toMinute: minuteOf(to),
    timezone,
  }));

const rateOption = z
  .string()
  .regex(RATE, 'a number of messages and a time: 1/s, 20/m, 100/10m')
  .refine(
    (text) => Number(RATE.exec(text)?.[1]) > 0 && RATE.exec(text)?.[2] !== '0',
    'at least one message in some time',
  )
  .transform((text): RateConfig => {
    const [, count = '1', units = '', unit = 's'] = RATE.exec(text) ?? [];
    return { count: Number(count), windowMs: parseDuration(`${units === '' ? '1' : units}${unit}`) };
  });

const digestOption = z
  .string()
  .superRefine((text, check) => {
    const [whole, , day, time = '', timezone] = DIGEST.exec(text) ?? [];
    const fault =
      whole === undefined || !CLOCK.test(time)
        ? 'written like "daily at 08:00 Europe/Vienna" or "weekly on monday at 08:00"'
        : day !== undefined && !(DAYS as readonly string[]).includes(day)
          ? `"${day}" is no day of the week`
          : timezone !== undefined && !isTimezone(timezone)
            ? `"${timezone}" is no time zone; e.g. Europe/Vienna`
            : undefined;
    if (fault !== undefined) check.addIssue({ code: 'custom', message: fault });
  })
  .transform((text): DigestConfig => {
    const [, daily, day = 'monday', time = '00:00', timezone = 'UTC'] = DIGEST.exec(text) ?? [];
    return {
      rhythm: daily === undefined ? 'weekly' : 'daily',
      weekday: Math.max(0, (DAYS as readonly string[]).indexOf(day)),
      minute: minuteOf(time),
      timezone,
    };
  });

/** What a route may say beside its matchers and channels. */
export const routeOptions = {
  group_by: z
    .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'a label name: letters, digits and "_"'))
    .max(10)
    .optional()
    .describe(
      'Labels whose values make one message of many alerts: owner, source, rule, family, …; [] makes one of all. Default: each alert by itself.',
    ),
  quiet_hours: quietHoursOption.optional().describe('What is not critical waits for their end.'),
  digest: digestOption
    .optional()
    .describe(
      'Collect what is not critical and tell it together, by owner unless group_by says otherwise: "daily at 08:00 Europe/Vienna", "weekly on monday at 08:00".',
    ),
  escalate: z
    .strictObject({
      after: durationOption('How long after the news.'),
      channels: z.array(z.string()).min(1).describe('Who is told then.'),
      when: z
        .enum(['unacknowledged', 'undelivered'])
        .default('unacknowledged')
        .describe('Nobody acknowledged it, or nobody even got it.'),
    })
    .optional()
    .describe('Tell other channels as well when nobody reacts.'),
};

/** What any channel may say beside its own options. */
export const channelOptions = {
  quiet_hours: quietHoursOption.optional().describe('What is not critical waits for their end, whatever the route.'),
  rate: rateOption.optional().describe('Messages at most: 1/s, 20/m. Default: as fast as the receiver takes them.'),
};

export const heartbeatSection = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('Where to knock. Where the URL itself is a secret, use url_file.'),
    url_file: z.string().min(1).optional().describe('The URL, read from this file at each use.'),
    every: durationOption('How often.', '1m'),
    patience: durationOption('A message may wait so long in the outbox before the heartbeat stops.', '10m'),
  })
  .refine(({ url, url_file: file }) => (url === undefined) !== (file === undefined), 'give either url or url_file')
  .refine(({ every }) => every >= 1_000, { message: 'must be at least 1s', path: ['every'] })
  .transform(({ url, url_file: file, every, patience }): HeartbeatConfig => ({
    url: url === undefined ? { file: file ?? '' } : { text: url },
    everyMs: every,
    patienceMs: patience,
  }))
  .describe('Knocks at a URL while notafter really works, so that somebody else can tell when it does not.');

/** Whether the system's list of time zones has it. */
export function isTimezone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

function minuteOf(time: string): number {
  const [, hours, minutes] = CLOCK.exec(time) ?? [];
  return Number(hours) * 60 + Number(minutes);
}
