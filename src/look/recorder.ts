import type { Location } from '../inventory/model.ts';
import type { InventoryReader, InventoryWriter, LocationWrite } from '../inventory/port.ts';
import { applyFailure, applyObservation, failedTarget, type ChainFinder, type RecordMeta } from '../inventory/record.ts';
import { mergeLabels } from '../label/labels.ts';
import type { Target } from '../plugin/collector.ts';
import type { Clock } from '../plugin/context.ts';
import type { Observation } from '../plugin/observation.ts';
import type { Reason } from '../plugin/reason.ts';
import { assess } from '../policy/assess.ts';
import type { Finding } from '../policy/finding.ts';
import type { Policy } from '../policy/policy.ts';
import type { InventoryView } from '../policy/view.ts';
import type { AssessedLocation } from '../notify/transition.ts';
import type { Ledger, Source, Transition } from './ports.ts';

/** Problems that mean that a list was not read to its end: what it did not name may still be there. */
const INCOMPLETE: ReadonlySet<Reason> = new Set<Reason>(['partial', 'throttled', 'permission_denied']);

/** Locations assessed in one transaction when only time has passed. */
const ASSESS_BATCH = 500;

export interface RecorderParts {
  readonly ledger: Ledger;
  readonly inventory: InventoryReader;
  readonly clock: Clock;
  readonly view: InventoryView;
  readonly transition: Transition;
  readonly chains: ChainFinder;
  /** The policy in force now. */
  policy(): Policy;
}

/** Records what one look at one target gives, batch by batch, and assesses it in the same transaction. */
export interface Recording {
  /** The version that was last recorded for a location of this target, when that look succeeded. */
  version(location: string): string | undefined;
  /** Records observations. False when a newer look at this target has been recorded meanwhile: stop. */
  add(observations: readonly Observation[]): Promise<boolean>;
  /** The look ended normally: what it did not name is gone, unless a list could not be read to its end. */
  finish(): Promise<void>;
  /** The look failed: nothing is withdrawn, and what it did not reach keeps its last known state as failed. */
  fail(failure: { readonly reason: Reason; readonly detail: string }): Promise<void>;
}

export interface Recorder {
  begin(source: Source, target: Target, fence: bigint): Promise<Recording>;
  /** Withdraws targets and all their locations. */
  withdrawTargets(source: string, keys: readonly string[]): Promise<void>;
  withdrawSource(name: string): Promise<void>;
  /** Assesses what is due by time alone; gives the number of locations assessed. */
  assessDue(signal: AbortSignal): Promise<number>;
  /** Assesses everything, after the policy has changed. */
  assessAll(signal: AbortSignal): Promise<void>;
}

export function createRecorder(parts: RecorderParts): Recorder {
  const { ledger, inventory, clock, view, transition } = parts;

  /** Assesses locations that were just saved and hands the result on. Part of the caller's transaction. */
  async function follow(
    tx: { inventory: InventoryWriter; alerts: Parameters<Transition>[0] },
    saved: readonly { readonly location: Location; readonly look: AssessedLocation['look'] }[],
    now: number,
  ): Promise<void> {
    const assessed: AssessedLocation[] = [];
    for (const { location, look } of saved) {
      const { findings, nextAt } = assess(location, view, parts.policy(), now);
      await tx.inventory.scheduleAssessment(location.id, nextAt);
      assessed.push(assessedLocation(location, look, findings));
    }
    if (assessed.length > 0) await transition(tx.alerts, assessed, now);
  }

  async function withdraw(locations: readonly Location[], tx: { inventory: InventoryWriter; alerts: Parameters<Transition>[0] }, now: number): Promise<void> {
    if (locations.length === 0) return;
    await tx.inventory.withdrawLocations(
      locations.map((location) => location.id),
      now,
    );
    await transition(
      tx.alerts,
      locations.map((location) => assessedLocation(location, 'gone', [])),
      now,
    );
  }

  async function begin(source: Source, target: Target, fence: bigint): Promise<Recording> {
    const labels = mergeLabels(source.labels, target.labels);
    const meta: RecordMeta = { source: source.name, type: source.type, target: target.key, labels, chains: parts.chains };
    const previous = new Map((await inventory.locations({ source: source.name, target: target.key })).map((location) => [location.location, location]));
    const seen = new Set<string>();
    let complete = true;

    async function write(
      tx: { inventory: InventoryWriter; alerts: Parameters<Transition>[0] },
      writes: readonly LocationWrite[],
      now: number,
    ): Promise<void> {
      const saved = await tx.inventory.saveLocations(writes);
      const alarmed = new Set(
        (await tx.alerts.openAlertsAt(saved.map((location) => location.id))).flatMap((alert) =>
          alert.places.filter((place) => place.state === 'open').map((place) => place.locationId),
        ),
      );
      const changed = saved.flatMap((location, index) =>
        writes[index]?.touchOnly === true && !alarmed.has(location.id) ? [] : [{ location, look: location.failure === undefined ? ('good' as const) : ('failed' as const) }],
      );
      await follow(tx, changed, now);
    }

    async function record(writesAt: (now: number) => readonly LocationWrite[], gone: readonly Location[], checkpoint?: Observation['checkpoint']): Promise<boolean> {
      const now = clock.now();
      return ledger.transaction(async (tx) => {
        if (!(await tx.inventory.fence(source.name, target.key, fence))) return false;
        const writes = writesAt(now);
        if (writes.length > 0) await write(tx, writes, now);
        await withdraw(gone, tx, now);
        await tx.inventory.setCheckpoint(source.name, target.key, checkpoint, now);
        return true;
      });
    }

    return {
      version(location) {
        const known = previous.get(location);
        return known?.failure === undefined ? known?.version : undefined;
      },

      async add(observations) {
        const gone: Location[] = [];
        const present: Observation[] = [];
        let checkpoint: Observation['checkpoint'];
        for (const observation of observations) {
          seen.add(observation.location);
          if (observation.checkpoint !== undefined) checkpoint = observation.checkpoint;
          if (observation.problems.some((problem) => INCOMPLETE.has(problem.reason))) complete = false;
          const known = previous.get(observation.location);
          if (observation.gone !== true) present.push(observation);
          else if (known !== undefined) gone.push(known);
        }
        return record(
          (now) => present.map((observation) => applyObservation(previous.get(observation.location), observation, meta, now)),
          gone,
          checkpoint,
        );
      },

      async finish() {
        const missing = complete ? [...previous.values()].filter((location) => !seen.has(location.location)) : [];
        await record(() => [], missing);
      },

      async fail(failure) {
        const unreached = [...previous.values()].filter((location) => !seen.has(location.location));
        await record(
          (now) =>
            unreached.length === 0 && seen.size === 0
              ? [failedTarget(meta, failure, now)]
              : unreached.map((location) => applyFailure(location, failure, now)),
          [],
        );
      },
    };
  }

  async function withdrawTargets(source: string, keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      await ledger.transaction(async (tx) => {
        const now = clock.now();
        await withdraw(await tx.inventory.locations({ source, target: key }), tx, now);
        await tx.inventory.withdrawTarget(source, key, now);
      });
    }
  }

  async function assessBatch(locations: readonly Location[]): Promise<void> {
    await ledger.transaction((tx) =>
      follow(
        tx,
        locations.map((location) => ({ location, look: 'none' as const })),
        clock.now(),
      ),
    );
  }

  return {
    begin,
    withdrawTargets,

    async withdrawSource(name) {
      await ledger.transaction(async (tx) => {
        const now = clock.now();
        await withdraw(await tx.inventory.locations({ source: name }), tx, now);
        await tx.inventory.withdrawSource(name, now);
      });
    },

    async assessDue(signal) {
      let count = 0;
      for (;;) {
        const due = signal.aborted ? [] : await inventory.dueForAssessment(clock.now(), ASSESS_BATCH);
        if (due.length === 0) return count;
        await assessBatch(due);
        count += due.length;
      }
    },

    async assessAll(signal) {
      const all = await inventory.locations();
      for (let start = 0; start < all.length && !signal.aborted; start += ASSESS_BATCH) {
        await assessBatch(all.slice(start, start + ASSESS_BATCH));
      }
    },
  };
}

function assessedLocation(location: Location, look: AssessedLocation['look'], findings: readonly Finding[]): AssessedLocation {
  return {
    locationId: location.id,
    source: location.source,
    location: location.location,
    target: location.target,
    labels: location.labels,
    look,
    findings,
  };
}
