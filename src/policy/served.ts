import type { KnownCertificate, Location, Sighting } from '../inventory/model.ts';

/** Longest path that is followed. */
const MAX_PATH = 10;

/** A certificate that an endpoint served. */
export type ServedSighting = Sighting & { readonly item: KnownCertificate };

/** What an endpoint served, in the order of the list, each certificate once. Empty for anything that is not an endpoint. */
export function servedBy(location: Location): readonly ServedSighting[] {
  const order = location.endpoint?.chain ?? [];
  return location.sightings
    .filter(
      (sighting): sighting is ServedSighting =>
        sighting.item.kind === 'certificate' && order.includes(sighting.item.id),
    )
    .toSorted((a, b) => order.indexOf(a.item.id) - order.indexOf(b.item.id));
}

/** Ids from the leaf up through its issuers as far as they were served, by name and key identifier. */
export function servedPath(leaf: KnownCertificate, served: readonly ServedSighting[]): ReadonlySet<string> {
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
