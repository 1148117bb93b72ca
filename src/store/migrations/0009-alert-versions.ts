import type { Migration } from './migration.ts';

/** Whether an alert is still as somebody knows it is seen without reading its places. */
export const alertVersions: Migration = {
  name: '0009-alert-versions',
  async up(db) {
    await db.schema
      .alterTable('alerts')
      .addColumn('version', 'text', (column) => column.notNull().defaultTo(''))
      .execute();
  },
};
