import type { Location } from '../inventory/model.ts';
import { deadlinesOf, nextStepAt, stageAt, type Deadline, type Stage } from './deadline.ts';
import type { Assessment } from './finding.ts';
import type { Policy } from './policy.ts';
import { isCertificate, type CertificateSighting } from './served.ts';
import type { InventoryView } from './view.ts';

/** What a rule judges: one location, at one instant. */
export interface Subject {
  readonly location: Location;
  readonly view: InventoryView;
  readonly policy: Policy;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Those of its sightings that are certificates of which the bytes were seen. */
  readonly certificates: readonly CertificateSighting[];
  /** The ends that matter at the location. */
  readonly deadlines: readonly Deadline[];
  /** Those of which something is to be told now. */
  readonly due: readonly DueDeadline[];
  /** The next instant at which something else is to be told of one of them. */
  readonly nextStepAt: number | undefined;
}

/** A deadline that is near or past, and what is to be told of it. */
export interface DueDeadline {
  readonly deadline: Deadline;
  readonly stage: Stage;
}

/** What rules judge: the location at an instant, with the ends that matter there. */
export function subjectOf(location: Location, view: InventoryView, policy: Policy, now: number): Subject {
  const deadlines = deadlinesOf(location, view, policy);
  const due: DueDeadline[] = [];
  let next: number | undefined;
  for (const deadline of deadlines) {
    const stage = stageAt(deadline, now);
    if (stage !== undefined) due.push({ deadline, stage });
    const at = nextStepAt(deadline, now);
    if (at !== undefined && (next === undefined || at < next)) next = at;
  }
  const certificates = location.sightings.every(isCertificate)
    ? location.sightings
    : location.sightings.filter(isCertificate);
  return { location, view, policy, now, certificates, deadlines, due, nextStepAt: next };
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

/** Nothing is wrong, and time alone does not change that. */
export const NOTHING: Assessment = { findings: [] };

/** An assessment without a `nextAt` that is not there. */
export function assessment(findings: Assessment['findings'], nextAt: number | undefined): Assessment {
  if (findings.length === 0 && nextAt === undefined) return NOTHING;
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
