import { sql, type Kysely } from 'kysely';

import { chunks, valueRows } from '../bulk.ts';
import { fromJson } from '../json.ts';
import { listedColumns, searchText } from '../listed.ts';
import type { Database } from '../schema.ts';
import type { Migration } from './migration.ts';

/** What lists, filters and searches go by. What is there already is filled in. */
export const catalogue: Migration = {
  name: '0005-catalogue',
  async up(db) {
    await db.schema.alterTable('locations').addColumn('limited_by', 'text').execute();
    for (const name of ['source', 'kind', 'title_key'] as const) {
      await db.schema
        .alterTable('sightings')
        .addColumn(name, 'text', (column) => column.notNull().defaultTo(''))
        .execute();
    }
    await db.schema.alterTable('sightings').addColumn('owner', 'text').execute();
    await db.schema
      .alterTable('sightings')
      .addColumn('end_at', 'bigint', (column) => column.notNull().defaultTo(0))
      .execute();
    await db.schema
      .createTable('item_texts')
      .addColumn('item_id', 'bigint', (column) => column.primaryKey().references('items.id'))
      .addColumn('text', 'text', (column) => column.notNull())
      .execute();
    await fill(db);
    const listed = ['source', 'role', 'owner', 'kind'] as const;
    await index(db, 'sightings_by_end', ['end_at', 'item_id', ...listed]);
    await index(db, 'sightings_by_title', ['title_key', 'item_id', ...listed]);
    await index(db, 'sightings_here', ['item_id', 'source', 'role', 'location_id']);
    await db.schema
      .createIndex('locations_by_limit')
      .on('locations')
      .columns(['limited_by', 'source', 'location'])
      .where(sql.ref('withdrawn_at'), 'is', null)
      .execute();
    await db.schema
      .createIndex('locations_listed')
      .on('locations')
      .columns(['source', 'location', 'failure_reason'])
      .where(sql.ref('withdrawn_at'), 'is', null)
      .execute();
    await sql`create index locations_failing on locations (source, location) where withdrawn_at is null and (failure_reason is not null or problems_json <> '[]')`.execute(
      db,
    );
  },
};

/** Of what is there now alone. */
async function index(db: Kysely<unknown>, name: string, columns: readonly string[]): Promise<void> {
  await db.schema
    .createIndex(name)
    .on('sightings')
    .columns([...columns])
    .where(sql.ref('ended_at'), 'is', null)
    .execute();
}

async function fill(db: Kysely<Database>): Promise<void> {
  const chains = await db
    .selectFrom('locations')
    .select(['id', 'chain_json'])
    .where('chain_json', 'is not', null)
    .execute();
  for (const { id, chain_json: chain } of chains) {
    if (chain === null) continue;
    await db
      .updateTable('locations')
      .set({ limited_by: fromJson(chain).effective.by })
      .where('id', '=', id)
      .execute();
  }
  for (let after = 0; ;) {
    const rows = await db
      .selectFrom('sightings as s')
      .innerJoin('items as i', 'i.id', 's.item_id')
      .innerJoin('locations as l', 'l.id', 's.location_id')
      .select(['s.id', 's.item_id', 's.attributes_json', 'i.facts_json', 'l.source', 'l.labels_json'])
      .where('s.id', '>', after)
      .where('s.ended_at', 'is', null)
      .orderBy('s.id')
      .limit(5_000)
      .execute();
    for (const some of chunks(rows)) {
      const cells = some.map((row) => {
        const item = fromJson(row.facts_json);
        const labels = row.attributes_json === null ? undefined : fromJson(row.attributes_json).labels;
        const listed = listedColumns(
          { source: row.source, labels: fromJson(row.labels_json) },
          { item, ...(labels === undefined ? {} : { labels }) },
        );
        return [row.id, listed.source, listed.owner, listed.kind, listed.end_at, listed.title_key] as const;
      });
      await db
        .updateTable('sightings')
        .from(
          valueRows<{
            column1: number;
            column2: string;
            column3: string | null;
            column4: string;
            column5: number;
            column6: string;
          }>(['bigint', 'text', 'text', 'text', 'bigint', 'text'], cells),
        )
        .set((eb) => ({
          source: eb.ref('v.column2'),
          owner: eb.ref('v.column3'),
          kind: eb.ref('v.column4'),
          end_at: eb.ref('v.column5'),
          title_key: eb.ref('v.column6'),
        }))
        .whereRef('sightings.id', '=', 'v.column1')
        .execute();
      const texts = new Map(some.map((row) => [row.item_id, searchText(fromJson(row.facts_json))]));
      await db
        .insertInto('item_texts')
        .values([...texts].map(([item_id, text]) => ({ item_id, text })))
        .onConflict((conflict) => conflict.column('item_id').doNothing())
        .execute();
    }
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.id;
  }
}
