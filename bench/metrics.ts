import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { Hono } from 'hono';
import { Gauge, Registry } from 'prom-client';

import { joinClients } from '../src/inventory/clients.ts';
import { createInventoryIndex } from '../src/inventory/inventory-index.ts';
import type { Location } from '../src/inventory/model.ts';
import { createMetrics, type Metrics } from '../src/metrics/metrics.ts';
import { addPrometheus } from '../src/web/prometheus.ts';
import { listen } from '../src/web/server.ts';
import { line, measure, median, type Measure } from './measure.ts';
import { fleetLocation } from './policy-fleet.ts';
import { buildGo, startProgram } from './program.ts';

const SIZES = [10_000, 100_000, 500_000] as const;
const NOW = Date.UTC(2026, 10, 1);
const ROUNDS = 5;
const BATCH = 1_000;

const TARGET = { scrapeMs: 500, overGo: 1, unchanged: 0.1, blockedMs: 50 } as const;

/**
 * Exposition of many certificates, each at a location of its own, four series each: both dates, up, and the last success.
 * The same with prom-client alone, and with a plain exporter in Go.
 */
export async function benchMetrics(): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-bench-'));
  try {
    const built = buildGo('exposition', folder);
    const parts = [
      `metrics: certificates, each at a location of its own, 4 series each; medians of ${ROUNDS} rounds${built === undefined ? '; no Go here' : `; peer: ${built.version}, strconv into one buffer`}`,
    ];
    for (const size of SIZES) parts.push(await benchSize(size, built?.binary));
    return parts.join('\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function benchSize(size: number, goBinary: string | undefined): Promise<string> {
  const metrics = emptyMetrics(() => undefined);
  const written = await writeDown(metrics, size, (number) => locationOf(number, 0));
  const bytes = (await metrics.exposition()).length;
  const first = await measure(() => scrape(metrics, size));
  // Once more with everything to be compressed, which happens once.
  const firstPacked = await measure(() => scrape(metrics, size, 'gzip'));
  const same = await rounds(() => scrape(metrics, size));
  const samePacked = await rounds(() => scrape(metrics, size, 'gzip'));
  const some = await renewSome(metrics, size, 1);
  const somePacked = await renewSome(metrics, size, 2, 'gzip');
  const ids = Array.from({ length: size }, (_, number) => number + 1);
  const touched = await rounds(
    () => scrape(metrics, size, 'gzip'),
    (round) => metrics.touched(ids, NOW + round),
  );
  const http = await overHttp(metrics);
  const blocked = await longestBlock(metrics, size);
  const joining = await benchJoining(size);
  const prom = await benchPromClient(size);
  const go = goBinary === undefined ? undefined : await benchGo(goBinary, size);
  const all = { ...first, cpuMs: written.cpuMs + first.cpuMs, wallMs: written.wallMs + first.wallMs };
  return [
    ` ${size.toLocaleString('en')} certificates, ${(bytes / 2 ** 20).toFixed(1)} MiB of text:`,
    line('notafter, written down as looks record it', written),
    line('notafter, scrape after no change', same),
    line('the same by gzip', samePacked),
    line('by gzip, everything to be compressed', firstPacked),
    line('1 % renewed, written down and scraped', some),
    line('the same by gzip', somePacked),
    line('by gzip, all looked at since the last', touched),
    line('prom-client alone', prom),
    ...(go === undefined ? [] : [line('Go', go)]),
    `  over HTTP, by gzip: ${http.wallMs.toFixed(0)} ms, CPU ${http.cpuMs.toFixed(1)} ms; as it is: ${http.plainMs.toFixed(0)} ms (target ${TARGET.scrapeMs} ms for 100,000${verdict(Math.max(http.wallMs, http.plainMs) < TARGET.scrapeMs)})`,
    ...(go === undefined
      ? []
      : [
          `  CPU of a scrape with 1 % renewed: ${ratio(some, go)}x of Go (target ${TARGET.overGo}x${verdict(some.cpuMs <= go.cpuMs * TARGET.overGo)}), with nothing changed ${ratio(same, go)}x; everything written down and scraped once: ${ratio(all, go)}x of Go, ${ratio(all, prom)}x of prom-client`,
        ]),
    `  CPU of a scrape after no change: ${(same.cpuMs / all.cpuMs).toFixed(4)} of the first, all that is written down for it included (target ${TARGET.unchanged}${verdict(same.cpuMs <= all.cpuMs * TARGET.unchanged)})`,
    `  longest wait of others, all renewed and compressed anew: ${told(blocked)}`,
    joining,
  ].join('\n');
}

/** Metrics beside a store from which a location is read by its number. */
function emptyMetrics(stored: (id: number) => Location | undefined): Metrics & { noteAll(size: number): void } {
  const index = createInventoryIndex();
  const metrics = createMetrics({
    inventory: { locations: async ({ ids = [] } = {}) => ids.flatMap((id) => stored(id) ?? []) },
    clients: (locations) => joinClients(locations, index.clientTrust),
    endpointsNamed: (name) => index.endpointsNamed(name),
    findings: async () => [],
    oldestPendingAt: async () => undefined,
    settings: () => ({ seriesBudget: 0, profiles: [], sources: [], labelsOf: () => [] }),
    version: 'bench',
    now: () => NOW,
  });
  return {
    ...metrics,
    noteAll(size) {
      for (let id = 1; id <= size; id++) {
        const location = stored(id);
        if (location === undefined) continue;
        index.note(location);
        metrics.note(location);
      }
    },
  };
}

/** Half of them clients in files, each used at one endpoint; the other half those endpoints, each of which names an issuer. */
function mutualLocation(id: number): Location {
  const even = id - (id % 2);
  const made = { ...fleetLocation(even * 2, 1, NOW), id };
  const [sighting] = made.sightings;
  if (sighting?.item.kind !== 'certificate' || made.endpoint === undefined) throw new Error('no endpoint');
  if (id % 2 === 0) return { ...made, endpoint: { ...made.endpoint, acceptableIssuers: [sighting.item.issuer] } };
  const usedBy = [{ type: 'endpoint', id: made.target }] as const;
  const { endpoint: _, ...file } = made;
  return {
    ...file,
    source: 'disk',
    type: 'file',
    location: `/etc/pki/${id}.pem`,
    sightings: [{ ...sighting, role: 'client', usedBy, item: { ...sighting.item, id: `${sighting.item.id}c` } }],
  };
}

/** The first scrape of so many clients and endpoints, which joins them. */
async function benchJoining(size: number): Promise<string> {
  const metrics = emptyMetrics((id) => mutualLocation(id));
  metrics.noteAll(size);
  let waits: Watched = { waitMs: 0, busyMs: 0 };
  const joined = await measure(async () => {
    waits = await watched(() => scrape(metrics, size, 'gzip'));
    return size;
  });
  return `  clients joined to ${(size / 2).toLocaleString('en')} endpoints by that scrape: ${joined.wallMs.toFixed(0)} ms, CPU ${joined.cpuMs.toFixed(0)} ms; longest wait of others ${told(waits)}`;
}

async function scrape(metrics: Metrics, size: number, acceptEncoding?: string): Promise<number> {
  const { length } = await metrics.exposition({ acceptEncoding });
  if (length === 0) throw new Error('an empty answer');
  return size;
}

/** A location of the fleet; with another end each `time`. Made when it is needed: nobody keeps them all in memory. */
function locationOf(number: number, time: number): Location {
  const location = { ...fleetLocation(number, 1, NOW), id: number + 1 };
  if (time === 0) return location;
  return {
    ...location,
    sightings: location.sightings.map((sighting) =>
      sighting.item.kind === 'certificate'
        ? { ...sighting, item: { ...sighting.item, notAfter: { status: 'known', at: NOW + time * 1_000 } } }
        : sighting,
    ),
  };
}

/** Notes every location, and counts nothing but that. */
async function writeDown(metrics: Metrics, size: number, make: (number: number) => Location): Promise<Measure> {
  let [wallMs, cpuMs] = [0, 0];
  for (let start = 0; start < size; start += BATCH) {
    const some = Array.from({ length: Math.min(BATCH, size - start) }, (_, index) => make(start + index));
    const cpu = process.cpuUsage();
    const startedAt = performance.now();
    for (const location of some) metrics.note(location);
    const used = process.cpuUsage(cpu);
    wallMs += performance.now() - startedAt;
    cpuMs += (used.user + used.system) / 1000;
  }
  return { items: size, wallMs, cpuMs };
}

/** One in a hundred renewed, spread over all, noted and scraped; each time another end. */
async function renewSome(metrics: Metrics, size: number, time: number, encoding?: string): Promise<Measure> {
  let renewed: readonly Location[] = [];
  return rounds(
    () => {
      for (const location of renewed) metrics.note(location);
      return scrape(metrics, size, encoding);
    },
    (round) => {
      const count = Math.ceil((size - round) / 100);
      renewed = Array.from({ length: count }, (_, index) => locationOf(round + index * 100, time * ROUNDS + round));
    },
  );
}

async function rounds(work: () => Promise<number>, before: (round: number) => void = () => {}): Promise<Measure> {
  const measures: Measure[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    before(round);
    measures.push(await measure(work));
  }
  return median(measures);
}

/** By curl, with the CPU of this process alone. */
async function overHttp(
  metrics: Metrics,
): Promise<{ readonly wallMs: number; readonly cpuMs: number; readonly plainMs: number }> {
  const app = new Hono();
  addPrometheus(app, { metrics } as Parameters<typeof addPrometheus>[1]);
  const server = await listen(app, '127.0.0.1', 0);
  const url = `${server.url}/metrics`;
  try {
    const packed = await rounds(async () => curl(['--compressed', url]));
    const plain = await rounds(async () => curl([url]));
    return { ...packed, plainMs: plain.wallMs };
  } finally {
    await server.close();
  }
}

async function curl(args: readonly string[]): Promise<number> {
  const child = spawn('curl', ['--silent', '--fail', '--output', '/dev/null', ...args], { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number];
  if (code !== 0) throw new Error(`curl ended with ${code}`);
  return 1;
}

async function longestBlock(metrics: Metrics, size: number): Promise<Watched> {
  await writeDown(metrics, size, (number) => locationOf(number, 9 * ROUNDS));
  globalThis.gc?.();
  return watched(() => scrape(metrics, 1, 'gzip'));
}

interface Watched {
  readonly waitMs: number;
  readonly busyMs: number;
}

function told({ waitMs, busyMs }: Watched): string {
  return `${waitMs.toFixed(0)} ms, of which this thread worked ${busyMs.toFixed(0)} ms (target ${TARGET.blockedMs}${verdict(busyMs <= TARGET.blockedMs)})`;
}

/**
 * Work, and for how long others had to wait for it at most: by the clock, and in CPU of this thread alone, which is what is
 * left of it where other programs do not take the processor away.
 */
async function watched(work: () => Promise<unknown>): Promise<Watched> {
  let [waitMs, busyMs, isDone] = [0, 0, false];
  const others = (async () => {
    for (let at = performance.now(), cpu = process.threadCpuUsage(); !isDone;) {
      await nextTurn();
      const used = process.threadCpuUsage(cpu);
      waitMs = Math.max(waitMs, performance.now() - at);
      busyMs = Math.max(busyMs, (used.user + used.system) / 1000);
      at = performance.now();
      cpu = process.threadCpuUsage();
    }
  })();
  await work();
  isDone = true;
  await others;
  return { waitMs, busyMs };
}

async function benchPromClient(size: number): Promise<Measure> {
  const registry = new Registry();
  const registers = [registry];
  const place = ['source', 'location'];
  const certificate = [...place, 'place', 'role', 'name', 'issuer', 'fingerprint'];
  const after = new Gauge({ name: 'not_after_timestamp_seconds', help: 'end', labelNames: certificate, registers });
  const before = new Gauge({ name: 'not_before_timestamp_seconds', help: 'begin', labelNames: certificate, registers });
  const up = new Gauge({ name: 'up', help: 'up', labelNames: place, registers });
  const success = new Gauge({ name: 'last_success_timestamp_seconds', help: 'success', labelNames: place, registers });
  for (let number = 0; number < size; number++) {
    const { source, location, sightings } = locationOf(number, 0);
    up.set({ source, location }, 1);
    success.set({ source, location }, NOW / 1000);
    for (const { item, place: key, role } of sightings) {
      if (item.kind !== 'certificate' || item.notAfter.status !== 'known') continue;
      const labels = {
        source,
        location,
        place: key,
        role,
        name: item.title,
        issuer: item.issuer,
        fingerprint: item.id,
      };
      after.set(labels, item.notAfter.at / 1000);
      before.set(labels, item.notAfter.at / 1000);
    }
  }
  return rounds(async () => {
    await registry.metrics();
    return size;
  });
}

async function benchGo(binary: string, certificates: number): Promise<Measure> {
  using program = startProgram<{ readonly certificates: number }, Measure>(binary);
  await program.ask({ certificates });
  const measures: Measure[] = [];
  for (let round = 0; round < ROUNDS; round++) measures.push(await program.ask({ certificates }));
  return median(measures);
}

function ratio(one: Measure, other: Measure): string {
  return (one.cpuMs / other.cpuMs).toFixed(2);
}

function verdict(isMet: boolean): string {
  return isMet ? ': met' : ': missed';
}
