import type { z } from 'zod';

import type { ItemPage, ListedItem, LocationPage } from '../../inventory/catalogue.ts';
import type { ClientOutlook } from '../../inventory/clients.ts';
import type { End, KnownItem, Location } from '../../inventory/model.ts';
import { endOf } from '../../policy/kind.ts';
import { titleOf } from '../../policy/wording.ts';
import { encodeCursor } from './cursor.ts';
import type { clientPage, item as itemSchema, itemPage, listedItem, locationPage } from './schemas.ts';

const DAY_MS = 86_400_000;
/** Beyond these a date cannot be written. */
const MAX_TIME_MS = 8.64e15;

/** An instant as the API writes it; null for none, and for one that no calendar has. */
export function iso(at: number | null | undefined): string | null {
  return at === null || at === undefined || !(Math.abs(at) <= MAX_TIME_MS) ? null : isoAt(at);
}

/** An instant that is certain to be one. */
export function isoAt(at: number): string {
  return new Date(at).toISOString();
}

export function itemJson(item: KnownItem, now: number): z.input<typeof itemSchema> {
  const end = endOf(item);
  const endsAt = end.status === 'known' ? end.at : undefined;
  return {
    kind: item.kind,
    id: item.id,
    title: titleOf(item),
    ...identityJson(item),
    not_after: iso(endsAt),
    not_after_status: end.status,
    days_left: endsAt === undefined ? null : Math.floor((endsAt - now) / DAY_MS),
  };
}

function identityJson(
  item: KnownItem,
): Pick<z.input<typeof itemSchema>, 'fingerprint_sha256' | 'subject' | 'issuer' | 'serial' | 'names' | 'not_before'> {
  const none = { fingerprint_sha256: null, subject: null, issuer: null, serial: null, names: [], not_before: null };
  switch (item.kind) {
    case 'certificate':
      return {
        fingerprint_sha256: item.id,
        subject: item.subject,
        issuer: item.issuer,
        serial: item.serial,
        names: [...item.names],
        not_before: timeJson(item.notBefore),
      };
    case 'described':
      return {
        ...none,
        fingerprint_sha256: item.sha256 ?? null,
        issuer: item.issuer ?? null,
        serial: item.serial ?? null,
        names: [...item.names],
        not_before: item.notBefore === undefined ? null : timeJson(item.notBefore),
      };
    case 'crl':
      return { ...none, fingerprint_sha256: item.id, issuer: item.issuer, not_before: timeJson(item.thisUpdate) };
    case 'credential':
      return none;
  }
}

function timeJson(time: End): string | null {
  return time.status === 'known' ? iso(time.at) : null;
}

export function listedJson({ item, places, roles, sources }: ListedItem, now: number): z.input<typeof listedItem> {
  return { ...itemJson(item, now), places, roles: [...roles], sources: [...sources] };
}

export function itemPageJson({ items, count, next }: ItemPage, now: number): z.input<typeof itemPage> {
  return {
    count,
    certificates: items.map((one) => listedJson(one, now)),
    next: next === undefined ? null : encodeCursor([next.key, next.id]),
  };
}

export function locationJson(location: Location): z.input<typeof locationPage>['locations'][number] {
  const { failure, chain } = location;
  return {
    source: location.source,
    type: location.type,
    target: location.target,
    location: location.location,
    labels: { ...location.labels },
    ok: failure === undefined,
    reason: failure?.reason ?? null,
    detail: failure?.detail ?? null,
    failures: location.failures,
    first_seen: isoAt(location.firstSeenAt),
    last_look: isoAt(location.lastLookAt),
    last_success: iso(location.lastSuccessAt),
    effective_not_after: iso(chain?.effective.at),
    limited_by: chain?.effective.by ?? null,
    items: location.sightings.map(({ item, place, role }) => ({ id: item.id, kind: item.kind, place, role })),
    problems: location.problems.map(({ place, reason, detail }) => ({ place: place ?? null, reason, detail })),
  };
}

export function locationPageJson({ locations, next }: LocationPage): z.input<typeof locationPage> {
  return {
    locations: locations.map(locationJson),
    next: next === undefined ? null : encodeCursor([next.source, next.location]),
  };
}

export function loginJson(outlook: ClientOutlook): z.input<typeof clientPage>['logins'][number] {
  const { client, name, by, endpoint, verdict, outageAt, limitedBy } = outlook;
  return {
    source: endpoint.source,
    location: endpoint.location,
    client: client.id,
    title: client.title,
    name: name ?? null,
    joined_by: by,
    verdict:
      verdict === undefined ? null : { status: verdict.status, reason: verdict.reason, evidence: verdict.evidence },
    outage_at: iso(outageAt),
    limited_by: limitedBy.id,
  };
}
