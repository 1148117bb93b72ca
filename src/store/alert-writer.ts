import { isDeepStrictEqual } from 'node:util';

import type { Alert } from '../notify/model.ts';
import type { AlertWriter } from '../notify/port.ts';
import type { Access } from './access.ts';
import type { AlertMemory } from './alert-memory.ts';
import { fromAlert, fromPlace, fromTold, type AlertRow, type PlaceRow } from './alert-rows.ts';
import { alertsOf, createAlertReader } from './alerts.ts';
import { chunks } from './bulk.ts';
import { enqueue, settle } from './outbox.ts';
import type { Connection } from './schema.ts';
import { saveSilence } from './silences.ts';

/** For one transaction, in which nobody else writes: what it has read once stands as it knows it. */
export function createAlertWriter(access: Access, memory: AlertMemory): AlertWriter {
  return {
    ...createAlertReader(access, memory),
    saveAlerts: (alerts) => access.write((db) => save(db, alerts, memory)),
    enqueue: (entry, now) => access.write((db) => enqueue(db, entry, now)),
    settle: (settlement) => access.write((db) => settle(db, settlement)),
    saveSilence: (silence) => access.write((db) => saveSilence(db, silence)),
    wakeHeld: (now) =>
      access.write(async (db) => {
        await db.updateTable('alerts').set({ wake_at: now }).where('held_json', 'is not', null).execute();
      }),
  };
}

/** One cause may have very many places of which one changed: what is the same object as before is not even looked at. */
async function save(db: Connection, alerts: readonly Alert[], memory: AlertMemory): Promise<void> {
  const latest = new Map(alerts.map((alert) => [alert.id, alert]));
  const unknown = [...latest.keys()].filter((id) => memory.get(id) === undefined);
  await alertsOf(db, unknown, memory);
  const saved = [...latest.values()].map((alert): Saved => ({
    alert,
    before: memory.get(alert.id)?.alert,
    version: memory.nextVersion(),
  }));
  await saveRows(
    db,
    saved.map(({ alert, version }) => fromAlert(alert, version)),
  );
  await deletePlaces(db, saved);
  await savePlaces(
    db,
    saved.flatMap(({ alert, before }) => changedPlaces(alert, before)),
  );
  const toldAnew = saved.filter(({ alert, before }) => !isDeepStrictEqual(alert.told, before?.told ?? []));
  await saveTold(
    db,
    toldAnew.map(({ alert }) => alert),
  );
  for (const { alert, version } of saved) memory.set(alert.id, { alert: inOrder(alert), version });
}

interface Saved {
  readonly alert: Alert;
  /** As it lies in the store. */
  readonly before: Alert | undefined;
  readonly version: string;
}

function changedPlaces({ id, places }: Alert, before: Alert | undefined): readonly PlaceRow[] {
  if (places === before?.places) return [];
  const known = new Map(before?.places.map((place) => [place.locationId, place]));
  // Where one is named twice, the last word holds.
  const latest = new Map(places.map((place) => [place.locationId, place]));
  return [...latest.values()].flatMap((place) => {
    const earlier = known.get(place.locationId);
    return place === earlier || isDeepStrictEqual(place, earlier) ? [] : [fromPlace(id, place)];
  });
}

async function deletePlaces(db: Connection, saved: readonly Saved[]): Promise<void> {
  for (const { alert, before } of saved) {
    if (before === undefined || before.places === alert.places) continue;
    const stays = new Set(alert.places.map(({ locationId }) => locationId));
    const gone = before.places.flatMap(({ locationId }) => (stays.has(locationId) ? [] : [locationId]));
    for (const some of chunks(gone)) {
      await db.deleteFrom('alert_places').where('alert_id', '=', alert.id).where('location_id', 'in', some).execute();
    }
  }
}

async function saveRows(db: Connection, rows: readonly AlertRow[]): Promise<void> {
  for (const some of chunks(rows)) {
    await db
      .insertInto('alerts')
      .values([...some])
      .onConflict((conflict) =>
        conflict.column('id').doUpdateSet((eb) => ({
          family: eb.ref('excluded.family'),
          cause: eb.ref('excluded.cause'),
          state: eb.ref('excluded.state'),
          generation: eb.ref('excluded.generation'),
          opened_at: eb.ref('excluded.opened_at'),
          closed_at: eb.ref('excluded.closed_at'),
          awaits_digest: eb.ref('excluded.awaits_digest'),
          held_json: eb.ref('excluded.held_json'),
          wake_at: eb.ref('excluded.wake_at'),
          acknowledgement_json: eb.ref('excluded.acknowledgement_json'),
          version: eb.ref('excluded.version'),
        })),
      )
      .execute();
  }
}

async function savePlaces(db: Connection, rows: readonly PlaceRow[]): Promise<void> {
  for (const some of chunks(rows)) {
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

async function saveTold(db: Connection, alerts: readonly Alert[]): Promise<void> {
  for (const some of chunks(alerts)) {
    await db
      .deleteFrom('alert_told')
      .where(
        'alert_id',
        'in',
        some.map(({ id }) => id),
      )
      .execute();
  }
  const rows = alerts.flatMap(({ id, told }) => [
    ...new Map(told.map((entry) => [entry.channel, fromTold(id, entry)])).values(),
  ]);
  for (const some of chunks(rows)) {
    await db
      .insertInto('alert_told')
      .values([...some])
      .execute();
  }
}

/** As it would be read. */
function inOrder(alert: Alert): Alert {
  const places = sorted(alert.places, (a, b) => a.locationId - b.locationId);
  const told = sorted(alert.told, (a, b) => (a.channel < b.channel ? -1 : 1));
  return places === alert.places && told === alert.told ? alert : { ...alert, places, told };
}

/** The same list where it is in order. */
function sorted<T>(list: readonly T[], compare: (a: T, b: T) => number): readonly T[] {
  const isSorted = list.every((one, index) => index === 0 || compare(list[index - 1] ?? one, one) <= 0);
  return isSorted ? list : list.toSorted(compare);
}
