import { sql, type Kysely } from 'kysely';

import type { ColumnTypes, Migration } from './migration.ts';

export const initial: Migration = {
  name: '0001-initial',
  async up(db, types) {
    await createInventory(db, types);
    await createAlerts(db);
    await createOutbox(db, types);
    await db.schema
      .createTable('due_times')
      .addColumn('name', 'text', (column) => column.primaryKey())
      .addColumn('due_at', 'bigint', (column) => column.notNull())
      .execute();
  },
};

async function createInventory(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('sources')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('interval_ms', 'bigint', (column) => column.notNull())
    .addColumn('definition', 'text')
    .addColumn('baseline_at', 'bigint')
    .addColumn('first_seen_at', 'bigint', (column) => column.notNull())
    .addColumn('withdrawn_at', 'bigint')
    .execute();
  await db.schema
    .createTable('targets')
    .addColumn('source', 'text', (column) => column.notNull())
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('labels_json', 'text', (column) => column.notNull())
    .addColumn('data_json', 'text', (column) => column.notNull())
    .addColumn('checkpoint_json', 'text')
    .addColumn('fence', 'bigint')
    .addColumn('first_seen_at', 'bigint', (column) => column.notNull())
    .addColumn('last_look_at', 'bigint')
    .addColumn('withdrawn_at', 'bigint')
    .addPrimaryKeyConstraint('targets_pk', ['source', 'key'])
    .execute();
  await db.schema
    .createTable('locations')
    .addColumn('id', types.identity.type, types.identity.define)
    .addColumn('source', 'text', (column) => column.notNull())
    .addColumn('location', 'text', (column) => column.notNull())
    .addColumn('target', 'text', (column) => column.notNull())
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('labels_json', 'text', (column) => column.notNull())
    .addColumn('version', 'text')
    .addColumn('first_seen_at', 'bigint', (column) => column.notNull())
    .addColumn('last_look_at', 'bigint', (column) => column.notNull())
    .addColumn('last_success_at', 'bigint')
    .addColumn('failure_reason', 'text')
    .addColumn('failure_detail', 'text')
    .addColumn('failures', 'bigint', (column) => column.notNull())
    .addColumn('problems_json', 'text', (column) => column.notNull())
    .addColumn('endpoint_json', 'text')
    .addColumn('chain_json', 'text')
    .addColumn('assess_at', 'bigint')
    .addColumn('withdrawn_at', 'bigint')
    .addUniqueConstraint('locations_name', ['source', 'location'])
    .execute();
  await db.schema.createIndex('locations_by_target').on('locations').columns(['source', 'target']).execute();
  await db.schema
    .createIndex('locations_by_assess_at')
    .on('locations')
    .column('assess_at')
    .where(sql.ref('assess_at'), 'is not', null)
    .execute();
  await db.schema
    .createTable('items')
    .addColumn('id', types.identity.type, types.identity.define)
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('identity', 'text', (column) => column.notNull())
    .addColumn('facts_json', 'text', (column) => column.notNull())
    .addColumn('not_after', 'bigint')
    .addUniqueConstraint('items_identity', ['identity', 'kind'])
    .execute();
  await db.schema.createIndex('items_by_not_after').on('items').column('not_after').execute();
  await db.schema
    .createTable('ders')
    .addColumn('fingerprint', 'text', (column) => column.primaryKey())
    .addColumn('der', types.bytes, (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('sightings')
    .addColumn('id', types.identity.type, types.identity.define)
    .addColumn('location_id', 'bigint', (column) => column.notNull().references('locations.id'))
    .addColumn('item_id', 'bigint', (column) => column.notNull().references('items.id'))
    .addColumn('place', 'text', (column) => column.notNull())
    .addColumn('idx', 'bigint', (column) => column.notNull())
    .addColumn('role', 'text', (column) => column.notNull())
    .addColumn('first_seen_at', 'bigint', (column) => column.notNull())
    .addColumn('last_seen_at', 'bigint', (column) => column.notNull())
    .addColumn('attributes_json', 'text')
    .addColumn('ended_at', 'bigint')
    .execute();
  await db.schema
    .createIndex('sightings_current')
    .unique()
    .on('sightings')
    .columns(['location_id', 'place', 'item_id'])
    .where(sql.ref('ended_at'), 'is', null)
    .execute();
  await db.schema.createIndex('sightings_by_item').on('sightings').column('item_id').execute();
}

async function createAlerts(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('alerts')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('family', 'text', (column) => column.notNull())
    .addColumn('cause', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('generation', 'bigint', (column) => column.notNull())
    .addColumn('opened_at', 'bigint', (column) => column.notNull())
    .addColumn('closed_at', 'bigint')
    .addColumn('awaits_digest', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('alerts_by_state').on('alerts').column('state').execute();
  // No reference to locations: an alert's history may outlive the location that it was about.
  await db.schema
    .createTable('alert_places')
    .addColumn('alert_id', 'text', (column) => column.notNull().references('alerts.id').onDelete('cascade'))
    .addColumn('location_id', 'bigint', (column) => column.notNull())
    .addColumn('source', 'text', (column) => column.notNull())
    .addColumn('location', 'text', (column) => column.notNull())
    .addColumn('target', 'text', (column) => column.notNull())
    .addColumn('labels_json', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('findings_json', 'text', (column) => column.notNull())
    .addColumn('first_at', 'bigint', (column) => column.notNull())
    .addColumn('last_at', 'bigint', (column) => column.notNull())
    .addColumn('good_looks', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('alert_places_pk', ['alert_id', 'location_id'])
    .execute();
  await db.schema
    .createIndex('alert_places_open')
    .on('alert_places')
    .column('location_id')
    .where(sql.ref('state'), '=', sql.lit('open'))
    .execute();
  await db.schema
    .createTable('alert_told')
    .addColumn('alert_id', 'text', (column) => column.notNull().references('alerts.id').onDelete('cascade'))
    .addColumn('channel', 'text', (column) => column.notNull())
    .addColumn('severity', 'text', (column) => column.notNull())
    .addColumn('rules_json', 'text', (column) => column.notNull())
    .addColumn('reason', 'text', (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('repeat_at', 'bigint')
    .addPrimaryKeyConstraint('alert_told_pk', ['alert_id', 'channel'])
    .execute();
  await db.schema
    .createIndex('alert_told_by_repeat_at')
    .on('alert_told')
    .column('repeat_at')
    .where(sql.ref('repeat_at'), 'is not', null)
    .execute();
}

async function createOutbox(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('notifications')
    .addColumn('seq', types.identity.type, types.identity.define)
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('channel', 'text', (column) => column.notNull())
    .addColumn('notification_json', 'text', (column) => column.notNull())
    .addColumn('enqueued_at', 'bigint', (column) => column.notNull())
    .addUniqueConstraint('notifications_id', ['id', 'channel'])
    .execute();
  await db.schema
    .createTable('deliveries')
    .addColumn('seq', 'bigint', (column) => column.notNull().references('notifications.seq').onDelete('cascade'))
    .addColumn('recipient', 'text', (column) => column.notNull())
    .addColumn('channel', 'text', (column) => column.notNull())
    .addColumn('group_key', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('attempts', 'bigint', (column) => column.notNull())
    .addColumn('next_at', 'bigint', (column) => column.notNull())
    .addColumn('last_error', 'text')
    .addColumn('settled_at', 'bigint')
    .addPrimaryKeyConstraint('deliveries_pk', ['seq', 'recipient'])
    .execute();
  // Of the deliveries only those that wait are ever searched, and they are few beside the history.
  await db.schema
    .createIndex('deliveries_due')
    .on('deliveries')
    .column('next_at')
    .where(sql.ref('state'), '=', sql.lit('pending'))
    .execute();
  await db.schema
    .createIndex('deliveries_in_order')
    .on('deliveries')
    .columns(['channel', 'recipient', 'group_key', 'seq'])
    .where(sql.ref('state'), '=', sql.lit('pending'))
    .execute();
  await db.schema
    .createIndex('deliveries_failed')
    .on('deliveries')
    .column('settled_at')
    .where(sql.ref('state'), '=', sql.lit('failed'))
    .execute();
  await db.schema
    .createTable('receipts')
    .addColumn('channel', 'text', (column) => column.notNull())
    .addColumn('recipient', 'text', (column) => column.notNull())
    .addColumn('group_key', 'text', (column) => column.notNull())
    .addColumn('receipt_json', 'text', (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('receipts_pk', ['channel', 'recipient', 'group_key'])
    .execute();
}
