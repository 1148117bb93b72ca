import { setTimeout as sleep } from 'node:timers/promises';

import pLimit from 'p-limit';

import type { Job } from '../engine/engine.ts';
import type { Target } from '../plugin/collector.ts';
import { openBatch } from './batch-recorder.ts';
import type { Ledger } from './ports.ts';
import type { Recorder } from './recorder.ts';
import type { LookJob, Running } from './running.ts';
import { createSingleLook, type SingleLook, type SingleLookParts } from './single-look.ts';

/** How the nodes of a cluster share what there is to look at. */
export interface Sharing {
  /** Zones in which this node stands: it looks also at what is looked at only from there. */
  readonly zones: readonly string[];
  /** Sources that other nodes look at, by name: they are wanted, though not run here. */
  isElsewhere(source: string): boolean;
}

/** Targets that one node takes at once; fewer where there are few, so that each node has some. */
const MOST_SHARED = 500;
const SHARES = 16;
/** Shares that one node has at once: while one waits for its slowest, the other goes on. */
export const SHARES_AT_ONCE = 2;
/** A share that came back more often goes in parts. */
const RETURNS_WHOLE = 2;
/** What could not be recorded, because the database was away, is tried again after these, milliseconds. */
const TRY_AGAIN_MS = [250, 500, 1_000, 2_000, 4_000, 8_000, 8_000] as const;

export interface SharesParts extends SingleLookParts {
  readonly ledger: Ledger;
  readonly recorder: Recorder;
  readonly running: ReadonlyMap<string, Running>;
  /** Looks under way at once. */
  readonly concurrency: number;
  lookAt(run: Running, target: Target, fence: bigint, how: SingleLook, signal: AbortSignal): Promise<boolean>;
  queueLook(run: Running, targets: readonly Target[], share?: string): Promise<boolean>;
  saveState(run: Running, baselineAt: number | undefined): Promise<void>;
  onBaseline(source: string): void;
}

/** What is different where several nodes do the looks. */
export interface Shares {
  work(job: Job<LookJob>, signal: AbortSignal): Promise<void>;
  abandon(job: Pick<Job<LookJob>, 'data' | 'fence'>): Promise<void>;
  cut(targets: readonly Target[]): readonly (readonly Target[])[];
  noteDiscovery(run: Running): Promise<void>;
  endRound(run: Running): Promise<void>;
  isOutdated(run: Running): Promise<boolean>;
  refresh(): Promise<void>;
  /** Sources of other nodes of which no first round has ended. */
  newElsewhere(): ReadonlySet<string>;
}

export function createShares(parts: SharesParts): Shares {
  const { running, ledger, inventory, recorder, meter, clock, log, lookAt, queueLook, saveState } = parts;
  const turns = pLimit(parts.concurrency);

  /**
   * Looks at a share of the targets. One of them may be what ended the nodes that had it before: what comes back again goes
   * in parts, and these likewise, in the end each target by itself. Not at once: most nodes end for other reasons, and
   * hundreds of jobs for single targets would keep all others waiting.
   */
  async function work({ data, fence, returns }: Job<LookJob>, signal: AbortSignal): Promise<void> {
    const run = running.get(data.source);
    if (run === undefined) {
      log.warn(
        { source: data.source },
        'a look is left out: this node does not know the source; has it the same config?',
      );
      return;
    }
    if (returns >= RETURNS_WHOLE && data.targets.length > 1) {
      for (const part of cut(data.targets)) await queueLook(run, part, nameOf(part));
      return;
    }
    const batch = await persistently(() => openBatch(parts, run.source, data.targets, fence), signal);
    const single = createSingleLook({ ...parts, recorder: batch.recorder, inventory: batch.inventory });
    await Promise.all(
      data.targets
        .filter(({ key }) => batch.allows(key))
        .map((target) =>
          turns(() => persistently(() => lookAt(run, target, fence, single, signal), signal)).catch(
            (error: unknown) => {
              if (signal.aborted) return;
              log.error({ source: data.source, target: target.key, error }, 'a look could not be recorded');
            },
          ),
        ),
    );
    await persistently(() => batch.flush(), signal);
    await endRound(run);
  }

  /** Every node that took it died of it, or so it seems: the target is the only thing that they had in common. */
  async function abandon({ data, fence }: Pick<Job<LookJob>, 'data' | 'fence'>): Promise<void> {
    const run = running.get(data.source);
    if (run === undefined) return;
    for (const target of data.targets) {
      meter.failed(data.source, 'internal');
      const recording = await recorder.begin(run.source, target, fence);
      await recording.fail({
        reason: 'internal',
        detail: 'every node that looked at it ended before the look did, one after the other: see their logs',
      });
    }
    await endRound(run);
  }

  /** What is looked at together: some that stand together by name. */
  function cut(targets: readonly Target[]): readonly (readonly Target[])[] {
    const size = Math.max(1, Math.min(MOST_SHARED, Math.ceil(targets.length / SHARES)));
    // Targets at one host have keys that begin alike: one node has them all, so that no host is asked by many at once.
    const ordered = targets.toSorted((a, b) => (a.key < b.key ? -1 : 1));
    const shares: (readonly Target[])[] = [];
    for (let start = 0; start < ordered.length; start += size) shares.push(ordered.slice(start, start + size));
    return shares;
  }

  /** The store knows what has been looked at, whoever did. */
  async function endRound(run: Running): Promise<void> {
    if (!run.isNew || !(await inventory.isFirstRoundOver(run.source.name))) return;
    const state = (await inventory.sources()).find(({ name }) => name === run.source.name);
    if (state?.baselineAt === undefined) await saveState(run, clock.now());
    if (!run.isNew) return;
    run.isNew = false;
    parts.onBaseline(run.source.name);
  }

  /** Whether another node runs this source by a newer config, or has withdrawn it. */
  async function isOutdated({ source, definition }: Running): Promise<boolean> {
    const state = (await inventory.sources()).find(({ name }) => name === source.name);
    if (state?.definition === definition) return false;
    log.error(
      { source: source.name },
      'a round is left out: another node of this cluster has another config for this source; reload this one, or use another database',
    );
    return true;
  }

  /** Of other nodes. */
  let newElsewhere: ReadonlySet<string> = new Set();

  async function refresh(): Promise<void> {
    const states = await inventory.sources();
    newElsewhere = new Set(
      states.flatMap(({ name, baselineAt }) => (baselineAt === undefined && !running.has(name) ? [name] : [])),
    );
    for (const run of running.values()) if (run.isNew) await endRound(run);
  }

  return {
    work,
    abandon,
    cut,
    noteDiscovery: ({ source }) => ledger.transaction((tx) => tx.inventory.noteDiscovery(source.name, clock.now())),
    endRound,
    isOutdated,
    refresh,
    newElsewhere: () => newElsewhere,
  };
}

/** No two parts of different sizes have one name: the greater is under way while it is cut. */
function nameOf(part: readonly Target[]): string {
  const [first] = part;
  return part.length === 1 ? (first?.key ?? '') : `${first?.key ?? ''} +${part.length - 1}`;
}

/** Runs what may run twice again when it failed: the database comes back, and the next round may be a day away. */
async function persistently<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (const pauseMs of TRY_AGAIN_MS) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted) throw error;
      await sleep(pauseMs, undefined, { signal });
    }
  }
  return work();
}
