import { isDeepStrictEqual } from 'node:util';

import { CertificateError, type Certificate } from '../certificate/certificate.ts';
import { mergeLabels, type Labels } from '../label/labels.ts';
import type { Item, Reference } from '../plugin/item.ts';
import type { Observation, Problem } from '../plugin/observation.ts';
import type { Reason } from '../plugin/reason.ts';
import { knowChain, type ChainFinder } from './chain.ts';
import { knowItem } from './known.ts';
import { joinOf, type Candidate } from './joining.ts';
import type { KnownItem, Location, Sighting } from './model.ts';
import type { LocationWrite } from './port.ts';
import {
  safeDetail,
  safeEndpoint,
  safeLabels,
  safePlace,
  safeProblem,
  safeTranscript,
  sightingOf,
} from './safe-observation.ts';

/** What the host knows of the location's source and target. */
export interface RecordMeta {
  readonly source: string;
  readonly type: string;
  readonly target: string;
  /** Of the source and the target; labels that a look finds are added and win. */
  readonly labels: Labels;
  /** Endpoints about whose clients the CA certificates that are found decide: `host:port`. */
  readonly trustsClientsOf?: readonly string[];
  /** Absent: no chain is judged. */
  readonly chains?: ChainFinder;
  /** Certificates that descriptions may be of; absent: none is looked for. */
  readonly candidates?: readonly Candidate[];
}

/** Why a look failed as a whole. */
export interface LookFailure {
  readonly reason: Reason;
  readonly detail: string;
}

/**
 * What is known of a location after a look at it. Pure.
 *
 * A problem without a place means that the location as a whole failed: everything last known stays, and what was seen all
 * the same is added. Otherwise the look succeeded: what it did not yield has ended, but for places with a problem, whose
 * last-known sightings stay. An item that cannot be parsed is such a problem. An unchanged location keeps all it has, its
 * problems and labels included. An observation that says `gone` is the caller's to withdraw.
 *
 * `touchOnly` is true exactly when nothing but `lastLookAt`, `lastSuccessAt` and `lastSeenAt` moved, and nothing is to be
 * kept beside it.
 */
export function applyObservation(
  previous: Location | undefined,
  observation: Observation,
  meta: RecordMeta,
  now: number,
): LocationWrite {
  if (observation.unchanged === true) return applyUnchanged(previous, observation, meta, now);
  const seen = recognise(observation, previous, meta, now);
  const whole = observation.problems.find((problem) => problem.place === undefined);
  if (whole !== undefined) return applyWhole(previous, observation, seen, whole, meta, now);
  const problems = [...observation.problems.map((problem) => safeProblem(problem)), ...seen.problems];
  const hidden = lastKnown(previous, seen).filter((sighting) => isHidden(sighting, problems, seen));
  const location: Location = {
    ...newLocation(observation.location, meta, now),
    ...(previous === undefined ? {} : { id: previous.id, firstSeenAt: previous.firstSeenAt }),
    labels: mergeLabels(meta.labels, safeLabels(observation.labels)),
    ...(observation.version === undefined ? {} : { version: observation.version }),
    lastSuccessAt: now,
    problems,
    sightings: [...seen.sightings, ...hidden],
    ...endpointOf(observation),
    ...knowChain(observation.endpoint, seen.certificates, meta, now),
  };
  const touchOnly = observation.memory === undefined && isTouched(previous, location);
  return { location, ders: seen.ders, ...keptOf(observation), touchOnly };
}

/** What is known of a location after a look that failed as a whole: all that was known, and that it failed. */
export function applyFailure(previous: Location, failure: LookFailure, now: number): LocationWrite {
  return { location: failed(previous, failure, now), ders: new Map(), touchOnly: false };
}

/**
 * The stand-in for the locations of a target that failed before any of them was known. It is named as the target, and is
 * gone like any other location once a complete look yields the real ones.
 */
export function failedTarget(meta: RecordMeta, failure: LookFailure, now: number): LocationWrite {
  return applyFailure(newLocation(meta.target, meta, now), failure, now);
}

/** What the items of an observation turned out to be. */
interface Seen {
  readonly sightings: readonly Sighting[];
  /** Items that could not be parsed. */
  readonly problems: readonly Problem[];
  readonly certificates: ReadonlyMap<string, Certificate>;
  /** Of what was not known at this location before. */
  readonly ders: ReadonlyMap<string, Uint8Array>;
  /** Where inside a place something readable is, for collectors that number what they find. */
  readonly occupied: ReadonlySet<string>;
}

function recognise(
  observation: Observation,
  previous: Location | undefined,
  { trustsClientsOf = [], candidates = [] }: RecordMeta,
  now: number,
): Seen {
  const firstSeen = new Map(previous?.sightings.map((sighting) => [identityOf(sighting), sighting.firstSeenAt]));
  // What is only described may go by the fingerprint of a certificate whose DER nobody has seen.
  const known = new Set(previous?.sightings.flatMap(({ item }) => (item.kind === 'described' ? [] : [item.id])));
  const sightings = new Map<string, Sighting>();
  const problems: Problem[] = [];
  const certificates = new Map<string, Certificate>();
  const ders = new Map<string, Uint8Array>();
  const occupied = new Set<string>();
  for (const item of observation.items) {
    try {
      const recognised = knowItem(item, observation.location);
      const { id } = recognised.known;
      const decides = trustsClientsOf.length > 0 && recognised.certificate?.isCa === true;
      const sighting = sightingOf(
        decides ? anchorFor(trustsClientsOf, item) : item,
        joined(recognised.known, candidates),
        now,
        now,
      );
      const identity = identityOf(sighting);
      const firstSeenAt = firstSeen.get(identity) ?? now;
      // A list may name one certificate twice; the first counts.
      if (!sightings.has(identity)) sightings.set(identity, { ...sighting, firstSeenAt });
      if (item.place.index !== undefined) occupied.add(spot(sighting));
      if (recognised.certificate !== undefined) certificates.set(id, recognised.certificate);
      if (recognised.der !== undefined && !known.has(id)) ders.set(id, recognised.der);
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error;
      const which = item.place.index === undefined ? '' : ` number ${item.place.index + 1}`;
      const what = item.kind === 'crl' ? 'revocation list' : 'certificate';
      problems.push({
        reason: 'malformed',
        place: safePlace(item.place.key),
        detail: safeDetail(`${what}${which}: ${error.message}`),
      });
    }
  }
  return { sightings: [...sightings.values()], problems, certificates, ders, occupied };
}

/** The certificate itself, where a description is of one that is known. */
function joined(item: KnownItem, candidates: readonly Candidate[]): KnownItem {
  return (item.kind === 'described' ? joinOf(item, candidates) : undefined) ?? item;
}

/**
 * What is known of a location where some of what it only describes turns out to be certificates that were seen elsewhere
 * meanwhile; `undefined` when none is. Nobody has looked at it: no time moves.
 */
export function applyJoin(previous: Location, candidates: readonly Candidate[]): LocationWrite | undefined {
  const sightings = previous.sightings.map((sighting) => {
    const item = joined(sighting.item, candidates);
    return item === sighting.item ? sighting : { ...sighting, item };
  });
  if (sightings.every((sighting, position) => sighting === previous.sightings[position])) return undefined;
  return { location: { ...previous, sightings }, ders: new Map(), touchOnly: false };
}

/** A CA certificate in a trust store, an intermediate as well, vouches for the clients of these endpoints. */
function anchorFor(endpoints: readonly string[], item: Item): Item {
  const references = endpoints.map((id): Reference => ({ type: 'endpoint', id }));
  return { ...item, role: 'trust-anchor', usedBy: [...(item.usedBy ?? []), ...references] };
}

function applyWhole(
  previous: Location | undefined,
  observation: Observation,
  seen: Seen,
  whole: Problem,
  meta: RecordMeta,
  now: number,
): LocationWrite {
  const before = previous ?? {
    ...newLocation(observation.location, meta, now),
    ...endpointOf(observation),
    ...knowChain(observation.endpoint, seen.certificates, meta, now),
  };
  const location = failed(before, whole, now);
  return {
    location: {
      ...location,
      labels: mergeLabels(meta.labels, safeLabels(observation.labels), location.labels),
      sightings: [...seen.sightings, ...lastKnown(previous, seen)],
      ...withTranscript(location, observation),
    },
    ders: seen.ders,
    ...keptOf(observation),
    touchOnly: false,
  };
}

function applyUnchanged(
  previous: Location | undefined,
  observation: Observation,
  meta: RecordMeta,
  now: number,
): LocationWrite {
  if (previous === undefined) {
    const failure: LookFailure = {
      reason: 'internal',
      detail: 'the collector says that nothing changed at a location that is not known',
    };
    return applyFailure(newLocation(observation.location, meta, now), failure, now);
  }
  const { failure: _, ...rest } = previous;
  const wasHidden = (sighting: Sighting): boolean =>
    sighting.lastSeenAt < (previous.lastSuccessAt ?? 0) && isHidden(sighting, previous.problems);
  const location: Location = {
    ...rest,
    source: meta.source,
    type: meta.type,
    target: meta.target,
    labels: mergeLabels(meta.labels, previous.labels),
    lastLookAt: now,
    lastSuccessAt: now,
    failures: 0,
    sightings: previous.sightings.map((sighting) =>
      wasHidden(sighting) ? sighting : { ...sighting, lastSeenAt: now },
    ),
  };
  return { location, ders: new Map(), touchOnly: isTouched(previous, location) };
}

/** A location that nobody has looked at with success yet. */
function newLocation(location: string, meta: RecordMeta, now: number): Location {
  return {
    id: 0,
    source: meta.source,
    type: meta.type,
    target: meta.target,
    location,
    labels: meta.labels,
    firstSeenAt: now,
    lastLookAt: now,
    failures: 0,
    problems: [],
    sightings: [],
  };
}

/** The version goes: what it stood for may have changed while nobody could look. */
function failed(location: Location, failure: LookFailure, now: number): Location {
  const { version: _, ...rest } = location;
  return {
    ...rest,
    lastLookAt: now,
    failure: { reason: failure.reason, detail: safeDetail(failure.detail) },
    failures: location.failures + 1,
  };
}

/** Sightings of before that this look did not yield. */
function lastKnown(previous: Location | undefined, seen: Seen): readonly Sighting[] {
  if (previous === undefined || previous.sightings.length === 0) return [];
  const yielded = new Set(seen.sightings.map((sighting) => identityOf(sighting)));
  return previous.sightings.filter((sighting) => !yielded.has(identityOf(sighting)));
}

/**
 * Whether a sighting may still be there behind a problem with its place. Where the place is numbered and something else
 * can be read at that number, it has been replaced.
 */
function isHidden(sighting: Sighting, problems: readonly Problem[], seen?: Seen): boolean {
  const { place } = sighting;
  if (seen?.occupied.has(spot(sighting))) return false;
  return problems.some(
    (problem) => problem.place !== undefined && (problem.place === place || place.startsWith(`${problem.place}/`)),
  );
}

function identityOf(sighting: Pick<Sighting, 'place' | 'item'>): string {
  // The length in front keeps apart what would read the same when it is joined.
  return `${sighting.place.length} ${sighting.place}${sighting.item.id}`;
}

function spot(sighting: Sighting): string {
  return `${sighting.index} ${sighting.place}`;
}

function endpointOf(observation: Observation): Pick<Location, 'endpoint'> {
  return observation.endpoint === undefined ? {} : { endpoint: safeEndpoint(observation.endpoint) };
}

/** What goes beside the location. */
function keptOf({ endpoint, memory }: Observation): Pick<LocationWrite, 'transcript' | 'memory'> {
  return {
    ...(endpoint?.transcript === undefined ? {} : { transcript: safeTranscript(endpoint.transcript) }),
    ...(memory === undefined ? {} : { memory }),
  };
}

/** What passed on the wire is most wanted of a look that failed, while the facts of the last good one stay. */
function withTranscript({ endpoint }: Location, observation: Observation): Pick<Location, 'endpoint'> {
  const digest = endpointOf(observation).endpoint?.transcriptDigest;
  return endpoint === undefined || digest === undefined ? {} : { endpoint: { ...endpoint, transcriptDigest: digest } };
}

function isTouched(previous: Location | undefined, location: Location): boolean {
  return previous !== undefined && isDeepStrictEqual(timeless(previous), timeless(location));
}

/** Without the times that every look moves, and in an order of its own: the store's may be another. */
function timeless(location: Location): object {
  const { lastLookAt: _look, lastSuccessAt: _success, sightings, ...rest } = location;
  return {
    ...rest,
    sightings: new Map(sightings.map(({ lastSeenAt: _seen, ...sighting }) => [identityOf(sighting), sighting])),
  };
}
