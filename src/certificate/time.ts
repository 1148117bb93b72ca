/**
 * A date of an X.509 structure. `known` times are milliseconds since the epoch, UTC.
 *
 * `never` is RFC 5280's `99991231235959Z` (section 4.1.2.5: no well-defined expiration date).
 * `unreadable` is a TIME that names no instant; `problem` says which rule it breaks.
 * A `known` time with a `problem` is readable though it breaks DER (a fraction, an offset, missing seconds).
 */
export type CertificateTime =
  | { readonly status: 'known'; readonly at: number; readonly problem?: string }
  | { readonly status: 'never' }
  | { readonly status: 'unreadable'; readonly text: string; readonly problem: string };

const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** The most that is kept of a text that could not be read. */
const MAX_TEXT = 48;
/** More digits of a fraction than this say nothing about milliseconds. */
const MAX_FRACTION_DIGITS = 9;

const DAYS_BEFORE_MONTH = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/**
 * Reads the contents of an ASN.1 TIME: UTCTime (tag 0x17; two-digit years from 50 are 19xx, RFC 5280 4.1.2.5.1) or
 * GeneralizedTime (0x18). The calendar is the proleptic Gregorian one, years 0001 to 9999; a second 60 does not exist.
 * Never throws; a fraction of a millisecond is cut.
 */
export function readTime(tag: number, bytes: Uint8Array): CertificateTime {
  if (tag !== UTC_TIME && tag !== GENERALIZED_TIME) {
    return unreadable(bytes, 'it is neither UTCTime nor GeneralizedTime');
  }
  const generalized = tag === GENERALIZED_TIME;
  const yearDigits = generalized ? 4 : 2;
  const digits = countDigits(bytes, 0);
  const form = generalized ? 'YYYYMMDDHHMMSSZ' : 'YYMMDDHHMMSSZ';
  const beyondHour = digits - yearDigits - 6;
  // UTCTime has minutes, GeneralizedTime may end with the hour (X.680 46.2, 47.3).
  if (beyondHour !== 4 && beyondHour !== 2 && !(generalized && beyondHour === 0)) {
    return unreadable(bytes, `it is not of the form ${form}`);
  }

  let year = number(bytes, 0, yearDigits);
  if (!generalized) year += year >= 50 ? 1900 : 2000;
  const month = number(bytes, yearDigits, 2);
  const day = number(bytes, yearDigits + 2, 2);
  const hour = number(bytes, yearDigits + 4, 2);
  const minute = beyondHour >= 2 ? number(bytes, yearDigits + 6, 2) : 0;
  const second = beyondHour === 4 ? number(bytes, yearDigits + 8, 2) : 0;
  // X.680 counts from 0000, the calendar that people and certificates go by does not: no end is meant by it.
  if (year === 0) return unreadable(bytes, 'there is no year 0');
  if (month < 1 || month > 12) return unreadable(bytes, 'there is no such month');
  if (day < 1 || day > daysInMonth(year, month)) return unreadable(bytes, 'there is no such day');
  if (hour > 23 || minute > 59 || second > 59) return unreadable(bytes, 'there is no such time of day');
  let at = daysFromEpoch(year, month, day) * DAY_MS + hour * HOUR_MS + minute * MINUTE_MS + second * SECOND_MS;

  // The usual form, with nothing behind the seconds but a Z.
  if (beyondHour === 4 && bytes.length === digits + 1 && bytes[digits] === 0x5a) {
    if (generalized && year === 9999 && month === 12 && day === 31 && hour === 23 && minute === 59 && second === 59) {
      return { status: 'never' };
    }
    return { status: 'known', at };
  }

  let problem = beyondHour === 4 ? undefined : 'the seconds are missing';
  let index = digits;
  if (generalized && (bytes[index] === 0x2e || bytes[index] === 0x2c)) {
    const count = countDigits(bytes, index + 1);
    if (count === 0) return unreadable(bytes, 'the fraction is empty');
    const used = Math.min(count, MAX_FRACTION_DIGITS);
    const unitMs = beyondHour === 4 ? SECOND_MS : beyondHour === 2 ? MINUTE_MS : HOUR_MS;
    at += Math.floor((number(bytes, index + 1, used) * unitMs) / 10 ** used);
    problem ??= 'it has a fraction';
    index += 1 + count;
  }

  const zone = bytes[index];
  if (zone === undefined) return unreadable(bytes, 'the time zone is missing');
  if (zone === 0x5a) {
    if (bytes.length > index + 1) return unreadable(bytes, 'there is something behind the Z');
    return problem === undefined ? { status: 'known', at } : { status: 'known', at, problem };
  }
  if (zone !== 0x2b && zone !== 0x2d) return unreadable(bytes, `it is not of the form ${form}`);
  const offsetDigits = countDigits(bytes, index + 1);
  if ((offsetDigits !== 4 && !(generalized && offsetDigits === 2)) || bytes.length !== index + 1 + offsetDigits) {
    return unreadable(bytes, 'the offset is not of the form +HHMM');
  }
  const offsetHour = number(bytes, index + 1, 2);
  const offsetMinute = offsetDigits === 4 ? number(bytes, index + 3, 2) : 0;
  // Clocks on land go from -12:00 to +14:00.
  if (offsetHour > 14 || offsetMinute > 59) return unreadable(bytes, 'there is no such offset');
  const offsetMs = offsetHour * HOUR_MS + offsetMinute * MINUTE_MS;
  return {
    status: 'known',
    at: zone === 0x2b ? at - offsetMs : at + offsetMs,
    problem: problem ?? 'it has an offset in place of Z',
  };
}

function unreadable(bytes: Uint8Array, problem: string): CertificateTime {
  return { status: 'unreadable', text: Buffer.from(bytes.subarray(0, MAX_TEXT)).toString('latin1'), problem };
}

function countDigits(bytes: Uint8Array, from: number): number {
  let index = from;
  while (index < bytes.length && isDigit(bytes[index] as number)) index++;
  return index - from;
}

function isDigit(octet: number): boolean {
  return octet >= 0x30 && octet <= 0x39;
}

/** The digits from `from` on as a number; the caller has counted them. */
function number(bytes: Uint8Array, from: number, count: number): number {
  let value = 0;
  for (let index = from; index < from + count; index++) value = value * 10 + (bytes[index] as number) - 0x30;
  return value;
}

function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return isLeapYear(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days from 1970-01-01 to a day of the proleptic Gregorian calendar. */
function daysFromEpoch(year: number, month: number, day: number): number {
  const before = year - 1;
  const leapDays = Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400);
  const leapDayOfThisYear = month > 2 && isLeapYear(year) ? 1 : 0;
  // 719 162 days lie between 0001-01-01 and the epoch.
  return year * 365 - 365 + leapDays + (DAYS_BEFORE_MONTH[month - 1] as number) + leapDayOfThisYear + day - 1 - 719_162;
}
