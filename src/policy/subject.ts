import type { Location } from '../inventory/model.ts';
import type { Deadline } from './deadline.ts';
import type { Assessment } from './finding.ts';
import type { Policy } from './policy.ts';
import type { InventoryView } from './view.ts';

/** What a rule judges: one location, at one instant. */
export interface Subject {
  readonly location: Location;
  readonly view: InventoryView;
  readonly policy: Policy;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The ends that matter at the location. */
  readonly deadlines: readonly Deadline[];
}

/** One rule: its findings now, and the next instant at which they change if nothing else does. Pure. */
export type Rule = (subject: Subject) => Assessment;

/** The earliest of some instants, some of which may not exist. */
export function earliest(instants: Iterable<number | undefined>): number | undefined {
  let first: number | undefined;
  for (const at of instants) {
    if (at !== undefined && (first === undefined || at < first)) first = at;
  }
  return first;
}

/** An assessment without a `nextAt` that is not there. */
export function assessment(findings: Assessment['findings'], nextAt: number | undefined): Assessment {
  return nextAt === undefined ? { findings } : { findings, nextAt };
}

export function targetCause(location: Location): string {
  return `target:${location.source}/${location.target}`;
}

export function locationCause(location: Location): string {
  return `location:${location.source}/${location.location}`;
}

/** A client of a source is one and the same at every endpoint to which it is shown. */
export function clientCause(location: Location, name: string): string {
  return `client:${location.source}/${name}`;
}

/** Concerns a source as a whole, whatever it looks at. */
export function sourceCause(location: Location): string {
  return `source:${location.source}`;
}
