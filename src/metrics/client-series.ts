import { hash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';

import type { ClientOutlook, Clients } from '../inventory/clients.ts';
import type { KnownCertificate, Location } from '../inventory/model.ts';
import type { InventoryReader } from '../inventory/port.ts';
import { endpointName, namesOfEndpoint } from '../plugin/endpoint-name.ts';
import { familyHeader, type Family, type Format } from './family.ts';
import { labelPairs } from './label-value.ts';
import { Piece } from './piece.ts';

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
/** Joining that took longer than this is not done at each scrape, but with pauses this many times as long. */
const CHEAP_MS = 50;
const PAUSE = 20;
const BATCH = 500;
/** Pairs that are counted before others get their turn. */
const PER_TURN = 2_000;

export interface ClientSeriesParts {
  readonly inventory: Pick<InventoryReader, 'locations'>;
  /** Joins clients and endpoints. */
  clients(locations: readonly Location[]): Pick<Clients, 'configured' | 'referenced' | 'found'>;
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
  #piece = new Piece('');
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

  /** Joins anew where something has changed; who asks meanwhile waits for the same. */
  async refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    await this.#refreshing;
  }

  async #refresh(): Promise<void> {
    const now = this.#parts.now();
    if (this.#concerned.size === 0 && this.#piece.bytes.length === 0) return;
    if (!this.#isStale && now - this.#madeAt < REFRESH_MS && now >= this.#madeAt) return;
    if (performance.now() < this.#pauseUntil) return;
    this.#isStale = false;
    this.#madeAt = now;
    const startedAt = performance.now();
    try {
      await this.#join(await this.#read(), now);
    } catch (error) {
      this.#isStale = true;
      throw error;
    }
    const tookMs = performance.now() - startedAt;
    if (tookMs > CHEAP_MS) this.#pauseUntil = performance.now() + PAUSE * tookMs;
  }

  pieces(format: Format): readonly Piece[] {
    return this.#piece.bytes.length === 0 ? [] : [new Piece(familyHeader(OUTAGE, format)), this.#piece];
  }

  async #read(): Promise<readonly Location[]> {
    const ids = new Set(this.#concerned.keys());
    this.#used = new Set([...this.#concerned.values()].flat());
    for (const name of this.#used) for (const id of this.#parts.endpointsNamed(name)) ids.add(id);
    this.#joined = ids;
    const all = [...ids];
    const locations: Location[] = [];
    for (let start = 0; start < all.length; start += BATCH) {
      locations.push(...(await this.#parts.inventory.locations({ ids: all.slice(start, start + BATCH) })));
    }
    return locations.length === 0 ? [] : [...locations, this.#authoritiesElsewhere()];
  }

  async #join(locations: readonly Location[], now: number): Promise<void> {
    const ends = new Map<string, number>();
    const add = ({ endpoint, client, name, outageAt }: ClientOutlook): void => {
      if (outageAt === null) return;
      const { source, location } = endpoint;
      const labels = labelPairs({ source, location, client: name ?? client.id });
      ends.set(labels, Math.min(ends.get(labels) ?? Infinity, outageAt / 1000));
    };
    const clients = this.#parts.clients(locations);
    for (const outlook of [...clients.configured, ...clients.referenced]) add(outlook);
    let found = 0;
    for (const outlook of clients.found(now - ENDED_CLIENT_MS)) {
      if (found++ < MAX_FOUND_CLIENTS) add(outlook);
      if (found === MAX_COUNTED_CLIENTS) break;
      if (found % PER_TURN === 0) await nextTurn();
    }
    this.#dropped = Math.max(0, found - MAX_FOUND_CLIENTS);
    let text = '';
    for (const [labels, end] of ends) text += `${OUTAGE.name}{${labels}} ${end}\n`;
    this.#piece = new Piece(text);
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
  #authoritiesElsewhere(): Location {
    const known = new Map<string, KnownCertificate>();
    for (const { certificates } of this.#lists.values()) for (const item of certificates) known.set(item.id, item);
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
