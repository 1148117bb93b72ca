import { clientNameOf } from '../plugin/client.ts';
import type { Role } from '../plugin/item.ts';
import { endpointsUsing } from './client-trust.ts';
import { NONE } from './hash-chains.ts';
import { LeafTable } from './leaf-table.ts';
import { isHeir, isNewer, namesKey, titleKey } from '../plugin/lineage.ts';
import type { KnownCertificate, Location } from './model.ts';
import { packCertificate, unpackCertificate, type PackedCertificate } from './packed-certificate.ts';
import { Rhythms } from './rhythm.ts';

/** Sightings held at most; of more, the rest is not known here. */
const MAX_SIGHTINGS = 4_000_000;
/** Successors of one certificate that are given. */
const MAX_SUCCESSORS = 16;
/** Other locations that one change concerns; beyond that, each learns of it when it is next looked at or due. */
const MAX_CONCERNED = 100_000;

/** A place at which a certificate lives. */
export interface Home {
  readonly locationId: number;
  readonly source: string;
  readonly location: string;
  readonly role: Role;
  /** What an endpoint serves or is shown, what lies in a store, or who presents it to endpoints. */
  readonly kind: 'endpoint' | 'store' | 'client';
  readonly firstSeenAt: number;
  /** What was there before and was renewed by this one, where that was seen. */
  readonly replaced?: KnownCertificate;
  /** Endpoints that the place names as its users. */
  readonly usedAt?: ReadonlySet<string>;
}

/** A newer certificate of the same names, or of the same title, and where it lives. */
export interface Successor {
  readonly item: KnownCertificate;
  /** Whether it is for exactly the same names. */
  readonly hasSameNames: boolean;
  readonly homes: readonly Home[];
}

interface Site {
  readonly locationId: number;
  readonly source: string;
  readonly location: string;
  readonly isEndpoint: boolean;
  seen: readonly Seen[];
}

interface Seen {
  readonly leaf: number;
  readonly role: Role;
  readonly kind: Home['kind'];
  readonly firstSeenAt: number;
  readonly replaced?: PackedCertificate;
  readonly usedAt?: ReadonlySet<string>;
}

/**
 * Where leaf certificates live, which of them are newer than others, and how each location renews. In memory; takes note
 * of one location after another.
 */
export class LeafIndex {
  private readonly leaves = new LeafTable();
  private readonly sites = new Map<number, Site>();
  /** By the number of the leaf: one site, or several. */
  private readonly places: (Site | Set<Site> | undefined)[] = [];
  private readonly rhythms = new Rhythms();
  private count = 0;

  /** Takes note of what a location holds now. Gives the other locations of which the judgement may change by that. */
  note(location: Location): ReadonlySet<number> {
    const before = this.sites.get(location.id);
    const items = leavesOf(location).slice(0, MAX_SIGHTINGS - this.count + (before?.seen.length ?? 0));
    if (before === undefined && items.length === 0) return new Set();
    const site: Site = before ?? {
      locationId: location.id,
      source: location.source,
      location: location.location,
      isEndpoint: location.endpoint !== undefined,
      seen: [],
    };
    this.sites.set(location.id, site);
    return this.change(site, items, location.lastLookAt);
  }

  forget(locationId: number): ReadonlySet<number> {
    const site = this.sites.get(locationId);
    if (site === undefined) return new Set();
    const concerned = this.change(site, [], 0);
    this.sites.delete(locationId);
    return concerned;
  }

  /** Takes note of a leaf that a location held until then: what is there now, or was there after it, has replaced it. */
  recall(locationId: number, item: KnownCertificate, endedAt: number): void {
    const site = this.sites.get(locationId);
    if (site === undefined) return;
    const index = site.seen.findIndex(({ leaf }) => isHeir(this.leaves.get(leaf), item));
    const heir = site.seen[index];
    if (heir === undefined) return;
    this.rhythms.learn(locationId, item, endedAt);
    if (heir.replaced === undefined && heir.firstSeenAt >= endedAt) {
      site.seen = site.seen.with(index, { ...heir, replaced: packCertificate(item) });
    }
  }

  /** What is newer than this one, the newest first. */
  successors(leaf: KnownCertificate): readonly Successor[] {
    const numbers = this.leaves.newerThan(leaf);
    if (numbers.length === 0) return [];
    const [names, title] = [namesKey(leaf), titleKey(leaf)];
    return numbers
      .map((number) => ({ number, item: this.leaves.get(number) }))
      .filter(({ item }) => namesKey(item) === names || titleKey(item) === title)
      .toSorted((a, b) => Number(isNewer(b.item, a.item)) - Number(isNewer(a.item, b.item)))
      .slice(0, MAX_SUCCESSORS)
      .map(({ number, item }) => ({ item, hasSameNames: namesKey(item) === names, homes: this.homesOf(number) }));
  }

  /** Everywhere a leaf lives. */
  homes(id: string): readonly Home[] {
    const number = this.leaves.find(id);
    return number === NONE ? [] : this.homesOf(number);
  }

  /** How much of their lives certificates of this title had left when they were replaced here: see `Rhythms`. */
  rhythm(locationId: number, leaf: KnownCertificate): readonly number[] {
    return this.rhythms.at(locationId, leaf);
  }

  private homesOf(number: number): readonly Home[] {
    return [...this.sitesOf(number)].flatMap(({ locationId, source, location, seen }) =>
      seen.flatMap(({ leaf, replaced, ...rest }) =>
        leaf === number
          ? [
              {
                locationId,
                source,
                location,
                ...rest,
                ...(replaced === undefined ? {} : { replaced: unpackCertificate(replaced) }),
              },
            ]
          : [],
      ),
    );
  }

  private sitesOf(number: number): Iterable<Site> {
    const at = this.places[number];
    return at === undefined ? [] : at instanceof Set ? at : [at];
  }

  /** Brings a site to what it holds now. */
  private change(site: Site, items: readonly LeafSighting[], now: number): ReadonlySet<number> {
    const wanted = new Map(items.map((one) => [one.item.id, one]));
    const concerned = new Set<number>();
    const kept: Seen[] = [];
    const gone: { readonly seen: Seen; readonly item: KnownCertificate }[] = [];
    for (const seen of site.seen) {
      const one = wanted.get(this.leaves.idOf(seen.leaf));
      if (one === undefined) gone.push({ seen, item: this.leaves.get(seen.leaf) });
      else {
        wanted.delete(one.item.id);
        kept.push({ ...seen, role: one.role, kind: one.kind, ...usersOf(one) });
      }
    }
    if (gone.length === 0 && wanted.size === 0) {
      site.seen = kept;
      return concerned;
    }
    for (const { seen, item } of gone) {
      const heir = items.find((one) => isHeir(one.item, item));
      if (heir !== undefined) this.rhythms.learn(site.locationId, item, now);
      this.unlink(site, seen.leaf);
      if (this.isNews(seen.leaf, seen.kind)) this.concern(item, seen.leaf, site, concerned);
      if (this.places[seen.leaf] === undefined) this.leaves.remove(seen.leaf);
    }
    const added = [...wanted.values()].map((one): Seen => {
      const known = this.leaves.find(one.item.id);
      const leaf = known === NONE ? this.leaves.add(one.item) : known;
      const replaced = gone.find(({ item }) => isHeir(one.item, item))?.item;
      if (this.isNews(leaf, one.kind) || (replaced !== undefined && one.kind === 'store')) {
        this.concern(one.item, leaf, site, concerned);
      }
      this.link(site, leaf);
      const { role, kind, firstSeenAt } = one;
      return {
        leaf,
        role,
        kind,
        firstSeenAt,
        ...(replaced === undefined ? {} : { replaced: packCertificate(replaced) }),
        ...usersOf(one),
      };
    });
    site.seen = [...kept, ...added];
    this.count += added.length - gone.length;
    return concerned;
  }

  /** Whether it lives at no other place of the kind, so that what is said of others may change. */
  private isNews(leaf: number, kind: Home['kind']): boolean {
    for (const site of this.sitesOf(leaf)) {
      if (site.seen.some((seen) => seen.leaf === leaf && seen.kind === kind)) return false;
    }
    return true;
  }

  /** Other places of the leaf, and of those that it is newer than. */
  private concern(item: KnownCertificate, leaf: number, here: Site, concerned: Set<number>): void {
    for (const number of [leaf, ...this.leaves.olderThan(item)]) {
      for (const site of this.sitesOf(number)) {
        if (concerned.size >= MAX_CONCERNED) return;
        if (site !== here) concerned.add(site.locationId);
      }
    }
  }

  private link(site: Site, leaf: number): void {
    const at = this.places[leaf];
    if (at === undefined) this.places[leaf] = site;
    else if (at instanceof Set) at.add(site);
    else if (at !== site) this.places[leaf] = new Set([at, site]);
  }

  private unlink(site: Site, leaf: number): void {
    const at = this.places[leaf];
    if (at === site) this.places[leaf] = undefined;
    else if (at instanceof Set) {
      at.delete(site);
      if (at.size === 0) this.places[leaf] = undefined;
    }
  }
}

interface LeafSighting {
  readonly item: KnownCertificate;
  readonly role: Role;
  readonly kind: Home['kind'];
  readonly firstSeenAt: number;
  readonly usedAt: ReadonlySet<string>;
}

function usersOf({ usedAt }: LeafSighting): Pick<Seen, 'usedAt'> {
  return usedAt.size === 0 ? {} : { usedAt };
}

/** Certificates of servers, clients and signers, each once. */
function leavesOf(location: Location): readonly LeafSighting[] {
  const found = new Map<string, LeafSighting>();
  for (const sighting of location.sightings) {
    const { item, role, place, firstSeenAt } = sighting;
    if (item.kind !== 'certificate' || item.isCa || role === 'trust-anchor' || found.has(item.id)) continue;
    const isShown = clientNameOf(place) !== undefined;
    const kind = isShown ? 'client' : location.endpoint === undefined ? 'store' : 'endpoint';
    found.set(item.id, { item, role, kind, firstSeenAt, usedAt: endpointsUsing(sighting) });
  }
  return [...found.values()];
}
