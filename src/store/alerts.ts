import { sql, type Selectable } from 'kysely';

import type { Alert, AlertPlace, Told } from '../notify/model.ts';
import type { AlertReader, AlertWriter } from '../notify/port.ts';
import type { Access } from './access.ts';
import { breathe, chunks } from './bulk.ts';
import { fromJson, toJson } from './json.ts';
import { enqueue, settle } from './outbox.ts';
import { listSilences, saveSilence } from './silences.ts';
import type { AlertPlaceTable, AlertTable, AlertToldTable, Connection } from './schema.ts';

type AlertRow = Selectable<AlertTable>;
type PlaceRow = Selectable<AlertPlaceTable>;
type ToldRow = Selectable<AlertToldTable>;

/** Alerts come in the order in which they opened; their places in the order of the locations' keys. */
export function createAlertReader(access: Access): AlertReader {
  return {
    alerts: (filter = {}) =>
      access.read(async (db) => {
        let query = select(db);
        if (filter.state !== undefined) query = query.where('state', '=', filter.state);
        return withPlaces(db, await query.execute());
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
        return byIds(db, [...ids], 'open');
      }),

    alertsById: (ids) => access.read((db) => byIds(db, [...new Set(ids)])),

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
        return withPlaces(db, due);
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
        return withPlaces(db, rows);
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
        withPlaces(db, await select(db).where('state', '=', 'open').where('awaits_digest', '=', 1).execute()),
      ),
  };
}

export function createAlertWriter(access: Access): AlertWriter {
  return {
    ...createAlertReader(access),
    saveAlert: (alert) => access.write((db) => save(db, alert)),
    enqueue: (entry, now) => access.write((db) => enqueue(db, entry, now)),
    settle: (settlement) => access.write((db) => settle(db, settlement)),
    saveSilence: (silence) => access.write((db) => saveSilence(db, silence)),
    wakeHeld: (now) =>
      access.write(async (db) => {
        await db.updateTable('alerts').set({ wake_at: now }).where('held_json', 'is not', null).execute();
      }),
  };
}

function select(db: Connection) {
  return db.selectFrom('alerts').selectAll().orderBy('opened_at').orderBy('id');
}

async function byIds(db: Connection, ids: readonly string[], state?: 'open'): Promise<readonly Alert[]> {
  const rows: AlertRow[] = [];
  for (const some of chunks(ids)) {
    let query = select(db).where('id', 'in', some);
    if (state !== undefined) query = query.where('state', '=', state);
    rows.push(...(await query.execute()));
  }
  return withPlaces(
    db,
    rows.toSorted((a, b) => a.opened_at - b.opened_at || (a.id < b.id ? -1 : 1)),
  );
}

async function withPlaces(db: Connection, rows: readonly AlertRow[]): Promise<readonly Alert[]> {
  const alerts: Alert[] = [];
  for (const some of chunks(rows)) {
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
    for (const row of some) alerts.push(toAlert(row, placesOf.get(row.id) ?? [], toldOf.get(row.id) ?? []));
    if (some.length < rows.length) await breathe();
  }
  return alerts;
}

function toAlert(row: AlertRow, places: readonly PlaceRow[], told: readonly ToldRow[]): Alert {
  return {
    id: row.id,
    family: row.family as Alert['family'],
    cause: row.cause,
    state: row.state,
    generation: row.generation,
    openedAt: row.opened_at,
    ...(row.closed_at === null ? {} : { closedAt: row.closed_at }),
    awaitsDigest: row.awaits_digest === 1,
    places: places.map(toPlace),
    told: told.map(toTold),
    ...(row.held_json === null ? {} : { held: fromJson(row.held_json) }),
    ...(row.acknowledgement_json === null ? {} : { acknowledgement: fromJson(row.acknowledgement_json) }),
  };
}

function toPlace(row: PlaceRow): AlertPlace {
  return {
    locationId: row.location_id,
    source: row.source,
    location: row.location,
    target: row.target,
    labels: fromJson(row.labels_json),
    state: row.state,
    findings: fromJson(row.findings_json),
    firstAt: row.first_at,
    lastAt: row.last_at,
    goodLooks: row.good_looks,
  };
}

function toTold(row: ToldRow): Told {
  return {
    channel: row.channel,
    severity: row.severity,
    rules: fromJson(row.rules_json),
    reason: row.reason,
    at: row.at,
    ...(row.repeat_at === null ? {} : { repeatAt: row.repeat_at }),
    ...(row.group_key === null ? {} : { group: row.group_key }),
    ...(row.notification_id === null ? {} : { notificationId: row.notification_id }),
    ...(row.place_count === null ? {} : { placeCount: row.place_count }),
    ...(row.ends_at === null ? {} : { endsAt: row.ends_at }),
    ...(row.news_at === null ? {} : { newsAt: row.news_at }),
  };
}

function fromPlace(alertId: string, place: AlertPlace): PlaceRow {
  return {
    alert_id: alertId,
    location_id: place.locationId,
    source: place.source,
    location: place.location,
    target: place.target,
    labels_json: toJson(place.labels),
    state: place.state,
    findings_json: toJson(place.findings),
    first_at: place.firstAt,
    last_at: place.lastAt,
    good_looks: place.goodLooks,
  };
}

function fromTold(alertId: string, told: Told): ToldRow {
  return {
    alert_id: alertId,
    channel: told.channel,
    severity: told.severity,
    rules_json: toJson(told.rules),
    reason: told.reason,
    at: told.at,
    repeat_at: told.repeatAt ?? null,
    group_key: told.group ?? null,
    notification_id: told.notificationId ?? null,
    place_count: told.placeCount ?? null,
    ends_at: told.endsAt ?? null,
    news_at: told.newsAt ?? null,
  };
}

async function save(db: Connection, alert: Alert): Promise<void> {
  const values = {
    family: alert.family,
    cause: alert.cause,
    state: alert.state,
    generation: alert.generation,
    opened_at: alert.openedAt,
    closed_at: alert.closedAt ?? null,
    awaits_digest: alert.awaitsDigest ? 1 : 0,
    held_json: alert.held === undefined ? null : toJson(alert.held),
    wake_at: wakeAt(alert),
    acknowledgement_json: alert.acknowledgement === undefined ? null : toJson(alert.acknowledgement),
  };
  await db
    .insertInto('alerts')
    .values({ id: alert.id, ...values })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(values))
    .execute();
  await savePlaces(db, alert);
  await db.deleteFrom('alert_told').where('alert_id', '=', alert.id).execute();
  const told = new Map(alert.told.map((entry) => [entry.channel, fromTold(alert.id, entry)]));
  for (const some of chunks([...told.values()])) {
    await db
      .insertInto('alert_told')
      .values([...some])
      .execute();
  }
}

function wakeAt({ held = [] }: Alert): number | null {
  const times = held.flatMap(({ until }) => until ?? []);
  return times.length === 0 ? null : Math.min(...times);
}

/** One cause may have thousands of places of which one changed: only what differs is written. */
async function savePlaces(db: Connection, alert: Alert): Promise<void> {
  const before = new Map(
    (await db.selectFrom('alert_places').selectAll().where('alert_id', '=', alert.id).execute()).map((row) => [
      row.location_id,
      row,
    ]),
  );
  const after = new Map(alert.places.map((place) => [place.locationId, fromPlace(alert.id, place)]));
  const gone = [...before.keys()].filter((id) => !after.has(id));
  for (const some of chunks(gone)) {
    await db.deleteFrom('alert_places').where('alert_id', '=', alert.id).where('location_id', 'in', some).execute();
  }
  const changed = [...after.values()].filter((row) => differs(before.get(row.location_id), row));
  for (const some of chunks(changed)) {
    await db
      .insertInto('alert_places')
      .values([...some])
      .onConflict((conflict) =>
        conflict.columns(['alert_id', 'location_id']).doUpdateSet((eb) => ({
          source: eb.ref('excluded.source'),
          location: eb.ref('excluded.location'),
          target: eb.ref('excluded.target'),
          labels_json: eb.ref('excluded.labels_json'),
          state: eb.ref('excluded.state'),
          findings_json: eb.ref('excluded.findings_json'),
          first_at: eb.ref('excluded.first_at'),
          last_at: eb.ref('excluded.last_at'),
          good_looks: eb.ref('excluded.good_looks'),
        })),
      )
      .execute();
  }
}

function differs(before: PlaceRow | undefined, after: PlaceRow): boolean {
  return (
    before === undefined ||
    (Object.keys(after) as (keyof PlaceRow)[]).some((column) => before[column] !== after[column])
  );
}
