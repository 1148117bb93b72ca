import type { Labels } from '../label/labels.ts';

export type Severity = 'info' | 'warning' | 'critical';
export const SEVERITIES = ['info', 'warning', 'critical'] as const satisfies readonly Severity[];

/** Negative when `a` is milder than `b`, positive when it is worse, 0 when they are the same. */
export function compareSeverity(a: Severity, b: Severity): number {
  return SEVERITIES.indexOf(a) - SEVERITIES.indexOf(b);
}

/** Why a receiver is told. The list is closed: it is a metric label. */
export const NOTIFICATION_REASONS = ['first', 'worse', 'changed', 'repeat', 'resolved', 'withdrawn'] as const;
export type NotificationReason = (typeof NOTIFICATION_REASONS)[number];

/** One place that an alert is about. Text may be hostile. */
export interface AffectedPlace {
  readonly source: string;
  readonly location: string;
  readonly rules: readonly string[];
  readonly severity: Severity;
  readonly summary: string;
  readonly labels: Labels;
  /** Where the place stands: still affected, clean again, or gone. */
  readonly state: 'open' | 'resolved' | 'withdrawn';
}

/** One alert as a receiver is told of it. Text may be hostile: a channel escapes it for its sink. */
export interface AlertNotice {
  /** Stable over the alert's life; also after it was resolved and came back. */
  readonly id: string;
  readonly family: string;
  readonly cause: string;
  /** A message about a group may tell of some that are over and some that are not. */
  readonly state: 'open' | 'resolved' | 'withdrawn';
  readonly severity: Severity;
  /** The rules that fire inside it, the worst first. */
  readonly rules: readonly string[];
  /** What it is about, short: the certificate's name, the target. */
  readonly title: string;
  /** One sentence: what is wrong, and since or until when. */
  readonly summary: string;
  /** When it breaks or broke, where the cause is an end. */
  readonly endsAt?: Date;
  readonly openedAt: Date;
  /** Facts for a table: `Fingerprint`, `Issuer`, `Serial`, …; text may be hostile. */
  readonly facts: readonly { readonly name: string; readonly value: string }[];
  /** The affected places, the first that breaks first; at most `MAX_PLACES`. */
  readonly places: readonly AffectedPlace[];
  readonly placeCount: number;
  /** What to do, in order. */
  readonly actions: readonly string[];
  /** What the label `runbook` of a place says, else the page of the runbook of this alert. */
  readonly runbookUrl?: string;
}

export const MAX_PLACES = 20;

/** Several alerts of one group; what was there when a source was new; too much at once; what a route collects. */
export type DigestOccasion = 'group' | 'first-day' | 'storm' | 'daily' | 'weekly';

/** One message to one channel about one group of alerts. */
export interface Notification {
  /** Stable over retries: `Message-ID`, `Idempotency-Key`. */
  readonly id: string;
  readonly kind: 'alert' | 'digest' | 'test';
  /** Of a digest: what made a list of it. */
  readonly occasion?: DigestOccasion;
  readonly reason: NotificationReason;
  /** The worst severity inside. */
  readonly severity: Severity;
  /** What the receiver was told before, of an alert that it was told of before. */
  readonly previousSeverity?: Severity;
  readonly at: Date;
  /** Messages of one group belong to one thread. */
  readonly group: string;
  readonly alerts: readonly AlertNotice[];
  /** How many alerts it is about; more than `alerts` holds when the list was cut. */
  readonly alertCount: number;
  /** Where the page of this installation is, if the config says so. */
  readonly externalUrl?: string;
}
