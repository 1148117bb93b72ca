import type { Labels } from '../label/labels.ts';
import { matches } from '../label/matcher.ts';
import type { Finding } from '../policy/finding.ts';
import { failingChannel } from './dead-letter.ts';
import type { Alert, AlertPlace } from './model.ts';
import type { NotifyOptions, Route } from './options.ts';
import { affectedPlaces } from './standing.ts';

/** A channel that an alert goes to, and what leads it there. */
export interface Lead {
  readonly channel: string;
  /** Absent where no route is needed. Where several lead to one channel, the first in the config. */
  readonly route?: Route;
}

/** Where an alert goes to: the union of where each finding at each of its places leads. In the order of the channels in the config. */
export function route(
  alert: Alert,
  options: Pick<NotifyOptions, 'routes' | 'channels' | 'recipients'>,
): readonly Lead[] {
  const failing = failingChannel(alert);
  const leads = routedTo(alert, options);
  return failing === undefined ? leads : detour(leads, failing, options);
}

/** That a channel loses messages is told on others: on those that the routes name, else on any. */
function detour(
  leads: readonly Lead[],
  failing: string,
  { channels, recipients }: Pick<NotifyOptions, 'channels' | 'recipients'>,
): readonly Lead[] {
  const others = leads.filter(({ channel }) => channel !== failing);
  if (others.length > 0) return others;
  const rest = channels.filter((channel) => channel !== failing);
  if (rest.length > 0) return rest.map((channel) => ({ channel }));
  // Of several recipients of the only channel, the others may be reached.
  return recipients(failing).length > 1 ? [{ channel: failing }] : [];
}

function routedTo(alert: Alert, { routes, channels }: Pick<NotifyOptions, 'routes' | 'channels'>): readonly Lead[] {
  if (routes.length === 0) return channels.map((channel) => ({ channel }));
  const reached = new Map<string, number>();
  for (const place of affectedPlaces(alert)) {
    for (const finding of place.findings) {
      for (const index of follow(routes, routingLabels(alert, place, finding))) {
        for (const channel of routes[index]?.channels ?? []) {
          reached.set(channel, Math.min(index, reached.get(channel) ?? index));
        }
      }
    }
  }
  const leads: Lead[] = [];
  for (const channel of channels) {
    const first = routes[reached.get(channel) ?? -1];
    if (first !== undefined) leads.push({ channel, route: first });
  }
  return leads;
}

/** What matchers see: the labels of the place, and notafter's own, which win. */
export function routingLabels(alert: Pick<Alert, 'id'>, place: AlertPlace, finding: Finding): Labels {
  return {
    ...place.labels,
    alert: alert.id,
    source: place.source,
    target: place.target,
    location: place.location,
    family: finding.family,
    rule: finding.rule,
    severity: finding.severity,
  };
}

/** The indices of the routes that these labels take. */
function follow(routes: readonly Route[], labels: Labels): readonly number[] {
  const taken: number[] = [];
  let index = 0;
  for (const candidate of routes) {
    if (matches(candidate.matchers, labels)) {
      taken.push(index);
      if (candidate.continue !== true) break;
    }
    index += 1;
  }
  return taken;
}
