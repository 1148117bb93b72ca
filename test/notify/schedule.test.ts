import { describe, expect, test } from 'vitest';

import { nextDigestAt, quietUntil } from '../../src/notify/schedule.ts';

const at = (text: string): number => Date.parse(text);
const iso = (time: number | undefined): string | undefined =>
  time === undefined ? undefined : new Date(time).toISOString().replace('.000', '');

describe('quietUntil', () => {
  const night = { fromMinute: 22 * 60, toMinute: 7 * 60, timezone: 'Europe/Vienna' };
  const noon = { fromMinute: 12 * 60, toMinute: 13 * 60, timezone: 'UTC' };

  test.each([
    [night, '2027-01-10T20:59:59Z', undefined],
    [night, '2027-01-10T21:00:00Z', '2027-01-11T06:00:00Z'],
    [night, '2027-01-11T03:00:00Z', '2027-01-11T06:00:00Z'],
    [night, '2027-01-11T06:00:00Z', undefined],
    // The night of the summer time is an hour shorter, that of the winter time an hour longer.
    [night, '2027-03-27T22:00:00Z', '2027-03-28T05:00:00Z'],
    [night, '2027-10-30T21:00:00Z', '2027-10-31T06:00:00Z'],
    [noon, '2027-01-10T11:59:00Z', undefined],
    [noon, '2027-01-10T12:30:00Z', '2027-01-10T13:00:00Z'],
    [noon, '2027-01-10T13:00:00Z', undefined],
  ])('%j at %s ends %s', (hours, now, until) => {
    expect(iso(quietUntil(hours, at(now)))).toBe(until);
  });
});

describe('nextDigestAt', () => {
  const daily = { rhythm: 'daily', weekday: 1, minute: 8 * 60, timezone: 'Europe/Vienna' } as const;
  const weekly = { ...daily, rhythm: 'weekly' } as const;
  const gap = { ...daily, minute: 150 } as const;

  test.each([
    [daily, '2027-01-10T06:59:59Z', '2027-01-10T07:00:00Z'],
    [daily, '2027-01-10T07:00:00Z', '2027-01-11T07:00:00Z'],
    [daily, '2027-07-10T05:59:59Z', '2027-07-10T06:00:00Z'],
    [daily, '2027-03-27T08:00:00Z', '2027-03-28T06:00:00Z'],
    [weekly, '2027-01-10T12:00:00Z', '2027-01-11T07:00:00Z'],
    [weekly, '2027-01-11T07:00:00Z', '2027-01-18T07:00:00Z'],
    // Half past two does not exist on that day.
    [gap, '2027-03-27T12:00:00Z', '2027-03-28T01:30:00Z'],
  ])('%j after %s is %s', (schedule, after, next) => {
    expect(iso(nextDigestAt(schedule, at(after)))).toBe(next);
  });
});
