import { nameKey } from '../certificate/name-key.ts';
import {
  acceptanceOf,
  admittingAuthority,
  clientNameOf,
  presentedBy,
  verdictOn,
  type Acceptance,
} from '../plugin/client.ts';
import type { Verdict } from '../plugin/observation.ts';
import { createClientTrust, endpointsUsing, type ClientTrust } from './client-trust.ts';
import { namesOfEndpoint } from '../plugin/endpoint-name.ts';
import { IssuerIndex } from './issuer-index.ts';
import type { KnownCertificate, Location, Sighting } from './model.ts';

/** Where a client logs in. */
export type Endpoint = Pick<Location, 'source' | 'location'>;

/** A client identity at one endpoint, and how long it will be let in. */
export interface ClientOutlook {
  readonly client: KnownCertificate;
  /** Of a configured identity; absent for a certificate that was found. */
  readonly name?: string;
  /**
   * How the two are joined: the config shows the client there; the place of the client says that it is used there (a
   * kubeconfig does); or the endpoint names its issuer, so that it may log in.
   */
  readonly by: 'config' | 'reference' | 'issuer';
  /** The endpoint; where nobody looks at it, its name, with the source that refers to it. */
  readonly endpoint: Endpoint;
  /** Of the last rehearsal; absent when there was none. */
  readonly verdict?: Verdict;
  readonly acceptance: Acceptance;
  /**
   * The earliest end among the client's certificate, what is known above it, and the CA in the endpoint's trust store as
   * far as that is known, milliseconds; `null` when there is none.
   */
  readonly outageAt: number | null;
  /** What sets it; the client's own certificate when there is no end. */
  readonly limitedBy: KnownCertificate;
}

/** One place at which an item lives. */
export interface Home {
  readonly location: Location;
  readonly sighting: Sighting;
}

/**
 * Client identities joined to the endpoints where they log in: the configured ones, which are rehearsed, and those found
 * in files and stores, by what refers to them and by the issuers that endpoints name. Pairs of the last kind may be very
 * many and are made only when they are asked for.
 */
export interface Clients {
  /** Every configured identity at every endpoint to which it is shown, in the order of the locations. */
  readonly configured: readonly ClientOutlook[];
  /** Every found certificate at every endpoint where its place says that it is used, watched or not. */
  readonly referenced: readonly ClientOutlook[];
  /** Endpoints of one client certificate: those to which it is shown, where it is used, then those that name its issuer. */
  of(fingerprint: string): Iterable<ClientOutlook>;
  /** Found clients of an endpoint: those that are used there, then those whose issuer it names, the first that ends first. */
  foundAt(endpoint: Location): Iterable<ClientOutlook>;
  /**
   * All pairs of a found client and an endpoint that names its issuer, by the ends of the clients, the first that ends
   * first; from those on that end at `from` or later.
   */
  found(from: number): Iterable<ClientOutlook>;
  /** Everywhere an item was seen, in whatever role. */
  homes(id: string): readonly Home[];
}

/** A client certificate that was found in a file or a store. */
interface FoundClient {
  readonly certificate: KnownCertificate;
  /** The certificate and what is known above it. */
  readonly path: readonly [KnownCertificate, ...KnownCertificate[]];
  readonly outageAt: number | null;
  readonly limitedBy: KnownCertificate;
  /** Keys of the names of its issuers. */
  readonly issuers: ReadonlySet<string>;
}

/** Sightings, clients or pairs in one step of joining: less than a millisecond. */
const STEP = 100;

/**
 * Joins clients and endpoints. Takes time and memory by the number of sightings and of names in lists of acceptable
 * issuers, never by the product of clients and endpoints.
 */
export function clientOutlooks(locations: readonly Location[], trust?: Trusting): Clients {
  const joining = joinClients(locations, trust);
  for (;;) {
    const { done, value } = joining.next();
    if (done === true) return value;
  }
}

/** The same in many short steps, for whoever must not keep others waiting. The result is what it returns. */
export function* joinClients(
  locations: readonly Location[],
  trust: Trusting = createClientTrust(locations),
): Generator<undefined, Clients> {
  const configured: ClientOutlook[] = [];
  const homes = new Map<string, Home[]>();
  const found = new Map<string, KnownCertificate>();
  const uses: Use[] = [];
  const authorities = new IssuerIndex();
  const endpointsByIssuer = new Map<string, Location[]>();
  let steps = 0;
  const isStep = (): boolean => ++steps % STEP === 0;
  for (const location of locations) {
    if (isStep()) yield;
    configured.push(...configuredAt(location, trust));
    for (const sighting of location.sightings) {
      if (isStep()) yield;
      const { item } = sighting;
      append(homes, item.id, { location, sighting });
      if (item.kind !== 'certificate') continue;
      if (item.isCa) authorities.add(item);
      if (sighting.role !== 'client' || clientNameOf(sighting.place) !== undefined) continue;
      found.set(item.id, item);
      for (const at of endpointsUsing(sighting)) uses.push({ id: item.id, at, source: location.source });
    }
    for (const key of issuerKeys(location)) append(endpointsByIssuer, key, location);
  }
  const clients: FoundClient[] = [];
  for (const certificate of found.values()) {
    if (isStep()) yield;
    clients.push(foundClient(certificate, authorities));
  }
  const byEnd = yield* earliestFirst(clients, isStep);
  const byFingerprint = new Map<string, FoundClient>();
  const byIssuer = new Map<string, FoundClient[]>();
  for (const client of byEnd) {
    if (isStep()) yield;
    byFingerprint.set(client.certificate.id, client);
    for (const key of client.issuers) append(byIssuer, key, client);
  }

  /** Pairs that are known for sure: each once, by the words of the config before those of a place. */
  const sure = new Map<string, ClientOutlook>();
  const byClient = new Map<string, ClientOutlook[]>();
  for (const outlook of configured) {
    if (isStep()) yield;
    sure.set(pairOf(outlook), outlook);
    append(byClient, outlook.client.id, outlook);
  }
  const referenced: ClientOutlook[] = [];
  const named = yield* endpointsNamed(new Set(uses.map(({ at }) => at)), locations, isStep);
  for (const { id, at, source } of uses) {
    const client = byFingerprint.get(id);
    const endpoints = named.get(at) ?? [{ source, location: at }];
    if (client === undefined) continue;
    for (const endpoint of endpoints) {
      if (isStep()) yield;
      const outlook = toOutlook(client, endpoint, 'reference', trust);
      if (sure.has(pairOf(outlook))) continue;
      sure.set(pairOf(outlook), outlook);
      append(byClient, id, outlook);
      referenced.push(outlook);
    }
  }

  function isSure({ certificate }: FoundClient, endpoint: Endpoint): boolean {
    return sure.has(pairOf({ client: certificate, endpoint }));
  }

  function* joined(client: FoundClient): Generator<ClientOutlook> {
    const seen = new Set<Location>();
    for (const key of client.issuers) {
      for (const endpoint of endpointsByIssuer.get(key) ?? []) {
        if (seen.has(endpoint) || isSure(client, endpoint)) continue;
        seen.add(endpoint);
        yield toOutlook(client, endpoint, 'issuer', trust);
      }
    }
  }

  return {
    configured,
    referenced,

    *of(fingerprint) {
      yield* byClient.get(fingerprint) ?? [];
      const client = byFingerprint.get(fingerprint);
      if (client !== undefined) yield* joined(client);
    },

    *foundAt(endpoint) {
      yield* referenced.filter((outlook) => isSame(outlook.endpoint, endpoint));
      const here = new Set([...issuerKeys(endpoint)].flatMap((key) => byIssuer.get(key) ?? []));
      for (const client of [...here].toSorted((a, b) => endOf(a) - endOf(b) || 0)) {
        if (!isSure(client, endpoint)) yield toOutlook(client, endpoint, 'issuer', trust);
      }
    },

    *found(from) {
      for (const client of byEnd) if (client.outageAt === null || client.outageAt >= from) yield* joined(client);
    },

    homes: (id) => homes.get(id) ?? [],
  };
}

/** A place of a client certificate says that it is used at an endpoint of this name. */
interface Use {
  readonly id: string;
  readonly at: string;
  readonly source: string;
}

/** The endpoints that references mean, by the names that they use. */
function* endpointsNamed(
  names: ReadonlySet<string>,
  locations: readonly Location[],
  isStep: () => boolean,
): Generator<undefined, ReadonlyMap<string, readonly Location[]>> {
  const found = new Map<string, Location[]>();
  if (names.size === 0) return found;
  for (const location of locations) {
    if (isStep()) yield;
    for (const name of namesOfEndpoint(location)) if (names.has(name)) append(found, name, location);
  }
  return found;
}

/** By their ends; those of one end in the order in which they come. Only the ends are sorted at once, as plain numbers. */
function* earliestFirst(
  clients: readonly FoundClient[],
  isStep: () => boolean,
): Generator<undefined, readonly FoundClient[]> {
  const byEnd = new Map<number, FoundClient[]>();
  for (const client of clients) {
    if (isStep()) yield;
    append(byEnd, endOf(client), client);
  }
  const sorted: FoundClient[] = [];
  for (const end of Float64Array.from(byEnd.keys()).toSorted()) {
    for (const client of byEnd.get(end) ?? []) {
      if (isStep()) yield;
      sorted.push(client);
    }
  }
  return sorted;
}

function endOf({ outageAt }: FoundClient): number {
  return outageAt ?? Infinity;
}

function pairOf({ client, endpoint }: Pick<ClientOutlook, 'client' | 'endpoint'>): string {
  return `${client.id} ${endpoint.source}\n${endpoint.location}`;
}

function isSame(a: Endpoint, b: Endpoint): boolean {
  return a.source === b.source && a.location === b.location;
}

type Trusting = Pick<ClientTrust, 'authoritiesAt'>;

/** The identities that the config shows to an endpoint. */
function configuredAt(endpoint: Location, trust: Trusting): readonly ClientOutlook[] {
  return [...presentedBy(endpoint.sightings)].flatMap(([name, presented]): readonly ClientOutlook[] => {
    const certificates = presented.flatMap(({ item }) => (item.kind === 'certificate' ? [item] : []));
    const client = presented.find(({ role, item }) => role === 'client' && item.kind === 'certificate')?.item;
    if (client?.kind !== 'certificate') return [];
    const own = new IssuerIndex(certificates.filter(({ isCa }) => isCa));
    const verdict = verdictOn(endpoint.endpoint?.verdicts ?? [], name);
    const path = [client, ...own.pathAbove(client, 'sent')] as const;
    return [
      {
        client,
        name,
        by: 'config',
        endpoint,
        ...(verdict === undefined ? {} : { verdict }),
        acceptance: acceptanceOf(own.issuerNames(client), endpoint.endpoint?.acceptableIssuers ?? []),
        ...limitOf([...path, ...admitting(path, endpoint, trust)]),
      },
    ];
  });
}

/** The CA of the endpoint's trust store that lets in who presents this, when it is known. */
function admitting(
  path: readonly KnownCertificate[],
  endpoint: Location,
  trust: Trusting,
): readonly KnownCertificate[] {
  const authority = admittingAuthority(path, trust.authoritiesAt(endpoint));
  return authority === undefined ? [] : [authority];
}

function foundClient(certificate: KnownCertificate, authorities: IssuerIndex): FoundClient {
  const path = [certificate, ...authorities.pathAbove(certificate, 'known')] as const;
  return {
    certificate,
    path,
    ...limitOf(path),
    issuers: new Set([...authorities.issuerNames(certificate)].map((issuer) => nameKey(issuer))),
  };
}

function toOutlook(
  { certificate, path }: FoundClient,
  endpoint: Endpoint | Location,
  by: ClientOutlook['by'],
  trust: Trusting,
): ClientOutlook {
  const isWatched = 'sightings' in endpoint;
  return {
    client: certificate,
    by,
    endpoint,
    acceptance:
      by === 'issuer'
        ? 'named'
        : acceptanceOf(
            path.map(({ issuer }) => issuer),
            isWatched ? (endpoint.endpoint?.acceptableIssuers ?? []) : [],
          ),
    ...limitOf(isWatched ? [...path, ...admitting(path, endpoint, trust)] : path),
  };
}

function limitOf(
  path: readonly [KnownCertificate, ...KnownCertificate[]],
): Pick<ClientOutlook, 'outageAt' | 'limitedBy'> {
  let limitedBy = path[0];
  let outageAt: number | null = null;
  for (const certificate of path) {
    const { notAfter } = certificate;
    if (notAfter.status !== 'known' || (outageAt !== null && notAfter.at >= outageAt)) continue;
    outageAt = notAfter.at;
    limitedBy = certificate;
  }
  return { outageAt, limitedBy };
}

function issuerKeys(location: Location): ReadonlySet<string> {
  return new Set(location.endpoint?.acceptableIssuers.map((issuer) => nameKey(issuer)));
}

function append<Key, Value>(lists: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
