import { createTask } from 'node-cron';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { readCron } from '../../src/engine/cron.ts';

/** The next `count` due times after `from`, in UTC to the second. */
function times(expression: string, timezone: string, from: string, count: number): readonly string[] {
  const cron = readCron(expression, timezone);
  const found: string[] = [];
  let at = Date.parse(from);
  for (let index = 0; index < count; index++) {
    at = cron.next(at);
    found.push(new Date(at).toISOString().replace('.000Z', 'Z'));
  }
  return found;
}

describe('the due times of a cron expression', () => {
  it.each([
    {
      expression: '*/15 * * * *',
      from: '2026-01-01T00:00:00Z',
      expected: ['2026-01-01T00:15:00Z', '2026-01-01T00:30:00Z'],
    },
    {
      expression: '*/10 * * * * *',
      from: '2026-01-01T00:00:05.500Z',
      expected: ['2026-01-01T00:00:10Z', '2026-01-01T00:00:20Z'],
    },
    {
      expression: '0 3 * * *',
      from: '2026-01-01T02:59:59.999Z',
      expected: ['2026-01-01T03:00:00Z', '2026-01-02T03:00:00Z'],
    },
    { expression: '@weekly', from: '2026-01-01T00:00:00Z', expected: ['2026-01-04T00:00:00Z', '2026-01-11T00:00:00Z'] },
    {
      expression: '0 0 29 2 *',
      from: '2026-01-01T00:00:00Z',
      expected: ['2028-02-29T00:00:00Z', '2032-02-29T00:00:00Z'],
    },
    {
      expression: '0 12 L * *',
      from: '2026-02-01T00:00:00Z',
      expected: ['2026-02-28T12:00:00Z', '2026-03-31T12:00:00Z'],
    },
    {
      expression: '0 8 * * mon#1',
      from: '2026-01-01T00:00:00Z',
      expected: ['2026-01-05T08:00:00Z', '2026-02-02T08:00:00Z'],
    },
    {
      expression: '0 6 13 * 5',
      from: '2026-01-01T00:00:00Z',
      expected: ['2026-02-13T06:00:00Z', '2026-03-13T06:00:00Z'],
    },
  ])('of $expression after $from', ({ expression, from, expected }) => {
    expect(times(expression, 'UTC', from, expected.length)).toEqual(expected);
  });

  it.each([
    {
      title: 'a time of day follows the zone from winter into summer',
      expression: '0 3 * * *',
      timezone: 'Europe/Berlin',
      from: '2026-03-28T00:00:00Z',
      expected: ['2026-03-28T02:00:00Z', '2026-03-29T01:00:00Z', '2026-03-30T01:00:00Z'],
    },
    {
      title: 'a time that the clocks skip falls due as much later',
      expression: '30 2 * * *',
      timezone: 'Europe/Berlin',
      from: '2026-03-28T12:00:00Z',
      expected: ['2026-03-29T01:30:00Z', '2026-03-30T00:30:00Z'],
    },
    {
      title: 'a time that comes twice counts once, the first time',
      expression: '30 2 * * *',
      timezone: 'Europe/Berlin',
      from: '2026-10-24T12:00:00Z',
      expected: ['2026-10-25T00:30:00Z', '2026-10-26T01:30:00Z'],
    },
    {
      title: 'what runs every hour runs in the hour that comes twice, too',
      expression: '30 * * * *',
      timezone: 'Europe/Berlin',
      from: '2026-10-24T23:00:00Z',
      expected: ['2026-10-24T23:30:00Z', '2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z', '2026-10-25T02:30:00Z'],
    },
    {
      title: 'what runs every hour runs once where an hour is skipped',
      expression: '30 * * * *',
      timezone: 'America/New_York',
      from: '2026-03-08T05:59:00Z',
      expected: ['2026-03-08T06:30:00Z', '2026-03-08T07:30:00Z', '2026-03-08T08:30:00Z'],
    },
    {
      title: 'clocks may move by half an hour',
      expression: '15 2 * * *',
      timezone: 'Australia/Lord_Howe',
      from: '2026-10-03T00:00:00Z',
      expected: ['2026-10-03T15:45:00Z', '2026-10-04T15:15:00Z'],
    },
    {
      title: 'a zone may be most of a day ahead',
      expression: '0 0 1 * *',
      timezone: 'Pacific/Kiritimati',
      from: '2026-01-15T00:00:00Z',
      expected: ['2026-01-31T10:00:00Z', '2026-02-28T10:00:00Z'],
    },
  ])('$title', ({ expression, timezone, from, expected }) => {
    expect(times(expression, timezone, from, expected.length)).toEqual(expected);
  });

  it('refuses an expression that names no time that ever comes', () => {
    expect(() => readCron('0 0 30 2 *', 'UTC')).toThrow('"0 0 30 2 *" is not a cron expression');
    expect(() => readCron('0 0 1 1', 'UTC')).toThrow('expected 5 or 6 fields but got 4');
  });

  it('leaves no task with node-cron', async () => {
    const { getTasks } = await import('node-cron');
    readCron('* * * * *', 'UTC');
    expect(getTasks().size).toBe(0);
  });
});

const field = (min: number, max: number): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constant('*'),
    fc.integer({ min, max }).map(String),
    fc.integer({ min: 2, max: 12 }).map((step) => `*/${step}`),
  );
const expressions = fc
  .tuple(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6))
  .map((fields) => fields.join(' '));
const instants = fc.integer({ min: Date.UTC(2024, 0), max: Date.UTC(2030, 0) });

describe('the due times of any cron expression', () => {
  afterEach(() => vi.useRealTimers());

  it('are those of node-cron where the clocks do not move', () => {
    fc.assert(
      fc.property(expressions, instants, (expression, from) => {
        vi.useFakeTimers({ now: from, toFake: ['Date'] });
        const task = createTask(expression, () => {}, { timezone: 'Asia/Kolkata' });
        const [expected] = task.getNextRuns(1);
        void task.destroy();
        vi.useRealTimers();
        expect(new Date(readCron(expression, 'Asia/Kolkata').next(from))).toEqual(expected);
      }),
      { numRuns: 150 },
    );
  });

  it('always lie ahead, and asking a moment earlier gives the same', () => {
    fc.assert(
      fc.property(
        expressions,
        instants,
        fc.constantFrom('UTC', 'Europe/Berlin', 'America/St_Johns', 'Africa/Casablanca'),
        (expression, from, zone) => {
          const cron = readCron(expression, zone);
          const next = cron.next(from);
          expect(next).toBeGreaterThan(from);
          expect(cron.next(next - 1)).toBe(next);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('of every minute are every minute of the year in a zone whose clocks move', () => {
    const cron = readCron('* * * * *', 'Europe/Berlin');
    for (const day of ['2026-03-29', '2026-10-25']) {
      const start = Date.parse(`${day}T00:00:00Z`) - 60_000;
      for (let at = start; at < start + 4 * 3_600_000; at += 60_000) expect(cron.next(at)).toBe(at + 60_000);
    }
  });
});
