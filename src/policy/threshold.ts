import { parseDuration } from '../label/duration.ts';

/** A share of the lifetime, or a fixed time. */
export type Amount = { readonly percent: number } | { readonly ms: number };

/**
 * How long before an end a severity begins. `max` and `min` bound it: `25% max 30d` is a quarter of the lifetime, but
 * never more than 30 days.
 */
export interface Threshold {
  readonly amount: Amount;
  readonly max?: Amount;
  readonly min?: Amount;
  /** As it was written, for messages. */
  readonly text: string;
}

/** Text that is no threshold. The message says what was written and what is allowed. */
export class ThresholdError extends Error {
  override readonly name = 'ThresholdError';
}

/**
 * Stands in for a lifetime that is not known (a credential, a certificate known by description) where a threshold is a
 * share of it and has no fixed bound: 90 days, what the public web issues most.
 */
export const ASSUMED_LIFETIME_MS = 90 * 86_400_000;

const FORM =
  /^(?<amount>\S+)(?:\s+(?<first>max|min)\s+(?<firstBound>\S+))?(?:\s+(?<second>max|min)\s+(?<secondBound>\S+))?$/;
const ALLOWED = 'use a share of the lifetime, a time, or both: "25%", "30d", "10h", "25% max 30d", "15% min 2d"';

/** Reads `30d`, `25%`, `25% max 30d`, `15% min 2d max 10d`. Throws ThresholdError. */
export function parseThreshold(text: string): Threshold {
  const parts = FORM.exec(text.trim())?.groups;
  if (parts === undefined || (parts['first'] !== undefined && parts['first'] === parts['second'])) {
    throw new ThresholdError(`"${text}" is not a threshold; ${ALLOWED}`);
  }
  const bounds = new Map<string, Amount>();
  for (const [word, bound] of [
    [parts['first'], parts['firstBound']],
    [parts['second'], parts['secondBound']],
  ]) {
    if (word !== undefined && bound !== undefined) bounds.set(word, parseAmount(bound, text));
  }
  const max = bounds.get('max');
  const min = bounds.get('min');
  if (max !== undefined && min !== undefined && isMore(min, max)) {
    throw new ThresholdError(`"${text}" is not a threshold: its min is more than its max`);
  }
  return {
    amount: parseAmount(parts['amount'] ?? '', text),
    ...(max === undefined ? {} : { max }),
    ...(min === undefined ? {} : { min }),
    text: text.trim(),
  };
}

/**
 * How long before the end the threshold is reached, milliseconds, at least 0. A share of a lifetime that is not known is
 * taken as its fixed `max` where there is one, else as a share of `ASSUMED_LIFETIME_MS`.
 */
export function thresholdMs(threshold: Threshold, lifetimeMs: number | undefined): number {
  const { amount, max, min } = threshold;
  if (lifetimeMs === undefined && 'percent' in amount && max !== undefined && 'ms' in max) return max.ms;
  const lifetime = Math.max(0, lifetimeMs ?? ASSUMED_LIFETIME_MS);
  const upTo = max === undefined ? Infinity : amountMs(max, lifetime);
  const from = min === undefined ? 0 : amountMs(min, lifetime);
  return Math.floor(Math.max(from, Math.min(upTo, amountMs(amount, lifetime))));
}

function amountMs(amount: Amount, lifetimeMs: number): number {
  return 'percent' in amount ? (lifetimeMs * amount.percent) / 100 : amount.ms;
}

function parseAmount(text: string, threshold: string): Amount {
  const percent = /^(\d{1,3}(?:\.\d{1,3})?)%$/.exec(text)?.[1];
  if (percent !== undefined) {
    if (Number(percent) > 100) throw new ThresholdError(`"${threshold}" is not a threshold: a share is at most 100%`);
    return { percent: Number(percent) };
  }
  try {
    return { ms: parseDuration(text) };
  } catch (error) {
    throw new ThresholdError(`"${threshold}" is not a threshold: "${text}" is neither a share nor a time; ${ALLOWED}`, {
      cause: error,
    });
  }
}

/** Whether one bound exceeds the other; a share and a time cannot be compared without a lifetime. */
function isMore(a: Amount, b: Amount): boolean {
  if ('percent' in a) return 'percent' in b && a.percent > b.percent;
  return 'ms' in b && a.ms > b.ms;
}
