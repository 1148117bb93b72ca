import { DatabaseSync } from 'node:sqlite';

import { Kysely } from 'kysely';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { migrate, requireSchema, schemaVersion } from '../../src/store/migrate.ts';
import type { ColumnTypes, Migration } from '../../src/store/migrations/migration.ts';
import { nodeSqliteDialect } from '../../src/store/node-sqlite-dialect.ts';

const TYPES: ColumnTypes = { identity: { type: 'integer', define: (column) => column.primaryKey() }, bytes: 'blob' };

function creates(name: string): Migration {
  return { name, up: (db) => db.schema.createTable(name).addColumn('id', 'integer').execute() };
}

let db: Kysely<unknown>;
beforeEach(() => {
  db = new Kysely<unknown>({ dialect: nodeSqliteDialect(new DatabaseSync(':memory:')) });
});
afterEach(() => db.destroy());

async function tables(): Promise<readonly string[]> {
  return (await db.introspection.getTables()).map((table) => table.name).toSorted();
}

it('takes only the steps that were not taken yet', async () => {
  await migrate(db, [creates('a')], TYPES, 'x.db');
  expect(await schemaVersion(db)).toBe(1);
  await migrate(db, [creates('a'), creates('b'), creates('c')], TYPES, 'x.db');
  await migrate(db, [creates('a'), creates('b'), creates('c')], TYPES, 'x.db');
  expect(await schemaVersion(db)).toBe(3);
  expect(await tables()).toEqual(['a', 'b', 'c', 'schema_versions']);
});

it('leaves nothing behind when a step fails', async () => {
  const failing: Migration = {
    name: 'failing',
    async up(tx) {
      await tx.schema.createTable('half').addColumn('id', 'integer').execute();
      throw new Error('disk full');
    },
  };
  await expect(migrate(db, [creates('a'), failing], TYPES, 'x.db')).rejects.toThrow('disk full');
  expect(await tables()).toEqual([]);
  expect(await schemaVersion(db)).toBe(0);
});

it('refuses a schema that is newer, and a reader also one that is older or none', async () => {
  await expect(requireSchema(db, [creates('a')], 'x.db')).rejects.toThrow('x.db is not a notafter store');
  await migrate(db, [creates('a'), creates('b')], TYPES, 'x.db');
  await expect(migrate(db, [creates('a')], TYPES, 'x.db')).rejects.toThrow(
    'x.db was written by a newer notafter (schema 2, this one knows 1)',
  );
  await expect(requireSchema(db, [creates('a')], 'x.db')).rejects.toThrow('newer notafter');
  await expect(requireSchema(db, [creates('a'), creates('b'), creates('c')], 'x.db')).rejects.toThrow(
    'older notafter (schema 2, this one reads 3)',
  );
  await expect(requireSchema(db, [creates('a'), creates('b')], 'x.db')).resolves.toBeUndefined();
});
