import { hash } from 'node:crypto';

import { CertificateError, parseCertificate, type Certificate } from '../../src/certificate/certificate.ts';
import { readName, shortName } from './distinguished-name.ts';
import type { Escaping, Field } from './field.ts';
import { parseMoment } from './moment.ts';

/** What a log tells of a client certificate. Hostile text, bounded. */
export interface ClientFacts {
  /** RFC 4514; absent where the log does not tell. */
  readonly subject?: string;
  readonly issuer?: string;
  /** Upper-case hex. */
  readonly serial?: string;
  readonly sha1?: string;
  readonly sha256?: string;
  /** Milliseconds since the epoch. */
  readonly notBefore?: number;
  readonly notAfter?: number;
}

/** The facts, and the certificate itself where it stands in the log. */
export interface ReadClient {
  readonly facts: ClientFacts;
  readonly certificate?: Certificate;
}

const MAX_TEXT = 1_024;
/** A certificate of 16 KiB in base64 and percent signs. */
const MAX_CERTIFICATE = 64 * 1024;

/**
 * Reads what a line tells of the client. `undefined` where it says nothing by which a certificate could be known again, or
 * where what it says is none.
 */
export function readClient(field: (field: Field) => string | undefined): ReadClient | undefined {
  const forwarded = field('xfcc');
  const element = forwarded === undefined ? undefined : lastElement(forwarded);
  const encoded = field('certificate') ?? element?.get('cert');
  if (encoded !== undefined) return readCertificate(encoded);
  const [notBefore, notAfter] = validityOf(field);
  const subject = field('subject') ?? element?.get('subject');
  const issuer = field('issuer');
  const facts: ClientFacts = {
    ...nameFact('subject', subject),
    ...nameFact('issuer', issuer),
    ...hexFact('serial', field('serial')),
    ...hexFact('sha1', field('sha1')),
    ...hexFact('sha256', field('sha256') ?? element?.get('hash')),
    ...(notBefore === undefined ? {} : { notBefore }),
    ...(notAfter === undefined ? {} : { notAfter }),
  };
  const isKnowable =
    facts.sha1 !== undefined ||
    facts.sha256 !== undefined ||
    facts.subject !== undefined ||
    (facts.serial !== undefined && facts.issuer !== undefined);
  return isKnowable ? { facts } : undefined;
}

function readCertificate(encoded: string): ReadClient | undefined {
  const der = decodeCertificate(encoded);
  if (der === undefined) return undefined;
  try {
    const certificate = parseCertificate(der);
    const { subject, issuer, serial, fingerprint, notBefore, notAfter } = certificate;
    return {
      certificate,
      facts: {
        ...nameFact('subject', subject.text),
        ...nameFact('issuer', issuer.text),
        serial,
        sha256: fingerprint,
        sha1: hash('sha1', certificate.der, 'hex'),
        ...(notBefore.status === 'known' ? { notBefore: notBefore.at } : {}),
        ...(notAfter.status === 'known' ? { notAfter: notAfter.at } : {}),
      },
    };
  } catch (error) {
    if (error instanceof CertificateError) return undefined;
    throw error;
  }
}

/** PEM, plain or with percent signs, or DER in base64. */
function decodeCertificate(encoded: string): Buffer | undefined {
  if (encoded.length > MAX_CERTIFICATE) return undefined;
  let text = encoded;
  if (text.includes('%')) {
    try {
      text = decodeURIComponent(text);
    } catch {
      return undefined;
    }
  }
  const base64 = text.replace(/-----BEGIN CERTIFICATE-----/, '').replace(/-----END CERTIFICATE-----[^]*/, '');
  const der = Buffer.from(base64.replaceAll(/\s/g, ''), 'base64');
  return der.length === 0 ? undefined : der;
}

/**
 * The last element of an X-Forwarded-Client-Cert header: the one that the proxy which wrote the log has seen itself; those
 * before it came from the other side
 * (https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert).
 */
function lastElement(header: string): ReadonlyMap<string, string> {
  let values = new Map<string, string>();
  for (const [, key = '', quoted, plain, separator] of header.matchAll(
    /([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^;,"]*))([;,]?)/g,
  )) {
    const name = key.toLowerCase();
    const value = quoted?.replaceAll(/\\(.)/g, '$1') ?? plain ?? '';
    if (!values.has(name) && value !== '') values.set(name, value);
    const isLast = separator !== ',';
    if (!isLast) values = new Map();
  }
  return values;
}

/** `NotBefore=2026-01-01T00:00:00Z;NotAfter=2027-01-01T00:00:00Z` in one field, or two of their own. */
function validityOf(field: (field: Field) => string | undefined): readonly [number | undefined, number | undefined] {
  const both = /NotBefore=([^;]*);\s*NotAfter=([^;]*)/i.exec(field('validity') ?? '');
  return [parseMoment(both?.[1] ?? field('not_before') ?? ''), parseMoment(both?.[2] ?? field('not_after') ?? '')];
}

function nameFact<Key extends 'subject' | 'issuer'>(key: Key, text: string | undefined): Partial<Record<Key, string>> {
  return text === undefined ? {} : ({ [key]: readName(text.slice(0, MAX_TEXT)) } as Record<Key, string>);
}

const LENGTHS: Readonly<Record<'serial' | 'sha1' | 'sha256', readonly [least: number, most: number]>> = {
  serial: [1, 64],
  sha1: [40, 40],
  sha256: [64, 64],
};

/** Hex with or without colons; anything else is nothing. */
function hexFact<Key extends 'serial' | 'sha1' | 'sha256'>(
  key: Key,
  text: string | undefined,
): Partial<Record<Key, string>> {
  const digits = text?.replaceAll(':', '').replace(/^0x/i, '');
  const [least, most] = LENGTHS[key];
  if (digits === undefined || digits.length < least || digits.length > most || !/^[0-9a-f]+$/i.test(digits)) return {};
  return { [key]: key === 'serial' ? digits.toUpperCase() : digits.toLowerCase() } as Record<Key, string>;
}

/** Who the client is over all its certificates: its subject, else the one certificate. */
export function nameOf({ subject, sha256, sha1, issuer, serial }: ClientFacts): string {
  if (subject !== undefined) return subject;
  if (sha256 !== undefined) return `SHA-256 ${sha256}`;
  return sha1 === undefined ? `${serial ?? ''} of ${issuer ?? ''}` : `SHA-1 ${sha1}`;
}

/** What people call it. */
export function titleOf(facts: ClientFacts): string {
  return facts.subject === undefined ? nameOf(facts) : shortName(facts.subject);
}

/** Undoes what the server did to write the bytes into its log. */
export function unescapeField(bytes: Buffer, start: number, end: number, escaping: Escaping): string {
  const raw = bytes.toString('utf8', start, end);
  if (!raw.includes('\\')) return raw;
  switch (escaping) {
    case 'none':
      return raw;
    case 'json':
      try {
        return String(JSON.parse(`"${raw}"`));
      } catch {
        return raw;
      }
    case 'backslash':
      return unescapeBytes(bytes.toString('latin1', start, end));
  }
}

const NAMED: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', v: '\v' };

/** `\x2C` stands for a byte, as does `\"`. What is no escape of a log stays: names have backslashes of their own. */
function unescapeBytes(latin1: string): string {
  const plain = latin1.replaceAll(/\\(?:x([0-9A-Fa-f]{2})|([ntrbv"\\]))/g, (_, hex?: string, named = '') =>
    hex === undefined ? (NAMED[named] ?? named) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(plain, 'latin1').toString('utf8');
}
