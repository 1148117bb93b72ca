import type { Location, TargetState } from '../inventory/model.ts';
import type { InventoryReader } from '../inventory/port.ts';
import { applyObservation } from '../inventory/record.ts';
import type { Target } from '../plugin/collector.ts';
import type { Clock } from '../plugin/context.ts';
import type { Observation } from '../plugin/observation.ts';
import type { Ledger, Source, SteadyLook, WholeLook } from './ports.ts';
import { metaOf, type Recorder, type Recording } from './recorder.ts';

/** Looks with news that are recorded in one transaction: others wait meanwhile. */
const NEWS_AT_ONCE = 100;
/** What one target may have shown until it is recorded by itself. */
const MAX_KEPT = 50;

export interface BatchParts {
  readonly ledger: Ledger;
  readonly inventory: InventoryReader;
  readonly recorder: Pick<Recorder, 'begin' | 'confirm' | 'recordAll'>;
  readonly clock: Clock;
}

/**
 * What looks at many targets of a source read and record, in few statements: what is known of all is read at once, and
 * what was seen is written at once at the end; of what was seen as it was before (the rule) only the times. Looks that
 * fail, end something or are very large go the way of a single look.
 */
export interface Batch {
  readonly recorder: Pick<Recorder, 'begin'>;
  readonly inventory: InventoryReader;
  /** Whether a look at it may be recorded: it is there, and no newer look has begun. */
  allows(target: string): boolean;
  /** Records what is not recorded yet. */
  flush(): Promise<void>;
}

/** From here on no look with a smaller fence can record anything of these targets. */
export async function openBatch(
  parts: BatchParts,
  source: Source,
  targets: readonly Target[],
  fence: bigint,
): Promise<Batch> {
  const keys = targets.map(({ key }) => key);
  const states = new Map<string, TargetState>();
  const known = new Map<string, Map<string, Location>>();
  await parts.ledger.transaction(async (tx) => {
    for (const state of await tx.inventory.fenceAll(source.name, keys, fence)) states.set(state.key, state);
    for (const location of await tx.inventory.locations({ source: source.name, targets: keys })) {
      const here = known.get(location.target);
      if (here === undefined) known.set(location.target, new Map([[location.location, location]]));
      else here.set(location.location, location);
    }
  });
  let steady: SteadyLook[] = [];
  let news: WholeLook[] = [];
  let isDivided = false;

  /** Begins like a single look as soon as there is something that must be recorded as one. */
  function begin(target: Target): Recording {
    const here = known.get(target.key) ?? new Map<string, Location>();
    const meta = metaOf(source, target);
    const kept: Observation[] = [];
    let single: Recording | undefined;

    async function alone(): Promise<Recording> {
      if (single !== undefined) return single;
      single = await parts.recorder.begin(source, target, fence);
      if (kept.length > 0) await single.add(kept);
      return single;
    }

    function isSteady(observation: Observation): boolean {
      const previous = here.get(observation.location);
      if (previous === undefined || observation.gone === true || observation.checkpoint !== undefined) return false;
      // Whether another place knows it by now is looked up by a single look.
      if (observation.items.some(({ kind }) => kind === 'described')) return false;
      const write = applyObservation(previous, observation, meta, parts.clock.now());
      return write.touchOnly && write.location.failure === undefined && write.location.problems.length === 0;
    }

    return {
      version(name) {
        const location = here.get(name);
        return location?.failure === undefined ? location?.version : undefined;
      },

      async add(observations) {
        const fits = kept.length + observations.length <= MAX_KEPT;
        if (single === undefined && fits && !observations.some(({ gone }) => gone === true)) {
          kept.push(...observations);
          return true;
        }
        return (await alone()).add(observations);
      },

      async finish() {
        const seen = new Set(kept.map(({ location }) => location));
        // What is no longer named is withdrawn, and that is the business of a single look.
        if (single !== undefined || [...here.keys()].some((name) => !seen.has(name))) {
          await (await alone()).finish();
        } else if (seen.size === here.size && kept.every(isSteady)) {
          steady.push({ target: target.key, ids: [...here.values()].map(({ id }) => id) });
        } else {
          news.push({ target, observations: kept });
        }
      },

      async fail(failure) {
        await (await alone()).fail(failure);
      },
    };
  }

  async function flush(): Promise<void> {
    if (steady.length > 0) await parts.recorder.confirm(source.name, steady, fence);
    steady = [];
    // Should one of them be what the store does not take, the others must not suffer for it.
    const size = isDivided ? 1 : NEWS_AT_ONCE;
    while (news.length > 0) {
      isDivided = true;
      const [some, others] = [news.slice(0, size), news.slice(size)];
      // Behind the others when it fails: they go first the next time.
      news = [...others, ...some];
      await parts.recorder.recordAll(source, some, fence);
      news = others;
      isDivided = size === 1;
    }
  }

  return {
    recorder: { begin: async (_source, target) => begin(target) },
    inventory: {
      ...parts.inventory,
      target: async (_name, key) => states.get(key),
    },
    allows: (target) => states.has(target),
    flush,
  };
}
