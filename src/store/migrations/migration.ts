import type { ColumnDefinitionBuilder, Kysely } from 'kysely';

/** What the databases call differently. */
export interface ColumnTypes {
  /** A key that the database counts up and never gives out twice. */
  readonly identity: {
    readonly type: 'integer' | 'bigint';
    define(column: ColumnDefinitionBuilder): ColumnDefinitionBuilder;
  };
  readonly bytes: 'blob' | 'bytea';
}

/** One step of the schema. Runs inside a transaction; a step that was released is never changed again. */
export interface Migration {
  readonly name: string;
  up(db: Kysely<unknown>, types: ColumnTypes): Promise<void>;
}
