import type { Location, TargetState } from '../inventory/model.ts';
import type { InventoryReader } from '../inventory/port.ts';
import { applyObservation } from '../inventory/record.ts';
import type { Target } from '../plugin/collector.ts';
import type { Clock } from '../plugin/context.ts';
import type { Observation } from '../plugin/observation.ts';
import type { Ledger, Source } from './ports.ts';
import { metaOf, type Recorder, type Recording, type SteadyLook } from './recorder.ts';

/** What one target may have shown until it is recorded by itself. */
const MAX_KEPT = 50;

export interface BatchParts {
  readonly ledger: Ledger;
  readonly inventory: InventoryReader;
  readonly recorder: Pick<Recorder, 'begin' | 'confirm'>;
  readonly clock: Clock;
}

/**
 * What looks at many targets of a source read and record, in few statements: what is known of all is read at once, and
 * what was seen as it was before (the rule) is written at once at the end. Everything else goes the way of a single look.
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
        if (single === undefined && fits && observations.every(isSteady)) {
          kept.push(...observations);
          return true;
        }
        return (await alone()).add(observations);
      },

      async finish() {
        const seen = new Set(kept.map(({ location }) => location));
        if (single === undefined && seen.size === here.size) {
          steady.push({ target: target.key, ids: [...here.values()].map(({ id }) => id) });
          return;
        }
        await (await alone()).finish();
      },

      async fail(failure) {
        await (await alone()).fail(failure);
      },
    };
  }

  async function flush(): Promise<void> {
    const all = steady;
    if (all.length > 0) await parts.recorder.confirm(source.name, all, fence);
    steady = [];
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
