import type { KnownItem, Location, Sighting } from '../inventory/model.ts';
import type { InventoryReader, LocationFilter, LocationMark } from '../inventory/port.ts';
import type { Access } from './access.ts';
import { breathe, chunks } from './bulk.ts';
import { selectEndedLeaves } from './ended-leaves.ts';
import { selectCandidates, selectDescribing } from './joining.ts';
import { fromJson } from './json.ts';
import {
  LOCATION_COLUMNS,
  SIGHTING_COLUMNS,
  TARGET_COLUMNS,
  toLocation,
  toSighting,
  toSource,
  toTarget,
  type LocationRow,
} from './inventory-rows.ts';
import type { Connection } from './schema.ts';

/** Locations read in one statement, with all that is in them. */
const LOCATIONS_PAGE = 500;
/** Marks read in one statement. */
const MARKS_PAGE = 5_000;
/** Memories read in one statement. */
const MEMORIES_PAGE = 5_000;
const NO_PROBLEMS = '[]';

export function createInventoryReader(access: Access): InventoryReader {
  return {
    sources: () =>
      access.read(async (db) => {
        const rows = await db
          .selectFrom('sources')
          .select(['name', 'type', 'interval_ms', 'definition', 'baseline_at', 'first_seen_at'])
          .where('withdrawn_at', 'is', null)
          .orderBy('name')
          .execute();
        return rows.map(toSource);
      }),

    targets: (source) =>
      access.read(async (db) => {
        const rows = await db
          .selectFrom('targets')
          .select(TARGET_COLUMNS)
          .where('source', '=', source)
          .where('withdrawn_at', 'is', null)
          .orderBy('key')
          .execute();
        return rows.map(toTarget);
      }),

    target: (source, key) =>
      access.read(async (db) => {
        const row = await db
          .selectFrom('targets')
          .select(TARGET_COLUMNS)
          .where('source', '=', source)
          .where('key', '=', key)
          .where('withdrawn_at', 'is', null)
          .executeTakeFirst();
        return row === undefined ? undefined : toTarget(row);
      }),

    locations: (filter = {}) => access.read(async (db) => withSightings(db, await selectLocations(db, filter))),

    locationsAfter: (id) =>
      access.read(async (db) => {
        const rows = await db
          .selectFrom('locations')
          .select(LOCATION_COLUMNS)
          .where('withdrawn_at', 'is', null)
          .where('id', '>', id)
          .orderBy('id')
          .limit(LOCATIONS_PAGE)
          .execute();
        return withSightings(db, rows);
      }),

    endedLeaves: (after) => access.read((db) => selectEndedLeaves(db, after)),

    marks: (source, target) => access.read((db) => selectMarks(db, source, target)),

    memories: (source, target, after) =>
      access.read(async (db) => {
        const rows = await db
          .selectFrom('memories')
          .innerJoin('locations', 'locations.id', 'memories.location_id')
          .select(['locations.id', 'locations.location', 'memories.memory_json'])
          .where('locations.source', '=', source)
          .where('locations.target', '=', target)
          .where('locations.withdrawn_at', 'is', null)
          .where('locations.id', '>', after)
          .orderBy('locations.id')
          .limit(MEMORIES_PAGE)
          .execute();
        return {
          memories: rows.map((row) => ({ location: row.location, memory: fromJson(row.memory_json) })),
          cursor: rows.at(-1)?.id ?? after,
          more: rows.length === MEMORIES_PAGE,
        };
      }),

    candidates: (described) => access.read((db) => selectCandidates(db, described)),

    locationsDescribing: (certificates) => access.read((db) => selectDescribing(db, certificates)),

    der: (fingerprint) =>
      access.read(async (db) => {
        const row = await db.selectFrom('ders').select('der').where('fingerprint', '=', fingerprint).executeTakeFirst();
        return row?.der;
      }),

    transcript: (id) =>
      access.read(async (db) => {
        const row = await db
          .selectFrom('transcripts')
          .select('lines_json')
          .where('location_id', '=', id)
          .executeTakeFirst();
        return row === undefined ? [] : fromJson(row.lines_json);
      }),

    isFirstRoundOver: (source) =>
      access.read(async (db) => {
        const row = await db
          .selectFrom('sources')
          .select('discovered_at')
          .where('name', '=', source)
          .where('withdrawn_at', 'is', null)
          .where((eb) =>
            eb.not(
              eb.exists(
                eb
                  .selectFrom('targets')
                  .select('key')
                  .where('source', '=', source)
                  .where('withdrawn_at', 'is', null)
                  .where('last_look_at', 'is', null),
              ),
            ),
          )
          .executeTakeFirst();
        return row !== undefined && row.discovered_at !== null;
      }),

    dueForAssessment: (now, limit) =>
      access.read(async (db) => {
        const rows = await db
          .selectFrom('locations')
          .select(LOCATION_COLUMNS)
          .where('assess_at', '<=', now)
          .where('withdrawn_at', 'is', null)
          .orderBy('assess_at')
          .orderBy('id')
          .limit(limit)
          .execute();
        return withSightings(db, rows);
      }),

    dueDepartures: (now, limit) =>
      access.read(async (db) => {
        const rows = await db
          .selectFrom('locations')
          .select(['id', 'source', 'location', 'target', 'labels_json'])
          .where('assess_at', '<=', now)
          .where('withdrawn_at', 'is not', null)
          .orderBy('assess_at')
          .limit(limit)
          .execute();
        return rows.map(({ labels_json: labels, ...row }) => ({ ...row, labels: fromJson(labels) }));
      }),

    nextAssessmentAt: () =>
      access.read(async (db) => {
        const row = await db
          .selectFrom('locations')
          .select((eb) => eb.fn.min('assess_at').as('at'))
          .where('assess_at', 'is not', null)
          .where('withdrawn_at', 'is', null)
          .executeTakeFirst();
        return row?.at ?? undefined;
      }),
  };
}

async function selectLocations(db: Connection, filter: LocationFilter): Promise<readonly LocationRow[]> {
  const { source, target, targets, ids } = filter;
  let query = db
    .selectFrom('locations')
    .select(LOCATION_COLUMNS)
    .where('withdrawn_at', 'is', null)
    .orderBy('source')
    .orderBy('location');
  if (source !== undefined) query = query.where('source', '=', source);
  if (target !== undefined) query = query.where('target', '=', target);
  if (targets !== undefined) {
    const found: LocationRow[] = [];
    for (const some of chunks([...new Set(targets)])) {
      found.push(...(await query.where('target', 'in', some).execute()));
    }
    return found;
  }
  if (ids === undefined) return query.execute();
  const found: LocationRow[] = [];
  for (const some of chunks([...new Set(ids)])) found.push(...(await query.where('id', 'in', some).execute()));
  return found.toSorted((a, b) => compare(a.source, b.source) || compare(a.location, b.location));
}

/** A page at a time, so that others have their turn; labels are parsed once for all locations that share them. */
async function selectMarks(db: Connection, source: string, target: string): Promise<readonly LocationMark[]> {
  const marks: LocationMark[] = [];
  const labels = new Map<string, LocationMark['labels']>();
  for (let after = 0; ; await breathe()) {
    const rows = await db
      .selectFrom('locations')
      .select(['id', 'location', 'version', 'labels_json', 'failure_reason', 'problems_json'])
      .where('source', '=', source)
      .where('target', '=', target)
      .where('withdrawn_at', 'is', null)
      .where('id', '>', after)
      .orderBy('id')
      .limit(MARKS_PAGE)
      .execute();
    for (const row of rows) {
      let shared = labels.get(row.labels_json);
      if (shared === undefined) labels.set(row.labels_json, (shared = fromJson(row.labels_json)));
      const isWhole = row.failure_reason === null && row.problems_json === NO_PROBLEMS;
      marks.push({
        id: row.id,
        location: row.location,
        labels: shared,
        ...(row.version === null || row.failure_reason !== null ? {} : { version: row.version }),
        isWhole,
      });
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < MARKS_PAGE) return marks;
    after = last.id;
  }
}

/** Two statements for every chunk of locations, however many sightings they have; an item is parsed once and shared. */
export async function withSightings(db: Connection, rows: readonly LocationRow[]): Promise<readonly Location[]> {
  const items = new Map<number, KnownItem>();
  const locations: Location[] = [];
  for (const some of chunks(rows)) {
    const sightings = await db
      .selectFrom('sightings')
      .select(SIGHTING_COLUMNS)
      .where(
        'location_id',
        'in',
        some.map((row) => row.id),
      )
      .where('ended_at', 'is', null)
      .orderBy('location_id')
      .orderBy('place')
      .orderBy('idx')
      .orderBy('id')
      .execute();
    await loadItems(db, new Set(sightings.map((row) => row.item_id)), items);
    const byLocation = new Map<number, Sighting[]>();
    for (const row of sightings) {
      const item = items.get(row.item_id);
      if (item === undefined) {
        throw new Error(`the store is damaged: sighting ${row.id} names item ${row.item_id}, which is not there`);
      }
      const list = byLocation.get(row.location_id);
      if (list === undefined) byLocation.set(row.location_id, [toSighting(row, item)]);
      else list.push(toSighting(row, item));
    }
    for (const row of some) locations.push(toLocation(row, byLocation.get(row.id) ?? []));
    if (some.length < rows.length) await breathe();
  }
  return locations;
}

async function loadItems(db: Connection, ids: ReadonlySet<number>, known: Map<number, KnownItem>): Promise<void> {
  const missing = [...ids].filter((id) => !known.has(id));
  for (const some of chunks(missing)) {
    const rows = await db.selectFrom('items').select(['id', 'facts_json']).where('id', 'in', some).execute();
    for (const row of rows) known.set(row.id, fromJson(row.facts_json));
  }
}

/** By code unit, as both databases do: SQLite always, PostgreSQL with the collation `C`. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
