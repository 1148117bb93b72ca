import { sql } from 'kysely';

import type { Migration } from './migration.ts';

/** Silences, acknowledgements, and what is put off until later. */
export const alerting: Migration = {
  name: '0004-alerting',
  async up(db) {
    await db.schema.alterTable('alerts').addColumn('held_json', 'text').execute();
    await db.schema.alterTable('alerts').addColumn('wake_at', 'bigint').execute();
    await db.schema.alterTable('alerts').addColumn('acknowledgement_json', 'text').execute();
    await db.schema
      .createIndex('alerts_by_wake_at')
      .on('alerts')
      .column('wake_at')
      .where(sql.ref('wake_at'), 'is not', null)
      .execute();
    await db.schema.alterTable('alert_told').addColumn('group_key', 'text').execute();
    await db.schema.alterTable('alert_told').addColumn('notification_id', 'text').execute();
    await db.schema.alterTable('alert_told').addColumn('place_count', 'bigint').execute();
    await db.schema.alterTable('alert_told').addColumn('ends_at', 'bigint').execute();
    await db.schema.alterTable('alert_told').addColumn('news_at', 'bigint').execute();
    await db.schema
      .createIndex('alert_told_by_group')
      .on('alert_told')
      .columns(['group_key', 'channel'])
      .where(sql.ref('group_key'), 'is not', null)
      .execute();
    await db.schema
      .alterTable('notifications')
      .addColumn('weight', 'bigint', (column) => column.notNull().defaultTo(0))
      .execute();
    await db.schema
      .createIndex('notifications_by_enqueued_at')
      .on('notifications')
      .columns(['channel', 'enqueued_at'])
      .execute();
    await db.schema
      .createTable('silences')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('matchers_json', 'text', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('until', 'bigint', (column) => column.notNull())
      .addColumn('author', 'text', (column) => column.notNull())
      .addColumn('comment', 'text', (column) => column.notNull())
      .execute();
  },
};
