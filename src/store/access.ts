import type { Connection } from './schema.ts';

/** How a room of the store reaches the database: inside the caller's transaction, or in one of its own. */
export interface Access {
  read<T>(work: (db: Connection) => Promise<T>): Promise<T>;
  write<T>(work: (db: Connection) => Promise<T>): Promise<T>;
  /** A write that goes before everything that waits. */
  urgent<T>(work: (db: Connection) => Promise<T>): Promise<T>;
  /** A single statement, which needs no transaction; goes before everything that waits. */
  single<T>(work: (db: Connection) => Promise<T>): Promise<T>;
}
