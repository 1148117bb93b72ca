import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { parseThreshold, ThresholdError, thresholdMs } from '../../src/policy/threshold.ts';

const HOUR = 3_600_000;
const DAY = 86_400_000;

describe('thresholdMs', () => {
  test.each<[string, number | undefined, number]>([
    ['30d', 90 * DAY, 30 * DAY],
    ['10h', 90 * DAY, 10 * HOUR],
    ['25%', 90 * DAY, 22.5 * DAY],
    ['25% max 30d', 398 * DAY, 30 * DAY],
    ['25% max 30d', 200 * DAY, 30 * DAY],
    ['25% max 30d', 90 * DAY, 22.5 * DAY],
    ['25% max 30d', 64 * DAY, 16 * DAY],
    ['10% max 7d', 90 * DAY, 7 * DAY],
    ['10% max 7d', 64 * DAY, 6.4 * DAY],
    ['35%', 160 * HOUR, 56 * HOUR],
    ['15%', 160 * HOUR, 24 * HOUR],
    ['15% min 2d', 7 * DAY, 2 * DAY],
    ['15% min 2d', 100 * DAY, 15 * DAY],
    ['15% min 2d max 10d', 100 * DAY, 10 * DAY],
    ['15% max 10d min 2d', 1 * DAY, 2 * DAY],
    ['25% max 180d', 3650 * DAY, 180 * DAY],
    ['180d max 25%', 365 * DAY, 91.25 * DAY],
    ['12.5%', 80 * DAY, 10 * DAY],
    ['0', 80 * DAY, 0],
    ['25% max 30d', undefined, 30 * DAY],
    ['25%', undefined, 22.5 * DAY],
    ['30d', undefined, 30 * DAY],
    ['25%', 0, 0],
    ['25%', -5 * DAY, 0],
  ])('%s of a lifetime of %s ms is %s ms', (text, lifetimeMs, expected) => {
    expect(thresholdMs(parseThreshold(text), lifetimeMs)).toBe(expected);
  });

  test('is a whole number of milliseconds from 0 up to the longest of its parts, for any lifetime', () => {
    const amount = fc.oneof(
      fc.integer({ min: 0, max: 100 }).map((percent) => `${percent}%`),
      fc.integer({ min: 0, max: 3650 }).map((days) => `${days}d`),
    );
    const lifetime = fc.option(fc.integer({ min: -1e12, max: 3e14 }), { nil: undefined });
    fc.assert(
      fc.property(amount, lifetime, (text, lifetimeMs) => {
        const ms = thresholdMs(parseThreshold(text), lifetimeMs);
        expect(Number.isSafeInteger(ms)).toBe(true);
        expect(ms).toBeGreaterThanOrEqual(0);
        expect(ms).toBeLessThanOrEqual(Math.max(3650 * DAY, lifetimeMs ?? 90 * DAY));
      }),
    );
  });
});

describe('parseThreshold', () => {
  test.each([
    '',
    'soon',
    '30',
    '-3d',
    '101%',
    '25 %',
    '25% max',
    '25% max 30',
    '25% at most 30d',
    '25% max 30d max 20d',
    '25%max30d',
    '10% min 5d max 2d',
    '10% min 50% max 20%',
  ])('refuses "%s" and says what is allowed or wrong', (text) => {
    expect(() => parseThreshold(text)).toThrow(ThresholdError);
    expect(() => parseThreshold(text)).toThrow(/is not a threshold(; use a share|: )/);
  });

  test('names the part that is wrong', () => {
    expect(() => parseThreshold('25% max 30 days')).toThrow('"25% max 30 days" is not a threshold');
    expect(() => parseThreshold('25% max 30x')).toThrow('"30x" is neither a share nor a time');
    expect(() => parseThreshold('120%')).toThrow('a share is at most 100%');
    expect(() => parseThreshold('10% min 5d max 2d')).toThrow('its min is more than its max');
  });

  test('keeps what was written, for messages', () => {
    expect(parseThreshold('  25%  max 30d ').text).toBe('25%  max 30d');
  });
});
