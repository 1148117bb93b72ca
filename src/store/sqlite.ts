import { existsSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { Kysely } from 'kysely';

import { createLane } from './lane.ts';
import { migrate, requireSchema, SchemaError } from './migrate.ts';
import { migrations } from './migrations/list.ts';
import type { ColumnTypes } from './migrations/migration.ts';
import { nodeSqliteDialect } from './node-sqlite-dialect.ts';
import { createPrivateFile } from './private-file.ts';
import type { Rescue } from './rescue.ts';
import { openSealed, type Keeper } from './sealed.ts';
import type { Database, OpenDatabase } from './schema.ts';
import { readSilences, writeSilences } from './silence-journal.ts';
import { sealsPath } from './seals.ts';
import { holdStore } from './sqlite-lock.ts';
import { createStore, type Store } from './store.ts';

export interface SqliteOptions {
  /** For the daemon: refuse when another one uses the store, and keep others out while this one lives. */
  readonly exclusive?: boolean;
  /** For looking beside a running daemon: nothing is created, changed or locked. */
  readonly readOnly?: boolean;
  /** Told, before the store is used, that the file was damaged, and what became of it. Only where it is `exclusive`. */
  readonly onRescue?: (rescue: Rescue) => void;
  /** Told, before the store is used, that it did not know so many silences that lie beside it, and does now. */
  readonly onForgotten?: (silences: number) => void;
  /** Told once when the file turns out to be damaged while it is in use: to open it anew sets it aside. */
  readonly onDamage?: (error: unknown) => void;
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
 * An exclusive one that is damaged is set aside, and a new one takes its place with what is certainly sound in it; see
 * `onRescue`.
 *
 * Throws StoreInUseError, SchemaError, or an Error that names the path.
 */
export async function openSqlite(path: string, options: SqliteOptions = {}): Promise<Store> {
  const { db, close } = await connectSqlite(path, options);
  const store = createStore({ db, close, lane: createLane() });
  if (options.exclusive !== true || path === ':memory:') return store;
  const file = resolve(path);
  const keep = async (): Promise<void> => writeSilences(file, await store.alerts.silences());
  // The list is written after each commit: a silence that only it knows was lost with the end of the log, or the file is
  // an older one.
  const known = new Set((await store.alerts.silences()).map(({ id }) => id));
  const forgotten = (readSilences(file) ?? []).filter(({ id }) => !known.has(id));
  if (forgotten.length > 0) {
    await store.transaction(async (tx) => {
      for (const silence of forgotten) await tx.alerts.saveSilence(silence);
    });
    options.onForgotten?.(forgotten.length);
  }
  await keep();
  return {
    ...store,
    async transaction(work) {
      let isChanged = false;
      const result = await store.transaction((tx) =>
        work({
          ...tx,
          async prune(before) {
            const rows = await tx.prune(before);
            // Else a silence that was forgotten in its time would seem to be lost.
            isChanged ||= rows > 0;
            return rows;
          },
          alerts: {
            ...tx.alerts,
            async saveSilence(silence) {
              isChanged = true;
              await tx.alerts.saveSilence(silence);
            },
          },
        }),
      );
      if (isChanged) await keep();
      return result;
    },
  };
}

/** The database behind such a store. */
export async function connectSqlite(path: string, options: SqliteOptions = {}): Promise<OpenDatabase> {
  const { exclusive = false, readOnly = false } = options;
  const memory = path === ':memory:';
  const file = memory ? path : resolve(path);
  if (readOnly && !memory && !existsSync(file)) {
    throw new Error(`there is no store at ${file}: check the path, or start "notafter run" once to create it`);
  }
  let lock: { release(): void } | undefined;
  try {
    if (exclusive && !memory) lock = holdStore(file);
    if (!exclusive && !readOnly && !memory) {
      createPrivateFile(file);
      // What is written without them makes checksums wrong.
      rmSync(sealsPath(file), { force: true });
    }
    if (!exclusive || memory) return await openKysely(openDatabase(file, readOnly), file, readOnly);
    return await openSealed(file, {
      open: () => openDatabase(file, false),
      use: (database, keeper) => openKysely(database, file, false, keeper),
      afterClose: () => lock?.release(),
      now: () => new Date(),
      ...options,
    });
  } catch (error) {
    lock?.release();
    throw namingPath(error, file);
  }
}

function openDatabase(file: string, readOnly: boolean): DatabaseSync {
  const database = new DatabaseSync(file, { readOnly, timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true });
  try {
    if (!readOnly) {
      database.exec('pragma journal_mode = wal');
      database.exec('pragma synchronous = full');
      database.exec(`pragma journal_size_limit = ${JOURNAL_LIMIT}`);
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Brings the schema up to date. Closes the database when that fails. */
async function openKysely(
  database: DatabaseSync,
  file: string,
  readOnly: boolean,
  keeper?: Keeper,
): Promise<OpenDatabase> {
  const db = new Kysely<Database>({ dialect: nodeSqliteDialect(database, keeper?.hooks) });
  const schema = db as Kysely<unknown>;
  try {
    if (readOnly) await requireSchema(schema, migrations, file);
    else await migrate(schema, migrations, COLUMN_TYPES, file);
  } catch (error) {
    if (database.isOpen) database.close();
    throw error;
  }

  let closed: Promise<void> | undefined;
  async function close(): Promise<void> {
    try {
      // The only connection is lent out until the transaction under way has ended: to get it is to have waited.
      await db.connection().execute(async () => {
        if (!readOnly) tidy(database);
        keeper?.beforeClose();
      });
      await db.destroy();
    } finally {
      keeper?.afterClose();
    }
  }
  return { db, close: () => (closed ??= close()) };
}

/** Helps the next queries; a full disk or a damaged file must not keep the store from being closed. */
function tidy(database: DatabaseSync): void {
  try {
    database.exec('pragma optimize');
  } catch {
    // Nothing is lost but a little speed.
  }
}

/** SQLite's own errors say neither which file nor what to do. */
function namingPath(error: unknown, file: string): unknown {
  if (error instanceof SchemaError || !(error instanceof Error) || !('errcode' in error)) return error;
  return new Error(`cannot open the store ${file}: ${error.message}`, { cause: error });
}
