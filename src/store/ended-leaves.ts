import type { EndedLeaf } from '../inventory/port.ts';
import { fromJson } from './json.ts';
import type { Connection } from './schema.ts';

/** Sightings read in one statement, and in all: the latest. */
const PAGE = 2_000;
const MAX_READ = 200_000;

/** What ended at locations that are there still, in the order of their keys, which is that of their beginnings. */
export async function selectEndedLeaves(
  db: Connection,
  after: number,
): Promise<{ readonly leaves: readonly EndedLeaf[]; readonly cursor: number; readonly more: boolean }> {
  const from = after === 0 ? await oldestRead(db) : after;
  const rows = await db
    .selectFrom('sightings')
    .innerJoin('items', 'items.id', 'sightings.item_id')
    .innerJoin('locations', 'locations.id', 'sightings.location_id')
    .select(['sightings.id', 'sightings.location_id', 'sightings.ended_at', 'items.facts_json'])
    .where('sightings.id', '>', from)
    .where('sightings.ended_at', 'is not', null)
    .where('items.kind', '=', 'certificate')
    .where('locations.withdrawn_at', 'is', null)
    .orderBy('sightings.id')
    .limit(PAGE)
    .execute();
  const leaves = rows.flatMap(({ location_id: locationId, ended_at: endedAt, facts_json: facts }) => {
    const item = fromJson(facts);
    return item.kind === 'certificate' && !item.isCa && endedAt !== null ? [{ locationId, item, endedAt }] : [];
  });
  return { leaves, cursor: rows.at(-1)?.id ?? from, more: rows.length === PAGE };
}

/** The key before the oldest that is read. */
async function oldestRead(db: Connection): Promise<number> {
  const row = await db
    .selectFrom('sightings')
    .select('id')
    .where('ended_at', 'is not', null)
    .orderBy('id', 'desc')
    .offset(MAX_READ)
    .limit(1)
    .executeTakeFirst();
  return row?.id ?? 0;
}
