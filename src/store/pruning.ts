import { sql } from 'kysely';

import { chunks } from './bulk.ts';
import type { Connection } from './schema.ts';

/** Rows of one table that one call removes at most: the store is not held up by the work of a year. */
const BATCH = 2_000;

/**
 * Forgets what was over before a time: what was seen at a place and went, alerts, messages that were sent, silences.
 * Nothing that is there, open, or waits is touched, and the row of a location stays, so that one that comes back is the
 * same. Gives the number of rows; to be called again while that is not 0.
 */
export async function prune(db: Connection, before: number): Promise<number> {
  let count = await forgetSightings(db, before);
  for (const statement of STATEMENTS) {
    const { numAffectedRows = 0n } = await statement(before).execute(db);
    count += Number(numAffectedRows);
  }
  return count;
}

/** And the items that were seen nowhere else. */
async function forgetSightings(db: Connection, before: number): Promise<number> {
  const ended = await db
    .selectFrom('sightings')
    .select(['id', 'item_id'])
    .where('ended_at', 'is not', null)
    .where('ended_at', '<', before)
    .orderBy('ended_at')
    .limit(BATCH)
    .execute();
  for (const some of chunks(ended.map(({ id }) => id))) {
    await db.deleteFrom('sightings').where('id', 'in', some).execute();
  }
  for (const some of chunks([...new Set(ended.map(({ item_id: item }) => item))])) {
    const orphans = await db
      .selectFrom('items as i')
      .select(['i.id', 'i.kind', 'i.identity'])
      .where('i.id', 'in', some)
      .where((eb) =>
        eb.not(eb.exists(eb.selectFrom('sightings as s').select('s.id').whereRef('s.item_id', '=', 'i.id'))),
      )
      .execute();
    if (orphans.length === 0) continue;
    const ids = orphans.map(({ id }) => id);
    await db.deleteFrom('item_texts').where('item_id', 'in', ids).execute();
    await db.deleteFrom('items').where('id', 'in', ids).execute();
    // What only described a certificate may go by its fingerprint: its bytes are not gone with that.
    const read = orphans.filter(({ kind }) => kind === 'certificate' || kind === 'crl');
    const fingerprints = read.map(({ identity }) => identity);
    if (fingerprints.length > 0) await db.deleteFrom('ders').where('fingerprint', 'in', fingerprints).execute();
  }
  return ended.length;
}

const STATEMENTS = [
  ...(['transcripts', 'memories'] as const).map(
    (table) => (before: number) => sql`
      delete from ${sql.table(table)} where location_id in (select id from locations where withdrawn_at < ${before})`,
  ),
  (before: number) => sql`delete from targets where withdrawn_at < ${before}`,
  // An alert that is open may ask what became of the message about it.
  (before: number) => sql`
    delete from notifications where seq in (
      select n.seq from notifications as n
      where n.enqueued_at < ${before}
        and not exists (select 1 from deliveries as d where d.seq = n.seq and d.state = 'pending')
        and not exists (
          select 1 from alert_told as t join alerts as a on a.id = t.alert_id
          where t.notification_id = n.id and t.channel = n.channel and a.state = 'open')
      order by n.enqueued_at limit ${BATCH})`,
  (before: number) => sql`
    delete from alerts where id in (
      select id from alerts where state <> 'open' and closed_at < ${before} and held_json is null limit ${BATCH})`,
  (before: number) => sql`
    delete from receipts where at < ${before} and not exists (
      select 1 from alert_told as t where t.group_key = receipts.group_key and t.channel = receipts.channel)`,
  (before: number) => sql`delete from silences where until < ${before}`,
];
