import { DurationError, parseDuration } from '../label/duration.ts';
import type { Period } from './forecast.ts';

/** How far ahead is looked unless told otherwise: as long as most certificates of the public web live. */
export const DEFAULT_AHEAD = '90d';

/** What was asked for, as it was written. */
export interface AskedPeriod {
  /** One instant: what will be wrong then. */
  readonly at?: string | undefined;
  readonly from?: string | undefined;
  readonly until?: string | undefined;
}

/** Text that is no period; the message says what one looks like. */
export class PeriodError extends Error {
  override readonly name = 'PeriodError';
}

/** Beyond the year 9999 nothing is written as a date any more. */
const LAST_INSTANT = Date.UTC(9999, 11, 31);
const DATE = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/;

/**
 * The period that is asked for. Each instant is a date (`2027-03-01`, ISO 8601, UTC where it names no zone) or a time
 * from now (`90d`). `until` a day includes that whole day. Throws PeriodError.
 */
export function parsePeriod({ at, from, until }: AskedPeriod, now: number): Period {
  if (at !== undefined) {
    if (from !== undefined || until !== undefined) {
      throw new PeriodError('"at" is a single moment: give either it, or "from" and "until"');
    }
    const moment = parseInstant(at, now);
    return { fromAt: moment, untilAt: moment };
  }
  const fromAt = from === undefined ? now : parseInstant(from, now);
  const untilAt =
    until === undefined ? fromAt + parseDuration(DEFAULT_AHEAD) : endOfDay(until, parseInstant(until, now));
  if (untilAt <= fromAt) {
    throw new PeriodError(
      `the period ends (${new Date(untilAt).toISOString()}) before it begins (${new Date(fromAt).toISOString()})`,
    );
  }
  return { fromAt, untilAt };
}

function parseInstant(text: string, now: number): number {
  const date = parseDate(text);
  if (date !== undefined) return date;
  try {
    const at = now + parseDuration(text);
    if (text !== '0' && at <= LAST_INSTANT) return at;
  } catch (error) {
    if (!(error instanceof DurationError)) throw error;
  }
  const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  throw new PeriodError(`"${shown}" is neither a date such as 2027-03-01 nor a time from now such as 90d`);
}

/** An ISO 8601 date with or without a time of day, UTC where it names no zone; `undefined` when it is none. */
export function parseDate(text: string): number | undefined {
  if (!DATE.test(text)) return undefined;
  const iso = text.replace(' ', 'T');
  const at = Date.parse(/T.*(?:Z|[+-]\d{2}:?\d{2})$/.test(iso) || !iso.includes('T') ? iso : `${iso}Z`);
  // 2027-02-30 would become 2 March.
  const isReal =
    !Number.isNaN(at) && new Date(`${text.slice(0, 10)}T00:00:00Z`).toISOString().startsWith(text.slice(0, 10));
  return isReal ? at : undefined;
}

function endOfDay(text: string, at: number): number {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) ? at + 86_400_000 - 1 : at;
}
