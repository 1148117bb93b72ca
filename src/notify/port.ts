import type { Alert, DueDelivery, OutboxEntry, Settlement } from './model.ts';

export interface AlertReader {
  /** Open alerts, or all. */
  alerts(filter?: { readonly state?: 'open' }): Promise<readonly Alert[]>;
  /** Open alerts that have an open place at one of these locations. */
  openAlertsAt(locationIds: readonly number[]): Promise<readonly Alert[]>;
  alertsById(ids: readonly string[]): Promise<readonly Alert[]>;
  /** Open alerts of which some channel is due to hear again. */
  alertsDueForRepeat(now: number): Promise<readonly Alert[]>;
  alertsAwaitingDigest(): Promise<readonly Alert[]>;
}

/** Lives inside a transaction of the store: a transition and its outbox rows are committed together. */
export interface AlertWriter extends AlertReader {
  /** Inserts or replaces the alert with its places and what was told. */
  saveAlert(alert: Alert): Promise<void>;
  /** A notification id that is already there is left alone. */
  enqueue(entry: OutboxEntry, now: number): Promise<void>;
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
