import { sql, type RawBuilder } from 'kysely';

import type { Catalogue, ItemPage, ItemQuery, ListedItem, LocationName, SourceCount } from '../inventory/catalogue.ts';
import type { KnownItem } from '../inventory/model.ts';
import type { Access } from './access.ts';
import { selectHistory } from './history.ts';
import { withSightings } from './inventory.ts';
import { LOCATION_COLUMNS, SIGHTING_COLUMNS, toSighting } from './inventory-rows.ts';
import { fromJson, type JsonText } from './json.ts';
import type { Connection } from './schema.ts';

/** Items that hold a word are looked up before the list is walked, up to here; of a more common word the list is full. */
const MAX_MATCHES = 2_000;
const MAX_WORDS = 8;
/** Beyond this many nobody counts. */
const MAX_COUNTED = 10_000;

type Condition = RawBuilder<boolean>;

export function createCatalogue(access: Access): Catalogue {
  return {
    items: (query) => access.read((db) => selectItems(db, query)),

    item: (id) => access.read((db) => selectItem(db, id)),

    homes: (id, limit) =>
      access.read(async (db) => {
        const item = await selectItemRow(db, id);
        if (item === undefined) return { homes: [], count: 0 };
        const rows = await db
          .selectFrom('sightings as s')
          .innerJoin('locations as l', 'l.id', 's.location_id')
          .select(SIGHTING_COLUMNS.map((column) => `s.${column}` as const))
          .select(['l.source', 'l.type', 'l.target', 'l.location', 'l.labels_json'])
          .where('s.item_id', '=', item.id)
          .where('s.ended_at', 'is', null)
          // As the index has them: of very many only the first are read.
          .orderBy('s.source')
          .orderBy('s.role')
          .orderBy('s.location_id')
          .limit(limit)
          .execute();
        return {
          homes: rows.map((row) => {
            const { item: _item, ...sighting } = toSighting(row, fromJson(item.facts_json));
            return { location: nameOf({ ...row, id: row.location_id }), sighting };
          }),
          count: await count(db, sql`sightings where item_id = ${item.id} and ended_at is null`),
        };
      }),

    limitedBy: (id, limit) =>
      access.read(async (db) => {
        const rows = await db
          .selectFrom('locations')
          .select(['id', 'source', 'type', 'target', 'location', 'labels_json'])
          .where('limited_by', '=', id)
          .where('withdrawn_at', 'is', null)
          .orderBy('source')
          .orderBy('location')
          .limit(limit)
          .execute();
        return {
          locations: rows.map(nameOf),
          count: await count(db, sql`locations where limited_by = ${id} and withdrawn_at is null`),
        };
      }),

    history: (id, limit) => access.read((db) => selectHistory(db, id, limit)),

    locations: ({ text, source, item, limitedBy, failing, after, limit }) =>
      access.read(async (db) => {
        const conditions: Condition[] = [
          ...wordsOf(text).map((word) => sql<boolean>`lower(location) like ${like(word)} escape '\\'`),
          ...(source === undefined ? [] : [sql<boolean>`source = ${source}`]),
          ...(item === undefined
            ? []
            : [
                sql<boolean>`id in (select s.location_id from sightings s join items i on i.id = s.item_id
                  where i.identity = ${item} and s.ended_at is null)`,
              ]),
          ...(limitedBy === undefined ? [] : [sql<boolean>`limited_by = ${limitedBy}`]),
          ...(failing === true ? [sql<boolean>`(failure_reason is not null or problems_json <> '[]')`] : []),
          ...(after === undefined ? [] : [sql<boolean>`(source, location) > (${after.source}, ${after.location})`]),
        ];
        let query = db.selectFrom('locations').select(LOCATION_COLUMNS).where('withdrawn_at', 'is', null);
        for (const condition of conditions) query = query.where(condition);
        const rows = await query
          .orderBy('source')
          .orderBy('location')
          .limit(limit + 1)
          .execute();
        const last = rows[limit - 1];
        return {
          locations: await withSightings(db, rows.slice(0, limit)),
          ...(rows.length > limit && last !== undefined
            ? { next: { source: last.source, location: last.location } }
            : {}),
        };
      }),

    counts: () =>
      access.read(async (db) => {
        const sources = await db
          .selectFrom('sources')
          .select('name')
          .where('withdrawn_at', 'is', null)
          .orderBy('name')
          .execute();
        const counts = await db
          .selectFrom('locations')
          .select(({ fn }) => [
            'source',
            fn.countAll<number | string>().as('locations'),
            fn.count<number | string>('failure_reason').as('failed'),
          ])
          .where('withdrawn_at', 'is', null)
          .groupBy('source')
          .execute();
        return sources.map(({ name }): SourceCount => {
          const own = counts.find(({ source }) => source === name);
          return { source: name, locations: Number(own?.locations ?? 0), failed: Number(own?.failed ?? 0) };
        });
      }),
  };
}

async function selectItems(db: Connection, query: ItemQuery): Promise<ItemPage> {
  const { order, after, limit } = query;
  const conditions = await conditionsOf(db, query);
  const key = order.endsWith('ends') ? sql.ref('end_at') : sql.ref('title_key');
  const isDown = order.startsWith('-');
  const direction = isDown ? sql`desc` : sql`asc`;
  const all = sql.join(conditions, sql` and `);
  const from =
    after === undefined
      ? sql``
      : isDown
        ? sql`and (${key}, item_id) < (${after.key}, ${after.id})`
        : sql`and (${key}, item_id) > (${after.key}, ${after.id})`;
  const { rows } = await sql<{ key: string | number; item_id: number; places: number | string }>`
    select ${key} as key, item_id, count(*) as places from sightings where ${all} ${from}
    group by ${key}, item_id order by ${key} ${direction}, item_id ${direction} limit ${limit + 1}`.execute(db);
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: await listed(db, shown),
    count: await count(
      db,
      sql`(select 1 from sightings where ${all} group by ${key}, item_id limit ${MAX_COUNTED}) as c`,
    ),
    ...(rows.length > limit && last !== undefined ? { next: { key: last.key, id: last.item_id } } : {}),
  };
}

async function conditionsOf(db: Connection, query: ItemQuery): Promise<readonly Condition[]> {
  const { kind, source, role, owner, endsFrom, endsBefore } = query;
  return [
    sql<boolean>`ended_at is null`,
    ...(kind === undefined ? [] : [sql<boolean>`kind = ${kind}`]),
    ...(source === undefined ? [] : [sql<boolean>`source = ${source}`]),
    ...(role === undefined ? [] : [sql<boolean>`role = ${role}`]),
    ...(owner === undefined ? [] : [sql<boolean>`owner = ${owner}`]),
    ...(endsFrom === undefined ? [] : [sql<boolean>`end_at >= ${endsFrom}`]),
    ...(endsBefore === undefined ? [] : [sql<boolean>`end_at < ${endsBefore}`]),
    ...(await textConditions(db, wordsOf(query.text))),
  ];
}

/** A rare word is looked up first; a common one is met soon on the way along the list. */
async function textConditions(db: Connection, words: readonly string[]): Promise<readonly Condition[]> {
  if (words.length === 0) return [];
  const holds = sql.join(
    words.map((word) => sql`text like ${like(word)} escape '\\'`),
    sql` and `,
  );
  const { rows } = await sql<{ item_id: number }>`
    select item_id from item_texts where ${holds} limit ${MAX_MATCHES + 1}`.execute(db);
  if (rows.length === 0) return [sql<boolean>`1 = 0`];
  if (rows.length <= MAX_MATCHES) return [sql<boolean>`item_id in (${sql.join(rows.map(({ item_id: id }) => id))})`];
  return [sql<boolean>`exists (select 1 from item_texts where item_texts.item_id = sightings.item_id and ${holds})`];
}

async function listed(
  db: Connection,
  rows: readonly { readonly item_id: number; readonly places: number | string }[],
): Promise<readonly ListedItem[]> {
  if (rows.length === 0) return [];
  const ids = rows.map(({ item_id: id }) => id);
  const items = new Map(
    (await db.selectFrom('items').select(['id', 'facts_json']).where('id', 'in', ids).execute()).map((row) => [
      row.id,
      fromJson(row.facts_json),
    ]),
  );
  const uses = Map.groupBy(
    await db
      .selectFrom('sightings')
      .select(['item_id', 'source', 'role'])
      .distinct()
      .where('item_id', 'in', ids)
      .where('ended_at', 'is', null)
      .execute(),
    (row) => row.item_id,
  );
  return rows.flatMap(({ item_id: id, places }): readonly ListedItem[] => {
    const item = items.get(id);
    const own = uses.get(id) ?? [];
    if (item === undefined) return [];
    return [
      {
        item,
        places: Number(places),
        roles: [...new Set(own.map(({ role }) => role))].toSorted(),
        sources: [...new Set(own.map(({ source }) => source))].toSorted(),
      },
    ];
  });
}

/** What was seen; else a certificate that was only ever met at the end of a chain. */
async function selectItem(db: Connection, id: string): Promise<KnownItem | undefined> {
  const row = await selectItemRow(db, id);
  if (row !== undefined) return fromJson(row.facts_json);
  const limited = await db
    .selectFrom('locations')
    .select('chain_json')
    .where('limited_by', '=', id)
    .where('withdrawn_at', 'is', null)
    .limit(1)
    .executeTakeFirst();
  return limited?.chain_json === null || limited === undefined ? undefined : fromJson(limited.chain_json).limitedBy;
}

async function selectItemRow(
  db: Connection,
  id: string,
): Promise<{ readonly id: number; readonly facts_json: JsonText<KnownItem> } | undefined> {
  return db
    .selectFrom('items')
    .select(['id', 'facts_json'])
    .where('identity', '=', id)
    .orderBy('kind')
    .limit(1)
    .executeTakeFirst();
}

async function count(db: Connection, from: RawBuilder<unknown>): Promise<number> {
  const { rows } = await sql<{ count: number | string }>`select count(*) as count from ${from}`.execute(db);
  return Number(rows[0]?.count ?? 0);
}

function nameOf(
  row: Omit<LocationName, 'labels'> & { readonly labels_json: JsonText<LocationName['labels']> },
): LocationName {
  const { id, source, type, target, location, labels_json: labels } = row;
  return { id, source, type, target, location, labels: fromJson(labels) };
}

function wordsOf(text: string | undefined): readonly string[] {
  return (text ?? '')
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
    .slice(0, MAX_WORDS);
}

function like(word: string): string {
  return `%${word.replace(/[\\%_]/g, '\\$&')}%`;
}
