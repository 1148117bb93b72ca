import { clientOutlooks, type Clients } from '../inventory/clients.ts';
import { createInventoryIndex, type InventoryIndex } from '../inventory/inventory-index.ts';
import type { KnownCertificate, KnownItem, Location } from '../inventory/model.ts';
import type { Alert } from '../notify/model.ts';
import { SEVERITIES } from '../plugin/notification.ts';
import type { Finding } from '../policy/finding.ts';
import { titleOf } from '../policy/wording.ts';
import type { AffectedLocation, KnownSuccessor, Situation } from './situation.ts';

/** Logins that may fail are listed up to here. */
const MAX_POSSIBLE = 50;

/** The inventory, joined once for any number of runbooks. */
export interface Joined {
  readonly locations: readonly Location[];
  readonly clients: Clients;
  readonly index: Pick<InventoryIndex, 'successors'>;
  readonly pages: Situation['pages'];
  readonly now: number;
}

export function join(locations: readonly Location[], pages: Situation['pages'], now: number): Joined {
  const index = createInventoryIndex(locations);
  return { locations, clients: clientOutlooks(locations, index.clientTrust), index, pages, now };
}

/** What a runbook for this alert is made from. */
export function alertSituation(alert: Alert, joined: Joined): Situation {
  const places = alert.state === 'open' ? alert.places.filter(({ state }) => state === 'open') : alert.places;
  const byId = new Map(joined.locations.map((location) => [location.id, location]));
  const affected = places
    .map(({ locationId, source, location, labels, findings }): AffectedLocation => {
      const known = byId.get(locationId);
      return { source, location, labels, findings, ...(known === undefined ? {} : { known }) };
    })
    .toSorted((a, b) => endOf(a) - endOf(b));
  const findings = worstFirst(affected.flatMap((place) => place.findings));
  const item = itemOf(alert.cause, joined);
  return {
    id: alert.id,
    state: alert.state,
    ...(findings[0] === undefined ? {} : { severity: findings[0].severity }),
    family: alert.family,
    rules: [...new Set(findings.map(({ rule }) => rule))],
    title: affected[0]?.findings[0]?.title ?? (item === undefined ? alert.cause : titleOf(item)),
    affected,
    ...(item !== undefined && findings.some(({ rule }) => rule === 'not-deployed')
      ? undeployed(item, affected, joined)
      : about(item, joined)),
  };
}

/** Where the cause is the newer certificate: what has to be replaced is what the affected endpoints serve. */
function undeployed(newer: KnownItem, affected: readonly AffectedLocation[], joined: Joined): ReturnType<typeof about> {
  const homes = affected.flatMap(({ known }) => {
    const sighting = known?.sightings.find(({ item }) => item.id === known.chain?.leaf.by);
    return known === undefined || sighting === undefined ? [] : [{ location: known, sighting }];
  });
  const served = about(homes[0]?.sighting.item, joined);
  return { ...served, homes, successors: [{ item: newer, homes: joined.clients.homes(newer.id) }] };
}

/** What a runbook for an item is made from that nobody has to be told of yet. */
export function itemSituation(item: KnownItem, joined: Joined): Situation {
  const known = about(item, joined);
  const locations = new Set([...known.homes.map(({ location }) => location), ...known.limits]);
  return {
    id: item.id,
    state: 'no alert',
    rules: [],
    title: titleOf(item),
    affected: [...locations].map((location) => ({
      source: location.source,
      location: location.location,
      labels: location.labels,
      findings: [],
      known: location,
    })),
    ...known,
  };
}

/** The item that is the cause, wherever it was seen. */
export function itemOf(cause: string, { clients, locations }: Joined): KnownItem | undefined {
  return (
    clients.homes(cause)[0]?.sighting.item ??
    locations.find(({ chain }) => chain?.limitedBy?.id === cause)?.chain?.limitedBy
  );
}

function about(
  item: KnownItem | undefined,
  { clients, locations, index, pages, now }: Joined,
): Pick<Situation, 'homes' | 'limits' | 'logins' | 'possibleLogins' | 'successors' | 'pages' | 'now' | 'item'> {
  if (item === undefined) {
    return { homes: [], limits: [], logins: [], possibleLogins: [], successors: [], pages, now };
  }
  const possible = clients.of(item.id);
  return {
    item,
    homes: clients.homes(item.id),
    limits: locations.filter(({ chain }) => chain?.effective.by === item.id),
    logins: [...clients.configured, ...clients.referenced].filter(
      ({ client, limitedBy }) => client.id === item.id || limitedBy.id === item.id,
    ),
    possibleLogins: [...possible].filter(({ by }) => by === 'issuer').slice(0, MAX_POSSIBLE),
    successors: item.kind === 'certificate' && !item.isCa ? successorsOf(item, index, clients) : [],
    pages,
    now,
  };
}

/** Newer ones that can stand in for it: for the same names, or without any for the same subject. */
function successorsOf(item: KnownCertificate, index: Joined['index'], clients: Clients): readonly KnownSuccessor[] {
  return index
    .successors(item)
    .filter((newer) => (item.names.length > 0 ? newer.hasSameNames : newer.item.subject === item.subject))
    .map((newer) => ({ item: newer.item, homes: clients.homes(newer.item.id) }));
}

function worstFirst(findings: readonly Finding[]): readonly Finding[] {
  return findings.toSorted((a, b) => SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity));
}

function endOf({ findings }: AffectedLocation): number {
  return Math.min(...findings.map(({ endsAt }) => endsAt ?? Number.POSITIVE_INFINITY));
}
