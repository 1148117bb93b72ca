import type { Migration } from './migration.ts';

/** What passed on the wire, apart from the locations: only an explanation reads it. */
export const transcripts: Migration = {
  name: '0003-transcripts',
  async up(db) {
    await db.schema
      .createTable('transcripts')
      .addColumn('location_id', 'bigint', (column) => column.primaryKey().references('locations.id'))
      .addColumn('lines_json', 'text', (column) => column.notNull())
      .execute();
  },
};
