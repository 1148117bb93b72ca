import type { Location } from '../inventory/model.ts';
import type { InventoryReader, LocationMark, LocationWrite } from '../inventory/port.ts';
import { applyFailure, applyObservation, failedTarget, type RecordMeta } from '../inventory/record.ts';
import { candidatesFor, joinElsewhere } from './joining.ts';
import { mergeLabels } from '../label/labels.ts';
import type { Target } from '../plugin/collector.ts';
import type { Observation } from '../plugin/observation.ts';
import type { Reason } from '../plugin/reason.ts';
import { createJudge, type JudgeParts } from './judge.ts';
import type { LedgerTransaction, Source, SteadyLook, WholeLook } from './ports.ts';

/** Problems that mean that a list was not read to its end: what it did not name may still be there. */
const INCOMPLETE: ReadonlySet<Reason> = new Set<Reason>(['partial', 'throttled', 'permission_denied']);

/** Locations assessed in one transaction when only time has passed. */
const ASSESS_BATCH = 500;

type Mark = Omit<LocationMark, 'location'>;

/** Records what one look at one target gives, batch by batch, and assesses it in the same transaction. */
export interface Recording {
  /** The version that was last recorded for a location of this target, when that look succeeded. */
  version(location: string): string | undefined;
  /** Records observations. False when a newer look at this target has been recorded meanwhile: stop. */
  add(observations: readonly Observation[]): Promise<boolean>;
  /**
   * The look ended normally: what it did not name is gone, unless a list could not be read to its end. What stood in for
   * the target while nothing of it was known gives way in any case.
   */
  finish(): Promise<void>;
  /**
   * The look failed: nothing is withdrawn, and what it did not reach keeps its last known state as failed. Where nothing
   * is left that could carry the failure, a stand-in named as the target does.
   */
  fail(failure: { readonly reason: Reason; readonly detail: string }): Promise<void>;
}

export interface Recorder {
  begin(source: Source, target: Target, fence: bigint): Promise<Recording>;
  /**
   * Withdraws targets and all their locations: they are gone, or (`superseded`) only stood in for what a good look has
   * shown since.
   */
  withdrawTargets(source: string, keys: readonly string[], why: 'gone' | 'superseded'): Promise<void>;
  withdrawSource(name: string): Promise<void>;
  /** Records whole looks that ended well and named all that was known of their targets, but for those that a newer look has passed. */
  recordAll(source: Source, looks: readonly WholeLook[], fence: bigint): Promise<void>;
  /** Records looks at targets of a source that have shown everything there as it was, but for those that a newer look has passed. */
  confirm(source: string, looks: readonly SteadyLook[], fence: bigint): Promise<void>;
  /** Assesses what is due by time alone; gives the number of locations assessed. */
  assessDue(signal: AbortSignal): Promise<number>;
  /** Assesses everything, after the policy has changed. */
  assessAll(signal: AbortSignal): Promise<void>;
  /** Assesses these locations, by their ids, after something else that is known of them has changed. */
  assessLocations(ids: readonly number[], signal: AbortSignal): Promise<void>;
}

export function createRecorder(parts: JudgeParts): Recorder {
  const { inventory, clock } = parts;
  const { transact, touched, follow, withdraw, forgetDeparted } = createJudge(parts);

  /** Writes what a look gave. What only moved in time is judged again only where an alert waits for good looks. */
  async function write(
    tx: LedgerTransaction,
    writes: readonly LocationWrite[],
    now: number,
  ): Promise<readonly Location[]> {
    if (writes.length === 0) return [];
    const saved = await tx.inventory.saveLocations(writes);
    const steady = saved.flatMap(({ id }, position) => (writes[position]?.touchOnly === true ? [id] : []));
    const alarmed = await tx.alerts.alarmedAt(steady);
    touched(tx, steady, now);
    const changed = saved.filter(
      (location, position) => writes[position]?.touchOnly !== true || alarmed.has(location.id),
    );
    await follow(
      tx,
      changed.map((location) => ({ location, look: location.failure === undefined ? 'good' : 'failed' })),
      now,
    );
    return saved;
  }

  async function begin(source: Source, target: Target, fence: bigint): Promise<Recording> {
    const meta = metaOf(source, target);
    const { labels } = meta;
    const marks = new Map<string, Mark>();
    for (const { location, ...mark } of await inventory.marks(source.name, target.key)) marks.set(location, mark);
    /** What this look has recorded. */
    const seen = new Set<string>();
    let isComplete = true;
    let isGood = true;

    /** Runs one step of the recording, unless a newer look was faster or the target is no longer wanted. */
    async function record(
      step: (tx: LedgerTransaction, now: number) => Promise<void>,
      checkpoint?: Observation['checkpoint'],
    ): Promise<boolean> {
      const now = clock.now();
      return transact(async (tx) => {
        if (!(await tx.inventory.fence(source.name, target.key, fence))) return false;
        await step(tx, now);
        await tx.inventory.setCheckpoint(source.name, target.key, checkpoint, now);
        return true;
      });
    }

    /** What is known of the locations by these names. */
    async function knownOf(reader: InventoryReader, names: Iterable<string>): Promise<ReadonlyMap<string, Location>> {
      const ids = [...names].flatMap((name) => marks.get(name)?.id ?? []);
      const known = ids.length === 0 ? [] : await reader.locations({ ids });
      return new Map(known.map((location) => [location.location, location]));
    }

    /** Known locations that this look has not named. */
    async function unseen(reader: InventoryReader): Promise<readonly Location[]> {
      const known = await knownOf(
        reader,
        [...marks.keys()].filter((name) => !seen.has(name)),
      );
      return [...known.values()];
    }

    /** Whether nothing but times would move: it was whole at the last look, and is labelled as it would be now. */
    function isSteady({ location, unchanged }: Observation): boolean {
      const mark = unchanged === true ? marks.get(location) : undefined;
      if (mark?.isWhole !== true) return false;
      return Object.keys(labels).every((name) => Object.hasOwn(mark.labels, name));
    }

    function isStandIn(location: Location): boolean {
      return (
        location.location === target.key && location.lastSuccessAt === undefined && location.sightings.length === 0
      );
    }

    return {
      version: (location) => marks.get(location)?.version,

      async add(observations) {
        // Where one location is named twice, the last word holds.
        const latest = [...new Map(observations.map((observation) => [observation.location, observation])).values()];
        const checkpoint = observations.findLast((observation) => observation.checkpoint !== undefined)?.checkpoint;
        let saved: readonly Location[] = [];
        const isRecorded = await record(async (tx, now) => {
          const steady = latest.filter(isSteady).flatMap(({ location }) => marks.get(location)?.id ?? []);
          const alarmed = await tx.alerts.alarmedAt(steady);
          const calm = new Set(steady.filter((id) => !alarmed.has(id)));
          const others = latest.filter(({ location }) => !calm.has(marks.get(location)?.id ?? 0));
          const known = await knownOf(
            tx.inventory,
            others.map(({ location }) => location),
          );
          await tx.inventory.touch([...calm], now);
          touched(tx, [...calm], now);
          const here = others.filter(({ gone }) => gone !== true);
          const candidates = await candidatesFor(tx.inventory, here);
          const writes = here.map((observation) =>
            applyObservation(known.get(observation.location), observation, { ...meta, candidates }, now),
          );
          saved = await write(tx, writes, now);
          await follow(
            tx,
            (await joinElsewhere(tx.inventory, writes)).map((location) => ({ location, look: 'none' })),
            now,
          );
          const gone = others.flatMap((observation) =>
            observation.gone === true ? (known.get(observation.location) ?? []) : [],
          );
          await withdraw(tx, gone, 'gone', now);
        }, checkpoint);
        if (!isRecorded) return false;
        for (const { location, gone } of latest) {
          seen.add(location);
          if (gone === true) marks.delete(location);
        }
        for (const location of saved) {
          marks.set(location.location, markOf(location));
          if (location.failure !== undefined) isGood = false;
          if (isPartial(location)) isComplete = false;
        }
        return true;
      },

      async finish() {
        await record(async (tx, now) => {
          const missing = await unseen(tx.inventory);
          await withdraw(tx, isComplete ? missing.filter((location) => !isStandIn(location)) : [], 'gone', now);
          await withdraw(tx, missing.filter(isStandIn), isComplete && isGood ? 'superseded' : 'gone', now);
        });
      },

      async fail(failure) {
        await record(async (tx, now) => {
          const carriers = await unseen(tx.inventory);
          const named = (await knownOf(tx.inventory, [target.key])).get(target.key);
          const writes =
            carriers.length > 0
              ? carriers.map((location) => applyFailure(location, failure, now))
              : [named === undefined ? failedTarget(meta, failure, now) : applyFailure(named, failure, now)];
          await write(tx, writes, now);
        });
      },
    };
  }

  /** Gives the number of locations assessed. They are read in the transaction: a look may have been faster. */
  async function assessBatch(
    read: (tx: LedgerTransaction) => Promise<readonly Location[]>,
    now: number,
  ): Promise<number> {
    return transact(async (tx) => {
      const locations = await read(tx);
      await follow(
        tx,
        locations.map((location) => ({ location, look: 'none' })),
        now,
      );
      return locations.length;
    });
  }

  async function assessLocations(ids: readonly number[], signal: AbortSignal): Promise<void> {
    for (let start = 0; start < ids.length && !signal.aborted; start += ASSESS_BATCH) {
      const some = ids.slice(start, start + ASSESS_BATCH);
      await assessBatch((tx) => tx.inventory.locations({ ids: some }), clock.now());
    }
  }

  return {
    begin,

    async withdrawTargets(source, keys, why) {
      for (const key of keys) {
        await transact(async (tx) => {
          const now = clock.now();
          const locations = await tx.inventory.locations({ source, target: key });
          await withdraw(tx, locations, why === 'gone' ? 'gone with its target' : why, now);
          await tx.inventory.withdrawTarget(source, key, now);
        });
      }
    },

    async withdrawSource(name) {
      await transact(async (tx) => {
        const now = clock.now();
        await withdraw(tx, await tx.inventory.locations({ source: name }), 'unwanted', now);
        await tx.inventory.withdrawSource(name, now);
      });
    },

    async recordAll(source, looks, fence) {
      await transact(async (tx) => {
        const now = clock.now();
        const keys = looks.map(({ target }) => target.key);
        const allowed = new Set((await tx.inventory.fenceAll(source.name, keys, fence)).map(({ key }) => key));
        const ours = looks.filter(({ target }) => allowed.has(target.key));
        const here = await tx.inventory.locations({ source: source.name, targets: [...allowed] });
        const known = new Map(here.map((location) => [location.location, location]));
        const candidates = await candidatesFor(
          tx.inventory,
          ours.flatMap(({ observations }) => observations),
        );
        const writes = ours.flatMap(({ target, observations }) =>
          observations.map((observation) =>
            applyObservation(
              known.get(observation.location),
              observation,
              { ...metaOf(source, target), candidates },
              now,
            ),
          ),
        );
        await write(tx, writes, now);
        const joined = await joinElsewhere(tx.inventory, writes);
        await follow(
          tx,
          joined.map((location) => ({ location, look: 'none' })),
          now,
        );
        await tx.inventory.noteLooks(source.name, [...allowed], now);
        for (const { target, observations } of ours) {
          const checkpoint = observations.findLast((observation) => observation.checkpoint !== undefined)?.checkpoint;
          if (checkpoint !== undefined) await tx.inventory.setCheckpoint(source.name, target.key, checkpoint, now);
        }
      });
    },

    async confirm(source, looks, fence) {
      await transact(async (tx) => {
        const now = clock.now();
        const keys = looks.map(({ target }) => target);
        const allowed = new Set((await tx.inventory.fenceAll(source, keys, fence)).map(({ key }) => key));
        const ours = looks.filter(({ target }) => allowed.has(target));
        const ids = ours.flatMap((look) => look.ids);
        await tx.inventory.touch(ids, now);
        await tx.inventory.noteLooks(source, [...allowed], now);
        touched(tx, ids, now);
        // An alert that is open there waits for good looks.
        const alarmed = await tx.alerts.alarmedAt(ids);
        const here = ids.filter((id) => alarmed.has(id));
        if (here.length === 0) return;
        const locations = await tx.inventory.locations({ ids: here });
        await follow(
          tx,
          locations.map((location) => ({ location, look: 'good' })),
          now,
        );
      });
    },

    async assessDue(signal) {
      const until = clock.now();
      let total = 0;
      while (!signal.aborted) {
        // Not before `until`, even when the clock was set back: what was assessed is then no longer due by it.
        const count = await assessBatch(
          (tx) => tx.inventory.dueForAssessment(until, ASSESS_BATCH),
          Math.max(until, clock.now()),
        );
        total += count;
        if (count < ASSESS_BATCH) break;
      }
      const now = Math.max(until, clock.now());
      while (!signal.aborted && (await transact((tx) => forgetDeparted(tx, until, now))) > 0);
      return total;
    },

    async assessAll(signal) {
      for (let after = 0; !signal.aborted;) {
        const from = after;
        const count = await assessBatch(async (tx) => {
          const page = await tx.inventory.locationsAfter(from);
          after = page.at(-1)?.id ?? from;
          return page;
        }, clock.now());
        if (count === 0) return;
      }
    },

    assessLocations,
  };
}

/** What holds for everything that a look at a target finds. */
export function metaOf(source: Source, target: Target): RecordMeta {
  return {
    source: source.name,
    type: source.type,
    target: target.key,
    labels: mergeLabels(source.labels, target.labels),
    ...(source.trustsClientsOf === undefined ? {} : { trustsClientsOf: source.trustsClientsOf }),
    ...(source.chains === undefined ? {} : { chains: source.chains }),
  };
}

function markOf({ id, labels, version, failure, problems }: Location): Mark {
  return {
    id,
    labels,
    ...(version === undefined || failure !== undefined ? {} : { version }),
    isWhole: failure === undefined && problems.length === 0,
  };
}

/** Whether something of it stayed out of sight: as a whole, or in part. */
function isPartial(location: Location): boolean {
  const reasons = [
    ...location.problems.map((problem) => problem.reason),
    ...(location.failure === undefined ? [] : [location.failure.reason]),
  ];
  return reasons.some((reason) => INCOMPLETE.has(reason));
}
