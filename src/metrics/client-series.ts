import { hash } from 'node:crypto';
import type { ClientOutlook, Clients } from '../inventory/clients.ts';
import type { KnownCertificate, Location } from '../inventory/model.ts';
import type { InventoryReader } from '../inventory/port.ts';
import { endpointName, namesOfEndpoint } from '../plugin/endpoint-name.ts';
import { familyHeader, sampleLine, type Family, type Format } from './family.ts';
import { labelPairs } from './label-value.ts';
import { Piece } from './piece.ts';
import { Turns } from './turns.ts';

const OUTAGE: Family = {
  name: 'notafter_client_outage_timestamp_seconds',
  help: 'When an endpoint begins to reject a client: the first end among its certificate and what is above it.',
  type: 'gauge',
};

/** Pairs of a found client certificate and an endpoint become series up to here, the first that end first. */
const MAX_FOUND_CLIENTS = 2_000;
/** Pairs beyond that are counted up to here: a scrape must stay cheap. */
const MAX_COUNTED_CLIENTS = 50_000;
/** A client certificate that was found and ended longer ago is most probably a forgotten file. */
const ENDED_CLIENT_MS = 30 * 86_400_000;
/** What ended longer ago moves out of sight by time alone. */
const REFRESH_MS = 3_600_000;
/** Joining that takes more CPU than this is not done at each scrape, but with pauses this many times as long. */
const CHEAP_MS = 50;
const PAUSE = 20;
/** Locations that are read at once. */
const BATCH = 100;
/** Lines of one piece. */
const PER_PIECE = 256;

export interface ClientSeriesParts {
  readonly inventory: Pick<InventoryReader, 'locations'>;
  /** Joins clients and endpoints, in short steps. */
  clients(locations: readonly Location[]): Generator<undefined, Pick<Clients, 'configured' | 'referenced' | 'found'>>;
  /** The locations of an endpoint of this name, whatever looks at them. */
  endpointsNamed(name: string): Iterable<number>;
  now(): number;
}

interface Authorities {
  readonly certificates: readonly KnownCertificate[];
  holders: number;
}

/**
 * When clients fail where. Locations without clients and without a word about whom they let in are never looked at, save
 * for the authorities that they show: of these each distinct list is kept once.
 */
export class ClientSeries {
  readonly #parts: ClientSeriesParts;
  /** Locations that show clients, or say whose clients they let in. */
  readonly #concerned = new Map<number, readonly string[]>();
  readonly #lists = new Map<string, Authorities>();
  readonly #listOf = new Map<number, string>();
  /** Endpoints at which a place says that a client is used, by name. */
  #used: ReadonlySet<string> = new Set();
  /** What was joined last. */
  #joined: ReadonlySet<number> = new Set();
  #refreshing: Promise<void> | undefined;
  #isStale = true;
  #madeAt = -Infinity;
  #pauseUntil = 0;
  #isCostly = false;
  #pieces: readonly Piece[] = [];
  #dropped = 0;

  constructor(parts: ClientSeriesParts) {
    this.#parts = parts;
  }

  /** Pairs that were left out, as far as they were counted. */
  get dropped(): number {
    return this.#dropped;
  }

  note(location: Location): void {
    this.#noteAuthorities(location);
    const wasConcerned = this.#concerned.has(location.id);
    const clients = location.sightings.filter(({ role, item }) => role === 'client' && item.kind === 'certificate');
    const isConcerned = clients.length > 0 || (location.endpoint?.acceptableIssuers.length ?? 0) > 0;
    if (!isConcerned && !wasConcerned) {
      const isUsed = this.#used.size > 0 && [...namesOfEndpoint(location)].some((name) => this.#used.has(name));
      if (isUsed) this.#isStale = true;
      return;
    }
    const used = clients.flatMap(({ usedBy = [] }) =>
      usedBy.flatMap(({ type, id }) => (type === 'endpoint' ? [endpointName(id)] : [])),
    );
    if (isConcerned) this.#concerned.set(location.id, used);
    else this.#concerned.delete(location.id);
    this.#isStale = true;
  }

  forget(id: number): void {
    if (this.#concerned.delete(id) || this.#joined.has(id)) this.#isStale = true;
    this.#release(id);
  }

  /** Joins anew where something has changed; who asks meanwhile waits for the same, unless it takes long. */
  async refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    // What was joined last is said meanwhile: a scrape has little time. What failed is tried with the next.
    if (this.#isCostly) this.#refreshing.catch(() => {});
    else await this.#refreshing;
  }

  async #refresh(): Promise<void> {
    const now = this.#parts.now();
    if (this.#concerned.size === 0 && this.#pieces.length === 0) return;
    if (!this.#isStale && now - this.#madeAt < REFRESH_MS && now >= this.#madeAt) return;
    if (performance.now() < this.#pauseUntil) return;
    this.#isStale = false;
    this.#madeAt = now;
    const turns = new Turns();
    try {
      await this.#join(await this.#read(turns), now, turns);
    } catch (error) {
      this.#isStale = true;
      throw error;
    }
    this.#isCostly = turns.workedMs > CHEAP_MS;
    if (this.#isCostly) this.#pauseUntil = performance.now() + PAUSE * turns.workedMs;
  }

  pieces(format: Format): readonly Piece[] {
    return this.#pieces.length === 0 ? [] : [new Piece(familyHeader(OUTAGE, format)), ...this.#pieces];
  }

  async #read(turns: Turns): Promise<readonly Location[]> {
    const ids = new Set<number>();
    const used = new Set<string>();
    // At once, so that what is noted between two turns is measured by what is asked for here.
    this.#used = used;
    this.#joined = ids;
    for (const [id, names] of this.#concerned) {
      ids.add(id);
      for (const name of names) used.add(name);
      if (turns.isOver) await turns.next();
    }
    for (const name of used) {
      for (const id of this.#parts.endpointsNamed(name)) ids.add(id);
      if (turns.isOver) await turns.next();
    }
    const all = [...ids];
    const locations: Location[] = [];
    for (let start = 0; start < all.length; start += BATCH) {
      locations.push(...(await this.#parts.inventory.locations({ ids: all.slice(start, start + BATCH) })));
      if (turns.isOver) await turns.next();
    }
    return locations.length === 0 ? [] : [...locations, await this.#authoritiesElsewhere(turns)];
  }

  async #join(locations: readonly Location[], now: number, turns: Turns): Promise<void> {
    const joining = this.#parts.clients(locations);
    let step = joining.next();
    while (step.done !== true) {
      if (turns.isOver) await turns.next();
      step = joining.next();
    }
    const clients = step.value;
    const ends = new Map<string, number>();
    const add = ({ endpoint, client, name, outageAt }: ClientOutlook): void => {
      if (outageAt === null) return;
      const { source, location } = endpoint;
      const labels = labelPairs({ source, location, client: name ?? client.id });
      ends.set(labels, Math.min(ends.get(labels) ?? Infinity, outageAt / 1000));
    };
    for (const sure of [clients.configured, clients.referenced]) {
      for (const outlook of sure) {
        add(outlook);
        if (turns.isOver) await turns.next();
      }
    }
    let found = 0;
    for (const outlook of clients.found(now - ENDED_CLIENT_MS)) {
      if (found++ < MAX_FOUND_CLIENTS) add(outlook);
      if (found === MAX_COUNTED_CLIENTS) break;
      if (turns.isOver) await turns.next();
    }
    const pieces: Piece[] = [];
    let lines: string[] = [];
    for (const [labels, end] of ends) {
      lines.push(sampleLine(OUTAGE, labels, end));
      if (lines.length < PER_PIECE) continue;
      pieces.push(new Piece(lines.join('')));
      lines = [];
      if (turns.isOver) await turns.next();
    }
    if (lines.length > 0) pieces.push(new Piece(lines.join('')));
    this.#pieces = pieces;
    this.#dropped = Math.max(0, found - MAX_FOUND_CLIENTS);
  }

  #noteAuthorities({ id, sightings }: Location): void {
    const certificates = sightings.flatMap(({ item }) => (item.kind === 'certificate' && item.isCa ? [item] : []));
    const ids = certificates.map((certificate) => certificate.id).join(' ');
    const key = ids.length > MAX_KEY ? hash('sha256', ids, 'hex') : ids;
    if ((this.#listOf.get(id) ?? '') === key) return;
    this.#release(id);
    if (key === '') return;
    const list = this.#lists.get(key) ?? { certificates, holders: 0 };
    if (list.holders++ === 0) this.#isStale = true;
    this.#lists.set(key, list);
    this.#listOf.set(id, key);
  }

  #release(id: number): void {
    const key = this.#listOf.get(id) ?? '';
    const list = this.#lists.get(key);
    if (list === undefined) return;
    this.#listOf.delete(id);
    if (--list.holders > 0) return;
    this.#lists.delete(key);
    this.#isStale = true;
  }

  /** Every authority that is known, as if one more location held them all. */
  async #authoritiesElsewhere(turns: Turns): Promise<Location> {
    const known = new Map<string, KnownCertificate>();
    for (const { certificates } of this.#lists.values()) {
      for (const item of certificates) known.set(item.id, item);
      if (turns.isOver) await turns.next();
    }
    return {
      id: 0,
      source: '',
      type: '',
      target: '',
      location: '',
      labels: {},
      firstSeenAt: 0,
      lastLookAt: 0,
      failures: 0,
      problems: [],
      sightings: [...known.values()].map((item, index) => ({
        item,
        place: '',
        index,
        role: 'issuer',
        firstSeenAt: 0,
        lastSeenAt: 0,
      })),
    };
  }
}

/** Longer lists of fingerprints are known by a digest. */
const MAX_KEY = 512;
