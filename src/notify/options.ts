import type { Matcher } from '../label/matcher.ts';
import type { Severity } from '../plugin/notification.ts';
import type { OutboxEntry } from './model.ts';
import type { DigestSchedule, QuietHours } from './schedule.ts';

/** Sends what its matchers match to its channels. */
export interface Route {
  /** All must match. None matches everything. */
  readonly matchers: readonly Matcher[];
  readonly channels: readonly string[];
  /** Go on to the next routes after this one matched. Default false. */
  readonly continue?: boolean;
  /** Labels whose values make one group of messages; none makes one of all. Default: each alert is a group of its own. */
  readonly groupBy?: readonly string[];
  /** What is not critical waits for their end. */
  readonly quietHours?: QuietHours;
  /** What is not critical is collected, by owner unless `groupBy` says otherwise. */
  readonly digest?: DigestSchedule;
  readonly escalate?: Escalation;
}

/** Tells other channels as well when nobody reacts. */
export interface Escalation {
  /** Since the route's channel was told the news. */
  readonly afterMs: number;
  readonly channels: readonly string[];
  /** Nobody acknowledged it, which holds also where nobody got it; or nobody got it. */
  readonly when: 'unacknowledged' | 'undelivered';
}

/** Time between reminders while nothing changes, milliseconds. */
export interface RepeatPolicy {
  readonly normalMs: number;
  /** While the end is less than 7 days away, before or after it. */
  readonly soonMs: number;
  /** While it is critical and the end is less than a day away, before or after it. */
  readonly urgentMs: number;
}

/** How alerts become notifications. Everything is given anew at each call, so that a reload holds at once. */
export interface NotifyOptions {
  /** Every channel there is; all of them are told while there are no routes. */
  readonly channels: readonly string[];
  /** The first that matches wins, unless it says to go on. Empty: everything goes to every channel. */
  readonly routes: readonly Route[];
  /** Who hears through a channel; empty when there is no such channel. */
  recipients(channel: string): readonly string[];
  /** When a channel is not to be disturbed, whatever the route. */
  quietHours?(channel: string): QuietHours | undefined;
  /** Alerts below this exist but are not told. Default `warning`. */
  readonly minimumSeverity?: Severity;
  /** Good looks in a row that a place needs to be resolved. Default 3. */
  readonly resolveAfterLooks?: number;
  /** Default: weekly, daily when the end is near, hourly around the end of something critical. */
  readonly repeat?: RepeatPolicy;
  /** Alerts that a channel is told of within a minute before the rest becomes one message; 0: never. Default 20. */
  readonly stormAfter?: number;
  /** The first round of this source is not complete yet. */
  isNew(source: string): boolean;
  /** Where the page of this installation is. */
  readonly externalUrl?: string;
  /** The page of the runbook of an alert, by its id. */
  runbookUrl(alert: string): string | undefined;
  /**
   * Given: nothing is put into the outbox, this is called with what would have been. A dry run remembers apart what it
   * showed, so that it shows each thing once, and everything is told when it ends.
   */
  readonly dryRun?: (entry: OutboxEntry) => void;
}

export const DEFAULT_MINIMUM_SEVERITY: Severity = 'warning';
export const DEFAULT_RESOLVE_AFTER_LOOKS = 3;
export const DEFAULT_STORM_AFTER = 20;
