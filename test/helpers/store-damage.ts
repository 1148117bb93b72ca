import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { openSqlite } from '../../src/store/sqlite.ts';
import type { Rescue } from '../../src/store/rescue.ts';
import { TABLES } from '../../src/store/tables.ts';
import { seededRandom } from './kill-run.ts';
import { fillStore, SILENCE } from './full-store.ts';

/** Everything in a store, by table, as text. */
type Content = ReadonlyMap<string, string>;

export interface DamageCounts {
  damaged: number;
  /** Set aside, and rebuilt. */
  found: number;
  /** The damage was in bytes that mean nothing: everything is as it was. */
  harmless: number;
  /** The end of the log was gone: everything is as it was a moment earlier. */
  earlier: number;
  alertsKept: number;
  silencesKept: number;
  silencesRestored: number;
  silencesLost: number;
  /** What must never be: a state that is neither whole nor said to be lost, or a store that does not open. */
  readonly wrong: string[];
}

export interface Layout {
  /** A folder with the files. */
  readonly folder: string;
  /** What was in the store after each commit of its last life, the latest at the end. */
  readonly states: readonly Content[];
}

/** The files of a filled store: after a clean stop, or as a kill leaves them, with a log that is not empty. */
export async function layOut(folder: string, end: 'stopped' | 'killed', locations: number): Promise<Layout> {
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'notafter.db');
  await fillOnce(file, locations);
  const store = await openSqlite(file, { exclusive: true });
  const states = [contentOf(file)];
  for (const id of ['s2', 's3', 's4']) {
    await store.transaction(async (tx) => {
      await tx.alerts.saveSilence({ ...SILENCE, id });
      await tx.inventory.scheduleAssessments(new Map([[1, states.length]]));
    });
    states.push(contentOf(file));
  }
  const kept = path.join(folder, 'kept');
  if (end === 'stopped') await store.close();
  copyStore(folder, kept);
  if (end === 'killed') await store.close();
  return { folder: kept, states };
}

async function fillOnce(file: string, locations: number): Promise<void> {
  const store = await openSqlite(file, { exclusive: true });
  await fillStore(store, locations);
  await store.close();
}

/** Flips bits, or cuts, again and again, each time in a fresh copy of the files, and opens what is left. */
export async function damageAgain(layout: Layout, folder: string, times: number, seed: number): Promise<DamageCounts> {
  const counts: DamageCounts = {
    damaged: 0,
    found: 0,
    harmless: 0,
    earlier: 0,
    alertsKept: 0,
    silencesKept: 0,
    silencesRestored: 0,
    silencesLost: 0,
    wrong: [],
  };
  const next = seededRandom(seed);
  for (let round = 0; round < times; round += 1) {
    const place = path.join(folder, `round-${round}`);
    copyStore(layout.folder, place);
    const what = damage(place, next);
    counts.damaged += 1;
    try {
      await judge(place, layout.states, counts, `${what} (seed ${seed}, round ${round})`);
    } catch (error) {
      counts.wrong.push(`${what} (seed ${seed}, round ${round}): ${String(error)}`);
    }
    rmSync(place, { recursive: true });
  }
  return counts;
}

async function judge(place: string, states: readonly Content[], counts: DamageCounts, what: string): Promise<void> {
  const file = path.join(place, 'notafter.db');
  const before = states.at(-1) ?? new Map<string, string>();
  let rescue: Rescue | undefined;
  const store = await openSqlite(file, { exclusive: true, onRescue: (report) => (rescue = report) });
  await store.close();
  const after = contentOf(file);
  if (rescue === undefined) {
    const changed = TABLES.filter((table) => after.get(table) !== before.get(table));
    if (changed.length === 0) counts.harmless += 1;
    // Without the end of its log it is as it was a moment earlier, as after a lost power supply; and no silence is lost.
    else if (what.startsWith('notafter.db-wal') && isEarlier(after, states)) counts.earlier += 1;
    else counts.wrong.push(`${what}: ${changed.join(', ')} changed and nothing was said`);
    return;
  }
  counts.found += 1;
  if (!existsSync(rescue.setAside)) counts.wrong.push(`${what}: nothing was set aside`);
  for (const table of Object.keys(rescue.kept)) {
    if (!isAsBefore(table, before, after, rescue)) counts.wrong.push(`${what}: ${table} was kept and is another`);
  }
  for (const table of rescue.lost) {
    if (table !== 'silences' && after.get(table) !== '[]') counts.wrong.push(`${what}: ${table} is lost and not empty`);
  }
  if ('alerts' in rescue.kept) counts.alertsKept += 1;
  if (rescue.silences === 'kept') counts.silencesKept += 1;
  if (rescue.silences === 'restored') counts.silencesRestored += 1;
  if (rescue.silences === 'lost') counts.silencesLost += 1;
  if ((rescue.silences === 'lost') !== (after.get('silences') === '[]')) counts.wrong.push(`${what}: silences`);
}

function isEarlier(after: Content, states: readonly Content[]): boolean {
  const latest = states.at(-1);
  return (
    after.get('silences') === latest?.get('silences') &&
    states.some((state) => TABLES.every((table) => table === 'silences' || state.get(table) === after.get(table)))
  );
}

/** Where items were lost, everything is to be looked at soon and read anew. */
function isAsBefore(table: string, before: Content, after: Content, { kept }: Rescue): boolean {
  if (after.get(table) === before.get(table)) return true;
  return ['locations', 'targets', 'due_times'].includes(table) && !('items' in kept && 'ders' in kept);
}

function damage(place: string, next: () => number): string {
  const files = filesOf(place).filter((name) => !name.endsWith('-shm') && statSync(path.join(place, name)).size > 0);
  // The store itself most of the time, else what lies beside it.
  const name = next() < 0.7 ? 'notafter.db' : (files[Math.floor(next() * files.length)] ?? 'notafter.db');
  const file = path.join(place, name);
  const { size } = statSync(file);
  if (next() < 0.2) {
    const left = Math.floor(next() * size);
    truncateSync(file, left);
    return `${name} cut from ${size} to ${left}`;
  }
  const bytes = readFileSync(file);
  const at = Math.floor(next() * size);
  const mask = 1 << Math.floor(next() * 8);
  bytes[at] = (bytes[at] ?? 0) ^ mask;
  writeFileSync(file, bytes);
  return `${name} byte ${at} flipped by ${mask}`;
}

function contentOf(file: string): Content {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    return new Map(
      TABLES.map((table) => [table, JSON.stringify(database.prepare(`select * from ${table} order by 1, 2`).all())]),
    );
  } finally {
    database.close();
  }
}

/** Its files as they are now: what a kill at this moment would leave. */
export function copyStore(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const name of filesOf(from)) copyFileSync(path.join(from, name), path.join(to, name));
}

function filesOf(folder: string): readonly string[] {
  return readdirSync(folder).filter((name) => name.startsWith('notafter.db') && !name.endsWith('.lock'));
}
