import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { Kysely } from 'kysely';

import { createLane } from './lane.ts';
import { migrate, requireSchema, SchemaError } from './migrate.ts';
import { migrations } from './migrations/list.ts';
import type { ColumnTypes } from './migrations/migration.ts';
import { nodeSqliteDialect } from './node-sqlite-dialect.ts';
import { createPrivateFile } from './private-file.ts';
import type { Database, OpenDatabase } from './schema.ts';
import { holdStore } from './sqlite-lock.ts';
import { createStore, type Store } from './store.ts';

export interface SqliteOptions {
  /** For the daemon: refuse when another one uses the store, and keep others out while this one lives. */
  readonly exclusive?: boolean;
  /** For looking beside a running daemon: nothing is created, changed or locked. */
  readonly readOnly?: boolean;
}

/** How long to wait for another process that is writing, milliseconds. */
const BUSY_TIMEOUT_MS = 5_000;

/** The write-ahead log is cut back to this after a burst, bytes. */
const JOURNAL_LIMIT = 64 * 1024 * 1024;

const COLUMN_TYPES: ColumnTypes = {
  // Only `integer primary key` is SQLite's own row key; autoincrement never gives a key out twice.
  identity: { type: 'integer', define: (column) => column.primaryKey().autoIncrement() },
  bytes: 'blob',
};

/**
 * Opens a store in a file, or in memory for `:memory:`. Creates the file (readable by its owner alone), its directory and
 * the schema as needed.
 *
 * Durable: what `transaction()` or `settle()` has committed survives a killed process and a lost power supply. That is
 * `synchronous = full`, one fsync for each commit: about 0.3 ms on an SSD, where `normal` takes 0.05 ms but may lose the
 * last commits with the power, and with them the memory of who was told.
 *
 * Throws StoreInUseError, SchemaError, or an Error that names the path.
 */
export async function openSqlite(path: string, options: SqliteOptions = {}): Promise<Store> {
  return createStore({ ...(await connectSqlite(path, options)), lane: createLane() });
}

/** The database behind such a store. */
export async function connectSqlite(path: string, options: SqliteOptions = {}): Promise<OpenDatabase> {
  const { exclusive = false, readOnly = false } = options;
  const memory = path === ':memory:';
  const file = memory ? path : resolve(path);
  if (readOnly && !memory && !existsSync(file)) {
    throw new Error(`there is no store at ${file}: check the path, or start "notafter run" once to create it`);
  }
  const lock = exclusive && !memory ? holdStore(file) : undefined;
  try {
    if (!readOnly && !memory) createPrivateFile(file);
    const database = openDatabase(file, readOnly);
    try {
      return await openKysely(database, file, readOnly, lock);
    } catch (error) {
      if (database.isOpen) database.close();
      throw error;
    }
  } catch (error) {
    lock?.release();
    throw namingPath(error, file);
  }
}

function openDatabase(file: string, readOnly: boolean): DatabaseSync {
  const database = new DatabaseSync(file, { readOnly, timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true });
  if (!readOnly) {
    database.exec('pragma journal_mode = wal');
    database.exec('pragma synchronous = full');
    database.exec(`pragma journal_size_limit = ${JOURNAL_LIMIT}`);
  }
  return database;
}

async function openKysely(
  database: DatabaseSync,
  file: string,
  readOnly: boolean,
  lock: { release(): void } | undefined,
): Promise<OpenDatabase> {
  const db = new Kysely<Database>({ dialect: nodeSqliteDialect(database) });
  const schema = db as Kysely<unknown>;
  if (readOnly) await requireSchema(schema, migrations, file);
  else await migrate(schema, migrations, COLUMN_TYPES, file);

  let closed: Promise<void> | undefined;
  async function close(): Promise<void> {
    // The only connection is lent out until the transaction under way has ended: to get it is to have waited.
    await db.connection().execute(async () => {
      if (!readOnly) database.exec('pragma optimize');
    });
    await db.destroy();
    lock?.release();
  }
  return { db, close: () => (closed ??= close()) };
}

/** SQLite's own errors say neither which file nor what to do. */
function namingPath(error: unknown, file: string): unknown {
  if (error instanceof SchemaError || !(error instanceof Error) || !('errcode' in error)) return error;
  return new Error(`cannot open the store ${file}: ${error.message}`, { cause: error });
}
