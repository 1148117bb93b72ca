import type { ChainFinder } from '../inventory/chain.ts';
import type { ChangeReader, FactWriter, InventoryWriter } from '../inventory/port.ts';
import type { AlertWriter } from '../notify/port.ts';
import type { AssessedLocation } from '../notify/transition.ts';
import type { Labels } from '../label/labels.ts';
import type { CollectorInstance, Target } from '../plugin/collector.ts';
import type { Observation } from '../plugin/observation.ts';
import type { Reason } from '../plugin/reason.ts';
import type { Schedule } from '../engine/engine.ts';

/** What a transaction of the store gives to write with. */
export interface LedgerTransaction {
  readonly inventory: InventoryWriter;
  readonly facts: FactWriter;
  readonly alerts: AlertWriter;
  /** Where several nodes share the store. */
  readonly changes?: ChangeReader;
}

/** What is recorded, what follows from it and what is to be told are committed together, or not at all. */
export interface Ledger {
  transaction<T>(work: (tx: LedgerTransaction) => Promise<T>): Promise<T>;
}

/** Takes note of what was assessed. Runs inside the caller's transaction. */
export type Transition = (alerts: AlertWriter, assessed: readonly AssessedLocation[], now: number) => Promise<void>;

/** Counts what the host does. */
export interface Meter {
  observed(source: string, result: 'ok' | 'unchanged' | 'failed' | 'gone', count: number): void;
  failed(source: string, reason: Reason): void;
  lasted(source: string, seconds: number): void;
  /** An endpoint was looked at with the TLS library though another way was asked for. */
  fellBack(source: string, obstacle: string): void;
}

/** A source as the config wants it. */
export interface SourcePlan {
  readonly name: string;
  /** A digest of everything the config says of it: equal definitions are one source that goes on as it is. */
  readonly definition: string;
  /** Throws an Error that names the source. */
  open(): Promise<Source>;
}

/** A source that is ready to run. */
export interface Source {
  readonly name: string;
  readonly type: string;
  readonly instance: CollectorInstance;
  readonly scope: 'cluster' | 'node';
  readonly schedule: Schedule;
  /** Where several nodes share the work: only those of this zone look at it. */
  readonly zone?: string;
  /** Expected time between looks, milliseconds. */
  readonly intervalMs: number;
  readonly labels: Labels;
  /** Endpoints about whose clients the CA certificates of this source decide: `host:port`. */
  readonly trustsClientsOf?: readonly string[];
  /** Judges what endpoints of this source serve, by whom its clients trust; without it they have no figures. */
  readonly chains?: ChainFinder;
}

/** All that one look at one target has shown. */
export interface WholeLook {
  readonly target: Target;
  readonly observations: readonly Observation[];
}

/** A look that has shown nothing new. */
export interface SteadyLook {
  readonly target: string;
  /** Of all locations of the target. */
  readonly ids: readonly number[];
}
