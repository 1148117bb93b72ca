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
  /** The group of messages that it belongs to on this channel. */
  readonly group?: string;
  /** The message that told it. */
  readonly notificationId?: string;
  /** How many places were affected. */
  readonly placeCount?: number;
  /** The first end, milliseconds since the epoch. */
  readonly endsAt?: number;
  /** When it was last news: told for the first time, or worse. */
  readonly newsAt?: number;
}

/** Why a channel is not told yet of what it should hear. */
export const HOLDS = {
  silence: 'a silence covers every place it is about',
  acknowledged: 'somebody has acknowledged it, and it has not got worse',
  quiet_hours: 'the route or the channel has quiet hours',
  digest: 'the route collects for a digest',
  storm: 'the channel was told of many alerts in a short time',
  settling: 'it changes so often that the changes are told together',
  escalation: 'it is told here only when nobody reacts elsewhere',
} as const;
export type HoldReason = keyof typeof HOLDS;

/** What a channel should hear and is told later. */
export interface Held {
  readonly channel: string;
  readonly why: HoldReason;
  /** When it is looked at again, milliseconds since the epoch; absent: when something happens to the alert. */
  readonly until?: number;
}

/** Somebody has taken it on: the alert is quiet until it gets worse. */
export interface Acknowledgement {
  readonly author: string;
  readonly comment: string;
  readonly at: number;
  /** The alert as it was then: what is worse than this is told again. */
  readonly severity: Severity;
  readonly rules: readonly string[];
}

/** Mutes what all its matchers match, for a time. */
export interface Silence {
  readonly id: string;
  /** In Alertmanager's syntax. */
  readonly matchers: readonly string[];
  readonly createdAt: number;
  /** Ends it, milliseconds since the epoch. Moved forward when somebody ends it early. */
  readonly until: number;
  readonly author: string;
  readonly comment: string;
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
  /** What channels have yet to hear; absent when nothing. */
  readonly held?: readonly Held[];
  readonly acknowledgement?: Acknowledgement;
}

/** A notification on its way to one channel. */
export interface OutboxEntry {
  readonly channel: string;
  readonly notification: Notification;
  readonly recipients: readonly string[];
  /** What it counts towards a storm. Default 0. */
  readonly weight?: number;
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
