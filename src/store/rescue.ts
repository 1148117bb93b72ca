import { existsSync, renameSync, rmSync } from 'node:fs';
import { DatabaseSync, type SQLOutputValue, type StatementSync } from 'node:sqlite';

import { migrations } from './migrations/list.ts';
import { sealsPath } from './seals.ts';
import { readSilences } from './silence-journal.ts';
import { silenceRow } from './silences.ts';
import { TABLES } from './tables.ts';

type Table = (typeof TABLES)[number];

/** What became of a store that was damaged. */
export interface Rescue {
  /** What was found. */
  readonly damage: string;
  /** Where the damaged file lies now. */
  readonly setAside: string;
  /** Tables that were not damaged and went along, with their rows. */
  readonly kept: Readonly<Record<string, number>>;
  /** Tables that were lost; what is looked at comes again with the next looks. */
  readonly lost: readonly string[];
  /** `restored`: from the list beside the store. `lost`: silences that may have been there are gone. */
  readonly silences: 'kept' | 'restored' | 'lost';
}

/**
 * What stands and falls together: rows of the first are worth nothing, or mean something else, without all that follow.
 * Locations get other keys when they are found anew, so alerts that name them by key go with them; and an alert of which
 * it is noted that somebody was told must not outlive the message that was still waiting to be sent.
 */
const NEEDS: Partial<Record<Table, readonly Table[]>> = {
  targets: ['sources'],
  locations: ['sources', 'targets'],
  transcripts: ['locations'],
  memories: ['locations'],
  sightings: ['locations', 'items'],
  item_texts: ['items', 'sightings', 'locations'],
  ders: ['items'],
  items: ['sightings', 'locations'],
  alerts: ['alert_places', 'alert_told', 'locations', 'deliveries'],
  alert_places: ['alerts', 'alert_told', 'locations'],
  alert_told: ['alerts', 'alert_places', 'locations'],
  notifications: ['deliveries'],
  deliveries: ['notifications'],
};

/** They belong to the nodes of a cluster. */
const LEFT: ReadonlySet<Table> = new Set<Table>(['writer', 'changes']);

/** Moves a damaged store out of the way, with its log: it may be evidence, or hold what somebody misses later. */
export function setAside(file: string, at: Date): string {
  const stamp = at.toISOString().replaceAll(/[-:]|\.\d+/g, '');
  let target = `${file}.damaged-${stamp}`;
  for (let count = 2; existsSync(target); count += 1) target = `${file}.damaged-${stamp}-${count}`;
  renameSync(file, target);
  for (const suffix of ['-wal', '-shm']) {
    if (existsSync(`${file}${suffix}`)) renameSync(`${file}${suffix}`, `${target}${suffix}`);
  }
  rmSync(sealsPath(file), { force: true });
  return target;
}

/**
 * Fills a new store, in which nothing was written yet, with what is certainly not damaged in an old one: whole tables, of
 * which no page is another than it was written and whose structure is sound. `pages` are those known to be damaged.
 */
export function rescue(
  into: DatabaseSync,
  file: string,
  {
    setAside: from,
    damage,
    pages,
  }: { readonly setAside: string; readonly damage: string; readonly pages: ReadonlySet<number> },
): Rescue {
  const kept = new Map<Table, number>();
  const silences = readSilences(file);
  let sound: ReadonlySet<Table> = new Set();
  let old: DatabaseSync | undefined;
  try {
    old = new DatabaseSync(from, { readOnly: true });
    if (isOfThisSchema(old)) sound = standing(soundTables(old, pages));
  } catch {
    // It cannot even be opened: then nothing in it can be trusted.
  }
  into.exec('begin immediate');
  try {
    for (const table of TABLES) {
      if (old === undefined || !sound.has(table)) continue;
      kept.set(table, copyTable(old, into, table));
    }
    if (!kept.has('items') || !kept.has('ders')) askForLooks(into, kept.has('items'));
    if (!kept.has('silences')) insertAll(into, 'silences', (silences ?? []).map(silenceRow));
    into.exec('commit');
  } catch (error) {
    into.exec('rollback');
    throw error;
  } finally {
    old?.close();
  }
  const isRestored = silences !== undefined ? 'restored' : 'lost';
  return {
    damage,
    setAside: from,
    kept: Object.fromEntries(kept),
    lost: TABLES.filter((table) => !kept.has(table) && !LEFT.has(table)),
    silences: kept.has('silences') ? 'kept' : isRestored,
  };
}

/** What is gone is looked at soon, and read anew also where the place says that it did not change. */
function askForLooks(into: DatabaseSync, hasItems: boolean): void {
  into.exec('update targets set last_look_at = null');
  into.exec(`delete from due_times where name like 'source %'`);
  into.exec('update locations set version = null');
  if (!hasItems) into.exec('update locations set chain_json = null, limited_by = null');
}

/** For people: what they have to reckon with. */
export function consequencesOf({ kept, silences }: Rescue): string {
  const parts = [
    'alerts' in kept
      ? 'Open alerts and who was told of them are kept.'
      : 'What was open is told once more, and nobody hears that it is over of what has ended meanwhile.',
    {
      kept: 'Silences are kept.',
      restored: 'Silences are restored from the list beside the store.',
      lost: 'SILENCES ARE LOST: set them again.',
    }[silences],
    'items' in kept
      ? ''
      : 'Certificates are read anew with the next looks; their history is only in the file that was set aside.',
  ];
  return parts.filter((part) => part !== '').join(' ');
}

/** An older one is brought up to date only where it is whole: its tables may mean something else. */
function isOfThisSchema(database: DatabaseSync): boolean {
  const row = database.prepare('select max(version) as version from schema_versions').get();
  return row?.['version'] === migrations.length;
}

function soundTables(database: DatabaseSync, pages: ReadonlySet<number>): ReadonlySet<Table> {
  const schema = database.prepare('select name, tbl_name from sqlite_schema where rootpage > 0').all();
  const parts = Map.groupBy(schema, (row) => String(row['tbl_name']));
  // The schema says where everything else begins.
  if (pages.has(1) || holdsAny(database, 'sqlite_schema', pages)) return new Set();
  return new Set(
    TABLES.filter((table) => {
      if (LEFT.has(table)) return false;
      const trees = (parts.get(table) ?? []).map((row) => String(row['name']));
      return trees.length > 0 && !trees.some((tree) => holdsAny(database, tree, pages)) && isWhole(database, table);
    }),
  );
}

/** Whether a table or an index has one of the pages. What cannot be walked through may have any. */
function holdsAny(database: DatabaseSync, tree: string, pages: ReadonlySet<number>): boolean {
  try {
    for (const row of database.prepare('select pageno from dbstat where name = ?').iterate(tree)) {
      if (pages.has(Number(row['pageno']))) return true;
    }
    return false;
  } catch {
    return true;
  }
}

function isWhole(database: DatabaseSync, table: Table): boolean {
  try {
    const rows = database.prepare(`pragma integrity_check(${table})`).all();
    return rows.length === 1 && rows[0]?.['integrity_check'] === 'ok';
  } catch {
    return false;
  }
}

/** Those of which all that they need is there as well. */
function standing(sound: ReadonlySet<Table>): ReadonlySet<Table> {
  const left = new Set(sound);
  for (let before = -1; before !== left.size;) {
    before = left.size;
    for (const table of left) if (NEEDS[table]?.some((other) => !left.has(other))) left.delete(table);
  }
  return left;
}

function copyTable(from: DatabaseSync, into: DatabaseSync, table: Table): number {
  const rows = from.prepare(`select * from ${table}`);
  rows.setReadBigInts(true);
  return insertAll(into, table, rows.iterate());
}

function insertAll(into: DatabaseSync, table: Table, rows: Iterable<Readonly<Record<string, SQLOutputValue>>>): number {
  let statement: StatementSync | undefined;
  let count = 0;
  for (const row of rows) {
    const columns = Object.keys(row);
    statement ??= into.prepare(`insert into ${table} (${columns.join()}) values (${columns.map(() => '?').join()})`);
    statement.run(...Object.values(row));
    count += 1;
  }
  return count;
}
