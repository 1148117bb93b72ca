import { describe, expect, test } from 'vitest';

import { intervalOf } from '../../src/engine/interval.ts';

const HOUR = 3_600_000;

describe('intervalOf', () => {
  test.each([
    ['every 15 minutes', { everyMs: 900_000 }, 900_000],
    ['every hour', { cron: '0 * * * *', timezone: 'UTC' }, HOUR],
    ['every night', { cron: '0 3 * * *', timezone: 'UTC' }, 24 * HOUR],
    ['office hours: the night between them', { cron: '0 8-17 * * *', timezone: 'UTC' }, 15 * HOUR],
    ['working days: the weekend between them', { cron: '0 3 * * 1-5', timezone: 'UTC' }, 72 * HOUR],
    ['every Sunday', { cron: '0 3 * * 0', timezone: 'UTC' }, 7 * 24 * HOUR],
    [
      'every minute of office hours: the weekend',
      { cron: '* 8-17 * * 1-5', timezone: 'UTC' },
      (2 * 24 + 14) * HOUR + 60_000,
    ],
    ['the first of each month: the longest', { cron: '0 0 1 * *', timezone: 'UTC' }, 31 * 24 * HOUR],
  ])('of %s', (_name, schedule, expected) => {
    expect(intervalOf(schedule)).toBe(expected);
  });

  test('throws for what is no schedule', () => {
    expect(() => intervalOf({ cron: 'soon', timezone: 'UTC' })).toThrow(/soon/);
  });
});
