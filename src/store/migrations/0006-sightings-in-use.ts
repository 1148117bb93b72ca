import { sql } from 'kysely';

import type { Migration } from './migration.ts';

/** What descriptions in logs call a certificate by, and what a collector keeps beside a location. */
export const sightingsInUse: Migration = {
  name: '0006-sightings-in-use',
  async up(db) {
    for (const column of ['sha1', 'serial'] as const) {
      await db.schema.alterTable('items').addColumn(column, 'text').execute();
      await db.schema
        .createIndex(`items_by_${column}`)
        .on('items')
        .column(column)
        .where(sql.ref(column), 'is not', null)
        .execute();
    }
    await db.schema
      .createTable('memories')
      .addColumn('location_id', 'bigint', (column) => column.primaryKey().references('locations.id'))
      .addColumn('memory_json', 'text', (column) => column.notNull())
      .execute();
  },
};
