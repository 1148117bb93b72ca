import { randomInt } from 'node:crypto';

import { z } from 'zod';

import type { Remembered } from '../../src/plugin/collector.ts';
import type { Item, Use } from '../../src/plugin/item.ts';
import type { Json } from '../../src/plugin/json.ts';
import type { Observation } from '../../src/plugin/observation.ts';
import { nameOf, titleOf, type ClientFacts, type ReadClient } from './client.ts';
import { routeText } from './route.ts';
import { Tally } from './tally.ts';

/** Certificates of one subject that are told of; of more, those that were used last. */
const MAX_CERTIFICATES = 50;
/** Many that share a subject are a fleet: none of them is the successor of another. */
const MAX_LINE_OF_SUCCESSION = 100;
/** A client of which only the counts moved is told of again after this time at the latest, and */
const RETELL_MS = 3_600_000;
/** so many of them at each look in any case. */
const RETOLD_AT_ONCE = 1_000;

export interface LedgerOptions {
  /** Stands in front of the names of the clients. */
  readonly log: string;
  readonly maxClients: number;
  readonly graceMs: number;
  readonly forgetMs: number;
}

/** One certificate. */
interface Member {
  readonly client: number;
  readonly facts: ClientFacts;
  /** The certificate itself, until it was told of: from then on its fingerprint does. */
  certificate?: ReadClient['certificate'];
}

/** All certificates of one subject. */
interface Group {
  readonly name: string;
  readonly members: Member[];
  /** There is something that was not told. */
  isChanged: boolean;
  /** Something other than counts. */
  isNews: boolean;
  toldAt: number;
}

/** What is kept of one certificate between looks. */
const Kept = z.object({
  key: z.string(),
  first: z.number(),
  last: z.number(),
  count: z.number(),
  routes: z.array(z.tuple([z.string(), z.number()])).readonly(),
  facts: z.object({
    subject: z.string().optional(),
    issuer: z.string().optional(),
    serial: z.string().optional(),
    sha1: z.string().optional(),
    sha256: z.string().optional(),
    notBefore: z.number().optional(),
    notAfter: z.number().optional(),
  }),
});
const Memory = z.object({ certificates: z.array(Kept) });

/**
 * The clients of one log, by their subject: a certificate and its successors are one client. Lives in memory between
 * looks, and is made anew from what the host remembers where it has to be.
 */
export class Ledger {
  readonly tally: Tally;
  private readonly options: LedgerOptions;
  private readonly groups = new Map<string, Group>();
  private readonly groupOf: (Group | undefined)[] = [];
  /** Numbers of what stands in the log as a certificate and is none. */
  readonly unreadable = new Set<number>();
  /** Certificates that were let go of: they may come back. */
  private readonly dismissed = new Map<number, ClientFacts>();

  constructor(options: LedgerOptions) {
    this.options = options;
    this.tally = new Tally(options.maxClients, randomInt(2 ** 31));
  }

  static async restore(options: LedgerOptions, remembered: AsyncIterable<Remembered>): Promise<Ledger> {
    const ledger = new Ledger(options);
    for await (const { memory } of remembered) {
      const { data } = Memory.safeParse(memory);
      for (const { key, first, last, count, routes, facts } of data?.certificates ?? []) {
        const client = ledger.tally.restore(key, { firstAt: first, lastAt: last, count, routes });
        if (client >= 0) ledger.add(client, facts as ClientFacts).isNews = false;
      }
    }
    for (const group of ledger.groups.values()) group.isChanged = false;
    return ledger;
  }

  /** Takes note of a certificate that the tally has just been given a number for. */
  meet(client: number, { facts, certificate }: ReadClient): void {
    const group = this.add(client, facts);
    const member = group.members.at(-1);
    if (member !== undefined && certificate !== undefined) member.certificate = certificate;
  }

  private add(client: number, facts: ClientFacts): Group {
    const name = nameOf(facts);
    const key = name.toLowerCase();
    const group = this.groups.get(key) ?? { name, members: [], isChanged: true, isNews: true, toldAt: 0 };
    this.groups.set(key, group);
    group.members.push({ client, facts });
    group.isChanged = true;
    group.isNews = true;
    this.groupOf[client] = group;
    return group;
  }

  /** Whether many of the numbers stand for certificates that are gone: then it is worth making it anew. */
  isWorn(): boolean {
    const { size } = this.tally.keys;
    let alive = 0;
    for (const { members } of this.groups.values()) alive += members.length;
    return size > 1_000 && alive < size * 0.75;
  }

  /** Everything that is kept, as the host would remember it. */
  async *memories(): AsyncIterable<Remembered> {
    for (const group of this.groups.values()) yield { location: this.locationOf(group), memory: this.memoryOf(group) };
  }

  /**
   * What there is to tell after lines were read: every client, changed or not, and those that are gone. `version` gives
   * what the host knows of a location.
   */
  *tell(version: (location: string) => string | undefined, now: number): Iterable<Observation> {
    for (const client of this.tally.takeChanges()) {
      const facts = this.dismissed.get(client);
      if (facts !== undefined) {
        this.dismissed.delete(client);
        this.add(client, facts);
      }
      const group = this.groupOf[client];
      if (group !== undefined) group.isChanged = true;
    }
    let retold = 0;
    for (const [key, group] of this.groups) {
      this.dismiss(group, now);
      const location = this.locationOf(group);
      if (group.members.length === 0) {
        this.groups.delete(key);
        yield { location, gone: true, items: [], problems: [] };
        continue;
      }
      const known = version(location);
      const isDue = group.isChanged && (now - group.toldAt >= RETELL_MS || retold < RETOLD_AT_ONCE);
      if (known !== undefined && !group.isNews && !isDue) {
        yield { location, version: known, unchanged: true, items: [], problems: [] };
        continue;
      }
      retold += 1;
      group.isChanged = false;
      group.isNews = false;
      group.toldAt = now;
      yield this.observe(group, location, now);
    }
  }

  /** Lets go of certificates whose successor is in use while they are not any more, and of those that nobody uses. */
  private dismiss(group: Group, now: number): void {
    const { members } = group;
    const isFleet = members.length > MAX_LINE_OF_SUCCESSION;
    const gone = new Set(
      members.filter(
        (member) =>
          now - this.tally.lastAt(member.client) >= this.options.forgetMs ||
          (!isFleet && members.some((other) => this.hasReplaced(other, member, now))),
      ),
    );
    if (gone.size === 0) return;
    for (const { client, facts } of gone) {
      this.groupOf[client] = undefined;
      this.dismissed.set(client, facts);
    }
    members.splice(0, members.length, ...members.filter((member) => !gone.has(member)));
    group.isNews = true;
  }

  private hasReplaced(successor: Member, member: Member, now: number): boolean {
    if (successor === member) return false;
    const { tally } = this;
    const isLater =
      successor.facts.notAfter !== undefined && member.facts.notAfter !== undefined
        ? successor.facts.notAfter > member.facts.notAfter
        : tally.firstAt(successor.client) > tally.firstAt(member.client);
    if (!isLater || tally.lastAt(successor.client) <= tally.lastAt(member.client)) return false;
    const since = Math.max(tally.firstAt(successor.client), tally.lastAt(member.client));
    return now - since >= this.options.graceMs;
  }

  private observe(group: Group, location: string, now: number): Observation {
    const members = group.members
      .toSorted((a, b) => this.tally.lastAt(b.client) - this.tally.lastAt(a.client))
      .slice(0, MAX_CERTIFICATES);
    const more = group.members.length - members.length;
    const items = members.map((member) => this.itemOf(member));
    for (const member of members) delete member.certificate;
    return {
      location,
      version: String(now),
      items,
      problems:
        more === 0
          ? []
          : [
              {
                reason: 'partial',
                place: 'client',
                detail: `${more} more certificates of this subject were seen; only the ${MAX_CERTIFICATES} that were used last are told of`,
              },
            ],
      labels: { client: members[0] === undefined ? group.name : titleOf(members[0].facts) },
      memory: this.memoryOf(group),
    };
  }

  private itemOf({ client, facts, certificate }: Member): Item {
    const { firstAt, lastAt, count, routes } = this.tally.usage(client);
    const by = routes.map(([route, times]): Use => ({
      reference: { type: 'app', id: routeText(route) },
      count: times,
    }));
    const common = {
      place: { key: 'client' },
      role: 'client',
      seenInUse: { first: new Date(firstAt), last: new Date(lastAt), count, by },
    } as const;
    if (certificate !== undefined) return { kind: 'certificate', der: certificate.der, parsed: certificate, ...common };
    const { issuer, serial, sha1, sha256, notBefore, notAfter } = facts;
    return {
      kind: 'described',
      names: [titleOf(facts)],
      ...(issuer === undefined ? {} : { issuer }),
      ...(serial === undefined ? {} : { serial }),
      ...(sha1 === undefined ? {} : { sha1 }),
      ...(sha256 === undefined ? {} : { sha256 }),
      ...(notBefore === undefined ? {} : { notBefore: new Date(notBefore) }),
      notAfter: notAfter === undefined ? 'unknown' : new Date(notAfter),
      ...common,
    };
  }

  private memoryOf(group: Group): Json {
    const certificates = group.members.map(({ client, facts }) => {
      const { firstAt, lastAt, count, routes } = this.tally.usage(client);
      return { key: this.tally.keys.text(client), first: firstAt, last: lastAt, count, routes, facts: { ...facts } };
    });
    return { certificates };
  }

  private locationOf({ name }: Group): string {
    return `${this.options.log} client ${name}`;
  }
}
