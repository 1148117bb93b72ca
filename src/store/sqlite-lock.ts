import { DatabaseSync } from 'node:sqlite';

import { createPrivateFile } from './private-file.ts';
import { isBusy } from './sqlite-errors.ts';

/**
 * How long who has had the lock, and let go of it for an instant to say who it is, waits for it again, milliseconds: of
 * several who start at once, one must get it.
 */
const PATIENCE_MS = 1_000;

/** Another process holds the store. */
export class StoreInUseError extends Error {
  override readonly name = 'StoreInUseError';
}

/**
 * Keeps a second daemon away from a store for as long as this process lives, however it dies.
 *
 * Node has no file locks of its own, and a file with a process number in it outlives a kill. So a second, tiny database
 * beside the store is held in an open write transaction: its lock is the operating system's and goes with the process,
 * while others can still read from it who holds it. Throws StoreInUseError. Not for network file systems, whose locks
 * cannot be trusted; neither is SQLite itself.
 */
export function holdStore(path: string): { release(): void } {
  const lockPath = `${path}.lock`;
  createPrivateFile(lockPath);
  // Whoever holds it holds it for good: waiting would only delay the message.
  const database = new DatabaseSync(lockPath, { timeout: 0 });
  try {
    database.exec('pragma journal_mode = delete');
    database.exec('begin immediate');
    database.exec(`pragma busy_timeout = ${PATIENCE_MS}`);
    database.exec('create table if not exists holder (pid integer not null)');
    database.exec('delete from holder');
    database.prepare('insert into holder (pid) values (?)').run(process.pid);
    database.exec('commit');
    database.exec('begin immediate');
  } catch (error) {
    const holder = isBusy(error) ? holderOf(database) : undefined;
    database.close();
    if (!isBusy(error)) throw error;
    throw new StoreInUseError(
      `another notafter is using ${path} (pid ${holder ?? 'unknown'}): stop it first, or give this one another store`,
      { cause: error },
    );
  }
  return {
    release() {
      database.exec('rollback');
      database.close();
    },
  };
}

function holderOf(database: DatabaseSync): number | undefined {
  try {
    const pid = database.prepare('select pid from holder').get()?.['pid'];
    return typeof pid === 'number' ? pid : undefined;
  } catch {
    // The other is writing its number this very moment: that it is there is the news.
    return undefined;
  }
}
