import type { KnownCertificate, Location, Sighting } from '../inventory/model.ts';
import { clientNameOf } from '../plugin/client.ts';

/** Longest path that is followed. */
const MAX_PATH = 10;

/** A certificate that an endpoint served, or that a client presented. */
export type CertificateSighting = Sighting & { readonly item: KnownCertificate };

export function isCertificate(sighting: Sighting): sighting is CertificateSighting {
  return sighting.item.kind === 'certificate';
}

const NONE: readonly CertificateSighting[] = [];

/**
 * What an endpoint served, each certificate once. Empty for anything that is not an endpoint. What clients present to it
 * is no part of that, not even where it is the same certificate.
 */
export function servedBy(location: Location): readonly CertificateSighting[] {
  if (location.endpoint === undefined) return NONE;
  const served = new Set(location.endpoint.chain);
  return location.sightings
    .filter(isCertificate)
    .filter(({ item, place }) => served.has(item.id) && clientNameOf(place) === undefined);
}

/** What clients are shown first at an endpoint, where it could be read. */
export function servedLeaf(location: Location): CertificateSighting | undefined {
  if (location.endpoint === undefined) return undefined;
  const id = location.chain?.leaf.by ?? location.endpoint.chain[0];
  return servedBy(location).find(({ item }) => item.id === id);
}

/** Ids from the leaf up through its issuers as far as they were served or presented, by name and key identifier. */
export function servedPath(leaf: KnownCertificate, served: readonly CertificateSighting[]): ReadonlySet<string> {
  const path = new Set<string>();
  let current: KnownCertificate | undefined = leaf;
  while (current !== undefined && !path.has(current.id) && path.size < MAX_PATH) {
    const child: KnownCertificate = current;
    path.add(child.id);
    current = child.selfIssued ? undefined : served.find((candidate) => mayHaveIssued(candidate.item, child))?.item;
  }
  return path;
}

function mayHaveIssued(issuer: KnownCertificate, child: KnownCertificate): boolean {
  if (issuer.id === child.id || !issuer.isCa || issuer.subject !== child.issuer) return false;
  return (
    child.authorityKeyId === undefined ||
    issuer.subjectKeyId === undefined ||
    child.authorityKeyId === issuer.subjectKeyId
  );
}
