import { sql } from 'kysely';

import type { DueDelivery, OutboxEntry, Settlement } from '../notify/model.ts';
import type { Outbox } from '../notify/port.ts';
import type { DeliveryResult, Receipt } from '../plugin/channel.ts';
import type { Notification } from '../plugin/notification.ts';
import type { Access } from './access.ts';
import { chunks } from './bulk.ts';
import { fromJson, toJson, type JsonText } from './json.ts';
import type { Connection } from './schema.ts';

// As literals: with a parameter neither database can tell that its index of such rows will do.
const PENDING = sql.lit<'pending'>('pending');
const FAILED = sql.lit<'failed'>('failed');

/** Given-up deliveries that are listed: the newest. */
const FAILED_LISTED = 1000;

export function createOutbox(access: Access): Outbox {
  return {
    due: (channels, now, limit) => access.read((db) => selectDue(db, channels, now, limit)),

    settle: (settlement) => access.urgent((db) => settle(db, settlement)),

    giveUpOthers: (channels, error, at) =>
      access.write(async (db) => {
        const pending = db
          .updateTable('deliveries')
          .set({ state: 'failed', last_error: error, settled_at: at })
          .where('state', '=', PENDING);
        const update = await (
          channels.length === 0 ? pending : pending.where('channel', 'not in', channels)
        ).executeTakeFirst();
        return Number(update.numUpdatedRows);
      }),

    hasten: (channel, now) =>
      access.urgent(async (db) => {
        await db
          .updateTable('deliveries')
          .set({ next_at: now })
          .where('state', '=', PENDING)
          .where('channel', '=', channel)
          .where('next_at', '>', now)
          .where((eb) => eb.or([eb('last_error', 'like', 'network: %'), eb('last_error', 'like', 'timeout: %')]))
          .execute();
      }),

    nextDueAt: () =>
      access.read(async (db) => {
        const row = await waiting(db)
          .select((eb) => eb.fn.min('d.next_at').as('at'))
          .executeTakeFirst();
        return row?.at ?? undefined;
      }),

    oldestPendingAt: () =>
      access.read(async (db) => {
        const row = await db
          .selectFrom('deliveries as d')
          .innerJoin('notifications as n', 'n.seq', 'd.seq')
          .select((eb) => eb.fn.min('n.enqueued_at').as('at'))
          .where('d.state', '=', PENDING)
          .executeTakeFirst();
        return row?.at ?? undefined;
      }),

    failed: () =>
      access.read(async (db) => {
        const rows = await db
          .selectFrom('deliveries as d')
          .innerJoin('notifications as n', 'n.seq', 'd.seq')
          .select(['d.channel', 'd.recipient', 'n.id', 'd.last_error', 'd.settled_at'])
          .where('d.state', '=', FAILED)
          .orderBy('d.settled_at', 'desc')
          .orderBy('d.seq', 'desc')
          .limit(FAILED_LISTED)
          .execute();
        return rows.map((row) => ({
          channel: row.channel,
          recipient: row.recipient,
          notificationId: row.id,
          error: row.last_error ?? '',
          at: row.settled_at ?? 0,
        }));
      }),
  };
}

/** Part of the transaction that decided to tell somebody. */
export async function enqueue(db: Connection, entry: OutboxEntry, now: number): Promise<void> {
  const { channel, notification } = entry;
  const added = await db
    .insertInto('notifications')
    .values({
      id: notification.id,
      channel,
      notification_json: toJson(notification),
      enqueued_at: now,
      weight: entry.weight ?? 0,
    })
    .onConflict((conflict) => conflict.columns(['id', 'channel']).doNothing())
    .returning('seq')
    .executeTakeFirst();
  if (added === undefined) return;
  for (const some of chunks([...new Set(entry.recipients)])) {
    await db
      .insertInto('deliveries')
      .values(
        some.map((recipient) => ({
          seq: added.seq,
          recipient,
          channel,
          group_key: notification.group,
          state: 'pending' as const,
          attempts: 0,
          next_at: now,
        })),
      )
      .execute();
  }
}

/**
 * Pending deliveries that no earlier one of their channel, recipient and group holds up: the first of each. Grouped, since
 * whoever asks for each whether there is an earlier one takes minutes for thousands where the statistics are old.
 */
function waiting(db: Connection) {
  const firsts = db
    .selectFrom('deliveries')
    .select((eb) => ['recipient', eb.fn.min('seq').as('seq')])
    .where('state', '=', PENDING)
    .groupBy(['channel', 'recipient', 'group_key'])
    .as('f');
  return db
    .selectFrom('deliveries as d')
    .innerJoin(firsts, (join) => join.onRef('f.seq', '=', 'd.seq').onRef('f.recipient', '=', 'd.recipient'));
}

async function selectDue(
  db: Connection,
  channels: readonly string[],
  now: number,
  limit: number,
): Promise<readonly DueDelivery[]> {
  if (channels.length === 0) return [];
  const ready = waiting(db).where('d.next_at', '<=', now).where('d.channel', 'in', channels);
  const first = await ready.select('d.seq').distinct().orderBy('d.seq').limit(limit).execute();
  if (first.length === 0) return [];
  const seqs = first.map(({ seq }) => seq);
  const rows = await ready
    .innerJoin('notifications as n', 'n.seq', 'd.seq')
    .select(['d.seq', 'd.channel', 'd.recipient', 'd.group_key', 'd.attempts', 'n.notification_json'])
    .where('d.seq', 'in', seqs)
    .orderBy('d.seq')
    .orderBy('d.recipient')
    .execute();
  const due: DueDelivery[] = [];
  for (const recipients of Map.groupBy(rows, (row) => row.seq).values()) {
    const [one] = recipients;
    if (one === undefined) continue;
    due.push({
      channel: one.channel,
      notification: toNotification(one.notification_json),
      recipients: recipients.map(({ recipient, attempts }) => ({ recipient, attempts })),
      previous: await receiptOf(db, one.channel, one.recipient, one.group_key),
    });
  }
  return due;
}

async function receiptOf(
  db: Connection,
  channel: string,
  recipient: string,
  group: string,
): Promise<Receipt | undefined> {
  const row = await db
    .selectFrom('receipts')
    .select('receipt_json')
    .where('channel', '=', channel)
    .where('recipient', '=', recipient)
    .where('group_key', '=', group)
    .executeTakeFirst();
  return row === undefined ? undefined : fromJson(row.receipt_json);
}

/** A notification as it was, dates and all. */
function toNotification(text: JsonText<Notification>): Notification {
  const stored = fromJson(text);
  return {
    ...stored,
    at: new Date(stored.at),
    alerts: stored.alerts.map((alert) => ({
      ...alert,
      openedAt: new Date(alert.openedAt),
      ...(alert.endsAt === undefined ? {} : { endsAt: new Date(alert.endsAt) }),
    })),
  };
}

export async function settle(db: Connection, settlement: Settlement): Promise<void> {
  const { channel, notificationId } = settlement;
  const found = await db
    .selectFrom('notifications')
    .select('seq')
    .where('id', '=', notificationId)
    .where('channel', '=', channel)
    .executeTakeFirst();
  if (found === undefined) return;
  for (const result of settlement.results) {
    const update = await db
      .updateTable('deliveries')
      .set((eb) => ({ ...outcome(result, settlement), attempts: eb('attempts', '+', 1) }))
      .where('seq', '=', found.seq)
      .where('recipient', '=', result.recipient)
      // What was delivered stays delivered, whatever a slower attempt reports later.
      .where('state', '=', PENDING)
      .executeTakeFirst();
    if (update.numUpdatedRows === 1n && result.status === 'delivered' && result.receipt !== undefined) {
      await saveReceipt(db, settlement, result.recipient, result.receipt);
    }
  }
}

function outcome(
  result: DeliveryResult,
  { retryAt, at }: Settlement,
): { state?: 'delivered' | 'failed'; settled_at?: number; next_at?: number; last_error: string | null } {
  if (result.status === 'delivered') return { state: 'delivered', settled_at: at, last_error: null };
  const error = `${result.reason}: ${result.detail}`;
  const next = retryAt.get(result.recipient);
  return next === undefined
    ? { state: 'failed', settled_at: at, last_error: error }
    : { next_at: next, last_error: error };
}

async function saveReceipt(
  db: Connection,
  { channel, group, at }: Settlement,
  recipient: string,
  receipt: Receipt,
): Promise<void> {
  const values = { receipt_json: toJson(receipt), at };
  await db
    .insertInto('receipts')
    .values({ channel, recipient, group_key: group, ...values })
    .onConflict((conflict) => conflict.columns(['channel', 'recipient', 'group_key']).doUpdateSet(values))
    .execute();
}
