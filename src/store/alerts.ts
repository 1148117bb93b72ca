import { sql, type Selectable } from 'kysely';

import type { Alert, AlertPlace, Told } from '../notify/model.ts';
import type { AlertReader, AlertWriter } from '../notify/port.ts';
import type { Access } from './access.ts';
import { breathe, chunks } from './bulk.ts';
import { fromJson, toJson } from './json.ts';
import { enqueue } from './outbox.ts';
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

    alertsDueForRepeat: (now) =>
      access.read(async (db) => {
        const due = await select(db)
          .where('state', '=', 'open')
          .where('id', 'in', (eb) => eb.selectFrom('alert_told').select('alert_id').where('repeat_at', '<=', now))
          .execute();
        return withPlaces(db, due);
      }),

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
