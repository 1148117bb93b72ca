import { nameOf, openPostgres } from './postgres.ts';
import type { PostgresLog } from './postgres-connection.ts';
import { openSqlite, type SqliteOptions } from './sqlite.ts';
import type { Store } from './store.ts';

const SQLITE = 'sqlite:';

export interface StoreOptions extends SqliteOptions {
  readonly log?: PostgresLog;
}

/** Opens the store at an address as it stands in a config, `sqlite:PATH` or `postgres://…`. Throws as the two do. */
export async function openStore(address: string, options: StoreOptions = {}): Promise<Store> {
  const path = sqlitePath(address);
  return path === undefined ? openPostgres(address, options) : openSqlite(path, options);
}

/** An address for people: without a password. */
export function storeName(address: string): string {
  return sqlitePath(address) ?? nameOf(address);
}

/** The path of the file, where the address is that of one. */
export function sqlitePath(address: string): string | undefined {
  return address.startsWith(SQLITE) ? address.slice(SQLITE.length) : undefined;
}
