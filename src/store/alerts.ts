import { sql } from 'kysely';

import type { Alert } from '../notify/model.ts';
import type { AlertReader } from '../notify/port.ts';
import type { Access } from './access.ts';
import type { AlertMemory } from './alert-memory.ts';
import { toAlert, type AlertRow } from './alert-rows.ts';
import { breathe, chunks } from './bulk.ts';
import { listSilences } from './silences.ts';
import type { Connection } from './schema.ts';

/**
 * Alerts come in the order in which they opened; their places in the order of the locations' keys. What `memory` knows
 * is not read again, and what is read is told it.
 */
export function createAlertReader(access: Access, memory?: AlertMemory): AlertReader {
  return {
    alerts: (filter = {}) =>
      access.read(async (db) => {
        let query = select(db);
        if (filter.state !== undefined) query = query.where('state', '=', filter.state);
        return withPlaces(db, await query.execute(), memory);
      }),

    openAlertsAt: (locationIds) =>
      access.read(async (db) => {
        const ids = new Set<string>();
        for (const some of chunks([...new Set(locationIds)])) {
          const rows = await db
            .selectFrom('alert_places')
            .select('alert_id')
            .distinct()
            .where('location_id', 'in', some)
            .where('state', '=', sql.lit('open'))
            .execute();
          for (const row of rows) ids.add(row.alert_id);
        }
        return alertsOf(db, [...ids], memory, 'open');
      }),

    alarmedAt: (locationIds) =>
      access.read(async (db) => {
        const alarmed = new Set<number>();
        for (const some of chunks([...new Set(locationIds)])) {
          const rows = await db
            .selectFrom('alert_places')
            .select('location_id')
            .where('location_id', 'in', some)
            .where('state', '=', sql.lit('open'))
            .execute();
          for (const row of rows) alarmed.add(row.location_id);
        }
        return alarmed;
      }),

    alertsById: (ids) => access.read((db) => alertsOf(db, [...new Set(ids)], memory)),

    alertsDue: (now) =>
      access.read(async (db) => {
        const due = await select(db)
          .where((eb) =>
            eb.or([
              eb('wake_at', '<=', now),
              eb.and([
                eb('state', '=', 'open'),
                eb('id', 'in', eb.selectFrom('alert_told').select('alert_id').where('repeat_at', '<=', now)),
              ]),
            ]),
          )
          .execute();
        return withPlaces(db, due, memory);
      }),

    nextTellAt: () =>
      access.read(async (db) => {
        const woken = await db
          .selectFrom('alerts')
          .select((eb) => eb.fn.min('wake_at').as('at'))
          .executeTakeFirst();
        const repeated = await db
          .selectFrom('alert_told')
          .innerJoin('alerts', 'alerts.id', 'alert_told.alert_id')
          .select('repeat_at as at')
          .where('repeat_at', 'is not', null)
          .where('alerts.state', '=', 'open')
          .orderBy('repeat_at')
          .limit(1)
          .executeTakeFirst();
        const times = [woken?.at, repeated?.at].filter((at) => at !== undefined && at !== null);
        return times.length === 0 ? undefined : Math.min(...times);
      }),

    alertsInGroup: (channel, group) =>
      access.read(async (db) => {
        const rows = await select(db)
          .where('id', 'in', (eb) =>
            eb
              .selectFrom('alert_told')
              .select('alert_id')
              .where('group_key', '=', group)
              .where('channel', '=', channel),
          )
          .execute();
        return withPlaces(db, rows, memory);
      }),

    recentWeight: (channel, since) =>
      access.read(async (db) => {
        const row = await db
          .selectFrom('notifications')
          .select((eb) => eb.fn.sum<number | string | null>('weight').as('weight'))
          .where('channel', '=', channel)
          .where('enqueued_at', '>', since)
          .executeTakeFirst();
        return Number(row?.weight ?? 0);
      }),

    isDelivered: (channel, notificationId) =>
      access.read(async (db) => {
        const row = await db
          .selectFrom('deliveries as d')
          .innerJoin('notifications as n', 'n.seq', 'd.seq')
          .select('d.seq')
          .where('n.id', '=', notificationId)
          .where('n.channel', '=', channel)
          .where('d.state', '=', 'delivered')
          .executeTakeFirst();
        return row !== undefined;
      }),

    silences: () => access.read(listSilences),

    alertsAwaitingDigest: () =>
      access.read(async (db) =>
        withPlaces(db, await select(db).where('state', '=', 'open').where('awaits_digest', '=', 1).execute(), memory),
      ),
  };
}

function select(db: Connection) {
  return db.selectFrom('alerts').selectAll().orderBy('opened_at').orderBy('id');
}

/** Those with these ids. */
export async function alertsOf(
  db: Connection,
  ids: readonly string[],
  memory: AlertMemory | undefined,
  state?: 'open',
): Promise<readonly Alert[]> {
  const rows: AlertRow[] = [];
  for (const some of chunks(ids)) {
    let query = select(db).where('id', 'in', some);
    if (state !== undefined) query = query.where('state', '=', state);
    rows.push(...(await query.execute()));
  }
  return withPlaces(
    db,
    rows.toSorted((a, b) => a.opened_at - b.opened_at || (a.id < b.id ? -1 : 1)),
    memory,
  );
}

async function withPlaces(
  db: Connection,
  rows: readonly AlertRow[],
  memory: AlertMemory | undefined,
): Promise<readonly Alert[]> {
  const found = new Map<string, Alert>();
  for (const { id, version } of rows) {
    const alert = memory?.get(id)?.alert ?? memory?.recall(id, version);
    if (alert === undefined) continue;
    found.set(id, alert);
    memory?.set(id, { alert, version });
  }
  const unknown = rows.filter(({ id }) => !found.has(id));
  for (const some of chunks(unknown)) {
    const ids = some.map((row) => row.id);
    const places = await db
      .selectFrom('alert_places')
      .selectAll()
      .where('alert_id', 'in', ids)
      .orderBy('location_id')
      .execute();
    const told = await db
      .selectFrom('alert_told')
      .selectAll()
      .where('alert_id', 'in', ids)
      .orderBy('channel')
      .execute();
    const placesOf = Map.groupBy(places, (row) => row.alert_id);
    const toldOf = Map.groupBy(told, (row) => row.alert_id);
    for (const row of some) {
      const alert = toAlert(row, placesOf.get(row.id) ?? [], toldOf.get(row.id) ?? []);
      found.set(row.id, alert);
      memory?.set(row.id, { alert, version: row.version });
    }
    if (some.length < unknown.length) await breathe();
  }
  return rows.flatMap(({ id }) => found.get(id) ?? []);
}
