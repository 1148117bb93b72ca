import { mergeLabels, type Labels } from '../label/labels.ts';
import { matches } from '../label/matcher.ts';
import type { Finding } from '../policy/finding.ts';
import type { Alert, AlertPlace } from './model.ts';
import type { NotifyOptions, Route } from './options.ts';
import { affectedPlaces } from './standing.ts';

/** The channels that an alert goes to: the union of where each finding at each of its places leads. In the order of the config. */
export function route(alert: Alert, options: Pick<NotifyOptions, 'routes' | 'channels'>): readonly string[] {
  if (options.routes.length === 0) return options.channels;
  const reached = new Set<string>();
  for (const place of affectedPlaces(alert)) {
    for (const finding of place.findings) {
      for (const channel of follow(options.routes, routingLabels(place, finding))) reached.add(channel);
    }
  }
  return options.channels.filter((channel) => reached.has(channel));
}

/** What matchers see: the labels of the place, and notafter's own, which win. */
function routingLabels(place: AlertPlace, finding: Finding): Labels {
  return mergeLabels(place.labels, {
    source: place.source,
    target: place.target,
    location: place.location,
    family: finding.family,
    rule: finding.rule,
    severity: finding.severity,
  });
}

function follow(routes: readonly Route[], labels: Labels): readonly string[] {
  const reached: string[] = [];
  for (const candidate of routes) {
    if (!matches(candidate.matchers, labels)) continue;
    reached.push(...candidate.channels);
    if (candidate.continue !== true) break;
  }
  return reached;
}
