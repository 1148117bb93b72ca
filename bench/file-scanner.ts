/*
 * Scans a tree as the daemon does, in a process of its own, so that its memory can be told. Answers requests like
 * peers/file-scan.go: a line of JSON each.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

import { file } from '../collectors/file/index.ts';
import { applyObservation } from '../src/inventory/record.ts';
import { waitForReal } from '../src/look/attempt.ts';
import { createInventoryIndex } from '../src/inventory/inventory-index.ts';
import { createRecorder } from '../src/look/recorder.ts';
import { createSingleLook } from '../src/look/single-look.ts';
import { DEFAULT_POLICY } from '../src/policy/policy.ts';
import { openSqlite } from '../src/store/sqlite.ts';
import type { Store } from '../src/store/store.ts';
import { benchContext, measure, observeAll, type Measure } from './measure.ts';

export interface FileScan {
  readonly root: string;
  /** `first`: read, parse and know. `again`: nothing has changed. `record`: the same into a store, new or again. */
  readonly mode: 'first' | 'again' | 'record';
}

export interface FileScanAnswer extends Measure {
  /** Peak memory of the process until now, MiB. */
  readonly peakMib: number;
  /** The longest time that others had to wait for their turn, milliseconds. */
  readonly longestBlockMs: number;
}

const DAY_MS = 86_400_000;
const versions = new Map<string, string>();
const folder = mkdtempSync(path.join(tmpdir(), 'notafter-bench-store-'));
let store: Store | undefined;

async function first(root: string): Promise<number> {
  const instance = await file.create(file.options.parse({ paths: [root] }), benchContext());
  const meta = { source: 'bench', type: 'file', target: root, labels: {} };
  let seen = 0;
  await observeAll(
    instance,
    1,
    () => undefined,
    (observation) => {
      seen += applyObservation(undefined, observation, meta, Date.now()).location.sightings.length > 0 ? 1 : 0;
      if (observation.version !== undefined) versions.set(observation.location, observation.version);
    },
  );
  return seen;
}

async function again(root: string): Promise<number> {
  const instance = await file.create(file.options.parse({ paths: [root] }), benchContext());
  let unchanged = 0;
  await observeAll(
    instance,
    1,
    (location) => versions.get(location),
    (observation) => {
      if (observation.unchanged === true) unchanged++;
    },
  );
  return unchanged;
}

/** One look as the daemon makes it, with everything that is recorded and judged. */
async function record(root: string): Promise<number> {
  const opened = (store ??= await openSqlite(path.join(folder, 'bench.db')));
  const context = benchContext();
  const { clock } = context;
  const target = { key: root, data: { path: root } };
  await opened.transaction((tx) => tx.inventory.saveTarget({ source: 'bench', labels: {}, ...target }, clock.now()));
  let observed = 0;
  const look = createSingleLook({
    inventory: opened.inventory,
    recorder: createRecorder({
      ledger: opened,
      inventory: opened.inventory,
      clock,
      view: {
        isPublicRoot: () => false,
        hasPublicIssuer: () => false,
        intervalMs: () => DAY_MS,
        facts: () => [],
      },
      index: createInventoryIndex(),
      transition: async () => {},
      policy: () => DEFAULT_POLICY,
    }),
    meter: {
      observed(_source, _result, count) {
        observed += count;
      },
      failed() {},
      fellBack() {},
      lasted() {},
    },
    clock,
    random: Math.random,
    wait: waitForReal,
    log: context.log,
    deadlineMs: DAY_MS,
  });
  const source = {
    name: 'bench',
    type: 'file',
    instance: await file.create(file.options.parse({ paths: [root] }), context),
    scope: 'node',
    schedule: { everyMs: DAY_MS },
    intervalMs: DAY_MS,
    labels: {},
  } as const;
  await look(source, target, 0n, false, new AbortController().signal);
  return observed;
}

const MODES = { first, again, record } as const;

/** Runs work and watches how long a timer has to wait meanwhile. */
async function watched(work: () => Promise<number>): Promise<FileScanAnswer> {
  let longestBlockMs = 0;
  let lastAt = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    longestBlockMs = Math.max(longestBlockMs, now - lastAt - 1);
    lastAt = now;
  }, 1);
  try {
    const measured = await measure(work);
    return { ...measured, longestBlockMs, peakMib: process.resourceUsage().maxRSS / 1024 };
  } finally {
    clearInterval(timer);
  }
}

for await (const request of createInterface({ input: process.stdin })) {
  const { root, mode } = JSON.parse(request) as FileScan;
  process.stdout.write(`${JSON.stringify(await watched(() => MODES[mode](root)))}\n`);
}
await store?.close();
rmSync(folder, { recursive: true });
