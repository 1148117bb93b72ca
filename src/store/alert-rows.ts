import type { Selectable } from 'kysely';

import type { Alert, AlertPlace, Told } from '../notify/model.ts';
import { fromJson, toJson } from './json.ts';
import type { AlertPlaceTable, AlertTable, AlertToldTable } from './schema.ts';

export type AlertRow = Selectable<AlertTable>;
export type PlaceRow = Selectable<AlertPlaceTable>;
export type ToldRow = Selectable<AlertToldTable>;

/** An alert as it lies in its three tables. */
export function toAlert(row: AlertRow, places: readonly PlaceRow[], told: readonly ToldRow[]): Alert {
  return {
    id: row.id,
    family: row.family as Alert['family'],
    cause: row.cause,
    state: row.state,
    generation: row.generation,
    openedAt: row.opened_at,
    ...(row.closed_at === null ? {} : { closedAt: row.closed_at }),
    awaitsDigest: row.awaits_digest === 1,
    places: places.map(toPlace),
    told: told.map(toTold),
    ...(row.held_json === null ? {} : { held: fromJson(row.held_json) }),
    ...(row.acknowledgement_json === null ? {} : { acknowledgement: fromJson(row.acknowledgement_json) }),
  };
}

function toPlace(row: PlaceRow): AlertPlace {
  return {
    locationId: row.location_id,
    source: row.source,
    location: row.location,
    target: row.target,
    labels: fromJson(row.labels_json),
    state: row.state,
    findings: fromJson(row.findings_json),
    firstAt: row.first_at,
    lastAt: row.last_at,
    goodLooks: row.good_looks,
  };
}

function toTold(row: ToldRow): Told {
  return {
    channel: row.channel,
    severity: row.severity,
    rules: fromJson(row.rules_json),
    reason: row.reason,
    at: row.at,
    ...(row.repeat_at === null ? {} : { repeatAt: row.repeat_at }),
    ...(row.group_key === null ? {} : { group: row.group_key }),
    ...(row.notification_id === null ? {} : { notificationId: row.notification_id }),
    ...(row.place_count === null ? {} : { placeCount: row.place_count }),
    ...(row.ends_at === null ? {} : { endsAt: row.ends_at }),
    ...(row.news_at === null ? {} : { newsAt: row.news_at }),
  };
}

export function fromPlace(alertId: string, place: AlertPlace): PlaceRow {
  return {
    alert_id: alertId,
    location_id: place.locationId,
    source: place.source,
    location: place.location,
    target: place.target,
    labels_json: toJson(place.labels),
    state: place.state,
    findings_json: toJson(place.findings),
    first_at: place.firstAt,
    last_at: place.lastAt,
    good_looks: place.goodLooks,
  };
}

export function fromTold(alertId: string, told: Told): ToldRow {
  return {
    alert_id: alertId,
    channel: told.channel,
    severity: told.severity,
    rules_json: toJson(told.rules),
    reason: told.reason,
    at: told.at,
    repeat_at: told.repeatAt ?? null,
    group_key: told.group ?? null,
    notification_id: told.notificationId ?? null,
    place_count: told.placeCount ?? null,
    ends_at: told.endsAt ?? null,
    news_at: told.newsAt ?? null,
  };
}

export function fromAlert(alert: Alert, version: string): AlertRow {
  return {
    id: alert.id,
    family: alert.family,
    cause: alert.cause,
    state: alert.state,
    generation: alert.generation,
    opened_at: alert.openedAt,
    closed_at: alert.closedAt ?? null,
    awaits_digest: alert.awaitsDigest ? 1 : 0,
    held_json: alert.held === undefined ? null : toJson(alert.held),
    wake_at: wakeAt(alert),
    acknowledgement_json: alert.acknowledgement === undefined ? null : toJson(alert.acknowledgement),
    version,
  };
}

function wakeAt({ held = [] }: Alert): number | null {
  const times = held.flatMap(({ until }) => until ?? []);
  return times.length === 0 ? null : Math.min(...times);
}
