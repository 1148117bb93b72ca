import type { InventoryIndex } from '../inventory/inventory-index.ts';
import type { Location } from '../inventory/model.ts';
import type { InventoryReader } from '../inventory/port.ts';
import type { AssessedLocation } from '../notify/transition.ts';
import type { Clock } from '../plugin/context.ts';
import { assess } from '../policy/assess.ts';
import type { Finding } from '../policy/finding.ts';
import type { Policy } from '../policy/policy.ts';
import type { InventoryView } from '../policy/view.ts';
import type { Following } from './following.ts';
import type { Ledger, LedgerTransaction, Transition } from './ports.ts';

/** Locations assessed at once because another has changed. The store takes note of the rest: they are due from then on. */
const CONCERNED_AT_ONCE = 50;

/** Departed locations that are forgotten in one transaction. */
const MAX_DEPARTED = 500;

/** An assessment that asks to be made again at once, or in the past, waits this long: it must not spin. */
const SOONEST_MS = 1_000;

export interface JudgeParts {
  readonly ledger: Ledger;
  readonly inventory: InventoryReader;
  readonly clock: Clock;
  /** What is known of everything, as it stands in the store; kept up to date here. */
  readonly index: InventoryIndex;
  /** Is told as well of what was recorded. */
  readonly witness?: Witness;
  /** What the index does not know. */
  readonly view: Omit<InventoryView, keyof InventoryIndex>;
  readonly transition: Transition;
  /** Where several nodes share the store: what keeps the index up to date with what they record. */
  readonly following?: () => Following;
  /** The policy in force now. */
  policy(): Policy;
}

/** Somebody who keeps up with what is recorded. What a failed transaction undoes, it is told again as it was before. */
export interface Witness {
  /** A location holds this now. */
  note(location: Location): void;
  forget(locationId: number): void;
  /** A look at these succeeded then, and nothing but the time moved. */
  touched(locationIds: readonly number[], at: number): void;
  /** Findings may have changed. */
  judged(): void;
}

/** A location, and what its judgement rests on. */
export interface Looked {
  readonly location: Location;
  readonly look: 'good' | 'failed' | 'none';
}

/** Judges what was recorded, in the transaction that records it. */
export interface Judge {
  /** Runs a transaction. When it fails, what is known of the rest of the inventory is as it was. */
  transact<T>(work: (tx: LedgerTransaction) => Promise<T>): Promise<T>;
  /** A look at these succeeded, and nothing but the time moved. */
  touched(tx: LedgerTransaction, locationIds: readonly number[], now: number): void;
  /** Assesses locations as they are in the store now, hands the result on, and sees to what they concern elsewhere. */
  follow(tx: LedgerTransaction, saved: readonly Looked[], now: number): Promise<void>;
  /** Ends locations and what was told of them, and sees to what that concerns elsewhere. */
  withdraw(tx: LedgerTransaction, locations: readonly Location[], why: Farewell, now: number): Promise<void>;
  /** Stops telling of what has been gone for long enough; gives the number of locations. */
  forgetDeparted(tx: LedgerTransaction, until: number, now: number): Promise<number>;
}

/** What a transaction that is not committed yet has done. */
interface Pending {
  /** What the index took note of, by the id of the location: to be undone where it fails. */
  readonly noted: Map<number, Noted>;
  /** To be told of once it is committed: nothing else remembers them. */
  readonly touches: Touch[];
}

interface Noted {
  readonly location: Location;
  /** As it was before. */
  readonly past: ReturnType<InventoryIndex['past']>;
}

interface Touch {
  readonly ids: readonly number[];
  readonly at: number;
}

/** Why a location ends: by its own evidence; as it only stood in for what a good look has shown; or nobody wants it any more. */
export type Farewell = 'gone' | 'gone with its target' | 'superseded' | 'unwanted';

export function createJudge(parts: JudgeParts): Judge {
  const { ledger, transition, index, witness } = parts;
  const view: InventoryView = { ...index, ...parts.view };
  const pending = new WeakMap<LedgerTransaction, Pending>();
  /** What failed transactions have noted, until that is undone. */
  const undone = new Map<number, Noted>();

  async function transact<T>(work: (tx: LedgerTransaction) => Promise<T>): Promise<T> {
    const noted = new Map<number, Noted>();
    const touches: Touch[] = [];
    try {
      const result = await ledger.transaction(async (tx) => {
        await restore(tx);
        // Whatever others recorded until now: nobody else writes from here on.
        if (tx.changes !== undefined) await parts.following?.().catchUp(tx.changes);
        pending.set(tx, { noted, touches });
        return work(tx);
      });
      for (const { ids, at } of touches) witness?.touched(ids, at);
      witness?.judged();
      return result;
    } catch (error) {
      for (const [id, one] of noted) if (!undone.has(id)) undone.set(id, one);
      // Where the store cannot be read either, the next transaction begins with it.
      if (undone.size > 0) await ledger.transaction(restore).catch(() => undefined);
      throw error;
    }
  }

  /** Makes what failed transactions have noted again what the store knows. Inside of one, in which nobody else writes. */
  async function restore(tx: LedgerTransaction): Promise<void> {
    if (undone.size === 0) return;
    const owed = new Map(undone);
    const known = new Map((await tx.inventory.locations({ ids: [...owed.keys()] })).map((one) => [one.id, one]));
    for (const [id, { location, past }] of owed) {
      index.forget(location);
      const before = known.get(id);
      if (before === undefined) witness?.forget(id);
      else {
        index.note(before);
        witness?.note(before);
      }
      index.restore(id, past);
      undone.delete(id);
    }
  }

  /** To be called before the index learns of a location. */
  function keep(tx: LedgerTransaction, location: Location): void {
    const noted = pending.get(tx)?.noted;
    if (noted?.has(location.id) === false) noted.set(location.id, { location, past: index.past(location.id) });
  }

  function touched(tx: LedgerTransaction, ids: readonly number[], at: number): void {
    pending.get(tx)?.touches.push({ ids, at });
  }

  async function follow(tx: LedgerTransaction, saved: readonly Looked[], now: number): Promise<void> {
    const concerned = new Set<number>();
    for (const { location } of saved) {
      keep(tx, location);
      witness?.note(location);
      for (const id of index.note(location)) concerned.add(id);
    }
    await judge(tx, saved, now);
    for (const { location } of saved) concerned.delete(location.id);
    await judgeConcerned(tx, concerned, now);
  }

  async function judge(tx: LedgerTransaction, locations: readonly Looked[], now: number): Promise<void> {
    if (locations.length === 0) return;
    const assessed: AssessedLocation[] = [];
    const times = new Map<number, number | undefined>();
    for (const { location, look } of locations) {
      const { findings, nextAt } = assess(location, view, parts.policy(), now);
      times.set(location.id, nextAt === undefined ? undefined : Math.max(nextAt, now + SOONEST_MS));
      assessed.push(assessedLocation(location, look, findings));
    }
    await tx.inventory.scheduleAssessments(times);
    await transition(tx.alerts, assessed, now);
  }

  /** Assesses what a change elsewhere concerns: some in the same transaction, the rest as what is due. */
  async function judgeConcerned(tx: LedgerTransaction, concerned: ReadonlySet<number>, now: number): Promise<void> {
    if (concerned.size === 0) return;
    const ids = [...concerned];
    const first = await tx.inventory.locations({ ids: ids.slice(0, CONCERNED_AT_ONCE) });
    await judge(
      tx,
      first.map((location) => ({ location, look: 'none' })),
      now,
    );
    await tx.inventory.assessBy(ids.slice(CONCERNED_AT_ONCE), now);
  }

  async function withdraw(
    tx: LedgerTransaction,
    locations: readonly Location[],
    why: Farewell,
    now: number,
  ): Promise<void> {
    if (locations.length === 0) return;
    await tx.inventory.withdrawLocations(
      locations.map((location) => location.id),
      now,
    );
    const concerned = new Set<number>();
    for (const location of locations) {
      keep(tx, location);
      witness?.forget(location.id);
      for (const id of index.forget(location)) concerned.add(id);
    }
    await transition(
      tx.alerts,
      locations.map((location) => assessedLocation(location, why === 'superseded' ? why : 'gone', [])),
      now,
    );
    if (why === 'gone') await remember(tx, locations, { at: now, with: 'location' });
    if (why === 'gone with its target') await remember(tx, locations, { at: now, with: 'target' });
    for (const location of locations) concerned.delete(location.id);
    await judgeConcerned(tx, concerned, now);
  }

  /** What is gone is told of for a while, where that is worth it. */
  async function remember(
    tx: LedgerTransaction,
    locations: readonly Location[],
    gone: NonNullable<Location['gone']>,
  ): Promise<void> {
    const departed: AssessedLocation[] = [];
    const times = new Map<number, number | undefined>();
    for (const location of locations) {
      const { findings, nextAt } = assess({ ...location, gone }, view, parts.policy(), gone.at);
      if (findings.length === 0) continue;
      times.set(location.id, nextAt);
      departed.push(assessedLocation(location, 'none', findings));
    }
    if (departed.length === 0) return;
    await tx.inventory.scheduleAssessments(times);
    await transition(tx.alerts, departed, gone.at);
  }

  async function forgetDeparted(tx: LedgerTransaction, until: number, now: number): Promise<number> {
    const departed = await tx.inventory.dueDepartures(until, MAX_DEPARTED);
    if (departed.length > 0) {
      await tx.inventory.scheduleAssessments(new Map(departed.map(({ id }) => [id, undefined])));
      await transition(
        tx.alerts,
        departed.map((location) => assessedLocation(location, 'gone', [])),
        now,
      );
    }
    return departed.length;
  }

  return { transact, touched, follow, withdraw, forgetDeparted };
}

function assessedLocation(
  location: Pick<Location, 'id' | 'source' | 'location' | 'target' | 'labels'>,
  look: AssessedLocation['look'],
  findings: readonly Finding[],
): AssessedLocation {
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
