import { describe, expect, test } from 'vitest';

import { parsePeriod, PeriodError } from '../../src/policy/period.ts';

const NOW = Date.UTC(2026, 10, 23, 12);
const iso = (at: number): string => new Date(at).toISOString();

describe('a period', () => {
  test.each([
    [{}, '2026-11-23T12:00:00.000Z', '2027-02-21T12:00:00.000Z'],
    [{ until: '30d' }, '2026-11-23T12:00:00.000Z', '2026-12-23T12:00:00.000Z'],
    [{ from: '2026-12-18', until: '2027-01-04' }, '2026-12-18T00:00:00.000Z', '2027-01-04T23:59:59.999Z'],
    [{ from: '2026-12-18' }, '2026-12-18T00:00:00.000Z', '2027-03-18T00:00:00.000Z'],
    [{ from: '1w', until: '2w' }, '2026-11-30T12:00:00.000Z', '2026-12-07T12:00:00.000Z'],
    [{ at: '2027-03-01' }, '2027-03-01T00:00:00.000Z', '2027-03-01T00:00:00.000Z'],
    [{ at: '2027-03-01T10:30' }, '2027-03-01T10:30:00.000Z', '2027-03-01T10:30:00.000Z'],
    [{ at: '2027-03-01T10:30:00+02:00' }, '2027-03-01T08:30:00.000Z', '2027-03-01T08:30:00.000Z'],
    [{ at: '2020-01-01' }, '2020-01-01T00:00:00.000Z', '2020-01-01T00:00:00.000Z'],
  ])('%j is from %s until %s', (asked, from, until) => {
    const period = parsePeriod(asked, NOW);
    expect([iso(period.fromAt), iso(period.untilAt)]).toEqual([from, until]);
  });

  test.each([
    [{ at: 'tomorrow' }, /"tomorrow" is neither a date such as 2027-03-01 nor/],
    [{ at: '2027-02-30' }, /"2027-02-30" is neither/],
    [{ at: '2027-13-01' }, /is neither/],
    [{ until: '' }, /"" is neither/],
    [{ until: '0' }, /is neither/],
    [{ until: '-5d' }, /is neither/],
    [{ at: 'x'.repeat(200) }, /"x{40}…" is neither/],
    [{ at: '2027-03-01', until: '90d' }, /either it, or "from" and "until"/],
    [{ from: '2027-03-01', until: '2027-02-01' }, /ends \(2027-02-01T23:59:59.999Z\) before it begins \(2027-03-01/],
  ])('%j is refused', (asked, message) => {
    expect(() => parsePeriod(asked, NOW)).toThrow(PeriodError);
    expect(() => parsePeriod(asked, NOW)).toThrow(message);
  });
});
