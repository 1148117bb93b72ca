import { groupId } from './identity.ts';
import type { Alert } from './model.ts';
import type { Route } from './options.ts';
import type { Lead } from './route.ts';
import { affectedPlaces, type Standing } from './standing.ts';

/** What a digest is made by, unless its route says otherwise. */
const DIGEST_GROUPS: readonly string[] = ['owner'];
/** Values of one label that name a group; what has more is grouped by these. */
const MAX_VALUES = 20;

/** The group of messages to a channel that an alert belongs to: by itself its own, else that of the labels its route names. */
export function groupOf(alert: Alert, standing: Standing, lead: Lead): string {
  const names = labelsOf(lead.route, standing);
  if (names === undefined) return alert.id;
  const values = names.map((name) => valueOf(alert, standing, name));
  const text = JSON.stringify([lead.channel, names, values]);
  let id = known.get(text);
  if (id === undefined) {
    id = groupId(lead.channel, names, values);
    if (known.size === MAX_KNOWN) known.clear();
    known.set(text, id);
  }
  return id;
}

/** Groups are few beside the alerts in them, and a digest costs more than finding it. */
const known = new Map<string, string>();
const MAX_KNOWN = 10_000;

function labelsOf(route: Route | undefined, standing: Standing): readonly string[] | undefined {
  // What is critical does not wait for a digest, so it is no part of it either.
  const digest = route?.digest !== undefined && standing.severity !== 'critical' ? DIGEST_GROUPS : undefined;
  return route?.groupBy ?? digest;
}

/** Of an alert at places with several values, all of them. */
function valueOf(alert: Alert, standing: Standing, name: string): string {
  switch (name) {
    case 'alert':
      return alert.id;
    case 'family':
      return alert.family;
    case 'rule':
      return standing.worstRules[0] ?? '';
    case 'severity':
      return standing.severity;
    default: {
      const values = new Set<string>();
      for (const place of affectedPlaces(alert)) {
        values.add(ofPlace(place, name));
        if (values.size === MAX_VALUES) break;
      }
      return [...values].toSorted().join('\u0001');
    }
  }
}

function ofPlace(place: Alert['places'][number], name: string): string {
  switch (name) {
    case 'source':
      return place.source;
    case 'target':
      return place.target;
    case 'location':
      return place.location;
    default:
      return Object.hasOwn(place.labels, name) ? (place.labels[name] ?? '') : '';
  }
}
