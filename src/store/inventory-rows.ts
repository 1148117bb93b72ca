import { hash } from 'node:crypto';

import type { Selectable } from 'kysely';

import { plainSerial } from '../plugin/demands.ts';
import type { KnownItem, Location, Sighting, SourceState, TargetState } from '../inventory/model.ts';
import { fromJson, toJson } from './json.ts';
import type { ListedColumns } from './listed.ts';
import type { Attributes, ItemTable, LocationTable, SightingTable, SourceTable, TargetTable } from './schema.ts';

export type LocationRow = Omit<Selectable<LocationTable>, 'assess_at' | 'withdrawn_at'>;

export const LOCATION_COLUMNS = [
  'id',
  'source',
  'location',
  'target',
  'type',
  'labels_json',
  'version',
  'first_seen_at',
  'last_look_at',
  'last_success_at',
  'failure_reason',
  'failure_detail',
  'failures',
  'problems_json',
  'endpoint_json',
  'chain_json',
  'limited_by',
] as const satisfies readonly (keyof LocationRow)[];

export type SightingRow = Selectable<Omit<SightingTable, 'ended_at' | keyof ListedColumns>>;

export const SIGHTING_COLUMNS = [
  'id',
  'location_id',
  'item_id',
  'place',
  'idx',
  'role',
  'first_seen_at',
  'last_seen_at',
  'attributes_json',
] as const satisfies readonly (keyof SightingRow)[];

export type TargetRow = Omit<Selectable<TargetTable>, 'fence' | 'withdrawn_at'>;

export const TARGET_COLUMNS = [
  'source',
  'key',
  'labels_json',
  'data_json',
  'checkpoint_json',
  'first_seen_at',
  'last_look_at',
] as const satisfies readonly (keyof TargetRow)[];

export function toSource(row: Omit<Selectable<SourceTable>, 'withdrawn_at' | 'discovered_at'>): SourceState {
  return {
    name: row.name,
    type: row.type,
    intervalMs: row.interval_ms,
    ...(row.definition === null ? {} : { definition: row.definition }),
    ...(row.baseline_at === null ? {} : { baselineAt: row.baseline_at }),
    firstSeenAt: row.first_seen_at,
  };
}

export function toTarget(row: TargetRow): TargetState {
  return {
    source: row.source,
    key: row.key,
    labels: fromJson(row.labels_json),
    data: fromJson(row.data_json),
    ...(row.checkpoint_json === null ? {} : { checkpoint: fromJson(row.checkpoint_json) }),
    firstSeenAt: row.first_seen_at,
    ...(row.last_look_at === null ? {} : { lastLookAt: row.last_look_at }),
  };
}

export function toLocation(row: LocationRow, sightings: readonly Sighting[]): Location {
  return {
    id: row.id,
    source: row.source,
    type: row.type,
    target: row.target,
    location: row.location,
    labels: fromJson(row.labels_json),
    ...(row.version === null ? {} : { version: row.version }),
    firstSeenAt: row.first_seen_at,
    lastLookAt: row.last_look_at,
    ...(row.last_success_at === null ? {} : { lastSuccessAt: row.last_success_at }),
    ...(row.failure_reason === null
      ? {}
      : { failure: { reason: row.failure_reason, detail: row.failure_detail ?? '' } }),
    failures: row.failures,
    problems: fromJson(row.problems_json),
    sightings,
    ...(row.endpoint_json === null ? {} : { endpoint: fromJson(row.endpoint_json) }),
    ...(row.chain_json === null ? {} : { chain: fromJson(row.chain_json) }),
  };
}

export function fromLocation(location: Location): Omit<LocationRow, 'id'> {
  return {
    source: location.source,
    location: location.location,
    target: location.target,
    type: location.type,
    labels_json: toJson(location.labels),
    version: location.version ?? null,
    first_seen_at: location.firstSeenAt,
    last_look_at: location.lastLookAt,
    last_success_at: location.lastSuccessAt ?? null,
    failure_reason: location.failure?.reason ?? null,
    failure_detail: location.failure?.detail ?? null,
    failures: location.failures,
    problems_json: toJson(location.problems),
    endpoint_json: location.endpoint === undefined ? null : toJson(location.endpoint),
    chain_json: location.chain === undefined ? null : toJson(location.chain),
    limited_by: location.chain?.effective.by ?? null,
  };
}

export function toSighting(row: SightingRow, item: KnownItem): Sighting {
  return {
    item,
    place: row.place,
    index: row.idx,
    role: row.role,
    firstSeenAt: row.first_seen_at,
    lastSeenAt: row.last_seen_at,
    ...(row.attributes_json === null ? {} : fromJson(row.attributes_json)),
  };
}

/** The row of a sighting, less the keys that the database gives. */
export function fromSighting(sighting: Sighting): Omit<SightingRow, 'id' | 'location_id' | 'item_id'> {
  const { labels, usedBy, key, supersededBy, remarks, renewal, use } = sighting;
  const attributes: Attributes = {
    ...(labels === undefined ? {} : { labels }),
    ...(usedBy === undefined ? {} : { usedBy }),
    ...(key === undefined ? {} : { key }),
    ...(supersededBy === undefined ? {} : { supersededBy }),
    ...(remarks === undefined ? {} : { remarks }),
    ...(renewal === undefined ? {} : { renewal }),
    ...(use === undefined ? {} : { use }),
  };
  return {
    place: sighting.place,
    idx: sighting.index,
    role: sighting.role,
    first_seen_at: sighting.firstSeenAt,
    last_seen_at: sighting.lastSeenAt,
    attributes_json: Object.keys(attributes).length === 0 ? null : toJson(attributes),
  };
}

/** `der` where it is at hand: of a certificate that is seen for the first time. */
export function fromItem(item: KnownItem, der: Uint8Array | undefined): Omit<Selectable<ItemTable>, 'id'> {
  return {
    kind: item.kind,
    identity: item.id,
    facts_json: toJson(item),
    not_after: endOf(item),
    sha1: sha1Of(item, der),
    serial: serialOf(item),
  };
}

function sha1Of(item: KnownItem, der: Uint8Array | undefined): string | null {
  switch (item.kind) {
    case 'certificate':
      return der === undefined ? null : hash('sha1', der, 'hex');
    case 'described':
      return item.sha1 ?? null;
    case 'crl':
    case 'credential':
      return null;
  }
}

function serialOf(item: KnownItem): string | null {
  switch (item.kind) {
    case 'certificate':
    case 'described':
      return item.serial === undefined ? null : plainSerial(item.serial);
    case 'crl':
    case 'credential':
      return null;
  }
}

function endOf(item: KnownItem): number | null {
  switch (item.kind) {
    case 'certificate':
    case 'described':
    case 'credential':
      return item.notAfter.status === 'known' ? item.notAfter.at : null;
    case 'crl':
      return item.nextUpdate?.status === 'known' ? item.nextUpdate.at : null;
  }
}
