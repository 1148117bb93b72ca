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

/** Fewer are searched faster than they are put into an index. */
const MANY_PLACES = 32;

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
  const alerts = new Map(known);
  const alertsAt = indexByOpenPlace(known.values(), assessed);
  for (const location of assessed) {
    const hasEnded = location.look === 'gone' || location.look === 'superseded';
    const found = hasEnded ? new Map<string, Finding[]>() : groupByAlert(location.findings);
    for (const [id, findings] of found) {
      alerts.set(id, withFindings(alerts.get(id), location, findings, rules, now));
    }
    const open = alertsAt.get(location.locationId) ?? new Set();
    for (const id of open) {
      const alert = alerts.get(id);
      if (alert !== undefined && !found.has(id)) alerts.set(id, withoutFinding(alert, location, rules, now));
    }
    alertsAt.set(location.locationId, new Set([...open, ...found.keys()]));
  }
  return alerts;
}

function indexByOpenPlace(
  alerts: Iterable<Alert>,
  assessed: readonly AssessedLocation[],
): Map<number, ReadonlySet<string>> {
  const index = new Map(assessed.map(({ locationId }) => [locationId, new Set<string>()]));
  for (const alert of alerts) {
    const places =
      alert.places.length <= index.size ? alert.places : [...index.keys()].flatMap((id) => placeAt(alert, id) ?? []);
    for (const { state, locationId } of places) if (state === 'open') index.get(locationId)?.add(alert.id);
  }
  return index;
}

const placesById = new WeakMap<Alert['places'], ReadonlyMap<number, AlertPlace>>();

/** Where there are many places, they are found by an index that lives as long as their list. */
function placeAt({ places }: Alert, locationId: number): AlertPlace | undefined {
  if (places.length < MANY_PLACES) return places.find((place) => place.locationId === locationId);
  let byId = placesById.get(places);
  if (byId === undefined) {
    byId = new Map(places.map((place) => [place.locationId, place]));
    placesById.set(places, byId);
  }
  return byId.get(locationId);
}

function groupByAlert(findings: readonly Finding[]): ReadonlyMap<string, Finding[]> {
  const groups = Map.groupBy(findings, (finding) => alertId(finding.family, finding.cause));
  for (const group of groups.values()) group.sort(worstFirst);
  return groups;
}

function withFindings(
  alert: Alert | undefined,
  location: AssessedLocation,
  findings: readonly Finding[],
  rules: TransitionRules,
  now: number,
): Alert {
  const open = alert?.state === 'open' ? alert : opened(alert, location, findings, rules, now);
  const before = placeAt(open, location.locationId);
  const after = affectedPlace(before, location, findings, now);
  if (after === before) return open;
  const joins = before?.state !== 'open';
  return {
    ...open,
    // What an established source reports too is no first-day news.
    awaitsDigest: open.awaitsDigest && (!joins || rules.isNew(location.source)),
    places: before === undefined ? [...open.places, after] : replaced(open.places, before, after),
  };
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

function withoutFinding(alert: Alert, location: AssessedLocation, rules: TransitionRules, now: number): Alert {
  const before = placeAt(alert, location.locationId);
  if (before === undefined || before.state !== 'open') return alert;
  const after = clearedPlace(before, location.look, rules);
  if (after === before) return alert;
  return closedIfDone({ ...alert, places: replaced(alert.places, before, after) }, now);
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

function closedIfDone(alert: Alert, now: number): Alert {
  if (alert.places.some((place) => place.state === 'open')) return alert;
  const resolved = alert.places.some((place) => place.state === 'resolved');
  return { ...alert, state: resolved ? 'resolved' : 'withdrawn', closedAt: now, awaitsDigest: false };
}

function replaced(places: readonly AlertPlace[], before: AlertPlace, after: AlertPlace): readonly AlertPlace[] {
  return places.map((place) => (place === before ? after : place));
}
