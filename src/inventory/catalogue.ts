import type { Labels } from '../label/labels.ts';
import type { Role } from '../plugin/item.ts';
import type { KnownItem, Location, Sighting } from './model.ts';

/** Orders in which items are listed; what has no end comes last of `ends`, and what cannot be read first. */
export const ITEM_ORDERS = ['ends', '-ends', 'name', '-name'] as const;
export type ItemOrder = (typeof ITEM_ORDERS)[number];

/** Which items are wanted: what is given must all hold, and the place conditions at one and the same place. */
export interface ItemQuery {
  /** Words, each of which the name, another name, the subject, the issuer, the serial or the fingerprint holds, in any case. */
  readonly text?: string;
  readonly kind?: KnownItem['kind'];
  readonly source?: string;
  readonly role?: Role;
  /** The label `owner` of the item at its place, else of the location. */
  readonly owner?: string;
  /** Ends at or after this instant, milliseconds since the epoch. */
  readonly endsFrom?: number;
  /** Ends before this instant. */
  readonly endsBefore?: number;
  readonly order: ItemOrder;
  /** Behind this one: what an earlier page gave as `next`. */
  readonly after?: ItemCursor;
  readonly limit: number;
}

/** Where a page ended. */
export interface ItemCursor {
  /** The value by which is ordered. */
  readonly key: string | number;
  readonly id: number;
}

/** An item that is somewhere now, over all its places. */
export interface ListedItem {
  readonly item: KnownItem;
  /** Places at which it is, of those that were asked for. */
  readonly places: number;
  /** Roles and sources over all its places, each once, in order. */
  readonly roles: readonly Role[];
  readonly sources: readonly string[];
}

export interface ItemPage {
  readonly items: readonly ListedItem[];
  /** Absent behind the last. */
  readonly next?: ItemCursor;
  /** How many items there are on all pages, counted up to 10 000. */
  readonly count: number;
}

/** As much of a location as names it. */
export type LocationName = Pick<Location, 'id' | 'source' | 'type' | 'target' | 'location' | 'labels'>;

/** One place at which an item is now. */
export interface ItemHome {
  readonly location: LocationName;
  readonly sighting: Omit<Sighting, 'item'>;
}

/** One stay of an item at a place. */
export interface Stay {
  readonly item: KnownItem;
  readonly location: {
    readonly id: number;
    readonly source: string;
    readonly location: string;
    readonly labels: Labels;
  };
  readonly place: string;
  readonly role: Role;
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
  /** Absent while it is there. */
  readonly endedAt?: number;
}

export interface LocationQuery {
  /** Words, each of which the location holds, in any case. */
  readonly text?: string;
  readonly source?: string;
  /** Only where the item of this id is now. */
  readonly item?: string;
  /** Only what fails for its clients when the item of this id ends. */
  readonly limitedBy?: string;
  /** Only where the last look failed, or could not read all. */
  readonly failing?: boolean;
  readonly after?: LocationCursor;
  readonly limit: number;
}

export type LocationCursor = Pick<Location, 'source' | 'location'>;

export interface LocationPage {
  /** Ordered by source and location. */
  readonly locations: readonly Location[];
  readonly next?: LocationCursor;
}

/** Numbers about one source. */
export interface SourceCount {
  readonly source: string;
  readonly locations: number;
  /** Of them, those at which the last look failed. */
  readonly failed: number;
}

/**
 * Reads the inventory for people who look for something: a page at a time, found by indexes, never as a whole. Only current
 * things, but for `history`.
 */
export interface Catalogue {
  items(query: ItemQuery): Promise<ItemPage>;
  /** One item, wherever it is or was, or limits a chain. */
  item(id: string): Promise<KnownItem | undefined>;
  /** The first places of an item by source, role and age, and how many there are. */
  homes(id: string, limit: number): Promise<{ readonly homes: readonly ItemHome[]; readonly count: number }>;
  /** The first locations whose clients begin to fail when this item ends, and how many there are. */
  limitedBy(
    id: string,
    limit: number,
  ): Promise<{ readonly locations: readonly LocationName[]; readonly count: number }>;
  /**
   * What has been in the first places at which the item is or was, in the same role, the item itself included: its
   * predecessors and successors. The latest first.
   */
  history(id: string, limit: number): Promise<readonly Stay[]>;
  locations(query: LocationQuery): Promise<LocationPage>;
  /** By name; sources that are not withdrawn. */
  counts(): Promise<readonly SourceCount[]>;
}
