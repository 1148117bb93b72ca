import type { Migration } from './migration.ts';

/** What several nodes must know of each other's work. A store of one node leaves it empty. */
export const cluster: Migration = {
  name: '0007-cluster',
  async up(db, types) {
    // One row: who holds its lock is the only one that writes, and `revision` counts what was changed so.
    await db.schema
      .createTable('writer')
      .addColumn('id', 'bigint', (column) => column.primaryKey())
      .addColumn('revision', 'bigint', (column) => column.notNull())
      .execute();
    await db.schema
      .createTable('changes')
      .addColumn('id', types.identity.type, types.identity.define)
      .addColumn('revision', 'bigint', (column) => column.notNull())
      .addColumn('node', 'text', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('key', 'text', (column) => column.notNull())
      .addColumn('at', 'bigint', (column) => column.notNull())
      .execute();
    await db.schema.createIndex('changes_by_revision').on('changes').column('revision').execute();
    await db.schema.createIndex('changes_by_at').on('changes').column('at').execute();
    await db.schema
      .createTable('nodes')
      .addColumn('name', 'text', (column) => column.primaryKey())
      .addColumn('process', 'text', (column) => column.notNull())
      .addColumn('role', 'text', (column) => column.notNull())
      .addColumn('zone', 'text')
      .addColumn('config', 'text', (column) => column.notNull())
      .addColumn('started_at', 'bigint', (column) => column.notNull())
      .addColumn('seen_at', 'bigint', (column) => column.notNull())
      .execute();
    await db.schema.alterTable('sources').addColumn('discovered_at', 'bigint').execute();
  },
};
