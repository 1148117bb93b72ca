import { isDeepStrictEqual } from 'node:util';

import type { Labels } from '../label/labels.ts';
import type { Finding } from '../policy/finding.ts';
import { alertId } from './identity.ts';
import type { Alert, AlertPlace } from './model.ts';
import { worstFirst } from './severity.ts';

/** One location as it was just judged. */
export interface AssessedLocation {
  readonly locationId: number;
  readonly source: string;
  readonly location: string;
  readonly target: string;
  readonly labels: Labels;
  /**
   * What the judgement rests on: a look that succeeded, one that failed, the location's end by its own evidence (its
   * findings then count for nothing), or `none`: only time passed. `superseded`: it stood in for a target of which
   * nothing was known, and gave way to a good look at that target; that settles it, as no look at itself ever could.
   * Nothing but a good look can resolve.
   */
  readonly look: 'good' | 'failed' | 'gone' | 'superseded' | 'none';
  /** The full set of that location now. */
  readonly findings: readonly Finding[];
}

export interface TransitionRules {
  /** Good looks in a row that a place needs to be resolved. */
  readonly resolveAfterLooks: number;
  isNew(source: string): boolean;
}

/** `lastAt` of a place is kept this exactly, milliseconds, so that an alert that stays as it is is not rewritten at each look. */
export const LAST_SEEN_GRAIN_MS = 3_600_000;

/**
 * The alerts as they are after these looks. An alert that nothing happened to is the same object; new ones are added.
 * `known` must hold every open alert with an open place at one of the locations, and every alert of their findings.
 */
export function applyLooks(
  known: ReadonlyMap<string, Alert>,
  assessed: readonly AssessedLocation[],
  rules: TransitionRules,
  now: number,
): ReadonlyMap<string, Alert> {
  const drafts = new Map([...known].map(([id, alert]) => [id, draftOf(alert)]));
  const alertsAt = indexByOpenPlace(known.values(), assessed);
  for (const location of assessed) {
    const hasEnded = location.look === 'gone' || location.look === 'superseded';
    const found = hasEnded ? new Map<string, Finding[]>() : groupByAlert(location.findings);
    for (const [id, findings] of found) {
      const draft = drafts.get(id) ?? draftOf(opened(undefined, location, findings, rules, now));
      drafts.set(id, draft);
      noteFindings(draft, location, findings, rules, now);
    }
    const open = alertsAt.get(location.locationId) ?? new Set();
    for (const id of open) {
      const draft = drafts.get(id);
      if (draft !== undefined && !found.has(id)) noteNoFinding(draft, location, rules, now);
    }
    alertsAt.set(location.locationId, new Set([...open, ...found.keys()]));
  }
  return new Map([...drafts].map(([id, draft]) => [id, finished(draft)]));
}

type PlacesById = ReadonlyMap<number, AlertPlace>;

/** Lives as long as the list of places, which may be very long and stay the same for many looks. */
const placesById = new WeakMap<Alert['places'], PlacesById>();

function indexOf(places: Alert['places']): PlacesById {
  const known = placesById.get(places);
  if (known !== undefined) return known;
  const byId = new Map(places.map((place) => [place.locationId, place]));
  placesById.set(places, byId);
  return byId;
}

function indexByOpenPlace(
  alerts: Iterable<Alert>,
  assessed: readonly AssessedLocation[],
): Map<number, ReadonlySet<string>> {
  const index = new Map(assessed.map(({ locationId }) => [locationId, new Set<string>()]));
  for (const { id, places } of alerts) {
    const few = places.length <= index.size ? places : [...index.keys()].flatMap((at) => indexOf(places).get(at) ?? []);
    for (const { state, locationId } of few) if (state === 'open') index.get(locationId)?.add(id);
  }
  return index;
}

/** An alert while many looks are taken in: its places are copied at most once. */
interface Draft {
  /** But for its places. */
  alert: Alert;
  places: PlacesById;
  /** The same, where they were copied. */
  own: Map<number, AlertPlace> | undefined;
  openCount: number | undefined;
}

function draftOf(alert: Alert): Draft {
  return { alert, places: indexOf(alert.places), own: undefined, openCount: undefined };
}

function finished({ alert, own }: Draft): Alert {
  if (own === undefined) return alert;
  const places = [...own.values()];
  placesById.set(places, own);
  return { ...alert, places };
}

function setPlace(draft: Draft, before: AlertPlace | undefined, after: AlertPlace): void {
  draft.openCount ??= [...draft.places.values()].filter(({ state }) => state === 'open').length;
  draft.openCount += Number(after.state === 'open') - Number(before?.state === 'open');
  draft.own ??= new Map(draft.places);
  draft.own.set(after.locationId, after);
  draft.places = draft.own;
}

function groupByAlert(findings: readonly Finding[]): ReadonlyMap<string, Finding[]> {
  const groups = Map.groupBy(findings, (finding) => alertId(finding.family, finding.cause));
  for (const group of groups.values()) group.sort(worstFirst);
  return groups;
}

function noteFindings(
  draft: Draft,
  location: AssessedLocation,
  findings: readonly Finding[],
  rules: TransitionRules,
  now: number,
): void {
  if (draft.alert.state !== 'open') {
    const own = new Map<number, AlertPlace>();
    Object.assign(draft, {
      alert: opened(draft.alert, location, findings, rules, now),
      places: own,
      own,
      openCount: 0,
    });
  }
  const before = draft.places.get(location.locationId);
  const after = affectedPlace(before, location, findings, now);
  if (after === before) return;
  const joins = before?.state !== 'open';
  // What an established source reports too is no first-day news.
  const awaitsDigest = draft.alert.awaitsDigest && (!joins || rules.isNew(location.source));
  if (awaitsDigest !== draft.alert.awaitsDigest) draft.alert = { ...draft.alert, awaitsDigest };
  setPlace(draft, before, after);
}

/** An alert without places yet, in its first or its next life. */
function opened(
  closed: Alert | undefined,
  location: AssessedLocation,
  findings: readonly Finding[],
  rules: TransitionRules,
  now: number,
): Alert {
  const { family, cause } = closed ?? (findings[0] as Finding); // a group is never empty
  return {
    id: alertId(family, cause),
    family,
    cause,
    state: 'open',
    generation: (closed?.generation ?? 0) + 1,
    openedAt: now,
    awaitsDigest: rules.isNew(location.source),
    places: [],
    told: [],
  };
}

function affectedPlace(
  before: AlertPlace | undefined,
  location: AssessedLocation,
  findings: readonly Finding[],
  now: number,
): AlertPlace {
  const { locationId, source, target, labels } = location;
  const unchanged =
    before !== undefined &&
    before.state === 'open' &&
    before.goodLooks === 0 &&
    before.source === source &&
    before.target === target &&
    now - before.lastAt < LAST_SEEN_GRAIN_MS &&
    isDeepStrictEqual(before.labels, labels) &&
    isDeepStrictEqual(before.findings, findings);
  if (unchanged) return before;
  return {
    locationId,
    source,
    location: location.location,
    target,
    labels,
    state: 'open',
    findings,
    firstAt: before?.state === 'open' ? before.firstAt : now,
    lastAt: now,
    goodLooks: 0,
  };
}

function noteNoFinding(draft: Draft, location: AssessedLocation, rules: TransitionRules, now: number): void {
  const before = draft.places.get(location.locationId);
  if (before === undefined || before.state !== 'open') return;
  const after = clearedPlace(before, location.look, rules);
  if (after === before) return;
  setPlace(draft, before, after);
  if (draft.openCount === 0) draft.alert = ended(draft, now);
}

function clearedPlace(place: AlertPlace, look: AssessedLocation['look'], rules: TransitionRules): AlertPlace {
  switch (look) {
    case 'good': {
      const goodLooks = place.goodLooks + 1;
      return { ...place, goodLooks, state: goodLooks >= rules.resolveAfterLooks ? 'resolved' : 'open' };
    }
    case 'superseded':
      return { ...place, goodLooks: place.goodLooks + 1, state: 'resolved' };
    case 'gone':
      return { ...place, state: 'withdrawn' };
    case 'failed':
    case 'none':
      return place;
  }
}

/** No place is open any more. */
function ended({ alert, places }: Draft, now: number): Alert {
  const resolved = [...places.values()].some((place) => place.state === 'resolved');
  return { ...alert, state: resolved ? 'resolved' : 'withdrawn', closedAt: now, awaitsDigest: false };
}
