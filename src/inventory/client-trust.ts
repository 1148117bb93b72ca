import { endpointName, namesOfEndpoint } from './endpoint-name.ts';
import type { KnownCertificate, Location, Sighting } from './model.ts';

/** Authorities kept of one location: a bundle of public roots has some hundred. */
const MAX_AUTHORITIES = 2_000;

/**
 * Whose clients endpoints let in, as far as it is known: CA certificates that were seen in a trust store which says by
 * references which endpoints it decides for. In memory, by the number of such references.
 */
export interface ClientTrust {
  /** Takes note of what a location holds now. */
  note(location: Location): void;
  forget(location: Pick<Location, 'source' | 'location'>): void;
  /** Each once; empty where nothing is known. */
  authoritiesAt(endpoint: Location): readonly KnownCertificate[];
  /** Whether they are others than when this was asked last; false at first where there are none. */
  isNewsAt(endpoint: Location): boolean;
}

export function createClientTrust(locations: Iterable<Location> = []): ClientTrust {
  /** By the name of an endpoint, then by the trust store. */
  const byName = new Map<string, Map<string, readonly KnownCertificate[]>>();
  const namesByStore = new Map<string, readonly string[]>();
  const judged = new Map<string, string>();

  function forget(store: Pick<Location, 'source' | 'location'>): void {
    const key = keyOf(store);
    judged.delete(key);
    for (const name of namesByStore.get(key) ?? []) {
      byName.get(name)?.delete(key);
      if (byName.get(name)?.size === 0) byName.delete(name);
    }
    namesByStore.delete(key);
  }

  function note(location: Location): void {
    const key = keyOf(location);
    const before = judged.get(key);
    forget(location);
    if (before !== undefined) judged.set(key, before);
    const authorities = authoritiesByName(location);
    if (authorities.size === 0) return;
    namesByStore.set(key, [...authorities.keys()]);
    for (const [name, certificates] of authorities) {
      const stores = byName.get(name) ?? new Map<string, readonly KnownCertificate[]>();
      byName.set(name, stores);
      stores.set(key, certificates);
    }
  }

  function authoritiesAt(endpoint: Location): readonly KnownCertificate[] {
    if (byName.size === 0) return [];
    const found = new Map<string, KnownCertificate>();
    for (const name of namesOfEndpoint(endpoint)) {
      for (const certificates of byName.get(name)?.values() ?? []) {
        for (const certificate of certificates) found.set(certificate.id, certificate);
      }
    }
    return [...found.values()];
  }

  for (const location of locations) note(location);
  return {
    note,
    forget,
    authoritiesAt,

    isNewsAt(endpoint) {
      const key = keyOf(endpoint);
      const now = authoritiesAt(endpoint)
        .map(({ id }) => id)
        .toSorted()
        .join(' ');
      const isNews = now !== (judged.get(key) ?? '');
      if (now === '') judged.delete(key);
      else judged.set(key, now);
      return isNews;
    },
  };
}

/** What may vouch for clients: a CA, or a root of the days before basicConstraints. */
function authorityIn({ role, item }: Sighting): KnownCertificate | undefined {
  return role === 'trust-anchor' && item.kind === 'certificate' && (item.isCa || item.selfIssued) ? item : undefined;
}

function authoritiesByName({ sightings }: Location): ReadonlyMap<string, readonly KnownCertificate[]> {
  const found = new Map<string, KnownCertificate[]>();
  let count = 0;
  for (const sighting of sightings) {
    const authority = sighting.usedBy === undefined ? undefined : authorityIn(sighting);
    if (authority === undefined || ++count > MAX_AUTHORITIES) continue;
    for (const name of endpointsUsing(sighting)) {
      const list = found.get(name);
      if (list === undefined) found.set(name, [authority]);
      else list.push(authority);
    }
  }
  return found;
}

/** The endpoints that a sighting refers to, by name. */
export function endpointsUsing({ usedBy = [] }: Pick<Sighting, 'usedBy'>): ReadonlySet<string> {
  return new Set(usedBy.flatMap(({ type, id }) => (type === 'endpoint' ? [endpointName(id)] : [])));
}

function keyOf({ source, location }: Pick<Location, 'source' | 'location'>): string {
  return `${source}\n${location}`;
}
