import { sql } from 'kysely';

import type { Stay } from '../inventory/catalogue.ts';
import { fromJson } from './json.ts';
import type { Connection } from './schema.ts';

/** Places whose past is read. */
const MAX_PLACES = 20;

/** What has been in the first places of an item, in the same role. */
export async function selectHistory(db: Connection, id: string, limit: number): Promise<readonly Stay[]> {
  const places = await db
    .selectFrom('sightings as s')
    .innerJoin('items as i', 'i.id', 's.item_id')
    .select(['s.location_id', 's.place', 's.role'])
    .distinct()
    .where('i.identity', '=', id)
    .orderBy('s.location_id')
    .limit(MAX_PLACES)
    .execute();
  if (places.length === 0) return [];
  const wanted = sql.join(places.map((one) => sql`(cast(${one.location_id} as bigint), ${one.place}, ${one.role})`));
  const rows = await db
    .selectFrom('sightings as s')
    .innerJoin('items as i', 'i.id', 's.item_id')
    .innerJoin('locations as l', 'l.id', 's.location_id')
    .select(['s.location_id', 's.place', 's.role', 's.first_seen_at', 's.last_seen_at', 's.ended_at'])
    .select(['i.facts_json', 'l.source', 'l.location', 'l.labels_json'])
    .where(
      's.location_id',
      'in',
      places.map((one) => one.location_id),
    )
    .where(sql<boolean>`(s.location_id, s.place, s.role) in (values ${wanted})`)
    .orderBy('s.first_seen_at', 'desc')
    .orderBy('s.id', 'desc')
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    item: fromJson(row.facts_json),
    location: { id: row.location_id, source: row.source, location: row.location, labels: fromJson(row.labels_json) },
    place: row.place,
    role: row.role,
    firstSeenAt: row.first_seen_at,
    lastSeenAt: row.last_seen_at,
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
  }));
}
