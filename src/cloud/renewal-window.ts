const DAY_MS = 86_400_000;

/** Longer before the end than any store begins to renew by itself (ACM: 60 days; Key Vault: by policy, 30 days by default). */
const WINDOW_MS = 75 * DAY_MS;

/**
 * Whether a store may be renewing a certificate now. Then its renewal can get stuck and its users matter, though the
 * certificate itself stays the same: a collector asks for the details anew instead of trusting the last look.
 */
export function isNearItsEnd(notAfter: Date | undefined, now: number): boolean {
  return notAfter === undefined || notAfter.getTime() - now < WINDOW_MS;
}
