import { createHash } from 'node:crypto';

import type { Json } from '../../src/plugin/json.ts';
import type { AffectedPlace, AlertNotice, Notification } from '../../src/plugin/notification.ts';
import { endText, headline, ruleText, standingText, utcText } from '../../src/plugin/wording.ts';
import { safeText } from '../../src/text/safe-text.ts';

// https://developer.pagerduty.com/docs/events-api-v2/trigger-events/ and /docs/send-alert-event
/** Characters of `dedup_key`. */
export const MAX_DEDUP_KEY = 255;
/** Characters of `payload.summary`; longer ones are cut by PagerDuty. */
export const MAX_SUMMARY = 1_024;
/** Bytes of the whole event; a larger one is refused. */
export const MAX_EVENT_BYTES = 512 * 1024;

const MAX_TEXT = 1_000;
const MAX_SHORT = 255;
const MAX_FACTS = 30;
const MAX_ACTIONS = 30;
const MAX_ALERTS = 50;

/** One call of the API. The routing key is not in it: it is added where it is sent. */
export type PagerDutyEvent = { readonly [key: string]: Json };

/**
 * What PagerDuty is told: an incident is opened, or brought up to date, under the key of the group, and resolved under
 * it. A test opens one and resolves it, so that nothing stays open.
 */
export function eventsOf(notification: Notification): readonly PagerDutyEvent[] {
  const key = dedupKey(notification.group);
  const resolve = { event_action: 'resolve', dedup_key: key };
  if (notification.kind === 'test') return [trigger(notification, key), resolve];
  switch (notification.reason) {
    case 'resolved':
    case 'withdrawn':
      return [resolve];
    case 'first':
    case 'worse':
    case 'changed':
    case 'repeat':
      return [trigger(notification, key)];
  }
}

function dedupKey(group: string): string {
  return group.length <= MAX_DEDUP_KEY ? group : createHash('sha256').update(group).digest('hex');
}

function trigger(notification: Notification, key: string): PagerDutyEvent {
  const { alerts, kind, severity, at, externalUrl } = notification;
  const [alert] = alerts;
  const isOne = kind === 'alert' && alert !== undefined && notification.alertCount === 1;
  return {
    event_action: 'trigger',
    dedup_key: key,
    client: 'notafter',
    ...(externalUrl === undefined ? {} : { client_url: externalUrl }),
    links: linksOf(notification),
    payload: {
      summary: text(headline(notification), MAX_SUMMARY),
      // Ours are a subset of PagerDuty's: critical, error, warning, info.
      severity,
      source: text(isOne ? (alert.places[0]?.location ?? alert.title) : 'notafter', MAX_SHORT) || 'notafter',
      timestamp: at.toISOString(),
      ...(isOne ? { component: text(alert.title, MAX_SHORT), group: alert.family, class: ruleText(alert) } : {}),
      custom_details: isOne ? alertDetails(alert, at) : listDetails(notification),
    },
  };
}

/** `links` take http and https alone. */
function linksOf({ alerts, externalUrl, kind }: Notification): Json {
  const candidates = [
    { href: kind === 'alert' ? alerts[0]?.runbookUrl : undefined, text: 'Runbook' },
    { href: externalUrl, text: 'notafter' },
  ];
  return candidates.flatMap(({ href, text: name }) =>
    href !== undefined && href.length <= MAX_TEXT && /^https?:\/\/[^\s<>"]+$/.test(href) ? [{ href, text: name }] : [],
  );
}

function alertDetails(alert: AlertNotice, at: Date): Json {
  const more = alert.placeCount - alert.places.length;
  return {
    summary: text(alert.summary),
    ...(alert.endsAt === undefined ? {} : { end: `${utcText(alert.endsAt)}, ${endText(alert.endsAt, at)}` }),
    'what to do': alert.actions.slice(0, MAX_ACTIONS).map((action, index) => `${index + 1}. ${text(action)}`),
    places: [...alert.places.map(placeLine), ...(more > 0 ? [`and ${more} more`] : [])],
    'number of places': alert.placeCount,
    facts: Object.fromEntries(
      alert.facts.slice(0, MAX_FACTS).map(({ name, value }) => [text(name, MAX_SHORT), text(value)]),
    ),
    alert: text(alert.id, MAX_SHORT),
    'open since': utcText(alert.openedAt),
  };
}

function listDetails({ alerts, alertCount, at, kind }: Notification): Json {
  if (kind === 'test') return { summary: 'This channel works. What notafter finds will arrive here.' };
  const shown = alerts.slice(0, MAX_ALERTS);
  const more = alertCount - shown.length;
  return {
    alerts: [
      ...shown.map((alert) => {
        return `${alert.severity}: ${text(alert.title, MAX_SHORT)}: ${text(standingText(alert, at), MAX_SHORT)}, ${alert.placeCount} places`;
      }),
      ...(more > 0 ? [`and ${more} more`] : []),
    ],
    'number of alerts': alertCount,
  };
}

function placeLine({ location, source, state, rules, labels }: AffectedPlace): string {
  const owner = labels['owner'];
  const what = state === 'open' ? rules.join(', ') : state;
  const details = [`source ${source}`, what, ...(owner === undefined ? [] : [`owner ${owner}`])];
  return `${text(location, MAX_SHORT)} (${text(details.join('; '), MAX_SHORT)})`;
}

function text(raw: string, max = MAX_TEXT): string {
  return safeText(raw, { max });
}
