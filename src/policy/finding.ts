import type { Severity } from '../plugin/notification.ts';

/** Families: an alert is one family and one cause. */
export const FAMILIES = ['expiry', 'renewal', 'deployment', 'client', 'chain', 'coverage', 'clock'] as const;
export type Family = (typeof FAMILIES)[number];

/** Every rule that exists; ids are file names, metric labels and runbook pages. */
export const RULES = [
  'expired',
  'expiring',
  'trust-anchor-expiring',
  'crl-expiring',
  'credential-expiring',
  'key-mismatch',
  'client-rejected',
  'client-will-fail',
  'issuer-not-accepted',
  'client-auth-missing',
  'possession-failed',
  'not-yet-valid',
  'revoked',
  'hostname-mismatch',
  'untrusted',
  'chain-incomplete',
  'staple-missing',
  'chain-untidy',
  'file-untidy',
  'pin-mismatch',
  'not-deployed',
  'nodes-disagree',
  'renewal-overdue',
  'renewal-requested',
  'renewal-regression',
  'unreachable',
  'unreadable',
  'not-covered',
  'stale',
  'gone',
  'interval-too-long',
  'name-dead',
  'name-unwatched',
  'unowned',
  'clock-suspect',
  'delivery-failed',
] as const;
export type RuleId = (typeof RULES)[number];

/** What policy says about one location. Text has passed through `text` but is not escaped for any sink. */
export interface Finding {
  readonly rule: RuleId;
  readonly family: Family;
  readonly severity: Severity;
  /** Identity that groups: the id of the item that limits, else `target:<source>/<key>`, `location:<source>/<location>`, `client:<source>/<name>` `issuer:<key identifier or name>`, or `clock`. */
  readonly cause: string;
  /** What it is about, short. */
  readonly title: string;
  /** One sentence: what is wrong and since or until when. */
  readonly summary: string;
  /** When it breaks or broke, where the cause is an end; milliseconds since the epoch. */
  readonly endsAt?: number;
  readonly facts: readonly { readonly name: string; readonly value: string }[];
  /** What to do, in order. */
  readonly actions: readonly string[];
}

/** The findings of one location now, and when they change if nothing else does. */
export interface Assessment {
  readonly findings: readonly Finding[];
  /** Milliseconds since the epoch; absent when time alone changes nothing. */
  readonly nextAt?: number;
}
