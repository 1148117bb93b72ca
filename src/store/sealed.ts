import { randomInt } from 'node:crypto';
import { closeSync, existsSync, openSync, rmSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';

import type { DialectHooks } from './node-sqlite-dialect.ts';
import { createPrivateFile } from './private-file.ts';
import { rescue, setAside, type Rescue } from './rescue.ts';
import type { OpenDatabase } from './schema.ts';
import { examine, keepSeals, sealsPath, type Examination, type Seals } from './seals.ts';
import { isDamage } from './sqlite-errors.ts';
import { holdsFrames } from './wal.ts';

/** The log is carried into the file when it has so many frames, as SQLite itself would do. */
const CHECKPOINT_FRAMES = 1_000;
const LARGEST_GENERATION = 0x7fff_ffff;

/** What runs with an open store. */
export interface Keeper {
  readonly hooks: DialectHooks;
  beforeClose(): void;
  afterClose(): void;
}

export interface SealedParts {
  open(): DatabaseSync;
  /** Brings the schema up to date; closes the database when that fails. */
  use(database: DatabaseSync, keeper: Keeper): Promise<OpenDatabase>;
  afterClose(): void;
  now(): Date;
  readonly onRescue?: (rescue: Rescue) => void;
  readonly onDamage?: (error: unknown) => void;
}

/** A damaged store, where nobody is there to hear what became of it. */
export class DamagedStoreError extends Error {
  override readonly name = 'DamagedStoreError';
}

/**
 * Opens a store of which this process is the only writer, if every byte is as it was written; otherwise sets it aside
 * and begins a new one with what is sound.
 */
export async function openSealed(file: string, parts: SealedParts): Promise<OpenDatabase> {
  if (!existsSync(file)) {
    rmSync(sealsPath(file), { force: true });
    createPrivateFile(file);
  }
  const examination = examine(file);
  const damage = examination.verdict === 'damaged' ? describe(examination) : undefined;
  if (damage === undefined) {
    const opened = openSound(examination, parts);
    if ('database' in opened) return begin(file, examination, opened.database, parts);
    if (examination.isForeign) throw opened.error;
    return replace(file, examination, opened.damage, parts);
  }
  return replace(file, examination, damage, parts);
}

/** For a look at a store that is not opened: undefined when it is sound, or else what is wrong with it. */
export function damageOf(file: string, open: () => DatabaseSync): string | undefined {
  const examination = examine(file);
  if (examination.verdict === 'damaged') return describe(examination);
  const opened = openSound({ ...examination, verdict: 'unproven' }, { open });
  if (!('database' in opened)) return opened.damage;
  opened.database.close();
  return undefined;
}

function openSound(
  { verdict }: Examination,
  { open }: Pick<SealedParts, 'open'>,
): { readonly database: DatabaseSync } | { readonly damage: string; readonly error?: unknown } {
  let database: DatabaseSync | undefined;
  try {
    database = open();
    // Nothing but `begin()` below carries the log into the file from here on.
    database.exec('pragma wal_autocheckpoint = 0');
    const fault = verdict === 'sound' ? undefined : structuralFault(database);
    if (fault === undefined) return { database };
    database.close();
    return { damage: fault };
  } catch (error) {
    database?.close();
    if (!isDamage(error)) throw error;
    return { damage: error instanceof Error ? error.message : 'it cannot be read', error };
  }
}

/** What SQLite finds wrong with how the file is built; undefined: nothing. */
export function structuralFault(database: DatabaseSync): string | undefined {
  const [first] = database.prepare('pragma integrity_check(1)').all();
  const answer = String(first?.['integrity_check']);
  if (answer !== 'ok') return answer.replaceAll(/\s+/g, ' ');
  const orphan = database.prepare('pragma foreign_key_check').get();
  return orphan === undefined ? undefined : `rows of ${String(orphan['table'])} refer to others that are gone`;
}

/** From here on the file has checksums, and changes only after they did. */
function begin(
  file: string,
  examination: Pick<Examination, 'sums' | 'pageSize'>,
  database: DatabaseSync,
  parts: SealedParts,
): Promise<OpenDatabase> {
  const { pageSize } = examination;
  const generation = randomInt(1, LARGEST_GENERATION);
  let seals: Seals;
  let isDamageTold = false;
  let log: number | undefined;

  function carry(): void {
    seals.note();
    database.exec('pragma wal_checkpoint(passive)');
  }

  /** A commit is done, whatever becomes of this: it is tried again after the next one. */
  function carryWhenLong(): void {
    try {
      log ??= openSync(`${file}-wal`, 'r');
      if (holdsFrames(log, CHECKPOINT_FRAMES, pageSize)) carry();
    } catch (error) {
      hear(error);
    }
  }

  function hear(error: unknown): void {
    if (isDamageTold || !isDamage(error)) return;
    isDamageTold = true;
    parts.onDamage?.(error);
  }

  try {
    database.exec(`pragma user_version = ${generation}`);
    seals = keepSeals(file, examination, generation);
    carry();
  } catch (error) {
    database.close();
    throw error;
  }
  return parts.use(database, {
    hooks: { onCommit: carryWhenLong, onError: hear },
    // Closing the last connection carries the log into the file.
    beforeClose: () => seals.note(),
    afterClose() {
      if (log !== undefined) closeSync(log);
      parts.afterClose();
    },
  });
}

async function replace(
  file: string,
  { pages }: Examination,
  damage: string,
  parts: SealedParts,
): Promise<OpenDatabase> {
  if (parts.onRescue === undefined) {
    throw new DamagedStoreError(
      `the store ${file} is damaged (${damage}): start "notafter run", which sets it aside and begins a new one with what is sound in it, or restore a backup by "notafter store restore"`,
    );
  }
  const aside = setAside(file, parts.now());
  createPrivateFile(file);
  const database = parts.open();
  database.exec('pragma wal_autocheckpoint = 0');
  const opened = await begin(file, { sums: [], pageSize: 4_096 }, database, parts);
  parts.onRescue(rescue(database, file, { setAside: aside, damage, pages }));
  return opened;
}

function describe({ pages }: Examination): string {
  const [first, ...more] = [...pages].toSorted((a, b) => a - b);
  if (first === undefined) return 'the file is not what was written';
  return `${pages.size} of its pages ${more.length === 0 ? 'is' : 'are'} not as written, the first is page ${first}`;
}
