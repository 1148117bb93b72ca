import type { z } from 'zod';

import type { AlertState } from '../../notify/desk.ts';
import type { AlertPlace, Silence } from '../../notify/model.ts';
import type { Finding } from '../../policy/finding.ts';
import { iso, isoAt } from './item-json.ts';
import type { alert as alertSchema, findings, silence as silenceSchema } from './schemas.ts';

/** Places of an alert that are listed; their number is exact, and the findings have them all. */
const MAX_PLACES = 20;

/** One finding of an alert, at one of its places. */
export interface FindingAt {
  readonly state: AlertState;
  readonly place: AlertPlace;
  readonly finding: Finding;
  /** Its number at that place. */
  readonly index: number;
}

/** An alert as other programs read it: its shape is a promise. */
export function alertJson({ alert, standing }: AlertState): z.input<typeof alertSchema> {
  const worst = alert.places.flatMap((place) => place.findings).find(({ rule }) => rule === standing.worstRules[0]);
  const { acknowledgement } = alert;
  return {
    id: alert.id,
    family: alert.family,
    cause: alert.cause,
    state: alert.state,
    severity: standing.severity,
    rules: [...standing.rules],
    title: worst?.title ?? alert.cause,
    summary: worst?.summary ?? '',
    ends_at: iso(standing.endsAt),
    opened_at: isoAt(alert.openedAt),
    closed_at: iso(alert.closedAt),
    place_count: standing.placeCount,
    places: alert.places.slice(0, MAX_PLACES).map(({ source, target, location, labels, state }) => ({
      source,
      target,
      location,
      labels: { ...labels },
      state,
    })),
    acknowledgement:
      acknowledgement === undefined
        ? null
        : { author: acknowledgement.author, comment: acknowledgement.comment, at: isoAt(acknowledgement.at) },
    told: alert.told.map(({ channel, reason, severity, at }) => ({ channel, reason, severity, at: isoAt(at) })),
    held: (alert.held ?? []).map(({ channel, why, until }) => ({ channel, why, until: iso(until) })),
  };
}

export function findingJson({ state, place, finding }: FindingAt): z.input<typeof findings>['findings'][number] {
  const { rule, family, severity, cause, title, summary, endsAt, actions } = finding;
  return {
    alert: state.alert.id,
    rule,
    family,
    severity,
    cause,
    title,
    summary,
    ends_at: iso(endsAt),
    source: place.source,
    location: place.location,
    labels: { ...place.labels },
    actions: [...actions],
  };
}

export function silenceJson(silence: Silence, now: number): z.input<typeof silenceSchema> {
  return {
    id: silence.id,
    state: now < silence.until ? 'active' : 'expired',
    matchers: [...silence.matchers],
    created_at: isoAt(silence.createdAt),
    until: isoAt(silence.until),
    author: silence.author,
    comment: silence.comment,
  };
}
