import { endpointName, namesOfEndpoint } from '../plugin/endpoint-name.ts';
import type { KnownCertificate, Location, Sighting } from './model.ts';

/** Authorities kept of one location: a bundle of public roots has some hundred. */
const MAX_AUTHORITIES = 2_000;

/**
 * Whose clients endpoints let in, as far as it is known: CA certificates that were seen in a trust store which says by
 * references which endpoints it decides for. In memory, by the number of such references.
 */
export interface ClientTrust {
  /** Takes note of what a location holds now. Gives the names of the endpoints about whose clients something else decides by that. */
  note(location: Location): readonly string[];
  forget(location: Pick<Location, 'source' | 'location'>): readonly string[];
  /** Each once; empty where nothing is known. */
  authoritiesAt(endpoint: Location): readonly KnownCertificate[];
}

export function createClientTrust(locations: Iterable<Location> = []): ClientTrust {
  /** By the name of an endpoint, then by the trust store. */
  const byName = new Map<string, Map<string, readonly KnownCertificate[]>>();
  const namesByStore = new Map<string, readonly string[]>();

  function forget(store: Pick<Location, 'source' | 'location'>): readonly string[] {
    const key = keyOf(store);
    const names = namesByStore.get(key) ?? [];
    for (const name of names) {
      byName.get(name)?.delete(key);
      if (byName.get(name)?.size === 0) byName.delete(name);
    }
    namesByStore.delete(key);
    return names;
  }

  function note(location: Location): readonly string[] {
    const key = keyOf(location);
    const authorities = authoritiesByName(location);
    const known = namesByStore.get(key) ?? [];
    if (known.length === 0 && authorities.size === 0) return [];
    const before = new Map(known.map((name) => [name, idsOf(byName.get(name)?.get(key) ?? [])]));
    forget(location);
    if (authorities.size > 0) namesByStore.set(key, [...authorities.keys()]);
    for (const [name, certificates] of authorities) {
      const stores = byName.get(name) ?? new Map<string, readonly KnownCertificate[]>();
      byName.set(name, stores);
      stores.set(key, certificates);
    }
    return [...new Set([...known, ...authorities.keys()])].filter(
      (name) => before.get(name) !== idsOf(authorities.get(name) ?? []),
    );
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
  };
}

function idsOf(certificates: readonly KnownCertificate[]): string {
  return certificates
    .map(({ id }) => id)
    .toSorted()
    .join(' ');
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
