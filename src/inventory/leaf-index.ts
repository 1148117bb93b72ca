import { clientNameOf } from '../plugin/client.ts';
import type { Role } from '../plugin/item.ts';
import { isHeir, isNewer, namesKey, titleKey } from '../plugin/lineage.ts';
import { endpointsUsing } from './client-trust.ts';
import { NONE } from './hash-chains.ts';
import { LeafSightings, type HomeKind } from './leaf-sightings.ts';
import { LeafTable } from './leaf-table.ts';
import type { KnownCertificate, Location } from './model.ts';
import { packCertificate, unpackCertificate, type PackedCertificate } from './packed-certificate.ts';
import { Rhythms, type RhythmsOfLocation } from './rhythm.ts';

/** Sightings held at most; of more, the rest is not known here. */
const MAX_SIGHTINGS = 4_000_000;
/** Successors of one certificate that are given, and places of one that are. */
const MAX_SUCCESSORS = 16;
const MAX_HOMES = 1_000;
/** Other locations that one change concerns; beyond that, each learns of it when it is next looked at or due. */
const MAX_CONCERNED = 100_000;

/** A place at which a certificate lives. */
export interface Home {
  readonly locationId: number;
  readonly source: string;
  readonly location: string;
  readonly role: Role;
  readonly kind: HomeKind;
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

/** What a location was before, as far as that tells of what it is now. */
export interface Past {
  /** What its leaves have replaced there, by their ids. */
  readonly replaced: ReadonlyMap<string, PackedCertificate>;
  readonly rhythms: RhythmsOfLocation;
}

interface Site {
  readonly number: number;
  readonly locationId: number;
  readonly source: string;
  readonly location: string;
  /** Whether one of its leaves has a newer relative. May stay true for a while when that is gone. */
  hasNewer: boolean;
}

/**
 * Where leaf certificates live, which of them are newer than others, and how each location renews. In memory; takes note
 * of one location after another.
 */
export class LeafIndex {
  private readonly leaves = new LeafTable();
  private readonly sightings = new LeafSightings();
  private readonly sites = new Map<number, Site>();
  private readonly siteByNumber: (Site | undefined)[] = [];
  private readonly freeSites: number[] = [];
  /** Of the few sightings that have it, by row. */
  private readonly replaced = new Map<number, PackedCertificate>();
  private readonly usedAt = new Map<number, ReadonlySet<string>>();
  private readonly rhythms = new Rhythms();

  /** Takes note of what a location holds now. Gives the other locations of which the judgement may change by that. */
  note(location: Location): ReadonlySet<number> {
    const before = this.sites.get(location.id);
    const items = leavesOf(location);
    if (before === undefined && items.length === 0) return new Set();
    return this.change(before ?? this.newSite(location), items, location.lastLookAt);
  }

  forget(locationId: number): ReadonlySet<number> {
    const site = this.sites.get(locationId);
    if (site === undefined) return new Set();
    const concerned = this.change(site, [], 0);
    this.sites.delete(locationId);
    this.siteByNumber[site.number] = undefined;
    this.freeSites.push(site.number);
    return concerned;
  }

  /** Takes note of a leaf that a location held until then: what is there now, or was there after it, has replaced it. */
  recall(locationId: number, item: KnownCertificate, endedAt: number): void {
    const site = this.sites.get(locationId);
    if (site === undefined) return;
    const heir = this.sightings
      .atSite(site.number)
      .find((row) => isHeir(this.leaves.get(this.sightings.leafOf(row)), item));
    if (heir === undefined) return;
    this.rhythms.learn(locationId, item, endedAt);
    if (!this.replaced.has(heir) && this.sightings.firstSeenAt(heir) >= endedAt) {
      this.replaced.set(heir, packCertificate(item));
    }
  }

  /** What is known of the past of a location; nothing that it holds now tells that. */
  past(locationId: number): Past {
    const replaced = new Map<string, PackedCertificate>();
    const site = this.replaced.size === 0 ? undefined : this.sites.get(locationId);
    for (const row of site === undefined ? [] : this.sightings.atSite(site.number)) {
      const before = this.replaced.get(row);
      if (before !== undefined) replaced.set(this.leaves.get(this.sightings.leafOf(row)).id, before);
    }
    return { replaced, rhythms: this.rhythms.of(locationId) };
  }

  /** Gives a location back the past that it had when it held what it holds now. */
  restore(locationId: number, { replaced, rhythms }: Past): void {
    this.rhythms.reset(locationId, rhythms);
    const site = this.sites.get(locationId);
    if (site === undefined) return;
    for (const row of this.sightings.atSite(site.number)) {
      const before = replaced.size === 0 ? undefined : replaced.get(this.leaves.get(this.sightings.leafOf(row)).id);
      if (before === undefined) this.replaced.delete(row);
      else this.replaced.set(row, before);
    }
  }

  /** False where no leaf of the location has a successor; true also where nothing is known of it. */
  mayHaveSuccessors(locationId: number): boolean {
    return this.sites.get(locationId)?.hasNewer ?? true;
  }

  /** What is newer than this one, the newest first. */
  successors(leaf: KnownCertificate): readonly Successor[] {
    const numbers = this.leaves.newerThan(leaf);
    if (numbers.length === 0) return NO_SUCCESSORS;
    const [names, title] = [namesKey(leaf), titleKey(leaf)];
    return numbers
      .map((number) => ({ number, item: this.leaves.get(number) }))
      .filter(({ item }) => namesKey(item) === names || titleKey(item) === title)
      .toSorted((a, b) => Number(isNewer(b.item, a.item)) - Number(isNewer(a.item, b.item)))
      .slice(0, MAX_SUCCESSORS)
      .map(({ number, item }) => ({ item, hasSameNames: namesKey(item) === names, homes: this.homesOf(number) }));
  }

  /** Everywhere a leaf lives, 1 000 places at most. */
  homes(id: string): readonly Home[] {
    const number = this.leaves.find(id);
    return number === NONE ? [] : this.homesOf(number);
  }

  /** Endpoints at which certificates of servers that lie in places of these sources are used, as the places say. */
  servedAt(sources: ReadonlySet<string>): ReadonlySet<string> {
    const names = new Set<string>();
    for (const [row, used] of this.usedAt) {
      const site = this.siteByNumber[this.sightings.siteOf(row)];
      if (this.sightings.roleOf(row) !== 'server' || site === undefined || !sources.has(site.source)) continue;
      for (const name of used) names.add(name);
    }
    return names;
  }

  /** Whether a leaf lives in a place of this kind, other than the one that is given. */
  livesIn(id: string, kind: HomeKind, exceptLocation?: number): boolean {
    const leaf = this.leaves.find(id);
    if (leaf === NONE) return false;
    const except = exceptLocation === undefined ? undefined : this.sites.get(exceptLocation)?.number;
    return this.sightings.isInKind(leaf, kind, except);
  }

  /** What a leaf has replaced at a location, where that was seen. */
  replacedAt(locationId: number, id: string): KnownCertificate | undefined {
    const site = this.sites.get(locationId);
    if (site === undefined || this.replaced.size === 0) return undefined;
    for (const row of this.sightings.atSite(site.number)) {
      const replaced = this.replaced.get(row);
      if (replaced === undefined || !this.leaves.hasId(this.sightings.leafOf(row), id)) continue;
      return unpackCertificate(replaced);
    }
    return undefined;
  }

  /** How much of their lives certificates of this title had left when they were replaced here: see `Rhythms`. */
  rhythm(locationId: number, leaf: KnownCertificate): readonly number[] {
    return this.rhythms.at(locationId, leaf);
  }

  private newSite({ id, source, location }: Location): Site {
    const number = this.freeSites.pop() ?? this.siteByNumber.length;
    const site: Site = { number, locationId: id, source, location, hasNewer: false };
    this.sites.set(id, site);
    this.siteByNumber[number] = site;
    return site;
  }

  /** In the order in which the places were noted. */
  private homesOf(leaf: number): readonly Home[] {
    const rows = this.sightings.ofLeaf(leaf, MAX_HOMES).toReversed();
    return rows.flatMap((row): readonly Home[] => {
      const site = this.siteByNumber[this.sightings.siteOf(row)];
      if (site === undefined) return [];
      const replaced = this.replaced.get(row);
      const usedAt = this.usedAt.get(row);
      return [
        {
          locationId: site.locationId,
          source: site.source,
          location: site.location,
          role: this.sightings.roleOf(row),
          kind: this.sightings.kindOf(row),
          firstSeenAt: this.sightings.firstSeenAt(row),
          ...(replaced === undefined ? {} : { replaced: unpackCertificate(replaced) }),
          ...(usedAt === undefined ? {} : { usedAt }),
        },
      ];
    });
  }

  /** Brings a site to what it holds now. */
  private change(site: Site, items: readonly LeafSighting[], now: number): ReadonlySet<number> {
    const wanted = new Map(items.map((one) => [one.item.id, one]));
    const concerned = new Set<number>();
    const gone: KnownCertificate[] = [];
    for (const row of this.sightings.atSite(site.number)) {
      const leaf = this.sightings.leafOf(row);
      const one = items.find(({ item }) => wanted.has(item.id) && this.leaves.hasId(leaf, item.id));
      if (one === undefined) gone.push(this.remove(site, row, items, concerned, now));
      else {
        wanted.delete(one.item.id);
        this.sightings.setTraits(row, one.role, one.kind);
        this.use(row, one);
      }
    }
    if (gone.length === 0 && wanted.size === 0) return concerned;
    for (const one of wanted.values()) {
      if (this.sightings.size < MAX_SIGHTINGS) this.add(site, one, gone, concerned);
    }
    site.hasNewer = items.some(({ item }) => this.leaves.newerThan(item).length > 0);
    return concerned;
  }

  private remove(
    site: Site,
    row: number,
    items: readonly LeafSighting[],
    concerned: Set<number>,
    now: number,
  ): KnownCertificate {
    const leaf = this.sightings.leafOf(row);
    const kind = this.sightings.kindOf(row);
    const item = this.leaves.get(leaf);
    if (items.some((one) => isHeir(one.item, item))) this.rhythms.learn(site.locationId, item, now);
    this.sightings.remove(row);
    this.replaced.delete(row);
    this.usedAt.delete(row);
    if (!this.sightings.isInKind(leaf, kind)) this.concern(item, leaf, site, concerned);
    if (!this.sightings.isAnywhere(leaf)) this.leaves.remove(leaf);
    return item;
  }

  private add(site: Site, one: LeafSighting, gone: readonly KnownCertificate[], concerned: Set<number>): void {
    const known = this.leaves.find(one.item.id);
    const leaf = known === NONE ? this.leaves.add(one.item) : known;
    if (known === NONE) this.markOlder(one.item);
    const replaced = gone.find((item) => isHeir(one.item, item));
    // Where it lives in another place of the kind, what is said of others stays as it is.
    if (!this.sightings.isInKind(leaf, one.kind) || (replaced !== undefined && one.kind === 'store')) {
      this.concern(one.item, leaf, site, concerned);
    }
    const row = this.sightings.add(site.number, leaf, one.role, one.kind, one.firstSeenAt);
    this.use(row, one);
    if (replaced !== undefined) this.replaced.set(row, packCertificate(replaced));
  }

  private markOlder(item: KnownCertificate): void {
    for (const number of this.leaves.olderThan(item)) {
      for (const row of this.sightings.ofLeaf(number, Infinity)) {
        const site = this.siteByNumber[this.sightings.siteOf(row)];
        if (site !== undefined) site.hasNewer = true;
      }
    }
  }

  private use(row: number, { usedAt }: LeafSighting): void {
    if (usedAt.size > 0) this.usedAt.set(row, usedAt);
    else this.usedAt.delete(row);
  }

  /** Other places of the leaf, and of those that it is newer than. */
  private concern(item: KnownCertificate, leaf: number, here: Site, concerned: Set<number>): void {
    for (const number of [leaf, ...this.leaves.olderThan(item)]) {
      for (const row of this.sightings.ofLeaf(number, MAX_CONCERNED)) {
        if (concerned.size >= MAX_CONCERNED) return;
        const site = this.siteByNumber[this.sightings.siteOf(row)];
        if (site !== undefined && site !== here) concerned.add(site.locationId);
      }
    }
  }
}

const NO_SUCCESSORS: readonly Successor[] = [];

interface LeafSighting {
  readonly item: KnownCertificate;
  readonly role: Role;
  readonly kind: HomeKind;
  readonly firstSeenAt: number;
  readonly usedAt: ReadonlySet<string>;
}

/** Certificates of servers, clients and signers, each once. */
function leavesOf(location: Location): readonly LeafSighting[] {
  const found = new Map<string, LeafSighting>();
  for (const sighting of location.sightings) {
    const { item, role, place, firstSeenAt } = sighting;
    if (item.kind !== 'certificate' || item.isCa || role === 'trust-anchor' || found.has(item.id)) continue;
    const isShown = clientNameOf(place) !== undefined;
    const kind = isShown ? 'client' : location.endpoint === undefined ? 'store' : 'endpoint';
    const usedAt = sighting.usedBy === undefined ? NOBODY : endpointsUsing(sighting);
    found.set(item.id, { item, role, kind, firstSeenAt, usedAt });
  }
  return [...found.values()];
}

const NOBODY: ReadonlySet<string> = new Set();
