import type { InventoryReader } from '../inventory/port.ts';
import { startDeadline } from '../network/deadline.ts';
import type { Remembered, Target } from '../plugin/collector.ts';
import type { Clock } from '../plugin/context.ts';
import type { Logger } from '../plugin/logger.ts';
import type { Observation } from '../plugin/observation.ts';
import { attempt, failureWithin, type Wait } from './attempt.ts';
import type { Meter, Source } from './ports.ts';
import type { Recorder } from './recorder.ts';

/**
 * Observations recorded in one transaction: so many that tell something new, or so many in all. Few, since others wait
 * meanwhile, and what waits here is what V8 takes for long-lived.
 */
const BATCH = 50;
const BATCH_UNCHANGED = 2_000;

export interface SingleLookParts {
  readonly inventory: InventoryReader;
  readonly recorder: Pick<Recorder, 'begin'>;
  readonly meter: Meter;
  readonly clock: Clock;
  readonly random: () => number;
  readonly wait: Wait;
  readonly log: Logger;
  readonly deadlineMs: number;
}

/**
 * One look at one target, `anew` as if nothing of it were known unchanged, with everything that comes of it recorded: what was seen, or why it failed. False when it was
 * stopped: that says nothing about the target, and nothing is recorded of it. Throws when the store fails.
 */
export type SingleLook = (
  source: Source,
  target: Target,
  fence: bigint,
  anew: boolean,
  stopping: AbortSignal,
) => Promise<boolean>;

export function createSingleLook(parts: SingleLookParts): SingleLook {
  const { inventory, recorder, meter, clock, log } = parts;

  return async (source, target, fence, anew, stopping) => {
    const startedAt = clock.now();
    const recording = await recorder.begin(source, target, fence);
    const checkpoint = (await inventory.target(source.name, target.key))?.checkpoint;
    using deadline = startDeadline(parts.deadlineMs, stopping);
    const { signal } = deadline;
    let pending: Observation[] = [];
    let news = 0;
    let hasBegun = false;

    async function observe(): Promise<void> {
      pending = [];
      news = 0;
      const observations = source.instance.observe(
        target,
        {
          version: (location) => (anew ? undefined : recording.version(location)),
          checkpoint,
          remembered: () => remembered(source.name, target.key),
        },
        signal,
      );
      for await (const observation of untilAborted(observations, signal)) {
        pending.push(observation);
        if (observation.unchanged !== true) news += 1;
        if ((news >= BATCH || pending.length >= BATCH_UNCHANGED) && !(await record())) return;
      }
      signal.throwIfAborted();
      await record();
    }

    /** False when a newer look was faster. */
    async function record(): Promise<boolean> {
      const batch = pending;
      pending = [];
      news = 0;
      if (batch.length === 0) return true;
      hasBegun = true;
      count(source.name, batch);
      return recording.add(batch);
    }

    try {
      await attempt(observe, () => hasBegun, parts, signal);
      await recording.finish();
    } catch (error) {
      if (stopping.aborted) return false;
      const failure = failureWithin(signal, error, `the look at ${target.key}`, log, {
        source: source.name,
        target: target.key,
      });
      log.debug({ source: source.name, target: target.key, ...failure }, 'look failed');
      meter.observed(source.name, 'failed', 1);
      meter.failed(source.name, failure.reason);
      // What it saw before it failed is true all the same.
      await record();
      await recording.fail(failure);
    } finally {
      meter.lasted(source.name, (clock.now() - startedAt) / 1000);
    }
    return true;
  };

  async function* remembered(source: string, target: string): AsyncIterable<Remembered> {
    for (let after = 0; ;) {
      const { memories, cursor, more } = await inventory.memories(source, target, after);
      yield* memories;
      if (!more) return;
      after = cursor;
    }
  }

  function count(source: string, batch: readonly Observation[]): void {
    for (const observation of batch) {
      meter.observed(source, resultOf(observation), 1);
      for (const problem of observation.problems) meter.failed(source, problem.reason);
      const obstacle = observation.endpoint?.fallback;
      if (obstacle !== undefined) meter.fellBack(source, obstacle);
    }
  }
}

function resultOf(observation: Observation): 'ok' | 'unchanged' | 'failed' | 'gone' {
  if (observation.gone === true) return 'gone';
  if (observation.unchanged === true) return 'unchanged';
  return observation.problems.some((problem) => problem.place === undefined) ? 'failed' : 'ok';
}

/** The same things, but ended by the signal also where the one who yields them does not heed it. */
export async function* untilAborted<T>(things: AsyncIterable<T>, signal: AbortSignal): AsyncIterable<T> {
  const iterator = things[Symbol.asyncIterator]();
  let give = (_reason: Error): void => {};
  const onAbort = (): void => give(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    for (;;) {
      signal.throwIfAborted();
      // One listener for all: there may be very many things.
      const next = await new Promise<IteratorResult<T>>((resolve, reject) => {
        give = reject;
        iterator.next().then(resolve, reject);
      });
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    // Not awaited once aborted: a generator that is stuck does not return either.
    const returned = iterator.return?.();
    if (signal.aborted) returned?.catch(() => undefined);
    else await returned;
  }
}
