import type { Kysely } from 'kysely';

import type { ColumnTypes, Migration } from './migrations/migration.ts';

interface VersionTable {
  schema_versions: { version: number; name: string };
}

/** The store cannot be used by this version of notafter; the text says why and what to do. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
}

/** What a database wants around the steps, in their transaction. */
export interface MigrationFrame {
  /** Keeps others from taking the steps at the same time. */
  before?(tx: Kysely<unknown>): Promise<void>;
  /** Runs where a step was taken. */
  after?(tx: Kysely<unknown>): Promise<void>;
}

/** The version of the schema in this database; 0 when there is none yet. */
export async function schemaVersion(db: Kysely<unknown>): Promise<number> {
  const tables = await db.introspection.getTables();
  if (!tables.some((table) => table.name === 'schema_versions')) return 0;
  const row = await versions(db)
    .selectFrom('schema_versions')
    .select((eb) => eb.fn.max('version').as('version'))
    .executeTakeFirst();
  return row?.version ?? 0;
}

/**
 * Takes every step that the database has not taken yet, all in one transaction. `where` names the store in errors.
 * Throws SchemaError when the database was written by a newer version, and then changes nothing.
 */
export async function migrate(
  db: Kysely<unknown>,
  steps: readonly Migration[],
  types: ColumnTypes,
  where: string,
  frame: MigrationFrame = {},
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await frame.before?.(tx);
    const present = await schemaVersion(tx);
    refuseNewer(present, steps, where);
    if (present === 0) {
      await tx.schema
        .createTable('schema_versions')
        .addColumn('version', 'bigint', (column) => column.primaryKey())
        .addColumn('name', 'text', (column) => column.notNull())
        .execute();
    }
    for (const [index, step] of steps.entries()) {
      if (index < present) continue;
      await step.up(tx, types);
      await versions(tx)
        .insertInto('schema_versions')
        .values({ version: index + 1, name: step.name })
        .execute();
    }
    if (present < steps.length) await frame.after?.(tx);
  });
}

/** For a reader, which never changes the schema: throws SchemaError unless it is exactly the one this version knows. */
export async function requireSchema(db: Kysely<unknown>, steps: readonly Migration[], where: string): Promise<void> {
  const present = await schemaVersion(db);
  refuseNewer(present, steps, where);
  if (present === 0) {
    throw new SchemaError(
      `${where} is not a notafter store: check the path, or start "notafter run" once to create it`,
    );
  }
  if (present < steps.length) {
    throw new SchemaError(
      `${where} was written by an older notafter (schema ${present}, this one reads ${steps.length}): start "notafter run" once to bring it up to date`,
    );
  }
}

function refuseNewer(present: number, steps: readonly Migration[], where: string): void {
  if (present > steps.length) {
    throw new SchemaError(
      `${where} was written by a newer notafter (schema ${present}, this one knows ${steps.length}): upgrade notafter, or use another store`,
    );
  }
}

function versions(db: Kysely<unknown>): Kysely<VersionTable> {
  return db;
}
