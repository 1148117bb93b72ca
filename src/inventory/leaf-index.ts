import { clientNameOf } from '../plugin/client.ts';
import type { KnownCertificate, Location } from './model.ts';

/** Certificates held at most; of more, the rest is not known here. */
const MAX_LEAVES = 100_000;

/** A certificate and the locations where it was seen. */
export interface SeenLeaf {
  readonly item: KnownCertificate;
  readonly locations: readonly string[];
}

/** Finds newer certificates for the same names among what was seen. In memory: at most 100 000 sightings. */
export interface LeafIndex {
  /** Takes note of what a location holds now. */
  note(location: Location): void;
  forget(location: Pick<Location, 'source' | 'location'>): void;
  /** What becomes valid later and ends later than this one and has exactly its names, each once. */
  newerThan(leaf: KnownCertificate): readonly SeenLeaf[];
}

export function createLeafIndex(): LeafIndex {
  const byNames = new Map<string, Map<string, { item: KnownCertificate; readonly locations: Set<string> }>>();
  const byLocation = new Map<string, readonly KnownCertificate[]>();
  let count = 0;

  function forget(location: Pick<Location, 'source' | 'location'>): void {
    const key = keyOf(location);
    for (const item of byLocation.get(key) ?? []) {
      const names = namesOf(item);
      const group = byNames.get(names);
      const entry = group?.get(item.id);
      entry?.locations.delete(location.location);
      if (entry?.locations.size === 0) group?.delete(item.id);
      if (group?.size === 0) byNames.delete(names);
      count -= 1;
    }
    byLocation.delete(key);
  }

  return {
    forget,

    note(location) {
      forget(location);
      const leaves = leavesOf(location).slice(0, MAX_LEAVES - count);
      if (leaves.length === 0) return;
      byLocation.set(keyOf(location), leaves);
      count += leaves.length;
      for (const item of leaves) {
        const names = namesOf(item);
        const group =
          byNames.get(names) ?? new Map<string, { item: KnownCertificate; readonly locations: Set<string> }>();
        byNames.set(names, group);
        const entry = group.get(item.id) ?? { item, locations: new Set<string>() };
        group.set(item.id, entry);
        entry.locations.add(location.location);
      }
    },

    newerThan(leaf) {
      const group = byNames.get(namesOf(leaf))?.values() ?? [];
      return [...group]
        .filter(({ item }) => isNewer(item, leaf))
        .map(({ item, locations }) => ({ item, locations: [...locations].toSorted() }));
    },
  };
}

function keyOf({ source, location }: Pick<Location, 'source' | 'location'>): string {
  return JSON.stringify([source, location]);
}

/** What may stand in for a server's certificate: no CA, no client identity, and with names. */
function leavesOf({ sightings }: Location): readonly KnownCertificate[] {
  const leaves = sightings.flatMap(({ item, role, place }) =>
    item.kind === 'certificate' &&
    !item.isCa &&
    item.names.length > 0 &&
    role !== 'client' &&
    clientNameOf(place) === undefined
      ? [item]
      : [],
  );
  return [...new Map(leaves.map((item) => [item.id, item])).values()];
}

function namesOf({ names }: KnownCertificate): string {
  return names
    .map((name) => name.toLowerCase())
    .toSorted()
    .join('\n');
}

function isNewer(item: KnownCertificate, leaf: KnownCertificate): boolean {
  return startOf(item) > startOf(leaf) && endOf(item) > endOf(leaf);
}

/** What cannot be read is never newer than anything. */
function startOf({ notBefore }: KnownCertificate): number {
  return notBefore.status === 'known' ? notBefore.at : -Infinity;
}

function endOf({ notAfter }: KnownCertificate): number {
  return notAfter.status === 'known' ? notAfter.at : notAfter.status === 'never' ? Infinity : -Infinity;
}
