import { sql, type Kysely } from 'kysely';

import { connectPostgres, nameOf } from './postgres.ts';
import type { Database } from './schema.ts';
import { connectSqlite } from './sqlite.ts';
import { TABLES } from './tables.ts';

type Table = (typeof TABLES)[number];

/** Rows in one statement: far from PostgreSQL's limit of 65 535 parameters; of bytes fewer. */
const PAGE = 1_000;
const PAGE_OF_BYTES = 50;

/** What belongs to the nodes of one cluster, or to one engine, and means nothing in another store. */
const LEFT: ReadonlySet<Table> = new Set<Table>(['writer', 'changes', 'nodes']);
/** Fences are given out by whoever runs the work; those of another engine would shut this one out. */
const LEFT_COLUMNS: ReadonlySet<string> = new Set(['targets.fence']);
/** Due times that are no schedules but the notes of the engine of one process. */
const ENGINE_NOTES = 'engine:%';

export interface CopyOptions {
  /** Told after each table. */
  onTable?(table: string, rows: number): void;
}

/**
 * Copies everything that a store in a file knows into an empty one in PostgreSQL: inventory, history, alerts, who was
 * told what, silences, what waits to be sent, due times. All of it or nothing. No daemon may use the file meanwhile.
 * Throws StoreInUseError, SchemaError, or an Error that says which store and why.
 */
export async function copyToPostgres(path: string, url: string, { onTable }: CopyOptions = {}): Promise<void> {
  const from = await connectSqlite(path, { exclusive: true });
  try {
    const to = await connectPostgres(url);
    try {
      await to.db.transaction().execute(async (tx) => {
        await refuseFull(tx, nameOf(url));
        for (const table of TABLES) {
          if (LEFT.has(table)) continue;
          onTable?.(table, await copyTable(from.db, tx, table));
        }
      });
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
}

async function refuseFull(to: Kysely<Database>, where: string): Promise<void> {
  // Nobody writes into it until the copy is whole.
  await sql`lock table ${sql.join(TABLES.map((table) => sql.table(table)))} in exclusive mode`.execute(to);
  for (const table of TABLES) {
    if (table === 'writer') continue;
    const row = await to
      .selectFrom(table)
      .select(sql`1`.as('one'))
      .limit(1)
      .executeTakeFirst();
    if (row !== undefined) {
      throw new Error(`${where} is not empty (there are ${table}): copy into a new database`);
    }
  }
}

/** Gives the number of rows. */
async function copyTable(from: Kysely<Database>, to: Kysely<Database>, table: Table): Promise<number> {
  const columns = await columnsOf(from, table);
  let count = 0;
  for (let after = 0; ;) {
    const { rows } = await sql<Record<string, unknown> & { copied_row: number }>`
      select rowid as copied_row, ${sql.join(columns.map((column) => sql.ref(column)))} from ${sql.table(table)}
      where rowid > ${after} ${table === 'due_times' ? sql`and name not like ${ENGINE_NOTES}` : sql``}
      order by rowid limit ${table === 'ders' ? PAGE_OF_BYTES : PAGE}
    `.execute(from);
    const last = rows.at(-1);
    if (last === undefined) break;
    const values = rows.map((row) => sql`(${sql.join(columns.map((column) => row[column] ?? null))})`);
    await sql`
      insert into ${sql.table(table)} (${sql.join(columns.map((column) => sql.ref(column)))}) values ${sql.join(values)}
    `.execute(to);
    after = last.copied_row;
    count += rows.length;
  }
  await continueKeys(to, table);
  return count;
}

async function columnsOf(db: Kysely<Database>, table: Table): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`select name from pragma_table_info(${table})`.execute(db);
  return rows.map(({ name }) => name).filter((name) => !LEFT_COLUMNS.has(`${table}.${name}`));
}

/** Keys that the database counts up go on after the highest. */
async function continueKeys(db: Kysely<Database>, table: Table): Promise<void> {
  const { rows } = await sql<{ column_name: string }>`
    select column_name from information_schema.columns
    where table_schema = current_schema() and table_name = ${table} and is_identity = 'YES'
  `.execute(db);
  for (const { column_name: column } of rows) {
    await sql`
      select setval(pg_get_serial_sequence(${table}, ${column}), coalesce(max(${sql.ref(column)}), 1), count(*) > 0)
      from ${sql.table(table)}
    `.execute(db);
  }
}
