import type { Migration } from './migration.ts';

export const facts: Migration = {
  name: '0002-facts',
  async up(db) {
    await db.schema
      .createTable('facts')
      .addColumn('enricher', 'text', (column) => column.notNull())
      .addColumn('subject', 'text', (column) => column.notNull())
      .addColumn('fact_json', 'text')
      .addColumn('asked_at', 'bigint', (column) => column.notNull())
      .addColumn('ask_again_at', 'bigint', (column) => column.notNull())
      .addColumn('failures', 'bigint', (column) => column.notNull())
      .addColumn('problem', 'text')
      .addPrimaryKeyConstraint('facts_pk', ['subject', 'enricher'])
      .execute();
  },
};
