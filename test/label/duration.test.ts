import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DurationError, formatDuration, parseDuration } from '../../src/label/duration.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

test.each([
  ['15m', 900_000],
  ['1h30m', 5_400_000],
  ['7d', 7 * DAY],
  ['2w', 14 * DAY],
  ['500ms', 500],
  ['30s', 30_000],
  ['1w2d3h4m5s6ms', 7 * DAY + 2 * DAY + 3 * HOUR + 245_006],
  ['90m', 5_400_000],
  ['400d', 400 * DAY],
  ['0', 0],
  ['0s', 0],
])('%s is %i ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each([
  '',
  ' ',
  '15',
  '1.5h',
  '-1h',
  '+1h',
  '1 h',
  '1h 30m',
  '30m1h',
  '1h1h',
  '1M',
  '1y',
  'h',
  '1mm',
  '١h',
  '1e3s',
  ' 1h',
  '1h\n',
])('%j is no duration', (text) => {
  expect(() => parseDuration(text)).toThrow(DurationError);
  expect(() => parseDuration(text)).toThrow('is not a duration; write it like 15m, 1h30m, 7d or 500ms');
});

test('an endless one is refused, with a short message', () => {
  expect(() => parseDuration('40000d')).toThrow('longer than a hundred years');
  expect(() => parseDuration(`${'9'.repeat(60)}d`)).toThrow(DurationError);
  expect(() => parseDuration('9'.repeat(100_000))).toThrow(/^.{0,120}$/);
});

test.each([
  [0, '0s'],
  [250, '250ms'],
  [1000, '1s'],
  [1250, '1s250ms'],
  [65_000, '1m5s'],
  [900_000, '15m'],
  [5_400_000, '1h30m'],
  [41 * DAY, '41d'],
  [41 * DAY + HOUR, '41d1h'],
  [41 * DAY + 59_000, '41d'],
  [DAY - 1, '23h59m'],
  [-5_400_000, '-1h30m'],
  [0.4, '0s'],
  [Infinity, '∞'],
])('%i ms is written %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test('what was written is read back, rounded down to its smaller unit', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 30_000 * DAY }), (ms) => {
      const read = parseDuration(formatDuration(ms));
      expect(read).toBeLessThanOrEqual(ms);
      // Two units are kept: the loss is less than one of the unit below the largest.
      expect(ms - read).toBeLessThan(Math.max(1, ms / 23));
    }),
  );
});
