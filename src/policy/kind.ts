import type { End, KnownItem, Sighting } from '../inventory/model.ts';
import type { Settings, ThresholdClass, Thresholds } from './policy.ts';

/** How a sighting is judged, by what it is and what it does at its place. */
export type Kind = 'leaf' | 'authority' | 'trust-anchor' | 'crl' | 'credential';

export function kindOf(sighting: Pick<Sighting, 'item' | 'role'>): Kind {
  const { item, role } = sighting;
  if (item.kind === 'crl' || item.kind === 'credential') return item.kind;
  switch (role) {
    case 'trust-anchor':
      return 'trust-anchor';
    case 'intermediate':
    case 'issuer':
      return 'authority';
    case 'unknown':
      return item.kind === 'certificate' && item.isCa ? 'authority' : 'leaf';
    case 'server':
    case 'client':
    case 'signer':
      return 'leaf';
  }
}

/** The thresholds for an item of that kind. */
export function thresholdsFor(kind: Kind, item: KnownItem, settings: Settings): Thresholds {
  return settings.thresholds[thresholdClassOf(kind, item, settings)];
}

/** What the thresholds of an item of that kind are called; a short life outranks the kind. */
export function thresholdClassOf(kind: Kind, item: KnownItem, settings: Settings): ThresholdClass {
  if (kind === 'crl' || kind === 'credential') return kind;
  const lifetime = lifetimeMs(item);
  if (lifetime !== undefined && lifetime < settings.shortLivedUnderMs) return 'short_lived';
  return kind === 'authority' || (kind === 'trust-anchor' && !isPinnedLeaf(item)) ? 'authority' : 'leaf';
}

/** A server's own certificate in a trust store. One that names itself as issuer may be a root of the days before basicConstraints. */
function isPinnedLeaf(item: KnownItem): boolean {
  return item.kind === 'certificate' && !item.isCa && !item.selfIssued;
}

/** When the item ends, as its place tells. A CRL without nextUpdate never ends. */
export function endOf(item: KnownItem): End {
  return item.kind === 'crl' ? (item.nextUpdate ?? { status: 'never' }) : item.notAfter;
}

/** The instant at which the item ends, if there is one and it can be read. */
export function endsAt(item: KnownItem): number | undefined {
  const end = endOf(item);
  return end.status === 'known' && Number.isFinite(end.at) ? end.at : undefined;
}

/** The instant from which the item is valid, if it is known. */
export function startsAt(item: KnownItem): number | undefined {
  const start = item.kind === 'crl' ? item.thisUpdate : item.kind === 'credential' ? undefined : item.notBefore;
  return start?.status === 'known' && Number.isFinite(start.at) ? start.at : undefined;
}

/** From the start to the end, where both are known; 0 when the end comes first. */
export function lifetimeMs(item: KnownItem): number | undefined {
  const start = startsAt(item);
  const end = endsAt(item);
  return start === undefined || end === undefined ? undefined : Math.max(0, end - start);
}
