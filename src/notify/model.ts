import type { Labels } from '../label/labels.ts';
import type { Delivery, Receipt } from '../plugin/channel.ts';
import type { Notification, NotificationReason, Severity } from '../plugin/notification.ts';
import type { Family, Finding } from '../policy/finding.ts';

/** One location that an alert is about. */
export interface AlertPlace {
  readonly locationId: number;
  readonly source: string;
  readonly location: string;
  readonly target: string;
  readonly labels: Labels;
  readonly state: 'open' | 'resolved' | 'withdrawn';
  /** The findings of this alert there when it was last seen to be affected, the worst first. */
  readonly findings: readonly Finding[];
  readonly firstAt: number;
  readonly lastAt: number;
  /** Good looks in a row without a finding since. */
  readonly goodLooks: number;
}

/** What one channel was last told of an alert, in the alert's present life. */
export interface Told {
  readonly channel: string;
  readonly severity: Severity;
  readonly rules: readonly string[];
  readonly reason: NotificationReason;
  readonly at: number;
  /** When it is told again if nothing changes; absent when never. */
  readonly repeatAt?: number;
}

/** Findings of one family and cause that someone must hear of. Its id is made of family and cause, nothing else. */
export interface Alert {
  readonly id: string;
  readonly family: Family;
  readonly cause: string;
  readonly state: 'open' | 'resolved' | 'withdrawn';
  /** Grows each time it opens again. */
  readonly generation: number;
  readonly openedAt: number;
  readonly closedAt?: number;
  /** It was there when its source was new: it waits for the first-day digest. */
  readonly awaitsDigest: boolean;
  readonly places: readonly AlertPlace[];
  readonly told: readonly Told[];
}

/** A notification on its way to one channel. */
export interface OutboxEntry {
  readonly channel: string;
  readonly notification: Notification;
  readonly recipients: readonly string[];
}

/** What is due to be sent now: one notification and those of its recipients that wait for it. */
export interface DueDelivery {
  readonly channel: string;
  readonly notification: Notification;
  readonly recipients: readonly { readonly recipient: string; readonly attempts: number }[];
  /** What the channel gave back last time for this group and the first of the recipients. */
  readonly previous: Receipt | undefined;
}

/** What came of an attempt, with the host's decision about each failure. */
export interface Settlement {
  readonly channel: string;
  readonly notificationId: string;
  readonly group: string;
  readonly results: Delivery;
  /** When each failed recipient is tried again; a recipient that is not named here is given up. */
  readonly retryAt: ReadonlyMap<string, number>;
  readonly at: number;
}
