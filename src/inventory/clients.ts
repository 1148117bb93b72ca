import { nameKey } from '../certificate/name-key.ts';
import { acceptanceOf, clientNameOf, presentedBy, verdictOn, type Acceptance } from '../plugin/client.ts';
import type { Verdict } from '../plugin/observation.ts';
import { IssuerIndex } from './issuer-index.ts';
import type { KnownCertificate, Location, Sighting } from './model.ts';

/** A client identity at one endpoint, and how long it will be let in. */
export interface ClientOutlook {
  readonly client: KnownCertificate;
  /** Of a configured identity; absent for a certificate that was found and may log in there. */
  readonly name?: string;
  readonly endpoint: Location;
  /** Of the last rehearsal; absent when there was none. */
  readonly verdict?: Verdict;
  readonly acceptance: Acceptance;
  /** The earliest end among the client's certificate and what is known above it, milliseconds; `null` when there is none. */
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
 * in files and stores, by the issuers that endpoints name. Pairs of the second kind may be very many and are made only
 * when they are asked for.
 */
export interface Clients {
  /** Every configured identity at every endpoint to which it is shown, in the order of the locations. */
  readonly configured: readonly ClientOutlook[];
  /** Endpoints of one client certificate: first those to which it is shown, then those that name its issuer. */
  of(fingerprint: string): Iterable<ClientOutlook>;
  /** Found clients whose issuer one of the given endpoints names, the first that ends first. */
  foundAt(endpoint: Location): Iterable<ClientOutlook>;
  /** All pairs of a found client and an endpoint, the first that ends first; from those on that end at `from` or later. */
  found(from: number): Iterable<ClientOutlook>;
  /** Everywhere an item was seen, in whatever role. */
  homes(id: string): readonly Home[];
}

/** A client certificate that was found in a file or a store. */
interface FoundClient {
  readonly certificate: KnownCertificate;
  readonly outageAt: number | null;
  readonly limitedBy: KnownCertificate;
  /** Keys of the names of its issuers. */
  readonly issuers: ReadonlySet<string>;
}

/**
 * Joins clients and endpoints. Takes time and memory by the number of sightings and of names in lists of acceptable
 * issuers, never by the product of clients and endpoints.
 */
export function clientOutlooks(locations: Iterable<Location>): Clients {
  const configured: ClientOutlook[] = [];
  const homes = new Map<string, Home[]>();
  const found = new Map<string, KnownCertificate>();
  const authorities = new IssuerIndex();
  const endpointsByIssuer = new Map<string, Location[]>();
  for (const location of locations) {
    configured.push(...configuredAt(location));
    for (const sighting of location.sightings) {
      const { item } = sighting;
      append(homes, item.id, { location, sighting });
      if (item.kind !== 'certificate') continue;
      if (item.isCa) authorities.add(item);
      if (sighting.role === 'client' && clientNameOf(sighting.place) === undefined) found.set(item.id, item);
    }
    for (const key of issuerKeys(location)) append(endpointsByIssuer, key, location);
  }
  const byEnd = [...found.values()].map((certificate) => foundClient(certificate, authorities)).toSorted(earliestFirst);
  const byFingerprint = new Map(byEnd.map((client) => [client.certificate.id, client]));
  const byIssuer = new Map<string, FoundClient[]>();
  for (const client of byEnd) for (const key of client.issuers) append(byIssuer, key, client);
  const byClient = Map.groupBy(configured, ({ client }) => client.id);
  const shownTo = new Map(
    [...byClient].map(([id, outlooks]) => [id, new Set(outlooks.map(({ endpoint }) => endpoint))]),
  );

  function isShown(client: FoundClient, endpoint: Location): boolean {
    return shownTo.get(client.certificate.id)?.has(endpoint) ?? false;
  }

  function* joined(client: FoundClient): Generator<ClientOutlook> {
    const seen = new Set<Location>();
    for (const key of client.issuers) {
      for (const endpoint of endpointsByIssuer.get(key) ?? []) {
        if (seen.has(endpoint) || isShown(client, endpoint)) continue;
        seen.add(endpoint);
        yield toOutlook(client, endpoint);
      }
    }
  }

  return {
    configured,

    *of(fingerprint) {
      yield* byClient.get(fingerprint) ?? [];
      const client = byFingerprint.get(fingerprint);
      if (client !== undefined) yield* joined(client);
    },

    *foundAt(endpoint) {
      const clients = new Set([...issuerKeys(endpoint)].flatMap((key) => byIssuer.get(key) ?? []));
      for (const client of [...clients].toSorted(earliestFirst)) {
        if (!isShown(client, endpoint)) yield toOutlook(client, endpoint);
      }
    },

    *found(from) {
      for (const client of byEnd) if (client.outageAt === null || client.outageAt >= from) yield* joined(client);
    },

    homes: (id) => homes.get(id) ?? [],
  };
}

/** The identities that the config shows to an endpoint. */
function configuredAt(endpoint: Location): readonly ClientOutlook[] {
  return [...presentedBy(endpoint.sightings)].flatMap(([name, presented]): readonly ClientOutlook[] => {
    const certificates = presented.flatMap(({ item }) => (item.kind === 'certificate' ? [item] : []));
    const client = presented.find(({ role, item }) => role === 'client' && item.kind === 'certificate')?.item;
    if (client?.kind !== 'certificate') return [];
    const own = new IssuerIndex(certificates.filter(({ isCa }) => isCa));
    const verdict = verdictOn(endpoint.endpoint?.verdicts ?? [], name);
    return [
      {
        client,
        name,
        endpoint,
        ...(verdict === undefined ? {} : { verdict }),
        acceptance: acceptanceOf(own.issuerNames(client), endpoint.endpoint?.acceptableIssuers ?? []),
        ...limitOf([client, ...own.pathAbove(client, 'sent')]),
      },
    ];
  });
}

function foundClient(certificate: KnownCertificate, authorities: IssuerIndex): FoundClient {
  return {
    certificate,
    ...limitOf([certificate, ...authorities.pathAbove(certificate, 'known')]),
    issuers: new Set([...authorities.issuerNames(certificate)].map((issuer) => nameKey(issuer))),
  };
}

function toOutlook({ certificate, outageAt, limitedBy }: FoundClient, endpoint: Location): ClientOutlook {
  return { client: certificate, endpoint, acceptance: 'named', outageAt, limitedBy };
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

function earliestFirst(a: FoundClient, b: FoundClient): number {
  const [endA, endB] = [a.outageAt ?? Infinity, b.outageAt ?? Infinity];
  return endA === endB ? 0 : endA - endB;
}

function append<Value>(lists: Map<string, Value[]>, key: string, value: Value): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
