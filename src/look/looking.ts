import type { Engine, Enqueue, Job } from '../engine/engine.ts';
import type { InventoryReader } from '../inventory/port.ts';
import type { Target } from '../plugin/collector.ts';
import type { Clock } from '../plugin/context.ts';
import type { Logger } from '../plugin/logger.ts';
import type { Observation } from '../plugin/observation.ts';
import { attempt, failureOf } from './attempt.ts';
import type { Ledger, Meter, Source, SourcePlan } from './ports.ts';
import type { Recorder, Recording } from './recorder.ts';

/** Looks under way at once. Endpoints wait for the network most of the time. */
const CONCURRENCY = 64;
/** A look that takes longer than this is ended; a collector has shorter deadlines of its own. */
const LOOK_DEADLINE_MS = 15 * 60_000;
/** Observations recorded in one transaction. */
const BATCH = 200;
/** The target that stands for a source whose list of targets could not be had. */
const DISCOVERY = '(discovery)';

export interface LookingParts {
  readonly engine: Engine;
  readonly ledger: Ledger;
  readonly inventory: InventoryReader;
  readonly recorder: Recorder;
  readonly meter: Meter;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  /** Called when the first complete round of a source has ended. */
  onBaseline(source: string): void;
}

/** Keeps every source looked at on its schedule. */
export interface Looking {
  /**
   * Makes exactly these the sources. One whose definition did not change goes on undisturbed; what is no longer named is
   * unscheduled and withdrawn. Nothing is changed when one of them cannot be opened: that is thrown.
   */
  use(plans: readonly SourcePlan[]): Promise<void>;
  /** Ends what the sources hold open. */
  close(): Promise<void>;
  /** Whether no complete round of the source has ended yet. */
  isNew(source: string): boolean;
  intervalMs(source: string): number | undefined;
}

interface LookJob {
  readonly source: string;
  readonly target: Target;
}

interface Running {
  readonly source: Source;
  readonly definition: string;
  isNew: boolean;
  /** Targets of the first round that have not been looked at yet; undefined until they are known. */
  awaited: Set<string> | undefined;
}

export async function createLooking(parts: LookingParts): Promise<Looking> {
  const { engine, ledger, inventory, recorder, meter, clock, log } = parts;
  const running = new Map<string, Running>();
  const enqueue: Enqueue<LookJob> = await engine.queue<LookJob>(
    'look',
    { concurrency: CONCURRENCY, batch: 1, deadlineMs: LOOK_DEADLINE_MS },
    async (jobs, signal) => {
      for (const job of jobs) await work(job, signal);
    },
  );

  async function work(job: Job<LookJob>, signal: AbortSignal): Promise<void> {
    const run = running.get(job.data.source);
    if (run === undefined) return;
    await look(run.source, job.data.target, job.fence, signal);
    run.awaited?.delete(job.data.target.key);
    await endRound(run);
  }

  async function look(source: Source, target: Target, fence: bigint, signal: AbortSignal): Promise<void> {
    const startedAt = clock.now();
    const recording = await recorder.begin(source, target, fence);
    const checkpoint = (await inventory.target(source.name, target.key))?.checkpoint;
    let begun = false;
    try {
      await attempt(
        async () => {
          for await (const batch of batches(source.instance.observe(target, { version: recording.version, checkpoint }, signal), BATCH)) {
            begun = true;
            count(source.name, batch);
            if (!(await recording.add(batch))) return;
          }
        },
        () => begun,
        parts.random,
        signal,
      );
      signal.throwIfAborted();
      await recording.finish();
    } catch (error) {
      await failed(source, target, recording, error, signal);
    } finally {
      meter.lasted(source.name, (clock.now() - startedAt) / 1000);
    }
  }

  async function failed(source: Source, target: Target, recording: Recording, error: unknown, signal: AbortSignal): Promise<void> {
    // A look that ended because notafter stops says nothing about the place.
    if (signal.aborted && (signal.reason as { name?: string } | undefined)?.name !== 'TimeoutError') return;
    const failure = failureOf(signal.aborted ? signal.reason : error, log, { source: source.name, target: target.key });
    log.debug({ source: source.name, target: target.key, ...failure }, 'look failed');
    meter.observed(source.name, 'failed', 1);
    meter.failed(source.name, failure.reason);
    await recording.fail(failure);
  }

  function count(source: string, batch: readonly Observation[]): void {
    for (const observation of batch) {
      const whole = observation.problems.find((problem) => problem.place === undefined);
      const result = observation.gone ? 'gone' : observation.unchanged ? 'unchanged' : whole === undefined ? 'ok' : 'failed';
      meter.observed(source, result, 1);
      for (const problem of observation.problems) meter.failed(source, problem.reason);
    }
  }

  /** One round of a source: what there is to look at, then a look at each. */
  async function round(run: Running, signal: AbortSignal): Promise<void> {
    const { source } = run;
    const found = new Map<string, Target>();
    try {
      for await (const target of source.instance.discover(signal)) found.set(target.key, target);
    } catch (error) {
      if (signal.aborted) return;
      const failure = failureOf(error, log, { source: source.name });
      meter.failed(source.name, failure.reason);
      const target: Target = { key: DISCOVERY, data: null };
      await saveTargets(source, [target]);
      const recording = await recorder.begin(source, target, BigInt(clock.now()));
      await recording.fail(failure);
      return;
    }
    const known = new Set((await inventory.targets(source.name)).map((target) => target.key));
    await saveTargets(
      source,
      [...found.values()].filter((target) => !known.has(target.key)),
    );
    await recorder.withdrawTargets(
      source.name,
      [...known].filter((key) => !found.has(key)),
    );
    if (run.isNew && run.awaited === undefined) run.awaited = new Set(found.keys());
    for (const target of found.values()) {
      const queued = await enqueue(`${source.name} ${target.key}`, { source: source.name, target });
      if (!queued) log.debug({ source: source.name, target: target.key }, 'the last look is still under way');
    }
    await endRound(run);
  }

  async function saveTargets(source: Source, targets: readonly Target[]): Promise<void> {
    if (targets.length === 0) return;
    const now = clock.now();
    await ledger.transaction(async (tx) => {
      for (const target of targets) {
        await tx.inventory.saveTarget({ source: source.name, key: target.key, labels: target.labels ?? {}, data: target.data }, now);
      }
    });
  }

  async function endRound(run: Running): Promise<void> {
    if (!run.isNew || run.awaited === undefined || run.awaited.size > 0) return;
    run.isNew = false;
    await saveState(run.source, clock.now());
    parts.onBaseline(run.source.name);
  }

  async function saveState(source: Source, baselineAt: number | undefined): Promise<void> {
    const known = (await inventory.sources()).find((state) => state.name === source.name);
    await ledger.transaction((tx) =>
      tx.inventory.saveSource({
        name: source.name,
        type: source.type,
        intervalMs: source.intervalMs,
        firstSeenAt: known?.firstSeenAt ?? clock.now(),
        ...(baselineAt === undefined ? {} : { baselineAt }),
      }),
    );
  }

  async function use(plans: readonly SourcePlan[]): Promise<void> {
    const changed = plans.filter((plan) => running.get(plan.name)?.definition !== plan.definition);
    const opened = await Promise.all(changed.map(async (plan) => ({ plan, source: await plan.open() })));
    const states = new Map((await inventory.sources()).map((state) => [state.name, state]));
    const wanted = new Set(plans.map((plan) => plan.name));
    const replaced = new Set(changed.map((plan) => plan.name));
    for (const [name, run] of running) {
      if (wanted.has(name) && !replaced.has(name)) continue;
      running.delete(name);
      await engine.unschedule(scheduleOf(name));
      await run.source.instance.close?.();
    }
    for (const name of states.keys()) {
      if (wanted.has(name)) continue;
      await engine.unschedule(scheduleOf(name));
      await recorder.withdrawSource(name);
    }
    for (const { plan, source } of opened) {
      const state = states.get(source.name);
      // Another type under an old name is another source.
      if (state !== undefined && state.type !== source.type) await recorder.withdrawSource(source.name);
      const baselineAt = state?.type === source.type ? state.baselineAt : undefined;
      const run: Running = { source, definition: plan.definition, isNew: baselineAt === undefined, awaited: undefined };
      running.set(source.name, run);
      await saveState(source, baselineAt);
      await engine.every(scheduleOf(source.name), source.schedule, source.scope, (signal) => round(run, signal));
    }
  }

  async function close(): Promise<void> {
    for (const run of running.values()) await run.source.instance.close?.();
    running.clear();
  }

  return {
    use,
    close,
    isNew: (source) => running.get(source)?.isNew ?? false,
    intervalMs: (source) => running.get(source)?.source.intervalMs,
  };
}

function scheduleOf(source: string): string {
  return `source ${source}`;
}

async function* batches(observations: AsyncIterable<Observation>, size: number): AsyncIterable<readonly Observation[]> {
  let batch: Observation[] = [];
  for await (const observation of observations) {
    batch.push(observation);
    if (batch.length >= size) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}
