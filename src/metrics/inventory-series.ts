import type { Location } from '../inventory/model.ts';
import type { InventoryReader } from '../inventory/port.ts';
import { ChunkTable } from './chunk-table.ts';
import { familyHeader, sampleLine, type AddSeries, type Family, type Format } from './family.ts';
import {
  addLocation,
  earliestEnd,
  expectedSeries,
  LAST_SUCCESS,
  LOCATION_FAMILIES,
  soonestFirst,
} from './location-series.ts';
import { endOfRank, isWithin, LAST_RANK, nearest, NO_LIMIT, rankOf } from './nearest.ts';
import { Piece } from './piece.ts';
import { Claims } from './profiles/claims.ts';
import type { Profile, SourceHealth } from './profiles/profile.ts';
import { relativeTo } from './relative.ts';

/** One location has this share of the budget at most: a log of clients must not drive out everything else. */
const SHARE = 0.25;
/** How far the budget may be passed between two scrapes. */
const SLACK = 1.25;
/** Locations read from the store for one scrape because there is room for them again; the others follow with the next. */
const MAX_RETURNS = 4_000;
const RETURN_BATCH = 200;

export interface SeriesSettings {
  /** 0: no limit. */
  readonly seriesBudget: number;
  readonly profiles: readonly Profile[];
  readonly sources: readonly Pick<SourceHealth, 'name' | 'type'>[];
  /** Labels of the config that this source shows. */
  labelsOf(source: string): readonly string[];
}

export interface InventorySeriesParts {
  readonly inventory: Pick<InventoryReader, 'locations'>;
  /** Read at each change of a location. */
  settings(): SeriesSettings;
}

interface SourceCount {
  count: number;
}

/** What was left out. */
export interface Dropped {
  readonly series: number;
  /** Shows the time left at each location that was left out as a whole, seconds; `Infinity` where nothing there ends. */
  eachRemaining(now: number, visit: (seconds: number) => void): void;
}

/**
 * The series of all locations as text, kept up to date by what changes, so that nobody has to go through all of them. In
 * memory: the text of what is shown, and some numbers for each location that is not.
 */
export class InventorySeries {
  readonly #parts: InventorySeriesParts;
  readonly #tables = new Map<Family, ChunkTable>(LOCATION_FAMILIES.map((family) => [family, new ChunkTable()]));
  readonly #claims = new Claims();
  readonly #places = new Map<number, number>();
  readonly #free: number[] = [];
  #size = 0;
  #ids = new Float64Array(1_024);
  #ranks = new Float64Array(1_024);
  #weights = new Uint32Array(1_024);
  #isShown = new Uint8Array(1_024);
  /** Of all locations, shown or not. */
  #total = 0;
  #shown = 0;
  /** Of which source a location is, and whether its last look failed. */
  readonly #states = new Map<number, SourceCount>();
  readonly #counts = new Map<string, Readonly<Record<'up' | 'troubled' | 'down', SourceCount>>>();
  /** Left out of single locations, by place: they are too large. */
  readonly #cut = new Map<number, number>();
  #limit = NO_LIMIT;
  #isSettled = true;
  /** Have to be read and written anew. */
  readonly #returning = new Set<number>();

  constructor(parts: InventorySeriesParts) {
    this.#parts = parts;
  }

  /** Takes note of what a location holds now. */
  note(location: Location): void {
    const { seriesBudget: budget, profiles } = this.#parts.settings();
    const place = this.#placeOf(location.id);
    this.#returning.delete(location.id);
    this.#count(place, location);
    this.#isSettled = false;
    const end = earliestEnd(location);
    const rank = rankOf(end);
    const expected = expectedSeries(location) * (1 + profiles.length);
    const total = this.#total - (this.#weights[place] ?? 0) + expected;
    if (budget > 0 && total > budget && !isWithin(this.#limit, rank, place)) {
      // Writing down what nobody will see would be most of the work where there is very much.
      this.#askAgain(this.#claims.release(location.id));
      this.#hide(place);
      this.#weigh(place, expected, rank, 0);
      return;
    }
    const { texts, count, cut } = this.#write(location, end);
    this.#hide(place, texts);
    this.#weigh(place, count, rank, cut);
    this.#show(place, texts);
    if (budget > 0 && this.#shown > budget * SLACK) this.#settle(budget);
  }

  /** Everything that is said of a location, by family; `cut` is what was left out because it is too much of one. */
  #write(
    location: Location,
    end: number | undefined,
  ): { readonly texts: ReadonlyMap<Family, string>; readonly count: number; readonly cut: number } {
    const { seriesBudget: budget, labelsOf, profiles } = this.#parts.settings();
    const texts = new Map<Family, string>();
    let count = 0;
    const add = (family: Family, labels: string, value: number): void => {
      count += 1;
      texts.set(family, (texts.get(family) ?? '') + sampleLine(family, labels, value));
    };
    const atMost = budget === 0 ? Infinity : Math.max(1, Math.floor(budget * SHARE));
    const shown = labelsOf(location.source);
    let cut = addLocation(location, shown, add, atMost);
    const ordered = profiles.length === 0 ? location : { ...location, sightings: soonestFirst(location.sightings) };
    const concerned = this.#claims.renew(location.id, (claim) => {
      for (const profile of profiles) {
        const addClaimed: AddSeries = (family, labels, value) => {
          if (count >= atMost) cut += 1;
          else if (claim(`${family.name}{${labels}}`, end ?? Infinity)) add(family, labels, value);
        };
        profile.addLocation(ordered, addClaimed, shown);
      }
    });
    this.#askAgain(concerned);
    return { texts, count, cut };
  }

  #weigh(place: number, weight: number, rank: number, cut: number): void {
    this.#total += weight - (this.#weights[place] ?? 0);
    this.#weights[place] = weight;
    this.#ranks[place] = rank;
    if (cut > 0) this.#cut.set(place, cut);
    else this.#cut.delete(place);
  }

  forget(id: number): void {
    const place = this.#places.get(id);
    if (place === undefined) return;
    this.#askAgain(this.#claims.release(id));
    this.#returning.delete(id);
    this.#count(place);
    this.#hide(place);
    this.#weigh(place, 0, LAST_RANK, 0);
    this.#places.delete(id);
    this.#free.push(place);
    this.#isSettled = false;
  }

  /** A look at these succeeded and saw nothing new. */
  touch(ids: Iterable<number>, at: number): void {
    const table = this.#tables.get(LAST_SUCCESS);
    for (const id of ids) {
      const place = this.#places.get(id);
      if (place !== undefined) table?.setValue(place, at / 1000);
    }
  }

  /** Brings in what there is room for again, and takes out what there is no room for. */
  async settle(): Promise<void> {
    const { seriesBudget } = this.#parts.settings();
    if (!this.#isSettled) this.#settle(seriesBudget);
    const ids = [...this.#returning].slice(0, MAX_RETURNS);
    for (let start = 0; start < ids.length; start += RETURN_BATCH) {
      const some = ids.slice(start, start + RETURN_BATCH);
      for (const location of await this.#parts.inventory.locations({ ids: some })) {
        // What was noted while it was read is newer than what was read.
        if (this.#returning.has(location.id) && this.#places.has(location.id)) this.note(location);
      }
      for (const id of some) this.#returning.delete(id);
    }
  }

  /** What stands above the samples of each family, and the samples. Families without samples are not named. */
  *pieces(format: Format, now: number): Generator<Piece> {
    for (const [family, table] of this.#tables) {
      let isNamed = false;
      for (const piece of table.pieces()) {
        if (!isNamed) yield new Piece(familyHeader(family, format));
        isNamed = true;
        yield family.relative === undefined ? piece : relativeTo(piece, family.relative, now);
      }
    }
  }

  /** Locations of a source, those whose last look failed, and others of which a part could not be read. */
  locationsOf(source: string): Pick<SourceHealth, 'locations' | 'down' | 'troubled'> {
    const counts = this.#counts.get(source);
    const [up, troubled, down] = [counts?.up.count ?? 0, counts?.troubled.count ?? 0, counts?.down.count ?? 0];
    return { locations: up + troubled + down, down, troubled };
  }

  /** A location is there now, and how it fares; or it is gone. */
  #count(place: number, location?: Location): void {
    const before = this.#states.get(place);
    if (before !== undefined) before.count -= 1;
    if (location === undefined) {
      this.#states.delete(place);
      return;
    }
    const counts = this.#counts.get(location.source) ?? {
      up: { count: 0 },
      troubled: { count: 0 },
      down: { count: 0 },
    };
    this.#counts.set(location.source, counts);
    const readable = location.problems.length === 0 ? counts.up : counts.troubled;
    const state = location.failure === undefined ? readable : counts.down;
    state.count += 1;
    this.#states.set(place, state);
  }

  dropped(): Dropped {
    let series = this.#total - this.#shown;
    for (const count of this.#cut.values()) series += count;
    return { series, eachRemaining: (now, visit) => this.#eachRemaining(now, visit) };
  }

  #eachRemaining(now: number, visit: (seconds: number) => void): void {
    if (this.#total === this.#shown) return;
    for (let place = 0; place < this.#size; place++) {
      if (this.#isShown[place] === 1 || this.#weights[place] === 0) continue;
      const end = endOfRank(this.#ranks[place] ?? LAST_RANK);
      visit(end === undefined ? Infinity : end - now / 1000);
    }
  }

  #settle(budget: number): void {
    this.#limit =
      budget === 0 || this.#total <= budget ? NO_LIMIT : nearest(this.#ranks, this.#weights, this.#size, budget);
    for (let place = 0; place < this.#size; place++) {
      if (this.#weights[place] === 0) continue;
      const isWanted = isWithin(this.#limit, this.#ranks[place] ?? 0, place);
      const id = this.#ids[place] ?? 0;
      if (isWanted && this.#isShown[place] === 0) this.#returning.add(id);
      if (isWanted || this.#isShown[place] === 0) continue;
      this.#hide(place);
      this.#askAgain(this.#claims.release(id));
    }
    this.#isSettled = true;
  }

  #askAgain(ids: Iterable<number>): void {
    for (const id of ids) this.#returning.add(id);
  }

  /** `next`: what is shown in its place, so that it need not be taken away before. */
  #hide(place: number, next?: ReadonlyMap<Family, string>): void {
    if (this.#isShown[place] !== 1) return;
    for (const [family, table] of this.#tables) if (next?.has(family) !== true) table.set(place, '');
    this.#isShown[place] = 0;
    this.#shown -= this.#weights[place] ?? 0;
  }

  #show(place: number, texts: ReadonlyMap<Family, string>): void {
    for (const [family, text] of texts) {
      let table = this.#tables.get(family);
      if (table === undefined) this.#tables.set(family, (table = new ChunkTable()));
      table.set(place, text);
    }
    this.#isShown[place] = 1;
    this.#shown += this.#weights[place] ?? 0;
  }

  #placeOf(id: number): number {
    const known = this.#places.get(id);
    if (known !== undefined) return known;
    const place = this.#free.pop() ?? this.#size++;
    if (place >= this.#ids.length) this.#grow();
    this.#places.set(id, place);
    this.#ids[place] = id;
    return place;
  }

  #grow(): void {
    const ids = new Float64Array(this.#ids.length * 2);
    const ranks = new Float64Array(ids.length);
    const weights = new Uint32Array(ids.length);
    const isShown = new Uint8Array(ids.length);
    ids.set(this.#ids);
    ranks.set(this.#ranks);
    weights.set(this.#weights);
    isShown.set(this.#isShown);
    this.#ids = ids;
    this.#ranks = ranks;
    this.#weights = weights;
    this.#isShown = isShown;
  }
}
