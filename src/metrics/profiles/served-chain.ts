import type { KnownCertificate, Location } from '../../inventory/model.ts';

/** What an endpoint served when it was last looked at, each certificate once, in the order in which it was sent. */
export function servedChain({ endpoint, sightings }: Location): readonly KnownCertificate[] {
  const known = new Map<string, KnownCertificate>();
  for (const { item } of sightings) if (item.kind === 'certificate') known.set(item.id, item);
  return [...new Set(endpoint?.chain)].flatMap((id) => known.get(id) ?? []);
}

/** The last look reached it, and it showed a certificate. */
export function isReached({ endpoint, failure }: Location): boolean {
  return failure === undefined && endpoint !== undefined && endpoint.chain.length > 0;
}

/** `TLS 1.3`, as Go and everyone after it writes it. */
export function versionName(version: string | undefined): string {
  return version === undefined ? 'unknown' : `TLS ${version}`;
}
