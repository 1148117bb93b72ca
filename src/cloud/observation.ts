import { createHash } from 'node:crypto';

import { CollectError } from '../plugin/error.ts';
import type { Observation, Problem } from '../plugin/observation.ts';
import type { Reason } from '../plugin/reason.ts';

/**
 * The version of a location: what the list says of it, `;`, and a digest of the details that only a call of their own
 * tells. So a later look can judge the first half without that call.
 */
export function versionOf(identity: string, details: unknown): string {
  return `${identity};${createHash('sha256').update(JSON.stringify(details)).digest('hex').slice(0, 16)}`;
}

/** Whether a version was made for this identity, whatever the details were. */
export function isVersionOf(identity: string, version: string | undefined): version is string {
  return version?.startsWith(`${identity};`) === true;
}

export function unchanged(location: string, version: string): Observation {
  return { location, version, unchanged: true, items: [], problems: [] };
}

/** The store itself says that it is no more. */
export function gone(location: string): Observation {
  return { location, gone: true, items: [], problems: [] };
}

export function problemOf(place: string, error: CollectError): Problem {
  return { reason: error.reason, place, detail: error.message };
}

/** Failures after which the next call of the same look would fare no better, and may make things worse. */
const ENDS_LOOK: ReadonlySet<Reason> = new Set<Reason>([
  'throttled',
  'authentication_failed',
  'dns',
  'refused',
  'unreachable',
  'reset',
  'closed',
  'timeout',
  'tls_error',
]);

/**
 * A look asks for details for at most so long: it is to end before the host ends it, with what it has. What is missing
 * comes with the next looks, which ask for that alone. Milliseconds.
 */
const DETAILS_FOR_MS = 10 * 60_000;

/** Why no more details are asked for in a look that began then; undefined while there is time. */
export function outOfTime(beganAt: number, now: number): CollectError | undefined {
  if (now - beganAt < DETAILS_FOR_MS) return undefined;
  return new CollectError('partial', 'there is more than one look has time for: the rest follows with the next looks');
}

/** Whether to ask for no more details in this look; what a single certificate was denied says nothing of the others. */
export function endsLook(error: CollectError): boolean {
  return ENDS_LOOK.has(error.reason);
}

/**
 * A list could not be read to its end: told with one of the reasons that keep what was not named from being withdrawn.
 */
export function listCut(place: string, error: CollectError): Problem {
  const reason = error.reason === 'permission_denied' || error.reason === 'throttled' ? error.reason : 'partial';
  return { reason, place, detail: `the list is incomplete: ${error.message}` };
}

/** The list is complete, but not everything on it could be looked at in full. */
export function detailsCut(place: string, error: CollectError): Problem {
  return { reason: error.reason, place, detail: `not everything was looked at in full: ${error.message}` };
}

/** What is missing from a look as a whole, at a location that stands for it and exists only as long as something is missing. */
export function* missingFrom(location: string, gaps: readonly Problem[]): Generator<Observation, void, undefined> {
  if (gaps.length > 0) yield { location, items: [], problems: gaps };
}

/** The result, or the CollectError that a part of a look failed with; anything else is thrown. */
export async function attempt<T>(work: Promise<T>): Promise<T | CollectError> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof CollectError) return error;
    throw error;
  }
}
