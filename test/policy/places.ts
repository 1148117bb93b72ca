import { createHash } from 'node:crypto';

import type { Fact } from '../../src/inventory/fact.ts';
import type {
  ChainFigures,
  DescribedCertificate,
  KnownCertificate,
  KnownCredential,
  KnownItem,
  KnownRevocationList,
  Location,
  Sighting,
} from '../../src/inventory/model.ts';
import { assess } from '../../src/policy/assess.ts';
import type { Assessment } from '../../src/policy/finding.ts';
import { DEFAULT_POLICY, type Policy } from '../../src/policy/policy.ts';
import type { EndpointFacts, Verdict } from '../../src/plugin/observation.ts';
import { createInventoryIndex, type InventoryIndex } from '../../src/inventory/inventory-index.ts';
import type { Successor } from '../../src/inventory/leaf-index.ts';
import type { InventoryView } from '../../src/policy/view.ts';

export const MINUTE = 60_000;
export const HOUR = 3_600_000;
export const DAY = 86_400_000;
/** The day on which everything here happens. */
export const NOW = Date.UTC(2026, 1, 1, 12);

/** An inventory without public roots and without running sources, but for what is given. */
export function view(
  options: {
    publicRoots?: readonly string[];
    /** Names of roots of the public web, as issuers have them. */
    publicIssuers?: readonly string[];
    intervalMs?: number;
    facts?: Readonly<Record<string, readonly Fact[]>>;
    successors?: readonly Successor[];
    clientAuthorities?: readonly KnownCertificate[];
    /** What else is known; what is given above stands in for what that would say. */
    index?: InventoryIndex;
  } = {},
): InventoryView {
  const { index = createInventoryIndex(), successors, clientAuthorities } = options;
  return {
    ...index,
    isPublicRoot: (fingerprint) => options.publicRoots?.includes(fingerprint) ?? false,
    hasPublicIssuer: ({ issuer }) => options.publicIssuers?.includes(issuer) ?? false,
    intervalMs: () => options.intervalMs,
    facts: (subject) => options.facts?.[subject] ?? [],
    ...(successors === undefined ? {} : { successors: () => successors, mayHaveSuccessors: () => true }),
    ...(clientAuthorities === undefined
      ? {}
      : { clientAuthorities: ({ endpoint }) => (endpoint === undefined ? [] : clientAuthorities) }),
  };
}

/** A successor for the same names that lies at these locations. */
export function successor(item: KnownCertificate, locations: readonly string[]): Successor {
  return {
    item,
    hasSameNames: true,
    homes: locations.map((location, position) => ({
      locationId: 100 + position,
      source: 'disk',
      location,
      role: 'server',
      kind: 'store',
      firstSeenAt: NOW - DAY,
    })),
  };
}

function idOf(title: string): string {
  return createHash('sha256').update(title).digest('hex');
}

/** A leaf of 90 days that ends in 60, unless told otherwise. */
export function leaf(
  title = 'api.example.com',
  options: Partial<KnownCertificate> & { lives?: number; left?: number } = {},
): KnownCertificate {
  const { lives = 90 * DAY, left = 60 * DAY, ...rest } = options;
  return {
    kind: 'certificate',
    id: idOf(title),
    subject: `CN=${title},O=Example`,
    issuer: 'CN=Example Issuing CA,O=Example',
    serial: '0A1B',
    title,
    names: [title],
    nameCount: 1,
    notBefore: { status: 'known', at: NOW + left - lives },
    notAfter: { status: 'known', at: NOW + left },
    isCa: false,
    selfIssued: false,
    publicKey: idOf(`${title} key`),
    keyAlgorithm: 'ec P-256',
    signatureAlgorithm: 'ecdsa-with-SHA256',
    problems: [],
    ...rest,
  };
}

/** An intermediate of ten years that ends in five, unless told otherwise. */
export function authority(title = 'Example Issuing CA', options: Parameters<typeof leaf>[1] = {}): KnownCertificate {
  return leaf(title, {
    lives: 3650 * DAY,
    left: 1825 * DAY,
    isCa: true,
    names: [],
    nameCount: 0,
    issuer: 'CN=Example Root,O=Example',
    ...options,
  });
}

/** A self-signed root of twenty years that ends in ten, unless told otherwise. */
export function root(title = 'Example Root', options: Parameters<typeof leaf>[1] = {}): KnownCertificate {
  return authority(title, {
    lives: 7300 * DAY,
    left: 3650 * DAY,
    selfIssued: true,
    issuer: `CN=${title},O=Example`,
    ...options,
  });
}

export function described(options: Partial<DescribedCertificate> & { left?: number } = {}): DescribedCertificate {
  const { left = 60 * DAY, ...rest } = options;
  return {
    kind: 'described',
    id: 'described:1',
    title: 'client.example.com',
    names: ['client.example.com'],
    notAfter: { status: 'known', at: NOW + left },
    ...rest,
  };
}

/** A CRL of seven days that ends in five, unless told otherwise. */
export function crl(
  options: Partial<KnownRevocationList> & { lives?: number; left?: number } = {},
): KnownRevocationList {
  const { lives = 7 * DAY, left = 5 * DAY, ...rest } = options;
  return {
    kind: 'crl',
    id: idOf('crl'),
    issuer: 'CN=Example Issuing CA,O=Example',
    thisUpdate: { status: 'known', at: NOW + left - lives },
    nextUpdate: { status: 'known', at: NOW + left },
    number: '17',
    ...rest,
  };
}

export function credential(options: Partial<KnownCredential> & { left?: number } = {}): KnownCredential {
  const { left = 60 * DAY, ...rest } = options;
  return {
    kind: 'credential',
    id: 'app-1/secret-7',
    name: 'billing-secret',
    notAfter: { status: 'known', at: NOW + left },
    ...rest,
  };
}

export function sighting(item: KnownItem, options: Partial<Sighting> = {}): Sighting {
  return { item, place: 'pem', index: 0, role: 'server', firstSeenAt: NOW - DAY, lastSeenAt: NOW, ...options };
}

/** A file that was looked at just now. */
export function fileLocation(sightings: readonly Sighting[], options: Partial<Location> = {}): Location {
  return {
    id: 1,
    source: 'disk',
    type: 'file',
    target: '/etc/ssl',
    location: '/etc/ssl/api.pem',
    labels: {},
    firstSeenAt: NOW - 30 * DAY,
    lastLookAt: NOW,
    lastSuccessAt: NOW,
    failures: 0,
    problems: [],
    sightings,
    ...options,
  };
}

/** An endpoint that serves these, the leaf first; the earliest end of them, or of `limitedBy`, is effective. */
export function endpointLocation(
  served: readonly KnownCertificate[],
  options: Partial<Omit<Location, 'endpoint' | 'chain'>> & {
    path?: readonly KnownCertificate[];
    limitedBy?: KnownCertificate;
    untrusted?: true;
  } = {},
): Location & { readonly endpoint: EndpointFacts; readonly chain: ChainFigures } {
  const { path = served, limitedBy, untrusted, ...rest } = options;
  const whole = limitedBy === undefined ? path : [...path, limitedBy];
  const [first] = served;
  if (first === undefined) throw new Error('an endpoint serves something');
  const effective = limitOf(whole);
  const chain: ChainFigures = {
    leaf: limitOf([first]),
    servedMin: limitOf(served),
    effective,
    ...(untrusted ? {} : { bestPath: effective, bestPathItems: whole.map((item) => item.id) }),
    ...(limitedBy === undefined ? {} : { limitedBy }),
  };
  const sightings = served.map((item, index) =>
    sighting(item, { place: 'chain', index, role: index === 0 ? 'server' : 'intermediate' }),
  );
  return {
    ...fileLocation(sightings, {
      source: 'partners',
      type: 'endpoint',
      target: 'api.example.com:8443',
      location: 'api.example.com:8443@10.0.0.7',
    }),
    endpoint: {
      address: '10.0.0.7',
      port: 8443,
      serverName: 'api.example.com',
      handshake: 'hello',
      chain: served.map((item) => item.id),
      acceptableIssuers: [],
      verdicts: [],
    },
    chain,
    ...rest,
  };
}

/** An endpoint that serves a leaf and its issuer, with something else in the figures of its chain, or in its facts. */
export function judgedChain(
  chain: Partial<ChainFigures> = {},
  options: {
    readonly endpoint?: Partial<EndpointFacts>;
    readonly untrusted?: true;
    readonly leaf?: KnownCertificate;
  } = {},
): Location {
  const { endpoint = {}, leaf: own = leaf(), ...rest } = options;
  const here = endpointLocation([own, authority()], rest);
  return { ...here, endpoint: { ...here.endpoint, ...endpoint }, chain: { ...here.chain, ...chain } };
}

/** The endpoint, with a client identity shown to it: its leaf first, then what it sends behind; and the verdict, if any. */
export function showing(
  endpoint: Location,
  name: string,
  presented: readonly KnownCertificate[],
  verdict?: Partial<Omit<Verdict, 'client' | 'name'>>,
  options: Partial<Sighting> = {},
): Location & { readonly endpoint: EndpointFacts } {
  if (endpoint.endpoint === undefined) throw new Error('clients are shown to endpoints');
  const sightings = presented.map((item, index) =>
    sighting(item, { place: `client/${name}`, index, role: index === 0 ? 'client' : 'intermediate', ...options }),
  );
  const given: Verdict = {
    client: presented[0]?.id ?? null,
    name,
    status: 'accepted',
    reason: verdict?.status === 'rejected' ? 'unknown_ca' : null,
    evidence: 'as told',
    ...verdict,
  };
  return {
    ...endpoint,
    sightings: [...endpoint.sightings, ...sightings],
    endpoint: {
      ...endpoint.endpoint,
      verdicts: [...endpoint.endpoint.verdicts, ...(verdict === undefined ? [] : [given])],
    },
  };
}

function limitOf(items: readonly KnownCertificate[]): { at: number | null; by: string } {
  let limit: { at: number | null; by: string } | undefined;
  for (const { id, notAfter } of items) {
    const at = notAfter.status === 'known' ? notAfter.at : notAfter.status === 'unreadable' ? 0 : null;
    if (limit === undefined || (at !== null && (limit.at === null || at < limit.at))) limit = { at, by: id };
  }
  if (limit === undefined) throw new Error('a path has items');
  return limit;
}

/** What `assess` says of the location `offset` milliseconds after NOW. */
export function judged(
  location: Location,
  offset = 0,
  options: { view?: InventoryView; policy?: Policy } = {},
): Assessment {
  return assess(location, options.view ?? view(), options.policy ?? DEFAULT_POLICY, NOW + offset);
}

/** `rule severity` of each finding, in order of text. */
export function told(location: Location, offset = 0, options: Parameters<typeof judged>[2] = {}): readonly string[] {
  return judged(location, offset, options)
    .findings.map((finding) => `${finding.rule} ${finding.severity}`)
    .toSorted();
}
