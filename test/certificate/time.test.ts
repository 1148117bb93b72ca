import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readTime, type CertificateTime } from '../../src/certificate/time.ts';

const UTC = 0x17;
const GEN = 0x18;

function read(tag: number, text: string): CertificateTime {
  return readTime(tag, Buffer.from(text, 'latin1'));
}

/** An independent way to the same number: Date's own calendar, year set apart because Date.UTC takes 0 to 99 for 19xx. */
function epoch(year: number, month: number, day: number, hour = 0, minute = 0, second = 0): number {
  const date = new Date(Date.UTC(2000, month - 1, day, hour, minute, second));
  date.setUTCFullYear(year, month - 1, day);
  return date.getTime();
}

function pad(value: number, width = 2): string {
  return String(value).padStart(width, '0');
}

describe('a date that names an instant', () => {
  test.each([
    ['GeneralizedTime', GEN, '20270101000000Z', epoch(2027, 1, 1)],
    ['UTCTime', UTC, '270101000000Z', epoch(2027, 1, 1)],
    ['the last two-digit year of this century', UTC, '491231235959Z', epoch(2049, 12, 31, 23, 59, 59)],
    ['the first two-digit year of the last century', UTC, '500101000000Z', epoch(1950, 1, 1)],
    ['UTCTime of year 00', UTC, '000229120000Z', epoch(2000, 2, 29, 12)],
    ['UTCTime of year 99', UTC, '991231235959Z', epoch(1999, 12, 31, 23, 59, 59)],
    ['year 0001', GEN, '00010101000000Z', -62_135_596_800_000],
    ['29 February of a leap century', GEN, '20000229000000Z', epoch(2000, 2, 29)],
    ['29 February 2028', UTC, '280229000000Z', epoch(2028, 2, 29)],
    ['the epoch', UTC, '700101000000Z', 0],
    ['a second before the epoch', UTC, '691231235959Z', -1000],
    ['a second before never', GEN, '99991231235958Z', epoch(9999, 12, 31, 23, 59, 58)],
  ])('%s is read exactly', (_, tag, text, at) => {
    expect(read(tag, text)).toEqual({ status: 'known', at });
  });

  test('RFC 5280 99991231235959Z is never', () => {
    expect(read(GEN, '99991231235959Z')).toEqual({ status: 'never' });
  });

  test.each([
    ['a fraction', GEN, '20270101000000.5Z', epoch(2027, 1, 1) + 500, 'it has a fraction'],
    ['a fraction with a comma', GEN, '20270101000000,25Z', epoch(2027, 1, 1) + 250, 'it has a fraction'],
    ['a fraction beyond milliseconds', GEN, '20270101000000.0009999999999Z', epoch(2027, 1, 1), 'it has a fraction'],
    ['a fraction of a minute', GEN, '202701010000.5Z', epoch(2027, 1, 1) + 30_000, 'the seconds are missing'],
    ['a fraction of an hour', GEN, '2027010100.25Z', epoch(2027, 1, 1) + 900_000, 'the seconds are missing'],
    ['an offset east', GEN, '20270101000000+0100', epoch(2026, 12, 31, 23), 'it has an offset in place of Z'],
    ['an offset west', GEN, '20270101000000-0830', epoch(2027, 1, 1, 8, 30), 'it has an offset in place of Z'],
    ['an offset of hours', GEN, '20270101000000+01', epoch(2026, 12, 31, 23), 'it has an offset in place of Z'],
    ['an offset in UTCTime', UTC, '270101000000+0100', epoch(2026, 12, 31, 23), 'it has an offset in place of Z'],
    ['the largest offset', UTC, '270101000000+1400', epoch(2026, 12, 31, 10), 'it has an offset in place of Z'],
    [
      'never with an offset',
      GEN,
      '99991231235959+0000',
      epoch(9999, 12, 31, 23, 59, 59),
      'it has an offset in place of Z',
    ],
    ['no seconds', UTC, '2701010000Z', epoch(2027, 1, 1), 'the seconds are missing'],
    ['no seconds and an offset', UTC, '2701010000+0100', epoch(2026, 12, 31, 23), 'the seconds are missing'],
    ['no seconds in GeneralizedTime', GEN, '202701010000Z', epoch(2027, 1, 1), 'the seconds are missing'],
    ['no minutes', GEN, '2027010100Z', epoch(2027, 1, 1), 'the seconds are missing'],
  ])('%s is read, and named as a problem', (_, tag, text, at, problem) => {
    expect(read(tag, text)).toEqual({ status: 'known', at, problem });
  });
});

describe('a date that names no instant', () => {
  test.each([
    ['empty', UTC, '', 'form'],
    ['without a zone', UTC, '270101000000', 'time zone'],
    ['GeneralizedTime without a zone', GEN, '20270101000000', 'time zone'],
    ['30 February', UTC, '270230000000Z', 'day'],
    ['29 February of no leap year', UTC, '230229000000Z', 'day'],
    ['29 February 1900', GEN, '19000229000000Z', 'day'],
    ['31 April', UTC, '270431000000Z', 'day'],
    ['year 0000', GEN, '00000101000000Z', 'year'],
    ['day 0', UTC, '270100000000Z', 'day'],
    ['month 0', UTC, '270001000000Z', 'month'],
    ['month 13', UTC, '271301000000Z', 'month'],
    ['hour 24', UTC, '270101240000Z', 'time of day'],
    ['minute 60', UTC, '270101006000Z', 'time of day'],
    ['second 60', UTC, '270101000060Z', 'time of day'],
    ['four digits of the year in a UTCTime', UTC, '20270101000000Z', 'form'],
    ['two digits of the year in a GeneralizedTime', GEN, '270101000000Z', 'day'],
    ['an odd number of digits', GEN, '2027010100000Z', 'form'],
    ['a fraction in UTCTime', UTC, '270101000000.5Z', 'form'],
    ['an empty fraction', GEN, '20270101000000.Z', 'fraction'],
    ['a fraction without a zone', GEN, '20270101000000.5', 'time zone'],
    ['an offset of one digit', UTC, '270101000000+1', 'offset'],
    ['an offset of hours in UTCTime', UTC, '270101000000+01', 'offset'],
    ['an offset of 15 hours', UTC, '270101000000+1500', 'offset'],
    ['an offset of 60 minutes', UTC, '270101000000+0060', 'offset'],
    ['something behind an offset', UTC, '270101000000+0100Z', 'offset'],
    ['something behind the Z', UTC, '270101000000Z0', 'behind'],
    ['a NUL behind the Z', UTC, '270101000000Z\0', 'behind'],
    ['a lower-case z', UTC, '270101000000z', 'form'],
    ['a space', UTC, '27010100000 Z', 'form'],
    ['a sign', UTC, '+70101000000Z', 'form'],
    ['digits of another script', GEN, '\u00b2\u00b3270101000000Z', 'form'],
    ['text', GEN, 'Bad time value', 'form'],
    ['another type', 0x0c, '270101000000Z', 'neither'],
  ])('%s is unreadable', (_, tag, text, problem) => {
    const time = read(tag, text);
    expect(time).toMatchObject({ status: 'unreadable', text });
    expect(time.status === 'unreadable' && time.problem).toContain(problem);
  });

  test('keeps no more than the start of a long text', () => {
    const time = read(UTC, 'x'.repeat(100_000));
    expect(time.status === 'unreadable' && time.text.length).toBe(48);
  });
});

test('every day from 0001 to 9999 is the day after the one before, and no other day exists', () => {
  const lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  let expected = epoch(1, 1, 1);
  let wrong = 0;
  const bytes = Buffer.alloc(15);
  for (let year = 1; year <= 9999; year++) {
    const leap = new Date(epoch(year, 2, 29)).getUTCMonth() === 1;
    for (const [index, length] of lengths.entries()) {
      const last = index === 1 && leap ? 29 : length;
      // Every day of a year in each cycle of 400 matters; the first and last day of a month do for the rest.
      const days = year % 97 === 0 ? Array.from({ length: last }, (_, day) => day + 1) : [1, last];
      for (const day of days) {
        bytes.write(`${pad(year, 4)}${pad(index + 1)}${pad(day)}000000Z`, 'latin1');
        const time = readTime(GEN, bytes);
        if (time.status !== 'known' || time.at !== expected + (day - 1) * 86_400_000) wrong += 1;
      }
      bytes.write(pad(last + 1), 6, 'latin1');
      if (readTime(GEN, bytes).status !== 'unreadable') wrong += 1;
      expected += last * 86_400_000;
    }
  }
  expect(wrong).toBe(0);
  expect(expected).toBe(epoch(10_000, 1, 1));
});

test('every legal form of a random instant is the same instant', () => {
  const instants = fc.record({
    year: fc.integer({ min: 1, max: 9999 }),
    dayOfYear: fc.integer({ min: 0, max: 364 }),
    second: fc.integer({ min: 0, max: 86_399 }),
    offsetMinutes: fc.integer({ min: -12 * 60, max: 14 * 60 }),
    ms: fc.integer({ min: 0, max: 999 }),
  });
  fc.assert(
    fc.property(instants, ({ year, dayOfYear, second, offsetMinutes, ms }) => {
      const at = epoch(year, 1, 1) + dayOfYear * 86_400_000 + second * 1000;
      const date = new Date(at);
      fc.pre(date.getUTCFullYear() === year);
      const clock = `${pad(date.getUTCHours())}${pad(date.getUTCMinutes())}`;
      const day = `${pad(date.getUTCMonth() + 1)}${pad(date.getUTCDate())}`;
      const seconds = pad(date.getUTCSeconds());
      const sign = offsetMinutes < 0 ? '-' : '+';
      const offset = `${sign}${pad(Math.floor(Math.abs(offsetMinutes) / 60))}${pad(Math.abs(offsetMinutes) % 60)}`;
      const whole = at - date.getUTCSeconds() * 1000;
      const forms: [number, string, number][] = [
        [GEN, `${pad(year, 4)}${day}${clock}${seconds}.${pad(ms, 3)}Z`, at + ms],
        [GEN, `${pad(year, 4)}${day}${clock}${seconds}${offset}`, at - offsetMinutes * 60_000],
        [GEN, `${pad(year, 4)}${day}${clock}Z`, whole],
      ];
      if (year >= 1950 && year < 2050) {
        forms.push([UTC, `${pad(year % 100)}${day}${clock}${seconds}Z`, at]);
        forms.push([UTC, `${pad(year % 100)}${day}${clock}${seconds}${offset}`, at - offsetMinutes * 60_000]);
        forms.push([UTC, `${pad(year % 100)}${day}${clock}Z`, whole]);
      }
      for (const [tag, text, expected] of forms) {
        expect(read(tag, text)).toMatchObject({ status: 'known', at: expected });
      }
    }),
    { numRuns: 2000 },
  );
});

test('any bytes under any tag give an answer, and never NaN', () => {
  fc.assert(
    fc.property(fc.constantFrom(UTC, GEN, 0x04), fc.uint8Array({ maxLength: 30 }), (tag, bytes) => {
      const time = readTime(tag, bytes);
      expect(time.status !== 'known' || Number.isSafeInteger(time.at)).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
