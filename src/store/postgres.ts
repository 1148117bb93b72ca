import { randomUUID } from 'node:crypto';

import { Kysely, PostgresDialect, sql } from 'kysely';

import { migrate, requireSchema, SchemaError } from './migrate.ts';
import { migrations } from './migrations/list.ts';
import type { ColumnTypes, Migration } from './migrations/migration.ts';
import { harmless, openPool, patiently, type PostgresLog } from './postgres-connection.ts';
import type { Lane } from './lane.ts';
import type { Connection, Database, OpenDatabase } from './schema.ts';
import { createStore, type Store } from './store.ts';
import { TABLES } from './tables.ts';

export interface PostgresOptions {
  /** For looking beside running nodes: nothing is created or changed. */
  readonly readOnly?: boolean;
  readonly log?: PostgresLog;
  /** The steps of the schema; those of this version by default. */
  readonly steps?: readonly Migration[];
}

const COLUMN_TYPES: ColumnTypes = {
  identity: { type: 'bigint', define: (column) => column.generatedByDefaultAsIdentity().primaryKey() },
  bytes: 'bytea',
};

/** Any number that no other program is likely to lock: "notafter" in a few digits. */
const MIGRATION_LOCK = 6_682_823;

/** Milliseconds since the epoch. */
const NOW = sql<number>`cast(extract(epoch from clock_timestamp()) * 1000 as bigint)`;

/** Many connections: nobody has to wait for a turn. */
const NO_LANE: Lane = { run: (work) => work() };

const SILENT: PostgresLog = { warn: () => {} };

/**
 * Opens the store of a cluster; any number of nodes may. Creates the schema, or takes its new steps, under a lock.
 *
 * `transaction()` holds the one row of the table `writer`: of all nodes one writes at a time, as the ports promise, and a
 * node that is paused meanwhile loses it with its session after a few seconds. Readers, due times and settlements of
 * messages wait for nobody, and are tried again while the database is away.
 *
 * Throws SchemaError, or an Error that names the database.
 */
export async function openPostgres(url: string, options: PostgresOptions = {}): Promise<Store> {
  return createStore({
    ...(await connectPostgres(url, options)),
    lane: NO_LANE,
    patiently,
    shared: { begin: holdWriter, node: randomUUID(), now: timeOf },
  });
}

/** The database behind such a store. */
export async function connectPostgres(url: string, options: PostgresOptions = {}): Promise<OpenDatabase> {
  const { readOnly = false, log = SILENT, steps = migrations } = options;
  const where = nameOf(url);
  const pool = openPool(url, log);
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool: harmless(pool) }) });
  const schema = db as Kysely<unknown>;
  try {
    if (readOnly) await requireSchema(schema, steps, where);
    else await patiently(() => migrate(schema, steps, COLUMN_TYPES, where, { before: lock, after: settleSchema }));
  } catch (error) {
    await db.destroy();
    throw error instanceof SchemaError ? error : namingDatabase(error, where);
  }
  let closed: Promise<void> | undefined;
  return { db, close: () => (closed ??= db.destroy()) };
}

/** A database address without its password, for people. */
export function nameOf(url: string): string {
  try {
    const { hostname, port, pathname } = new URL(url);
    return `postgres://${hostname}${port === '' ? '' : `:${port}`}${pathname}`;
  } catch {
    return 'the PostgreSQL database';
  }
}

async function lock(tx: Kysely<unknown>): Promise<void> {
  await sql`select pg_advisory_xact_lock(${sql.lit(MIGRATION_LOCK)})`.execute(tx);
}

/** Text sorts by code point, as in SQLite and in JavaScript (below U+10000), whatever the database was created with. */
async function settleSchema(tx: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<{ table_name: string; column_name: string }>`
    select table_name, column_name from information_schema.columns
    where table_schema = current_schema() and data_type = 'text' and collation_name is distinct from 'C'
      and table_name in (${sql.join(TABLES)})
  `.execute(tx);
  for (const { table_name: table, column_name: column } of rows) {
    await sql`alter table ${sql.ref(table)} alter column ${sql.ref(column)} type text collate "C"`.execute(tx);
  }
  await sql`insert into writer (id, revision) values (1, 0) on conflict do nothing`.execute(tx);
}

async function holdWriter(tx: Connection): Promise<{ readonly revision: number; readonly now: number }> {
  return tx
    .selectFrom('writer')
    .select(['revision', NOW.as('now')])
    .where('id', '=', 1)
    .forUpdate()
    .executeTakeFirstOrThrow();
}

async function timeOf(db: Connection): Promise<number> {
  const { now } = await db.selectNoFrom(NOW.as('now')).executeTakeFirstOrThrow();
  return now;
}

function namingDatabase(error: unknown, where: string): Error {
  // Of a name with several addresses: what the first has said.
  const cause: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new Error(`cannot open the store ${where}: ${detail}`, { cause: error });
}
