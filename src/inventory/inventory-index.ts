import { createClientTrust, type ClientTrust } from './client-trust.ts';
import { EndpointIndex, type Node } from './endpoint-index.ts';
import { LeafIndex, type Home, type Past, type Successor } from './leaf-index.ts';
import type { HomeKind } from './leaf-sightings.ts';
import type { KnownCertificate, Location } from './model.ts';
import type { InventoryReader } from './port.ts';

/**
 * What rules ask of the rest of the inventory, in memory: some hundred bytes for a certificate, and for a location. It is
 * made once from the store and kept up to date by whoever records.
 */
export interface InventoryIndex {
  /** Takes note of what a location holds now. Gives the others that must be judged again because of it. */
  note(location: Location): ReadonlySet<number>;
  /** The location is no more. Gives the others that must be judged again because of it. */
  forget(location: Pick<Location, 'id' | 'source' | 'location'>): ReadonlySet<number>;
  /** Takes note of a leaf that a location held until then. */
  recall(locationId: number, item: KnownCertificate, endedAt: number): void;
  /** What is known of the past of a location, to be given back to it by `restore` where what is noted next is undone. */
  past(locationId: number): Past;
  restore(locationId: number, past: Past): void;
  /** False where no leaf of the location has a successor: most have none, and this is known at once. */
  mayHaveSuccessors(location: Location): boolean;
  /** What is newer than a leaf and for the same names, or of the same title; the newest first. */
  successors(leaf: KnownCertificate): readonly Successor[];
  /** Where a leaf lives, 1 000 places at most. */
  homes(leaf: string): readonly Home[];
  /** Whether a leaf lives in a place of this kind, other than this location. */
  livesIn(leaf: string, kind: HomeKind, except?: Location): boolean;
  /** Endpoints (`host:port`) at which certificates of servers in places of these sources are used, as the places say. */
  servedAt(sources: ReadonlySet<string>): ReadonlySet<string>;
  /** What a leaf has replaced at a location, where that was seen. */
  replacedAt(location: Location, leaf: string): KnownCertificate | undefined;
  /** Shares of their lives that leaves of this title had left when they were replaced at the location, the latest last. */
  rhythm(location: Location, leaf: KnownCertificate): readonly number[];
  /** The other addresses of the location's target. */
  nodesBeside(location: Location): readonly Node[];
  /** Whether somebody looks at this name of a certificate. */
  isWatched(name: string): boolean;
  /** Endpoints that a reference of this name means, by the ids of their locations. */
  endpointsNamed(name: string): Iterable<number>;
  /** CA certificates whose clients an endpoint lets in, as far as its trust store is known. */
  clientAuthorities(endpoint: Location): readonly KnownCertificate[];
  /** The same for whoever joins clients and endpoints. */
  readonly clientTrust: ClientTrust;
}

export function createInventoryIndex(locations: Iterable<Location> = []): InventoryIndex {
  const leaves = new LeafIndex();
  const endpoints = new EndpointIndex();
  const clientTrust = createClientTrust();

  function withTrusting(concerned: Iterable<number>, names: Iterable<string>, own: number): ReadonlySet<number> {
    const all = new Set(concerned);
    for (const name of names) for (const id of endpoints.named(name)) all.add(id);
    all.delete(own);
    return all;
  }

  const index: InventoryIndex = {
    clientTrust,

    note(location) {
      const concerned = [...leaves.note(location), ...endpoints.note(location)];
      return withTrusting(concerned, clientTrust.note(location), location.id);
    },

    forget(location) {
      const concerned = [...leaves.forget(location.id), ...endpoints.forget(location.id)];
      return withTrusting(concerned, clientTrust.forget(location), location.id);
    },

    recall: (locationId, item, endedAt) => leaves.recall(locationId, item, endedAt),
    past: (locationId) => leaves.past(locationId),
    restore: (locationId, past) => leaves.restore(locationId, past),
    mayHaveSuccessors: (location) => leaves.mayHaveSuccessors(location.id),
    successors: (leaf) => leaves.successors(leaf),
    homes: (leaf) => leaves.homes(leaf),
    livesIn: (leaf, kind, except) => leaves.livesIn(leaf, kind, except?.id),
    servedAt: (sources) => leaves.servedAt(sources),
    replacedAt: (location, leaf) => leaves.replacedAt(location.id, leaf),
    rhythm: (location, leaf) => leaves.rhythm(location.id, leaf),
    nodesBeside: (location) => endpoints.nodesBeside(location),
    isWatched: (name) => endpoints.isWatched(name),
    endpointsNamed: (name) => endpoints.named(name),
    clientAuthorities: (endpoint) => clientTrust.authoritiesAt(endpoint),
  };
  for (const location of locations) index.note(location);
  return index;
}

/**
 * Makes the index of everything that is known, as it stands in the store. `also` is shown each location on the way: going
 * through all of them twice would take twice as long.
 */
export async function loadInventoryIndex(
  inventory: InventoryReader,
  also: (location: Location) => void = () => {},
): Promise<InventoryIndex> {
  const index = createInventoryIndex();
  for (let after = 0; ;) {
    const page = await inventory.locationsAfter(after);
    for (const location of page) {
      index.note(location);
      also(location);
    }
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.id;
  }
  await recallEnded(index, inventory);
  return index;
}

/** Takes note of what was there before, so that it is known how each location renews. */
export async function recallEnded(
  index: InventoryIndex,
  inventory: Pick<InventoryReader, 'endedLeaves'>,
): Promise<void> {
  for (let after = 0; ;) {
    const { leaves, cursor, more } = await inventory.endedLeaves(after);
    for (const { locationId, item, endedAt } of leaves) index.recall(locationId, item, endedAt);
    if (!more) return;
    after = cursor;
  }
}
