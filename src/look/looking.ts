import { isDeepStrictEqual } from 'node:util';

import type { Engine, Enqueue, Job } from '../engine/engine.ts';
import type { InventoryReader } from '../inventory/port.ts';
import { startDeadline } from '../network/deadline.ts';
import type { Target } from '../plugin/collector.ts';
import type { Clock } from '../plugin/context.ts';
import type { Logger } from '../plugin/logger.ts';
import { failureWithin, waitForReal, type Wait } from './attempt.ts';
import type { Ledger, Meter, Source, SourcePlan } from './ports.ts';
import type { Recorder } from './recorder.ts';
import { stoppable, type LookJob, type Running } from './running.ts';
import { createShares, SHARES_AT_ONCE, type Sharing } from './shares.ts';
import { createSingleLook, untilAborted, type SingleLook } from './single-look.ts';
import { createWatching } from './watching.ts';

/** Looks under way at once. Endpoints wait for the network most of the time. */
const CONCURRENCY = 64;
/** A look, or a search for targets, that takes longer than this is ended; a collector has shorter deadlines of its own. */
const LOOK_DEADLINE_MS = 15 * 60_000;
/** The queue's own deadline comes after ours, which knows how to record what it cut off. */
const QUEUE_GRACE_MS = 60_000;
/** A target not looked at for this share of the interval is behind. */
const BEHIND = 0.9;
/** The target that stands for a source whose list of targets could not be had. */
const DISCOVERY = '(discovery)';
/** Rounds of one source never overlap: there is nothing to fence between them. */
const NO_FENCE = 0n;

export interface LookingParts {
  readonly engine: Engine;
  readonly ledger: Ledger;
  readonly inventory: InventoryReader;
  readonly recorder: Recorder;
  readonly meter: Meter;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  /** Waits between tries; the real time by default. */
  readonly wait?: Wait;
  /** Deadline of one look and of one search for targets, milliseconds; 15 minutes by default. */
  readonly deadlineMs?: number;
  /** Called when the first complete round of a source has ended. */
  onBaseline(source: string): void;
  /** Where several nodes share the work. */
  readonly sharing?: Sharing;
}

/** Keeps every source looked at on its schedule. */
export interface Looking {
  /**
   * Makes exactly these the sources. One whose definition did not change goes on undisturbed; what is no longer named is
   * unscheduled and withdrawn; looks under way at what is replaced are stopped. Nothing is changed when one of them cannot
   * be opened: that is thrown. Not to be called again before it has ended.
   */
  use(plans: readonly SourcePlan[]): Promise<void>;
  /** Ends what the sources hold open. */
  close(): Promise<void>;
  /** Takes in what other nodes have learned about first rounds. */
  refresh(): Promise<void>;
  /** Whether no complete round of the source has ended yet. */
  isNew(source: string): boolean;
  /** Sources that are new, here and at other nodes. */
  unfinished(): readonly string[];
  intervalMs(source: string): number | undefined;
}

export async function createLooking(parts: LookingParts): Promise<Looking> {
  const { engine, ledger, inventory, recorder, meter, clock, log } = parts;
  const deadlineMs = parts.deadlineMs ?? LOOK_DEADLINE_MS;
  const running = new Map<string, Running>();
  const lookParts = { ...parts, wait: parts.wait ?? waitForReal, deadlineMs };
  const look = createSingleLook(lookParts);
  const shares =
    parts.sharing === undefined
      ? undefined
      : createShares({ ...lookParts, running, concurrency: CONCURRENCY, lookAt, queueLook, saveState });
  const queues = new Map<string | undefined, Enqueue<LookJob>>();
  for (const zone of [undefined, ...(parts.sharing?.zones ?? [])]) {
    queues.set(
      zone,
      await engine.queue<LookJob>(
        'look',
        {
          concurrency: shares === undefined ? CONCURRENCY : SHARES_AT_ONCE,
          batch: 1,
          deadlineMs: deadlineMs + QUEUE_GRACE_MS,
          ...(zone === undefined ? {} : { zone }),
        },
        async (jobs, signal) => {
          for (const job of jobs) await (shares === undefined ? work(job, signal) : shares.work(job, signal));
        },
        shares?.abandon,
      ),
    );
  }

  async function work({ data, fence }: Job<LookJob>, signal: AbortSignal): Promise<void> {
    const run = running.get(data.source);
    for (const queued of data.targets) {
      // What was queued before a reload serves the source as it is now, where that still has such a target.
      const target = run?.definition === data.definition ? queued : run?.targets.get(queued.key);
      if (run === undefined || target === undefined) continue;
      if (await lookAt(run, target, fence, look, signal)) await endRound(run);
    }
  }

  /** False when it was stopped. */
  async function lookAt(
    run: Running,
    target: Target,
    fence: bigint,
    how: SingleLook,
    signal: AbortSignal,
  ): Promise<boolean> {
    const startedAt = clock.now();
    const isDone = await stoppable(run, signal, (stopping) =>
      how(run.source, target, fence, run.renewed?.has(target.key) === false, stopping),
    );
    if (!isDone) return false;
    run.lastLookMs.set(target.key, clock.now() - startedAt);
    run.renewed?.add(target.key);
    run.awaited?.delete(target.key);
    return true;
  }

  /** One round of a source: what there is to look at, then a look at each. */
  async function round(run: Running, signal: AbortSignal): Promise<void> {
    const { source } = run;
    if ((await shares?.isOutdated(run)) === true) return;
    const search = await discover(source, signal);
    if (search === undefined) return;
    const { isComplete } = search;
    signal.throwIfAborted();
    const found = new Map(search.found);
    const known = new Map((await inventory.targets(source.name)).map((target) => [target.key, target]));
    if (!isComplete) {
      // Who cannot say what there is has not said that something is gone: what is known goes on being looked at.
      for (const { key, labels, data } of known.values()) {
        if (key !== DISCOVERY && !found.has(key)) found.set(key, { key, labels, data });
      }
    }
    run.targets = found;
    await saveTargets(
      source,
      [...found.values()].filter((target) => {
        const saved = known.get(target.key);
        return (
          saved === undefined || !isDeepStrictEqual([saved.labels, saved.data], [target.labels ?? {}, target.data])
        );
      }),
    );
    if (isComplete && known.has(DISCOVERY)) await recorder.withdrawTargets(source.name, [DISCOVERY], 'superseded');
    const gone = [...known.keys()].filter((key) => key !== DISCOVERY && !found.has(key));
    await recorder.withdrawTargets(source.name, gone, 'gone');
    if (run.isNew && isComplete) {
      const awaited = run.awaited ?? new Set(found.keys());
      run.awaited = new Set([...awaited].filter((key) => found.has(key)));
    }
    if (isComplete) await shares?.noteDiscovery(run);
    const all = [...found.values()];
    for (const [index, targets] of (shares?.cut(all) ?? all.map((target) => [target])).entries()) {
      const queued = await queueLook(run, targets, shares === undefined ? undefined : `#${index}`);
      if (!queued) log.debug({ source: source.name, target: targets[0]?.key }, 'the last look is still under way');
    }
    run.watching?.keep(found.values());
    await (shares ?? { endRound }).endRound(run);
  }

  /** False when a look at the target, or at that share of targets, is queued or under way. */
  async function queueLook(
    { source, definition }: Running,
    targets: readonly Target[],
    share?: string,
  ): Promise<boolean> {
    const enqueue = queues.get(source.zone);
    if (enqueue === undefined) throw new Error(`this node is not in the zone ${source.zone} of ${source.name}`);
    return enqueue(`${source.name} ${share ?? targets[0]?.key ?? ''}`, { source: source.name, definition, targets });
  }

  /** The targets by key, as far as they could be had: a failure is recorded. Undefined when it was stopped. */
  async function discover(
    source: Source,
    stopping: AbortSignal,
  ): Promise<{ readonly found: ReadonlyMap<string, Target>; readonly isComplete: boolean } | undefined> {
    using deadline = startDeadline(deadlineMs, stopping);
    const { signal } = deadline;
    const found = new Map<string, Target>();
    try {
      for await (const target of untilAborted(source.instance.discover(signal), signal)) found.set(target.key, target);
      signal.throwIfAborted();
      return { found, isComplete: true };
    } catch (error) {
      if (stopping.aborted) return undefined;
      const failure = failureWithin(signal, error, `the search for the targets of ${source.name}`, log, {
        source: source.name,
      });
      log.debug({ source: source.name, ...failure }, 'discovery failed');
      meter.failed(source.name, failure.reason);
      const target: Target = { key: DISCOVERY, data: null };
      await saveTargets(source, [target]);
      const recording = await recorder.begin(source, target, NO_FENCE);
      await recording.fail(failure);
      return { found, isComplete: false };
    }
  }

  async function saveTargets(source: Source, targets: readonly Target[]): Promise<void> {
    if (targets.length === 0) return;
    const now = clock.now();
    await ledger.transaction(async (tx) => {
      for (const target of targets) {
        await tx.inventory.saveTarget(
          { source: source.name, key: target.key, labels: target.labels ?? {}, data: target.data },
          now,
        );
      }
    });
  }

  async function endRound(run: Running): Promise<void> {
    if (!run.isNew || run.awaited === undefined || run.awaited.size > 0) return;
    // A reload in the middle finds it new, or its baseline in the store.
    await saveState(run, clock.now());
    if (!run.isNew) return;
    run.isNew = false;
    parts.onBaseline(run.source.name);
  }

  async function saveState({ source, definition }: Running, baselineAt: number | undefined): Promise<void> {
    const known = (await inventory.sources()).find((state) => state.name === source.name);
    await ledger.transaction((tx) =>
      tx.inventory.saveSource({
        name: source.name,
        type: source.type,
        intervalMs: source.intervalMs,
        definition,
        firstSeenAt: known?.firstSeenAt ?? clock.now(),
        ...(baselineAt === undefined ? {} : { baselineAt }),
      }),
    );
  }

  async function use(plans: readonly SourcePlan[]): Promise<void> {
    const changed = plans.filter((plan) => running.get(plan.name)?.definition !== plan.definition);
    const opened = await openAll(changed);
    const states = new Map((await inventory.sources()).map((state) => [state.name, state]));
    const wanted = new Set(plans.map((plan) => plan.name));
    const replaced = new Set(changed.map((plan) => plan.name));
    for (const [name, run] of running) {
      if (wanted.has(name) && !replaced.has(name)) continue;
      running.delete(name);
      await engine.unschedule(scheduleOf(name));
      await end(run);
    }
    for (const name of states.keys()) {
      if (wanted.has(name) || parts.sharing?.isElsewhere(name) === true) continue;
      await engine.unschedule(scheduleOf(name));
      await recorder.withdrawSource(name);
    }
    for (const { plan, source } of opened) {
      const state = states.get(source.name);
      // Another type under an old name is another source.
      if (state !== undefined && state.type !== source.type) await recorder.withdrawSource(source.name);
      const baselineAt = state?.type === source.type ? state.baselineAt : undefined;
      const isKnown = state?.definition === plan.definition;
      const lastLookMs = new Map<string, number>();
      const watching = createWatching({
        source: source.name,
        instance: source.instance,
        log,
        wait: parts.wait ?? waitForReal,
        look: (target) => queueLook(run, [target]),
        lastLookMs: (key) => lastLookMs.get(key) ?? 0,
      });
      const run: Running = {
        source,
        definition: plan.definition,
        isNew: baselineAt === undefined,
        targets: new Map(),
        awaited: undefined,
        // Of nodes that share the work the first with a new config notes it: the others must look anew, too.
        renewed: isKnown && shares === undefined ? undefined : new Set(),
        underWay: new Map(),
        lastLookMs,
        watching,
      };
      running.set(source.name, run);
      await saveState(run, baselineAt);
      await engine.every(scheduleOf(source.name), source.schedule, source.scope, (signal) => round(run, signal));
      // The first round may be an interval away, and something may have changed while nobody looked.
      if (watching !== undefined && isKnown) watching.keep(await knownTargets(source.name));
      // Where the work is shared it outlives a stop.
      if (shares === undefined && (await isBehind(run))) await engine.trigger(scheduleOf(source.name));
    }
  }

  async function knownTargets(source: string): Promise<readonly Target[]> {
    return (await inventory.targets(source)).filter(({ key }) => key !== DISCOVERY);
  }

  /** Whether a round was cut off by the last stop: its looks must not wait for the next one, which may be a day away. */
  async function isBehind({ source }: Running): Promise<boolean> {
    const latest = clock.now() - source.intervalMs * BEHIND;
    return (await inventory.targets(source.name)).some(
      (target) => target.lastLookAt === undefined || target.lastLookAt < latest,
    );
  }

  /** Stops the looks at a source and waits for them before it closes what they use. */
  async function end(run: Running): Promise<void> {
    const reason = new Error(`the source ${run.source.name} was replaced`);
    await run.watching?.close();
    for (const controller of run.underWay.keys()) controller.abort(reason);
    await Promise.allSettled(run.underWay.values());
    await closeSource(run.source, log);
  }

  async function openAll(
    plans: readonly SourcePlan[],
  ): Promise<readonly { readonly plan: SourcePlan; readonly source: Source }[]> {
    const results = await Promise.allSettled(plans.map(async (plan) => ({ plan, source: await plan.open() })));
    const opened = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const faults = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
    if (faults.length === 0) return opened;
    for (const { source } of opened) await closeSource(source, log);
    throw new Error(faults.map((fault) => (fault instanceof Error ? fault.message : String(fault))).join('\n'), {
      cause: faults[0],
    });
  }

  async function close(): Promise<void> {
    for (const run of running.values()) await end(run);
    running.clear();
  }

  return {
    use,
    close,
    refresh: async () => shares?.refresh(),
    isNew: (source) => running.get(source)?.isNew ?? shares?.newElsewhere().has(source) ?? false,
    unfinished: () => [
      ...[...running.values()].filter(({ isNew }) => isNew).map(({ source }) => source.name),
      ...(shares?.newElsewhere() ?? []),
    ],
    intervalMs: (source) => running.get(source)?.source.intervalMs,
  };
}

/** One that cannot be closed properly must not keep the others from it. */
async function closeSource(source: Source, log: Logger): Promise<void> {
  try {
    await source.instance.close?.();
  } catch (error) {
    log.warn({ source: source.name, error }, 'a source could not be closed properly');
  }
}

function scheduleOf(source: string): string {
  return `source ${source}`;
}
