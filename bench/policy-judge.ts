/*
 * Loads an inventory and judges all of it, in a process of its own, so that its memory can be told. Answers requests, a line
 * of JSON each.
 */
import { createInterface } from 'node:readline';

import { FactIndex } from '../src/inventory/fact-index.ts';
import { createInventoryIndex, loadInventoryIndex, type InventoryIndex } from '../src/inventory/inventory-index.ts';
import type { Location } from '../src/inventory/model.ts';
import { assess } from '../src/policy/assess.ts';
import { DEFAULT_POLICY } from '../src/policy/policy.ts';
import type { InventoryView } from '../src/policy/view.ts';
import { openSqlite } from '../src/store/sqlite.ts';
import { renewedAt } from './policy-fleet.ts';

export interface JudgeRequest {
  readonly store: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Locations of which each is renewed, one after the other. */
  readonly renewals: number;
}

export interface JudgeAnswer {
  readonly locations: number;
  readonly certificates: number;
  readonly loadMs: number;
  /** Of the process with the view loaded, MiB. */
  readonly loadedMib: number;
  /** Reading the locations from the store, apart from judging them. */
  readonly readMs: number;
  readonly judgeMs: number;
  readonly judgeCpuMs: number;
  readonly findings: number;
  /** The middle one and the 99th of 100, microseconds: noting one renewal and judging what it concerns. */
  readonly changeMicros: readonly [median: number, p99: number];
  readonly peakMib: number;
}

const HOUR_MS = 3_600_000;
/** Locations that are read, then judged. */
const BATCH = 5_000;
const MIB = 2 ** 20;

function viewOf(index: InventoryIndex): InventoryView {
  const facts = new FactIndex();
  return {
    ...index,
    isPublicRoot: () => false,
    hasPublicIssuer: () => false,
    intervalMs: () => HOUR_MS,
    facts: (subject) => facts.facts(subject),
  };
}

async function judge({ store: path, now, renewals }: JudgeRequest): Promise<JudgeAnswer> {
  await using store = await openReadable(path);
  const startedAt = performance.now();
  const index = await loadInventoryIndex(store.inventory);
  const loadMs = performance.now() - startedAt;
  globalThis.gc?.();
  const loadedMib = process.memoryUsage.rss() / MIB;
  const view = viewOf(index);
  // The first of a process are slow, whoever runs them.
  const few = await store.inventory.locationsAfter(0);
  for (let round = 0; round < 20; round++) for (const location of few) assess(location, view, DEFAULT_POLICY, now);
  let [locations, certificates, findings, readMs, judgeMs, judgeCpuMs] = [0, 0, 0, 0, 0, 0];
  const sample: Location[] = [];
  for (let after = 0; ;) {
    const readAt = performance.now();
    const batch: Location[] = [];
    while (batch.length < BATCH) {
      const page = await store.inventory.locationsAfter(after);
      batch.push(...page);
      const last = page.at(-1);
      if (last === undefined) break;
      after = last.id;
    }
    // What reading leaves behind is not the judge's to clear away.
    globalThis.gc?.();
    readMs += performance.now() - readAt;
    if (batch.length === 0) break;
    const cpu = process.cpuUsage();
    const judgedAt = performance.now();
    for (const location of batch) findings += assess(location, view, DEFAULT_POLICY, now).findings.length;
    judgeMs += performance.now() - judgedAt;
    const used = process.cpuUsage(cpu);
    judgeCpuMs += (used.user + used.system) / 1000;
    locations += batch.length;
    for (const { sightings } of batch) certificates += sightings.length;
    if (sample.length < renewals) sample.push(...batch.slice(0, renewals));
  }
  const changeMicros = changes(index, sample.slice(0, renewals), now);
  const peakMib = process.resourceUsage().maxRSS / 1024;
  return {
    locations,
    certificates,
    loadMs,
    loadedMib,
    readMs,
    judgeMs,
    judgeCpuMs,
    findings,
    changeMicros,
    peakMib,
  };
}

/**
 * One certificate after the other is renewed in its place, three times; how long it takes to note that and to judge what it
 * concerns. The shortest of the three counts: other programs of the machine want the processor, too.
 */
function changes(index: InventoryIndex, locations: readonly Location[], now: number): readonly [number, number] {
  const view = viewOf(index);
  const current = new Map(locations.map((location) => [location.id, location]));
  const times = new Map<number, number>();
  for (let round = 0; round < 3; round++) {
    for (const location of current.values()) {
      const changed = renewedAt(location, now + round);
      const startedAt = performance.now();
      const concerned = index.note(changed);
      assess(changed, view, DEFAULT_POLICY, now);
      for (const id of concerned) {
        const other = current.get(id);
        if (other !== undefined) assess(other, view, DEFAULT_POLICY, now);
      }
      const micros = (performance.now() - startedAt) * 1000;
      times.set(location.id, Math.min(micros, times.get(location.id) ?? Infinity));
      current.set(location.id, changed);
    }
  }
  const sorted = [...times.values()].toSorted((a, b) => a - b);
  return [sorted[Math.floor(sorted.length / 2)] ?? 0, sorted[Math.floor(sorted.length * 0.99)] ?? 0];
}

async function openReadable(path: string): Promise<Awaited<ReturnType<typeof openSqlite>> & AsyncDisposable> {
  const store = await openSqlite(path);
  return { ...store, [Symbol.asyncDispose]: () => store.close() };
}

// What it costs before anything is known.
createInventoryIndex();
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await judge(JSON.parse(line) as JudgeRequest))}\n`);
}
