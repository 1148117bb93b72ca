import type { KnownItem, Location } from '../inventory/model.ts';
import type { LocationWrite } from '../inventory/port.ts';
import { breathe, chunks, valueRows } from './bulk.ts';
import {
  fromItem,
  fromLocation,
  fromSighting,
  LOCATION_COLUMNS,
  SIGHTING_COLUMNS,
  type SightingRow,
} from './inventory-rows.ts';
import { forgetTexts, saveTexts } from './item-texts.ts';
import { toJson } from './json.ts';
import { LISTED_COLUMNS, listedColumns, searchText, type ListedColumns } from './listed.ts';
import type { Connection } from './schema.ts';

/** A sighting with what it is listed by. */
type StoredSighting = SightingRow & ListedColumns;

/**
 * Writes locations with their sightings in a few statements per chunk. What comes back stands in the order of `writes`.
 * Where one location is written twice, the later write holds.
 */
export async function saveLocations(db: Connection, writes: readonly LocationWrite[]): Promise<readonly Location[]> {
  const latest = new Map<string, LocationWrite>();
  for (const write of writes) latest.set(nameOf(write.location), write);
  const touched: Location[] = [];
  const whole: LocationWrite[] = [];
  for (const write of latest.values()) {
    if (write.touchOnly && write.location.id !== 0 && seenTogether(write.location)) touched.push(write.location);
    else whole.push(write);
  }
  for (const some of chunks(touched)) {
    await touch(db, some);
    if (some.length < touched.length) await breathe();
  }
  const ids = new Map(touched.map((location) => [nameOf(location), location.id]));
  for (const some of chunks(whole)) {
    const ders = new Map(some.flatMap((write) => [...write.ders]));
    await saveDers(db, ders);
    await saveRows(
      db,
      some.map((write) => write.location),
      ids,
    );
    await saveSightings(
      db,
      some.map((write) => write.location),
      ids,
      ders,
    );
    await saveTranscripts(db, some, ids);
    await saveMemories(db, some, ids);
    if (some.length < whole.length) await breathe();
  }
  return writes.map(({ location }) => ({ ...location, id: known(ids.get(nameOf(location))) }));
}

/** All its sightings were seen at one time: one new time for the location says it all. */
function seenTogether(location: Location): boolean {
  return location.sightings.every((sighting) => sighting.lastSeenAt === location.sightings[0]?.lastSeenAt);
}

/** All that is in these locations was seen at one time, which is now. */
export async function touchLocations(db: Connection, ids: readonly number[], now: number): Promise<void> {
  for (const some of chunks(ids)) {
    await db
      .updateTable('locations')
      .set({ last_look_at: now, last_success_at: now })
      .where('id', 'in', some)
      .execute();
    await db
      .updateTable('sightings')
      .set({ last_seen_at: now })
      .where('location_id', 'in', some)
      .where('ended_at', 'is', null)
      .execute();
    if (some.length < ids.length) await breathe();
  }
}

async function touch(db: Connection, locations: readonly Location[]): Promise<void> {
  await db
    .updateTable('locations')
    .from(
      valueRows<{ column1: number; column2: number; column3: number | null }>(
        ['bigint', 'bigint', 'bigint'],
        locations.map((location) => [location.id, location.lastLookAt, location.lastSuccessAt ?? null]),
      ),
    )
    .set((eb) => ({ last_look_at: eb.ref('v.column2'), last_success_at: eb.ref('v.column3') }))
    .whereRef('locations.id', '=', 'v.column1')
    .execute();
  const seen = locations.flatMap((location) =>
    location.sightings.slice(0, 1).map((sighting) => [location.id, sighting.lastSeenAt]),
  );
  if (seen.length === 0) return;
  await db
    .updateTable('sightings')
    .from(valueRows<{ column1: number; column2: number }>(['bigint', 'bigint'], seen))
    .set((eb) => ({ last_seen_at: eb.ref('v.column2') }))
    .whereRef('sightings.location_id', '=', 'v.column1')
    .where('sightings.ended_at', 'is', null)
    .execute();
}

async function saveDers(db: Connection, ders: ReadonlyMap<string, Uint8Array>): Promise<void> {
  for (const some of chunks([...ders])) {
    await db
      .insertInto('ders')
      .values(some.map(([fingerprint, der]) => ({ fingerprint, der })))
      .onConflict((conflict) => conflict.column('fingerprint').doNothing())
      .execute();
  }
}

/** One for each location, written only where it is another than before. */
async function saveTranscripts(
  db: Connection,
  writes: readonly LocationWrite[],
  ids: ReadonlyMap<string, number>,
): Promise<void> {
  const rows = writes.flatMap(({ location, transcript }) =>
    transcript === undefined ? [] : [{ location_id: known(ids.get(nameOf(location))), lines_json: toJson(transcript) }],
  );
  if (rows.length === 0) return;
  await db
    .insertInto('transcripts')
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .column('location_id')
        .doUpdateSet((eb) => ({ lines_json: eb.ref('excluded.lines_json') }))
        .whereRef('transcripts.lines_json', '<>', 'excluded.lines_json'),
    )
    .execute();
}

/** The latest of each location. */
async function saveMemories(
  db: Connection,
  writes: readonly LocationWrite[],
  ids: ReadonlyMap<string, number>,
): Promise<void> {
  const rows = writes.flatMap(({ location, memory }) =>
    memory === undefined ? [] : [{ location_id: known(ids.get(nameOf(location))), memory_json: toJson(memory) }],
  );
  if (rows.length === 0) return;
  await db
    .insertInto('memories')
    .values(rows)
    .onConflict((conflict) =>
      conflict.column('location_id').doUpdateSet((eb) => ({ memory_json: eb.ref('excluded.memory_json') })),
    )
    .execute();
}

/** Inserts, changes or revives; when each is assessed is not touched unless it was withdrawn. */
async function saveRows(db: Connection, locations: readonly Location[], ids: Map<string, number>): Promise<void> {
  const saved = await db
    .insertInto('locations')
    .values(locations.map(fromLocation))
    .onConflict((conflict) =>
      conflict.columns(['source', 'location']).doUpdateSet((eb) => ({
        ...Object.fromEntries(
          LOCATION_COLUMNS.filter((column) => column !== 'id').map((column) => [column, eb.ref(`excluded.${column}`)]),
        ),
        withdrawn_at: null,
      })),
    )
    .returning(['id', 'source', 'location'])
    .execute();
  for (const row of saved) ids.set(nameOf(row), row.id);
}

/** Gives every item its row, and the rows' keys by the items' names. Facts are written again only when they changed. */
async function saveItems(
  db: Connection,
  locations: readonly Location[],
  ders: ReadonlyMap<string, Uint8Array>,
): Promise<ReadonlyMap<string, number>> {
  const items = new Map<string, KnownItem>();
  for (const { sightings } of locations) {
    for (const { item } of sightings) items.set(itemName(item.kind, item.id), item);
  }
  const ids = new Map<string, number>();
  for (const some of chunks([...items.values()])) {
    await db
      .insertInto('items')
      .values(some.map((item) => fromItem(item, ders.get(item.id))))
      .onConflict((conflict) =>
        conflict
          .columns(['identity', 'kind'])
          .doUpdateSet((eb) => ({ facts_json: eb.ref('excluded.facts_json'), not_after: eb.ref('excluded.not_after') }))
          .whereRef('items.facts_json', '<>', 'excluded.facts_json'),
      )
      .execute();
    const rows = await db
      .selectFrom('items')
      .select(['id', 'kind', 'identity'])
      .where(
        'identity',
        'in',
        some.map((item) => item.id),
      )
      .execute();
    for (const row of rows) ids.set(itemName(row.kind, row.identity), row.id);
    await saveTexts(
      db,
      some.map((item) => ({ item_id: known(ids.get(itemName(item.kind, item.id))), text: searchText(item) })),
    );
  }
  return ids;
}

/**
 * Brings the current sightings of locations to what the locations say: new ones begin, those that are not named end at
 * the location's last look, and of the rest only what differs is written.
 */
async function saveSightings(
  db: Connection,
  locations: readonly Location[],
  ids: ReadonlyMap<string, number>,
  ders: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  const itemIds = await saveItems(db, locations, ders);
  const present = new Map<string, StoredSighting>();
  const locationIds = locations.map((location) => known(ids.get(nameOf(location))));
  const rows = await db
    .selectFrom('sightings')
    .select([...SIGHTING_COLUMNS, ...LISTED_COLUMNS])
    .where('location_id', 'in', locationIds)
    .where('ended_at', 'is', null)
    .execute();
  for (const row of rows) present.set(sightingName(row), row);

  const begun = new Map<string, Omit<StoredSighting, 'id'>>();
  const changed: StoredSighting[] = [];
  const relisted: StoredSighting[] = [];
  const ended: (readonly [number, number])[] = [];
  for (const [index, location] of locations.entries()) {
    const locationId = known(locationIds[index]);
    for (const row of sightingRows(locationId, location, itemIds)) {
      const before = present.get(sightingName(row));
      if (before === undefined) {
        begun.set(sightingName(row), row);
        continue;
      }
      present.delete(sightingName(row));
      if (differs(before, row)) changed.push({ ...row, id: before.id });
      if (LISTED_COLUMNS.some((column) => before[column] !== row[column])) relisted.push({ ...row, id: before.id });
    }
  }
  const lookedAt = new Map(locations.map((location, index) => [known(locationIds[index]), location.lastLookAt]));
  for (const row of present.values()) ended.push([row.id, known(lookedAt.get(row.location_id))]);

  for (const some of chunks([...begun.values()])) {
    await db
      .insertInto('sightings')
      .values([...some])
      .execute();
  }
  await change(db, changed);
  await relist(db, relisted);
  await end(db, ended);
  await forgetTexts(
    db,
    [...present.values()].map((row) => row.item_id),
  );
}

/** One row per place and item: identity has no index, so of a certificate that a file holds twice the first counts. */
function sightingRows(
  locationId: number,
  location: Location,
  itemIds: ReadonlyMap<string, number>,
): Iterable<Omit<StoredSighting, 'id'>> {
  const rows = new Map<string, Omit<StoredSighting, 'id'>>();
  for (const sighting of location.sightings) {
    const row = {
      ...fromSighting(sighting),
      ...listedColumns(location, sighting),
      location_id: locationId,
      item_id: known(itemIds.get(itemName(sighting.item.kind, sighting.item.id))),
    };
    if (!rows.has(sightingName(row))) rows.set(sightingName(row), row);
  }
  return rows.values();
}

function differs(before: StoredSighting, after: Omit<StoredSighting, 'id'>): boolean {
  return (
    before.idx !== after.idx ||
    before.role !== after.role ||
    before.last_seen_at !== after.last_seen_at ||
    before.attributes_json !== after.attributes_json
  );
}

async function change(db: Connection, rows: readonly StoredSighting[]): Promise<void> {
  for (const some of chunks(rows)) {
    await db
      .updateTable('sightings')
      .from(
        valueRows<{
          column1: number;
          column2: number;
          column3: SightingRow['role'];
          column4: number;
          column5: string | null;
        }>(
          ['bigint', 'bigint', 'text', 'bigint', 'text'],
          some.map((row) => [row.id, row.idx, row.role, row.last_seen_at, row.attributes_json]),
        ),
      )
      .set((eb) => ({
        idx: eb.ref('v.column2'),
        role: eb.ref('v.column3'),
        last_seen_at: eb.ref('v.column4'),
        attributes_json: eb.ref('v.column5'),
      }))
      .whereRef('sightings.id', '=', 'v.column1')
      .execute();
  }
}

/** Apart from the rest: what things are listed by seldom changes, and the indexes over it cost. */
async function relist(db: Connection, rows: readonly StoredSighting[]): Promise<void> {
  for (const some of chunks(rows)) {
    await db
      .updateTable('sightings')
      .from(
        valueRows<{ column1: number; column2: string | null; column3: number; column4: string }>(
          ['bigint', 'text', 'bigint', 'text'],
          some.map((row) => [row.id, row.owner, row.end_at, row.title_key]),
        ),
      )
      .set((eb) => ({
        owner: eb.ref('v.column2'),
        end_at: eb.ref('v.column3'),
        title_key: eb.ref('v.column4'),
      }))
      .whereRef('sightings.id', '=', 'v.column1')
      .execute();
  }
}

async function end(db: Connection, ended: readonly (readonly [number, number])[]): Promise<void> {
  for (const some of chunks(ended)) {
    await db
      .updateTable('sightings')
      .from(valueRows<{ column1: number; column2: number }>(['bigint', 'bigint'], some))
      .set((eb) => ({ ended_at: eb.ref('v.column2') }))
      .whereRef('sightings.id', '=', 'v.column1')
      .execute();
  }
}

function nameOf({ source, location }: { readonly source: string; readonly location: string }): string {
  return `${source}\n${location}`;
}

function itemName(kind: string, identity: string): string {
  return `${kind}\n${identity}`;
}

function sightingName(row: { readonly location_id: number; readonly item_id: number; readonly place: string }): string {
  return `${row.location_id} ${row.item_id} ${row.place}`;
}

/** For a key that the lines before have put there. */
function known(value: number | undefined): number {
  if (value === undefined) throw new Error('the store lost track of a row that it has just written');
  return value;
}
