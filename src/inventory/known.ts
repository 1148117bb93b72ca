import { hash } from 'node:crypto';

import { parseCertificate, type Certificate, type RevocationList } from '../certificate/certificate.ts';
import { parseRevocationList } from '../certificate/revocation-list.ts';
import type { CertificateTime } from '../certificate/time.ts';
import type { Item } from '../plugin/item.ts';
import { safeText } from '../text/safe-text.ts';
import type {
  DescribedCertificate,
  End,
  KnownCertificate,
  KnownCredential,
  KnownItem,
  KnownRevocationList,
} from './model.ts';

/** Characters kept of a distinguished name; of a single name there are fewer, DNS allows 253. */
const MAX_DN = 1_024;
const MAX_NAME = 256;
const MAX_SHORT = 128;
/** Problems of one certificate that are kept. */
const MAX_PROBLEMS = 20;

/** 9999-12-31T23:59:59Z, RFC 5280 section 4.1.2.5: no well-defined end. */
const NO_END = Date.UTC(9999, 11, 31, 23, 59, 59);

/** An item as the inventory keeps it, with what it was parsed from. */
export interface RecognisedItem {
  readonly known: KnownItem;
  /** The parsed certificate, for what needs more than is kept. */
  readonly certificate?: Certificate;
  /** Present when `known.id` is its SHA-256. */
  readonly der?: Uint8Array;
}

/**
 * Reads an item as a collector found it. `location` is the name of the location, which tells apart what has no name of
 * its own. Throws CertificateError when its DER cannot be parsed.
 */
export function knowItem(item: Item, location: string): RecognisedItem {
  switch (item.kind) {
    case 'certificate': {
      const certificate = item.parsed ?? parseCertificate(item.der);
      return { known: knowCertificate(certificate), certificate, der: certificate.der };
    }
    case 'crl': {
      const list = parseRevocationList(item.der);
      return { known: knowCrl(list), der: list.der };
    }
    case 'described':
      return { known: knowDescribed(item, location) };
    case 'credential':
      return { known: knowCredential(item) };
  }
}

/** What is kept of the certificates that were met lately, by fingerprint: one lies at very many places. */
const keptOf = new Map<string, KnownCertificate>();
const MAX_KEPT = 4_096;

/** What is kept of a certificate. */
export function knowCertificate(certificate: Certificate): KnownCertificate {
  const before = keptOf.get(certificate.fingerprint);
  if (before !== undefined) return before;
  const kept = keepOf(certificate);
  if (keptOf.size >= MAX_KEPT) keptOf.clear();
  keptOf.set(certificate.fingerprint, kept);
  return kept;
}

function keepOf(certificate: Certificate): KnownCertificate {
  const { fingerprint, subject, issuer } = certificate;
  const names = certificate.names.map((name) => safeText(name, { max: MAX_NAME }));
  const subjectText = safeText(subject.text, { max: MAX_DN });
  const commonName = safeText(subject.commonName ?? '', { max: MAX_NAME });
  return {
    kind: 'certificate',
    id: fingerprint,
    subject: subjectText,
    issuer: safeText(issuer.text, { max: MAX_DN }),
    serial: safeText(certificate.serial, { max: MAX_NAME }),
    title: firstOf(commonName, ...names, subjectText, fingerprint),
    names,
    nameCount: certificate.nameCount,
    notBefore: safeTime(certificate.notBefore),
    notAfter: safeTime(certificate.notAfter),
    isCa: certificate.isCa,
    selfIssued: Buffer.compare(subject.der, issuer.der) === 0,
    ...(certificate.keyUsage === undefined ? {} : { keyUsage: certificate.keyUsage }),
    ...(certificate.extendedKeyUsage === undefined ? {} : { extendedKeyUsage: certificate.extendedKeyUsage }),
    ...(certificate.subjectKeyId === undefined ? {} : { subjectKeyId: certificate.subjectKeyId }),
    ...(certificate.authorityKeyId === undefined ? {} : { authorityKeyId: certificate.authorityKeyId }),
    publicKey: certificate.publicKey.sha256,
    ...(certificate.mustStaple ? { mustStaple: true } : {}),
    keyAlgorithm: keyAlgorithmOf(certificate),
    signatureAlgorithm: certificate.signatureAlgorithm,
    problems: certificate.problems.slice(0, MAX_PROBLEMS).map((problem) => safeText(problem)),
  };
}

/** What is kept of a revocation list. */
export function knowCrl(list: RevocationList): KnownRevocationList {
  return {
    kind: 'crl',
    id: list.fingerprint,
    issuer: safeText(list.issuer.text, { max: MAX_DN }),
    thisUpdate: safeTime(list.thisUpdate),
    ...(list.nextUpdate === undefined ? {} : { nextUpdate: safeTime(list.nextUpdate) }),
    ...(list.number === undefined ? {} : { number: list.number }),
  };
}

function knowDescribed(item: Item & { kind: 'described' }, location: string): DescribedCertificate {
  const names = (item.names ?? []).map((name) => safeText(name, { max: MAX_NAME }));
  const sha256 = item.sha256?.toLowerCase();
  const id = sha256 ?? describedId(item, location);
  return {
    kind: 'described',
    id,
    title: firstOf(...names, safeText(item.serial ?? '', { max: MAX_NAME }), item.sha1 ?? '', id),
    ...(item.issuer === undefined ? {} : { issuer: safeText(item.issuer, { max: MAX_DN }) }),
    ...(item.serial === undefined ? {} : { serial: safeText(item.serial, { max: MAX_NAME }) }),
    ...(item.sha1 === undefined ? {} : { sha1: safeText(item.sha1.toLowerCase(), { max: MAX_SHORT }) }),
    ...(sha256 === undefined ? {} : { sha256: safeText(sha256, { max: MAX_SHORT }) }),
    names,
    ...(item.notBefore === undefined ? {} : { notBefore: timeOf(item.notBefore) }),
    notAfter: endOf(item.notAfter),
  };
}

/** The same wherever the same certificate is described in the same words, and no other's. */
function describedId(item: Item & { kind: 'described' }, location: string): string {
  return `described:${hash('sha256', JSON.stringify(identityOf(item, location)), 'hex')}`;
}

function identityOf(item: Item & { kind: 'described' }, location: string): readonly unknown[] {
  const { issuer, serial, sha1, names } = item;
  if (sha1 !== undefined) return ['sha1', sha1.toLowerCase()];
  if (serial !== undefined) return ['serial', issuer ?? null, serial.toUpperCase()];
  if (names !== undefined && names.length > 0) return ['names', issuer ?? null, names.toSorted()];
  return ['place', location, item.place.key, item.place.index ?? 0];
}

function knowCredential(item: Item & { kind: 'credential' }): KnownCredential {
  const id = safeText(item.id, { max: MAX_DN });
  return {
    kind: 'credential',
    id,
    name: firstOf(safeText(item.name, { max: MAX_NAME }), id),
    notAfter: timeOf(item.notAfter),
  };
}

function endOf(notAfter: Date | 'unknown'): End {
  return notAfter === 'unknown' ? { status: 'unknown' } : timeOf(notAfter);
}

/** A date that a remote answer named; it may be none. */
function timeOf(date: Date): CertificateTime {
  const at = date.getTime();
  if (Number.isNaN(at)) return { status: 'unreadable', text: '', problem: 'it is not a date' };
  return at >= NO_END ? { status: 'never' } : { status: 'known', at };
}

function safeTime(time: CertificateTime): CertificateTime {
  switch (time.status) {
    case 'known':
      return time.problem === undefined
        ? { status: 'known', at: time.at }
        : { ...time, problem: safeText(time.problem) };
    case 'never':
      return { status: 'never' };
    case 'unreadable':
      return { status: 'unreadable', text: safeText(time.text), problem: safeText(time.problem) };
  }
}

function keyAlgorithmOf({ publicKey }: Certificate): string {
  const { algorithm, curve, bits, oid } = publicKey;
  if (algorithm === 'unknown') return oid;
  const detail = curve ?? bits;
  return detail === undefined ? algorithm : `${algorithm} ${detail}`;
}

function firstOf(...texts: readonly string[]): string {
  return texts.find((text) => text.trim() !== '') ?? '';
}
