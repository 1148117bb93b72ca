import type { Alert, DueDelivery, OutboxEntry, Settlement, Silence } from './model.ts';

export interface AlertReader {
  /** Open alerts, or all. */
  alerts(filter?: { readonly state?: 'open' }): Promise<readonly Alert[]>;
  /** Open alerts that have an open place at one of these locations. */
  openAlertsAt(locationIds: readonly number[]): Promise<readonly Alert[]>;
  /** Those of these locations at which an alert is open. */
  alarmedAt(locationIds: readonly number[]): Promise<ReadonlySet<number>>;
  alertsById(ids: readonly string[]): Promise<readonly Alert[]>;
  /** Alerts of which some channel is due to hear: again, or what was put off until now. */
  alertsDue(now: number): Promise<readonly Alert[]>;
  /** When the next alert is due so, if any. */
  nextTellAt(): Promise<number | undefined>;
  /** Alerts that a channel was told of in this group, in their present life, open or over. */
  alertsInGroup(channel: string, group: string): Promise<readonly Alert[]>;
  /** The sum of the weights of what was put into the outbox for a channel since then. */
  recentWeight(channel: string, since: number): Promise<number>;
  /** Whether some recipient has got a notification. */
  isDelivered(channel: string, notificationId: string): Promise<boolean>;
  /** Those that hold longest first, those that are over too. */
  silences(): Promise<readonly Silence[]>;
  alertsAwaitingDigest(): Promise<readonly Alert[]>;
}

/** Lives inside a transaction of the store: a transition and its outbox rows are committed together. */
export interface AlertWriter extends AlertReader {
  /** Inserts or replaces alerts with their places and what was told. */
  saveAlerts(alerts: readonly Alert[]): Promise<void>;
  /** A notification id that is already there is left alone. */
  enqueue(entry: OutboxEntry, now: number): Promise<void>;
  /** As the outbox's, together with what follows from it. */
  settle(settlement: Settlement): Promise<void>;
  /** Inserts or replaces it. */
  saveSilence(silence: Silence): Promise<void>;
  /** What is put off of any alert is looked at again now: why it was may be over. */
  wakeHeld(now: number): Promise<void>;
}

/** What waits to be delivered. Rows never vanish: they are delivered or given up. */
export interface Outbox {
  /**
   * Deliveries due now for these channels, oldest first, at most `limit`. A message waits while an earlier one of the
   * same channel, recipient and group is pending, so that nobody hears "resolved" before "first".
   */
  due(channels: readonly string[], now: number, limit: number): Promise<readonly DueDelivery[]>;
  settle(settlement: Settlement): Promise<void>;
  /** Gives up what is pending for channels other than these: nobody is left who could deliver it. Gives the number of deliveries. */
  giveUpOthers(channels: readonly string[], error: string, at: number): Promise<number>;
  /** What could not be delivered to a channel because nobody was there is due now: somebody is. */
  hasten(channel: string, now: number): Promise<void>;
  /** When the next pending delivery is due, if any. */
  nextDueAt(): Promise<number | undefined>;
  /** When the oldest pending delivery was enqueued, if any. */
  oldestPendingAt(): Promise<number | undefined>;
  /** Deliveries that were given up. */
  failed(): Promise<
    readonly {
      readonly channel: string;
      readonly recipient: string;
      readonly notificationId: string;
      readonly error: string;
      readonly at: number;
    }[]
  >;
}
