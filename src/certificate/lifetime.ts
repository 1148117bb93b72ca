import type { Certificate } from './model.ts';

const DAY_MS = 86_400_000;

/**
 * How long a certificate is valid in all, in milliseconds: `notAfter` is inclusive (RFC 5280 4.1.2.5), so one second more
 * than the difference (CA/Browser Forum BR 6.3.2). `null` when it never ends, when a date cannot be read, and when it
 * ends before it begins.
 */
export function lifetimeMs(certificate: Pick<Certificate, 'notBefore' | 'notAfter'>): number | null {
  const { notBefore, notAfter } = certificate;
  if (notBefore.status !== 'known' || notAfter.status !== 'known' || notAfter.at < notBefore.at) return null;
  return notAfter.at - notBefore.at + 1000;
}

/** Whole days from `now` to `endAt` (milliseconds since the epoch), rounded down: negative from the moment it has passed. */
export function daysLeft(endAt: number, now: number): number {
  return Math.floor((endAt - now) / DAY_MS);
}

/**
 * Whether an end (milliseconds since the epoch, `null` is never) has come: `now >= endAt`. RFC 5280 has the last second
 * still valid; verifiers disagree about it, so we are a second early.
 */
export function isExpired(endAt: number | null, now: number): boolean {
  return endAt !== null && now >= endAt;
}
