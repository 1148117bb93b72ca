import type { Inquiry } from '../inventory/fact.ts';
import { networkFailure } from '../plugin/network-failure.ts';
import type { Answer } from './enricher.ts';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

const FIRST_WAIT_MS = 5 * MINUTE_MS;
/** Who fails lastingly is asked again after this. */
export const LONG_WAIT_MS = 6 * HOUR_MS;

export function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}

/** When to ask again after so many failures in a row before this one: 5 minutes, 20 minutes, 80 minutes, then 6 hours. */
export function backoffAt(now: number, failures: number): number {
  return now + Math.min(FIRST_WAIT_MS * 4 ** Math.min(failures, 10), LONG_WAIT_MS);
}

/** The wait that a Retry-After header asks for (RFC 9110 10.2.3), milliseconds; `undefined` when it says nothing readable. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const at = /^[A-Z][a-z]{2}, /.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

/** The answer for a subject about which nothing could be learned. */
export function vain(
  { subject, previous }: { readonly subject: string; readonly previous?: Inquiry },
  now: number,
  problem: string,
  askAgainAt = backoffAt(now, previous?.failures ?? 0),
): Answer {
  return { subject, problem, askAgainAt };
}

/** The text of a network failure; anything else, a stop included, is thrown on. */
export function problemOf(error: unknown): string {
  const failure = networkFailure(error);
  if (failure === undefined) throw error;
  return failure.message;
}

/** The URLs that can be fetched, without repetition; others (LDAP) are left out. */
export function httpUrls(urls: readonly string[], most: number): readonly string[] {
  return [...new Set(urls.filter((url) => /^https?:\/\//i.test(url)))].slice(0, most);
}
