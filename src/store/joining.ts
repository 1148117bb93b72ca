import type { Candidate } from '../inventory/joining.ts';
import type { DescribedCertificate } from '../inventory/model.ts';
import { plainSerial } from '../plugin/demands.ts';
import { chunks } from './bulk.ts';
import { fromJson } from './json.ts';
import type { Connection } from './schema.ts';

/** Of one serial number or one hash there are few; what is more than this is somebody's attempt to make work. */
const MAX_CANDIDATES = 5_000;

/** What descriptions are looked up by. */
const KEYS = ['identity', 'sha1', 'serial'] as const;

/** See `InventoryReader.candidates`. */
export async function selectCandidates(
  db: Connection,
  described: readonly DescribedCertificate[],
): Promise<readonly Candidate[]> {
  const wanted = {
    identity: described.flatMap(({ sha256 }) => sha256 ?? []),
    sha1: described.flatMap(({ sha1 }) => sha1 ?? []),
    serial: described.flatMap(({ serial }) => (serial === undefined ? [] : plainSerial(serial))),
  };
  const found = new Map<string, Candidate>();
  for (const key of KEYS) {
    for (const some of chunks([...new Set(wanted[key])])) {
      const rows = await db
        .selectFrom('items')
        .select(['identity', 'facts_json', 'sha1'])
        .where('kind', '=', 'certificate')
        .where(key, 'in', some)
        .limit(MAX_CANDIDATES)
        .execute();
      for (const row of rows) {
        const item = fromJson(row.facts_json);
        if (item.kind !== 'certificate') continue;
        found.set(row.identity, { item, ...(row.sha1 === null ? {} : { sha1: row.sha1 }) });
      }
    }
  }
  return [...found.values()];
}

/** See `InventoryReader.locationsDescribing`. */
export async function selectDescribing(db: Connection, certificates: readonly Candidate[]): Promise<readonly number[]> {
  const wanted = {
    identity: certificates.map(({ item }) => item.id),
    sha1: certificates.flatMap(({ sha1 }) => sha1 ?? []),
    serial: certificates.map(({ item }) => plainSerial(item.serial)),
  };
  const found = new Set<number>();
  for (const key of KEYS) {
    for (const some of chunks([...new Set(wanted[key])])) {
      const rows = await db
        .selectFrom('items')
        .innerJoin('sightings', 'sightings.item_id', 'items.id')
        .select('sightings.location_id')
        .where('items.kind', '=', 'described')
        .where(`items.${key}`, 'in', some)
        .where('sightings.ended_at', 'is', null)
        .limit(MAX_CANDIDATES)
        .execute();
      for (const row of rows) found.add(row.location_id);
    }
  }
  return [...found].toSorted((a, b) => a - b);
}
