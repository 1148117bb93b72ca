import { sql } from 'kysely';

import type { Migration } from './migration.ts';

/** What is over is found by the time at which it was. */
export const history: Migration = {
  name: '0008-history',
  async up(db) {
    await db.schema
      .createIndex('sightings_over')
      .on('sightings')
      .column('ended_at')
      .where(sql.ref('ended_at'), 'is not', null)
      .execute();
  },
};
