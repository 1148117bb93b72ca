import type { Alert, DueDelivery, OutboxEntry, Settlement, Silence } from '../../src/notify/model.ts';
import type { AlertWriter, Outbox } from '../../src/notify/port.ts';
import type { Receipt } from '../../src/plugin/channel.ts';
import type { Notification } from '../../src/plugin/notification.ts';

interface Row {
  readonly channel: string;
  readonly recipient: string;
  readonly notification: Notification;
  readonly enqueuedAt: number;
  state: 'pending' | 'delivered' | 'failed';
  attempts: number;
  nextAt: number;
  error: string;
  /** Nobody was there. */
  isAbsent: boolean;
  settledAt: number;
}

/** Alerts and outbox in memory, with what the ports promise. `posted` is everything that was ever enqueued, in order. */
export interface MemoryAlerts extends AlertWriter, Outbox {
  readonly posted: readonly OutboxEntry[];
  readonly saved: number;
  /** Gives back a copy of the alerts to which `restore` returns: a transaction that was rolled back. */
  snapshot(): ReadonlyMap<string, Alert>;
  restore(snapshot: ReadonlyMap<string, Alert>): void;
}

export function createMemoryAlerts(): MemoryAlerts {
  let alerts = new Map<string, Alert>();
  const rows: Row[] = [];
  const posted: OutboxEntry[] = [];
  const receipts = new Map<string, Receipt>();
  const silences = new Map<string, Silence>();
  const weights: { readonly channel: string; readonly at: number; readonly weight: number }[] = [];
  let saved = 0;

  const those = (wanted: (alert: Alert) => boolean): Alert[] => structuredClone([...alerts.values()].filter(wanted));
  const isOpen = (alert: Alert): boolean => alert.state === 'open';
  const receiptKey = (...parts: readonly string[]): string => parts.join('\0');
  const pending = (): Row[] => rows.filter((row) => row.state === 'pending');
  /** Those that no earlier one of their channel, recipient and group holds back. */
  const ready = (): Row[] => {
    const taken = new Set<string>();
    return pending().filter(({ channel, recipient, notification }) => {
      const key = receiptKey(channel, recipient, notification.group);
      return !taken.has(key) && taken.add(key);
    });
  };

  return {
    posted,
    get saved() {
      return saved;
    },
    snapshot: () => structuredClone(alerts),
    restore(snapshot) {
      alerts = new Map(snapshot);
    },

    alerts: async (filter) => those((alert) => filter?.state !== 'open' || isOpen(alert)),
    async openAlertsAt(ids) {
      const wanted = new Set(ids);
      const isWanted = (place: Alert['places'][number]): boolean =>
        place.state === 'open' && wanted.has(place.locationId);
      return those((alert) => isOpen(alert) && alert.places.some(isWanted));
    },
    async alarmedAt(ids) {
      const open = [...alerts.values()].flatMap(({ places }) => places.filter(({ state }) => state === 'open'));
      return new Set(open.flatMap(({ locationId }) => (ids.includes(locationId) ? [locationId] : [])));
    },
    alertsById: async (ids) => structuredClone(ids.flatMap((id) => alerts.get(id) ?? [])),
    alertsDue: async (now) => those((alert) => tellTimes(alert).some((at) => at <= now)),
    nextTellAt: async () => minimum([...alerts.values()].flatMap(tellTimes)),
    alertsInGroup: async (channel, group) =>
      those((alert) => alert.told.some((told) => told.channel === channel && told.group === group)),
    recentWeight: async (channel, since) => {
      let weight = 0;
      for (const entry of weights) if (entry.channel === channel && entry.at > since) weight += entry.weight;
      return weight;
    },
    isDelivered: async (channel, id) =>
      rows.some((row) => row.channel === channel && row.notification.id === id && row.state === 'delivered'),
    silences: async () => [...silences.values()],
    async saveSilence(silence) {
      silences.set(silence.id, silence);
    },
    async wakeHeld(now) {
      for (const [id, alert] of alerts) {
        if (alert.held === undefined) continue;
        alerts.set(id, { ...alert, held: alert.held.map((held) => ({ ...held, until: now })) });
      }
    },
    alertsAwaitingDigest: async () => those((alert) => isOpen(alert) && alert.awaitsDigest),
    async saveAlerts(changed) {
      saved += changed.length;
      for (const alert of changed) alerts.set(alert.id, structuredClone(alert));
    },
    async enqueue(entry, now) {
      if (rows.some((row) => row.notification.id === entry.notification.id)) return;
      posted.push(entry);
      weights.push({ channel: entry.channel, at: now, weight: entry.weight ?? 0 });
      for (const recipient of entry.recipients) {
        const { channel, notification } = entry;
        const fresh = { state: 'pending', attempts: 0, nextAt: now, error: '', isAbsent: false, settledAt: 0 } as const;
        rows.push({ channel, recipient, notification, enqueuedAt: now, ...fresh });
      }
    },

    async due(channels, now, limit) {
      const due = ready().filter((row) => channels.includes(row.channel) && row.nextAt <= now);
      const deliveries = [...Map.groupBy(due, (row) => row.notification.id).values()].map((group): DueDelivery => {
        const [first] = group as [Row];
        const { channel, notification } = first;
        return {
          channel,
          notification,
          recipients: group.map(({ recipient, attempts }) => ({ recipient, attempts })),
          previous: receipts.get(receiptKey(channel, notification.group, first.recipient)),
        };
      });
      return deliveries.slice(0, limit);
    },
    async settle(settlement) {
      for (const result of settlement.results) settleOne(settlement, result);
    },
    async giveUpOthers(channels, error) {
      const others = pending().filter((row) => !channels.includes(row.channel));
      for (const row of others) Object.assign(row, { state: 'failed', lastError: error });
      return others.length;
    },
    async hasten(channel, now) {
      for (const row of pending()) if (row.channel === channel && row.isAbsent) row.nextAt = Math.min(row.nextAt, now);
    },
    nextDueAt: async () => minimum(ready().map((row) => row.nextAt)),
    oldestPendingAt: async () => minimum(pending().map((row) => row.enqueuedAt)),
    failed: async () =>
      rows
        .filter((row) => row.state === 'failed')
        .map((row) => ({
          channel: row.channel,
          recipient: row.recipient,
          notificationId: row.notification.id,
          error: row.error,
          at: row.settledAt,
        })),
  };

  function settleOne(settlement: Settlement, result: Settlement['results'][number]): void {
    const row = pending().find(
      (candidate) =>
        candidate.channel === settlement.channel &&
        candidate.notification.id === settlement.notificationId &&
        candidate.recipient === result.recipient,
    );
    if (row === undefined) throw new Error('settled what was not pending');
    row.attempts += 1;
    row.settledAt = settlement.at;
    if (result.status === 'delivered') {
      row.state = 'delivered';
      if (result.receipt !== undefined) {
        receipts.set(receiptKey(settlement.channel, settlement.group, result.recipient), result.receipt);
      }
      return;
    }
    row.error = result.detail;
    row.isAbsent = result.reason === 'network' || result.reason === 'timeout';
    const retryAt = settlement.retryAt.get(result.recipient);
    if (retryAt === undefined) row.state = 'failed';
    else row.nextAt = retryAt;
  }
}

/** When a channel is due to hear of it: what was put off, and of an open one what repeats. */
function tellTimes(alert: Alert): number[] {
  const repeats = alert.state === 'open' ? alert.told.flatMap(({ repeatAt }) => repeatAt ?? []) : [];
  return [...repeats, ...(alert.held ?? []).flatMap(({ until }) => until ?? [])];
}

function minimum(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : Math.min(...values);
}
