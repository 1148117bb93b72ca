import type { Certificate, KeyUsage } from '../../src/certificate/certificate.ts';
import type { IssuerRelation } from '../../src/certificate/issuer.ts';
import type { NameConstraints, NameSubtree } from '../../src/certificate/model.ts';
import type { CertificateTime } from '../../src/certificate/time.ts';

/**
 * Random PKIs without keys and signatures: certificates as they come out of the parser, and who signed whom as a table.
 * A search that asks that table instead of OpenSSL can be tried on very many of them.
 */

const DAY = 86_400_000;
/** The day of the question. */
export const AT = Date.UTC(2026, 10, 23);
export const LEAF_NAME = 'api.example.com';

export interface Graph {
  /** The leaf first, then what was served with it: out of order, with repeats, with strangers. */
  readonly served: readonly Certificate[];
  readonly anchors: readonly Certificate[];
  readonly intermediates: readonly Certificate[];
  /** In place of OpenSSL. */
  verify(child: Certificate, issuer: Certificate): IssuerRelation;
}

interface Random {
  /** From 0 to below `count`. */
  below(count: number): number;
  /** True once in `count` times. */
  once(count: number): boolean;
  pick<T>(values: readonly T[]): T;
}

/** mulberry32: the same numbers for the same seed, on every machine. */
function randomOf(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (count: number): number => Math.floor(next() * count);
  return {
    below,
    once: (count) => below(count) === 0,
    pick: <T>(values: readonly T[]) => values[below(values.length)] as T,
  };
}

/** A CA by name, with one key or two. */
interface Entity {
  readonly name: string;
  readonly keys: readonly string[];
}

/**
 * How the CAs of a graph stand to each other. `line`: one above the other, up to eleven, with a few cross-signs. `tangle`:
 * everybody may have signed everybody. `twins`: one CA that has signed itself again and again.
 */
type Shape = 'line' | 'tangle' | 'twins';

/** A graph of up to 12 certificates. The same seed gives the same graph. */
export function randomGraph(seed: number): Graph {
  const random = randomOf(seed);
  const shape: Shape = random.once(25) ? 'twins' : random.pick(['line', 'tangle']);
  // Half of the graphs break few rules, so that there are long paths.
  const rare = random.once(2) ? 1 : 10;
  const count = { line: 2 + random.below(10), tangle: 2 + random.below(4), twins: 1 }[shape];
  const entities = Array.from({ length: count }, (_, index): Entity => {
    const keys = random.once(4) ? [`key ${index}a`, `key ${index}b`] : [`key ${index}a`];
    return { name: `CN=CA ${index},O=${random.once(3) ? 'Other' : 'Example'}`, keys };
  });
  const signers = new Map<string, string>();
  const odd = new Set<string>();
  let made = 0;

  function certificate(own: Partial<Certificate> & { readonly key: string }, signer: Entity): Certificate {
    const key = random.pick(signer.keys);
    const fingerprint = `certificate ${made++}`;
    signers.set(fingerprint, key);
    if (random.once(40 * rare)) odd.add(fingerprint);
    // Without identifiers only a signature tells two keys of one name apart.
    const withIds = !random.once(3);
    return {
      ...BLANK,
      issuer: nameOf(signer.name),
      ...own,
      fingerprint,
      notBefore: random.once(15 * rare) ? known(AT + DAY) : known(AT - 900 * DAY),
      notAfter: randomEnd(random),
      publicKey: { ...BLANK.publicKey, sha256: own.key },
      ...(withIds ? { subjectKeyId: own.key, authorityKeyId: key } : {}),
    };
  }

  function authority(index: number): Certificate {
    const own = shape === 'line' ? index % count : random.below(count);
    const above = shape === 'line' && !random.once(4) ? Math.min(own + 1, count - 1) : random.below(count);
    const entity = entities[own] as Entity;
    return certificate(
      {
        key: random.pick(entity.keys),
        subject: nameOf(entity.name),
        isCa: !random.once(15 * rare),
        version: random.once(20) ? 1 : 3,
        ...(random.once(4 * rare) ? { pathLength: random.below(3) } : {}),
        ...(random.once(3) ? { keyUsage: random.once(6 * rare) ? NO_SIGNING : SIGNING } : {}),
        ...(random.once(4 * rare)
          ? { extendedKeyUsage: random.pick([['serverAuth'], ['clientAuth'], ['clientAuth', 'anyExtendedKeyUsage']]) }
          : {}),
        ...(random.once(5 * rare) ? { nameConstraints: randomConstraints(random) } : {}),
        ...(random.once(30 * rare) ? { unknownCritical: ['1.2.3'] } : {}),
      },
      entities[above] as Entity,
    );
  }

  const leaf = certificate(
    {
      key: 'key of the leaf',
      subject: nameOf('CN=api,O=Example'),
      names: [LEAF_NAME],
      dnsNames: [LEAF_NAME],
      nameCount: 1,
      ...(random.once(12 * rare) ? { extendedKeyUsage: ['clientAuth'] } : {}),
      ...(random.once(40 * rare) ? { unknownCritical: ['1.2.3'] } : {}),
    },
    shape === 'line' ? (entities[0] as Entity) : random.pick(entities),
  );
  // Of twins there are very many paths.
  const most = { line: 11, tangle: 11, twins: 8 }[shape];
  const least = shape === 'line' ? count : 1;
  const authorities = Array.from({ length: least + random.below(most - least + 1) }, (_, index) => authority(index));

  const some = (in100: number): readonly Certificate[] => authorities.filter(() => random.below(100) < in100);
  const roots = authorities.filter(({ subject }) => subject.text === entities.at(-1)?.name);
  return {
    served: [
      leaf,
      ...shuffled([...some(random.pick([50, 100])), ...(random.once(6) ? [random.pick(authorities)] : [])], random),
    ],
    anchors: [
      ...new Set([
        ...(shape === 'line' ? roots : []),
        ...some(random.pick([3, 25])),
        ...(random.once(60) ? [leaf] : []),
      ]),
    ],
    intermediates: random.once(2) ? some(30) : [],
    verify: (child, issuer) => {
      if (odd.has(child.fingerprint) || odd.has(issuer.fingerprint)) return 'unknown';
      return signers.get(child.fingerprint) === issuer.publicKey.sha256 ? 'issued' : 'not-issued';
    },
  };
}

const SIGNING: readonly KeyUsage[] = ['keyCertSign', 'cRLSign'];
const NO_SIGNING: readonly KeyUsage[] = ['digitalSignature'];

const BLANK: Certificate = {
  fingerprint: '',
  der: new Uint8Array(),
  version: 3,
  serial: '01',
  subject: nameOf(''),
  issuer: nameOf(''),
  notBefore: known(0),
  notAfter: known(0),
  names: [],
  dnsNames: [],
  addresses: [],
  nameCount: 0,
  isCa: false,
  unknownCritical: [],
  ocspUrls: [],
  issuerUrls: [],
  crlUrls: [],
  sctCount: 0,
  mustStaple: false,
  publicKey: { algorithm: 'ec', oid: '1.2.840.10045.2.1', sha256: '' },
  signatureAlgorithm: 'ecdsa-with-SHA256',
  problems: [],
};

function nameOf(text: string): Certificate['subject'] {
  return { der: Buffer.from(text), text };
}

function known(at: number): CertificateTime {
  return { status: 'known', at };
}

/** Few different days, so that many end together; a third of them has passed. */
function randomEnd(random: Random): CertificateTime {
  if (random.once(15)) return { status: 'never' };
  if (random.once(40)) return { status: 'unreadable', text: 'x', problem: 'it is no date' };
  return known(AT + (random.below(12) - 4) * 30 * DAY);
}

const SUBTREES: readonly NameSubtree[] = [
  { form: 'dns', name: 'example.com' },
  { form: 'dns', name: 'example.org' },
  { form: 'dns', name: '.example.com' },
  { form: 'directory', name: 'o=example' },
  { form: 'directory', name: 'o=other' },
  { form: 'address', network: Uint8Array.of(10, 0, 0, 0), mask: Uint8Array.of(255, 0, 0, 0) },
];

function randomConstraints(random: Random): NameConstraints {
  const subtrees = Array.from({ length: 1 + random.below(2) }, () => random.pick(SUBTREES));
  return random.once(3) ? { permitted: [], excluded: subtrees } : { permitted: subtrees, excluded: [] };
}

function shuffled<T>(values: readonly T[], random: Random): readonly T[] {
  const result = [...values];
  for (let index = result.length - 1; index > 0; index--) {
    const other = random.below(index + 1);
    [result[index], result[other]] = [result[other] as T, result[index] as T];
  }
  return result;
}
