import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { DEFAULT_REPEAT, nextRepeatAt } from '../../src/notify/repeat.ts';
import type { Severity } from '../../src/plugin/notification.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe('nextRepeatAt', () => {
  // Times relative to the end, in hours.
  test.each<[string, Severity, number, number]>([
    ['weekly far from the end', 'warning', -30 * 24, -23 * 24],
    ['daily from the seventh day on, not at the next weekly turn', 'warning', -10 * 24, -7 * 24],
    ['daily in the last week', 'warning', -7 * 24, -6 * 24],
    ['a warning stays daily on the last day', 'warning', -20, 4],
    ['hourly from the last day on when critical', 'critical', -36, -24],
    ['hourly on the last day when critical', 'critical', -24, -23],
    ['hourly over the end', 'critical', -0.5, 0.5],
    ['hourly on the first day after it', 'critical', 22, 23],
    ['daily after that', 'critical', 23, 47],
    ['daily to the end of the week after', 'critical', 6 * 24 - 2, 7 * 24 - 2],
    ['weekly when it ended long ago', 'critical', 7 * 24, 14 * 24],
  ])('is %s', (_name, severity, toldAt, expected) => {
    expect(nextRepeatAt(toldAt * HOUR, severity, 0, DEFAULT_REPEAT) / HOUR).toBe(expected);
  });

  test('is weekly without an end, however severe', () => {
    expect(nextRepeatAt(5, 'critical', undefined, DEFAULT_REPEAT)).toBe(5 + 7 * DAY);
  });

  test('follows the configured times', () => {
    const policy = { normalMs: 50 * DAY, soonMs: 2 * DAY, urgentMs: 2 * HOUR };
    expect(nextRepeatAt(-70 * DAY, 'warning', 0, policy)).toBe(-20 * DAY);
    expect(nextRepeatAt(-6 * DAY, 'warning', 0, policy)).toBe(-4 * DAY);
    expect(nextRepeatAt(-6 * HOUR, 'critical', 0, policy)).toBe(-4 * HOUR);
  });

  test('is always later, and never closer than the shortest or further than the longest time', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -60 * DAY, max: 60 * DAY }),
        fc.constantFrom<Severity>('info', 'warning', 'critical'),
        (toldAt, severity) => {
          const wait = nextRepeatAt(toldAt, severity, 0, DEFAULT_REPEAT) - toldAt;
          expect(wait).toBeGreaterThanOrEqual(severity === 'critical' ? HOUR : DAY);
          expect(wait).toBeLessThanOrEqual(7 * DAY);
        },
      ),
    );
  });
});
