import type { Certificate } from '../certificate/certificate.ts';
import type { Context } from '../plugin/context.ts';
import type { Item } from '../plugin/item.ts';
import type { Problem } from '../plugin/observation.ts';
import { roleOf } from './role.ts';

/** What a value of a store turned out to hold. */
export interface Held {
  readonly items: readonly Item[];
  readonly problems: readonly Problem[];
}

/** A certificate and what is sent behind it. */
export interface HeldChain extends Held {
  /** The certificate itself; absent where it could not be read. It is the first of the items. */
  readonly leaf?: Certificate;
}

/** What holds of the certificate itself, and not of its issuers. */
export type Attributes = Partial<Pick<Item, 'role' | 'usedBy' | 'renewal' | 'labels' | 'remarks'>>;

/** A certificate and its chain, as stores hold them: PEM, the chain apart from the certificate. */
export interface ChainText {
  readonly certificate: string;
  readonly chain?: string | undefined;
}

/**
 * Reads a certificate with its chain: the certificate at the place `certificate`, by its extended key usage unless the
 * attributes say what it does there, and what stands behind it at the place `chain`. Places begin with `prefix`.
 */
export async function readChain(
  context: Context,
  text: ChainText,
  attributes: Attributes = {},
  prefix = '',
): Promise<HeldChain> {
  const own = await readPart(context, text.certificate, 'certificate', prefix);
  // An imported certificate may have no chain.
  const behind = await readPart(context, text.chain ?? '', 'chain', prefix);
  // PKCS#7 has no order, and some stores keep all in one text.
  const leaf = own.certificates.find(({ isCa }) => !isCa) ?? own.certificates[0];
  const chain = [...own.certificates.filter((one) => one !== leaf), ...behind.certificates];
  const missing: readonly Problem[] =
    leaf === undefined && own.problems.length === 0
      ? [{ reason: 'empty', place: `${prefix}chain`, detail: 'the store gave no certificate' }]
      : [];
  return {
    items: [
      ...(leaf === undefined ? [] : [leafItem(leaf, attributes, prefix)]),
      ...chain.map((certificate, index) => chainItem(certificate, index, prefix)),
    ],
    problems: [...own.problems, ...missing, ...behind.problems],
    ...(leaf === undefined ? {} : { leaf }),
  };
}

/**
 * Reads a bundle of CA certificates by which somebody judges others: each is a trust anchor at this place, an intermediate
 * as well; revocation lists in it are items, too. An empty bundle is a problem.
 */
export async function readTrustStore(
  context: Context,
  bytes: Uint8Array,
  place: string,
  attributes: Omit<Attributes, 'role'>,
): Promise<Held> {
  const items: Item[] = [];
  const problems: Problem[] = [];
  const { parts } = await context.parse(bytes);
  for (const part of parts) {
    if (part.kind === 'certificate') {
      items.push({
        kind: 'certificate',
        der: part.certificate.der,
        place: { key: place, index: part.index },
        role: 'trust-anchor',
        ...attributes,
      });
    } else if (part.kind === 'crl') {
      items.push(crlItem(part.crl.der, place, attributes, part.index));
    } else if (part.kind === 'problem') {
      problems.push({
        reason: part.problem,
        place,
        detail: `a part of the trust store cannot be read: ${part.detail}`,
      });
    }
  }
  if (items.length === 0 && problems.length === 0) {
    problems.push({ reason: 'empty', place, detail: 'the trust store holds no certificate' });
  }
  return { items, problems };
}

/** Reads revocation lists by which somebody judges others. */
export async function readRevocationList(
  context: Context,
  bytes: Uint8Array,
  place: string,
  attributes: Omit<Attributes, 'role'>,
): Promise<Held> {
  const { parts } = await context.parse(bytes);
  const items = parts.flatMap((part) => (part.kind === 'crl' ? [crlItem(part.crl.der, place, attributes)] : []));
  const problems = parts.flatMap((part): readonly Problem[] =>
    part.kind === 'problem'
      ? [{ reason: part.problem, place, detail: `the revocation list cannot be read: ${part.detail}` }]
      : [],
  );
  if (items.length === 0 && problems.length === 0) {
    problems.push({ reason: 'empty', place, detail: 'there is no revocation list in it' });
  }
  return { items, problems };
}

function crlItem(der: Uint8Array, place: string, attributes: Attributes, index?: number): Item {
  return {
    kind: 'crl',
    der,
    place: { key: place, ...(index === undefined ? {} : { index }) },
    role: 'unknown',
    ...attributes,
  };
}

async function readPart(
  context: Context,
  pem: string,
  what: string,
  prefix: string,
): Promise<{ readonly certificates: readonly Certificate[]; readonly problems: Problem[] }> {
  const certificates: Certificate[] = [];
  const problems: Problem[] = [];
  if (pem === '') return { certificates, problems };
  const { parts } = await context.parse(Buffer.from(pem));
  for (const part of parts) {
    if (part.kind === 'certificate') certificates.push(part.certificate);
    // Not at `certificate`: what stands there is known by its description, and must not be kept from an earlier look.
    else if (part.kind === 'problem') {
      problems.push({
        reason: part.problem,
        place: `${prefix}chain`,
        detail: `the ${what} that the store holds cannot be read: ${part.detail}`,
      });
    }
  }
  return { certificates, problems };
}

function leafItem(certificate: Certificate, attributes: Attributes, prefix: string): Item {
  return {
    kind: 'certificate',
    der: certificate.der,
    place: { key: `${prefix}certificate` },
    role: roleOf(certificate.extendedKeyUsage),
    ...attributes,
  };
}

/** A certificate that stands behind another. */
export function chainItem(certificate: Certificate, index: number, prefix = ''): Item {
  return {
    kind: 'certificate',
    der: certificate.der,
    place: { key: `${prefix}chain`, index },
    role: isSelfIssued(certificate) ? 'trust-anchor' : 'intermediate',
  };
}

/** Whether it names itself as its issuer. */
export function isSelfIssued(certificate: Certificate): boolean {
  return Buffer.compare(certificate.subject.der, certificate.issuer.der) === 0;
}
