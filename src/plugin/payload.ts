import type { Json } from './json.ts';
import type { AffectedPlace, AlertNotice, Notification } from './notification.ts';
import { headline } from './wording.ts';

/** Grows when a field changes its meaning or goes; new fields alone do not change it. */
const VERSION = 1;

/** Longer texts are cut: a body must not grow with what somebody wrote into a certificate. */
export const MAX_TEXT = 2_000;

/** A notification as JSON, for webhooks and commands: alerts/webhook/README.md says what each field means. */
export function payload(notification: Notification): Json {
  return {
    version: VERSION,
    id: notification.id,
    kind: notification.kind,
    occasion: notification.occasion ?? null,
    reason: notification.reason,
    severity: notification.severity,
    at: notification.at.toISOString(),
    group: notification.group,
    headline: cut(headline(notification)),
    alert_count: notification.alertCount,
    alerts: notification.alerts.map(alertPayload),
    external_url: notification.externalUrl ?? null,
  };
}

function alertPayload(alert: AlertNotice): Json {
  return {
    id: alert.id,
    family: alert.family,
    cause: alert.cause,
    state: alert.state,
    severity: alert.severity,
    rules: alert.rules,
    title: cut(alert.title),
    summary: cut(alert.summary),
    ends_at: alert.endsAt?.toISOString() ?? null,
    opened_at: alert.openedAt.toISOString(),
    facts: alert.facts.map(({ name, value }) => ({ name: cut(name), value: cut(value) })),
    places: alert.places.map(placePayload),
    place_count: alert.placeCount,
    actions: alert.actions.map(cut),
    runbook_url: alert.runbookUrl ?? null,
  };
}

function placePayload(place: AffectedPlace): Json {
  return {
    source: place.source,
    location: cut(place.location),
    rules: place.rules,
    severity: place.severity,
    summary: cut(place.summary),
    labels: Object.fromEntries(Object.entries(place.labels).map(([name, value]) => [name, cut(value)])),
    state: place.state,
  };
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1)}…` : text;
}
