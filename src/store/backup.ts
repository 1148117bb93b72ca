import { closeSync, copyFileSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { migrations } from './migrations/list.ts';
import { createPrivateFile } from './private-file.ts';
import { damageOf, structuralFault } from './sealed.ts';
import { sealsPath } from './seals.ts';
import { isDamage } from './sqlite-errors.ts';
import { holdStore, StoreInUseError } from './sqlite-lock.ts';

/** What a look at a store or a backup shows. */
export interface Health {
  /** Undefined when it is sound. */
  readonly damage: string | undefined;
  /** Of the schema. */
  readonly version: number;
  /** `every byte`: against checksums; `structure`: as SQLite checks it, beside a daemon that uses it or without checksums. */
  readonly by: 'every byte' | 'structure';
}

/**
 * Writes a copy of a store in a file, of one moment, also while a daemon uses it. It is one file, readable by its owner
 * alone, checked, and on the disk when this returns; an older one of that name is replaced as a whole. Throws an Error
 * that says what cannot be done.
 */
export function backupStore(path: string, to: string): Health {
  const [file, target] = [existing(path), resolve(to)];
  if (file === target) throw new Error(`${target} is the store itself: name another file for its backup`);
  const fresh = `${target}.new`;
  rmSync(fresh, { force: true });
  const source = new DatabaseSync(file, { readOnly: true });
  try {
    createPrivateFile(fresh);
    source.prepare('vacuum into ?').run(fresh);
    forgetGeneration(fresh);
    const health = healthOfCopy(fresh);
    if (health.damage !== undefined) throw new Error(`the store ${file} is damaged: ${health.damage}`);
    keepOnDisk(fresh);
    renameSync(fresh, target);
    return health;
  } finally {
    source.close();
    rmSync(fresh, { force: true });
  }
}

/**
 * Puts a backup in the place of a store that no daemon uses. What was there is set aside. Silences that were made since
 * are restored at the next start, from the list beside the store. Gives where the old store is now. Throws
 * StoreInUseError, or an Error that says what cannot be done; then nothing was changed.
 */
export function restoreStore(from: string, path: string, at: Date): string | undefined {
  const [backup, file] = [existing(from), resolve(path)];
  const { damage, version } = healthOfCopy(backup);
  if (damage !== undefined) throw new Error(`the backup ${backup} is damaged: ${damage}`);
  if (version > migrations.length) {
    throw new Error(`the backup ${backup} was written by a newer notafter (schema ${version}): upgrade notafter first`);
  }
  const lock = holdStore(file);
  try {
    const fresh = `${file}.new`;
    rmSync(fresh, { force: true });
    createPrivateFile(fresh);
    copyFileSync(backup, fresh);
    forgetGeneration(fresh);
    keepOnDisk(fresh);
    const isThere = existsSync(file);
    const aside = moveAside(file, at);
    renameSync(fresh, file);
    return isThere ? aside : undefined;
  } finally {
    lock.release();
  }
}

/** Looks at every byte where nobody uses the store, else at its structure. */
export function checkStore(path: string): Health {
  const file = existing(path);
  let lock: { release(): void } | undefined;
  try {
    lock = holdStore(file);
  } catch (error) {
    if (!(error instanceof StoreInUseError)) throw error;
  }
  try {
    if (lock === undefined || !existsSync(sealsPath(file))) return healthOfCopy(file);
    const damage = damageOf(file, () => new DatabaseSync(file, { readOnly: true }));
    return { damage, version: damage === undefined ? versionOf(file) : 0, by: 'every byte' };
  } finally {
    lock?.release();
  }
}

function healthOfCopy(file: string): Health {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const damage = structuralFault(database);
    return { damage, version: damage === undefined ? readVersion(database) : 0, by: 'structure' };
  } catch (error) {
    if (!isDamage(error)) throw error;
    return { damage: error instanceof Error ? error.message : 'it cannot be read', version: 0, by: 'structure' };
  } finally {
    database.close();
  }
}

function versionOf(file: string): number {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    return readVersion(database);
  } finally {
    database.close();
  }
}

function readVersion(database: DatabaseSync): number {
  const table = database.prepare(`select 1 from sqlite_schema where name = 'schema_versions'`).get();
  if (table === undefined) throw new Error('it is no store of notafter');
  return Number(database.prepare('select max(version) as version from schema_versions').get()?.['version']);
}

/** So that no checksums of another file are taken for its own. */
function forgetGeneration(file: string): void {
  const database = new DatabaseSync(file);
  try {
    database.exec('pragma journal_mode = delete');
    database.exec('pragma user_version = 0');
  } finally {
    database.close();
  }
}

function keepOnDisk(file: string): void {
  for (const path of [file, dirname(file)]) {
    const descriptor = openSync(path, 'r');
    fsyncSync(descriptor);
    closeSync(descriptor);
  }
}

/** With its log: SQLite would take one that is left for that of the next file of this name. */
function moveAside(file: string, at: Date): string {
  const aside = `${file}.replaced-${at.toISOString().replaceAll(/[-:]|\.\d+/g, '')}`;
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(`${file}${suffix}`)) renameSync(`${file}${suffix}`, `${aside}${suffix}`);
  }
  rmSync(sealsPath(file), { force: true });
  return aside;
}

function existing(path: string): string {
  const file = resolve(path);
  if (!existsSync(file)) throw new Error(`there is no file ${file}`);
  return file;
}
