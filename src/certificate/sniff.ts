import { Tag } from './der.ts';

/** What a binary structure is, as its first elements tell. */
export type Format =
  | 'certificate'
  | 'crl'
  | 'request'
  | 'public-key'
  | 'private-key'
  | 'encrypted-private-key'
  | 'pkcs7'
  | 'pkcs12'
  | 'jks'
  | 'jceks'
  /** BKS or UBER: the two have the same header. */
  | 'bks'
  | 'bcfks';

/** 1.2.840.113549.1.7: PKCS#7. */
const PKCS7_ARC = '2a864886f70d0107';

/**
 * Recognises a binary structure by the types of its first elements; `undefined` for anything else, and for text. It does
 * not check lengths against the end of the data, so that a file that was cut off is still known for what it was.
 */
export function sniff(bytes: Uint8Array): Format | undefined {
  const magic = Buffer.from(bytes.subarray(0, 4)).toString('hex');
  if (magic === 'feedfeed') return 'jks';
  if (magic === 'cececece') return 'jceks';
  if (isBks(bytes)) return 'bks';
  const outer = headerAt(bytes, 0);
  // A text may begin with a 0, which is the tag of a SEQUENCE, but no further tag asked for below is a letter.
  if (outer?.tag !== Tag.sequence) return undefined;
  const first = headerAt(bytes, outer.contentStart);
  switch (first?.tag) {
    case Tag.sequence:
      return sniffSequence(bytes, first);
    case Tag.integer:
      return sniffInteger(bytes, first);
    case Tag.oid:
      return hex(bytes, first.contentStart, 8) === PKCS7_ARC ? 'pkcs7' : undefined;
    case undefined:
    default:
      return undefined;
  }
}

/** A version of 0 to 2, a salt of a usual length, and a number of rounds of four to seven digits. */
function isBks(bytes: Uint8Array): boolean {
  const version = hex(bytes, 0, 4);
  if (version !== '00000000' && version !== '00000001' && version !== '00000002') return false;
  const salt = bytes[7] ?? 0;
  if (hex(bytes, 4, 3) !== '000000' || salt < 8 || salt > 64 || bytes[8 + salt] !== 0) return false;
  return Number.parseInt(hex(bytes, 8 + salt, 4), 16) >= 1000;
}

interface Header {
  readonly tag: number;
  readonly contentStart: number;
  /** Behind the element; where the contents start when the length is indefinite. */
  readonly end: number;
}

function headerAt(bytes: Uint8Array, start: number): Header | undefined {
  const tag = bytes[start];
  const first = bytes[start + 1];
  if (tag === undefined || first === undefined) return undefined;
  if (first < 0x80) return { tag, contentStart: start + 2, end: start + 2 + first };
  const count = first & 0x7f;
  if (count > 6) return undefined;
  let length = 0;
  for (let index = 0; index < count; index++) length = length * 256 + (bytes[start + 2 + index] ?? 0);
  const contentStart = start + 2 + count;
  return { tag, contentStart, end: contentStart + length };
}

function hex(bytes: Uint8Array, start: number, length: number): string {
  return Buffer.from(bytes.subarray(start, start + length)).toString('hex');
}

/** SEQUENCE { SEQUENCE …: something signed, a public key or an encrypted private key. */
function sniffSequence(bytes: Uint8Array, inner: Header): Format | undefined {
  const first = headerAt(bytes, inner.contentStart);
  if (first === undefined) return undefined;
  if (first.tag === 0xa0) return 'certificate';
  if (first.tag === Tag.oid) {
    const value = headerAt(bytes, inner.end);
    if (value?.tag === Tag.octetString) return 'encrypted-private-key';
    return value?.tag === Tag.bitString ? 'public-key' : undefined;
  }
  // An encryption and what is encrypted: the whole content of BCFKS, before its check sum.
  if (first.tag === Tag.sequence && headerAt(bytes, first.contentStart)?.tag === Tag.oid) {
    if (headerAt(bytes, first.end)?.tag === Tag.octetString) return 'bcfks';
  }
  // The version of a CRL or a request, the serial number of a version 1 certificate; or the algorithm of a version 1 CRL.
  if (first.tag !== Tag.integer && first.tag !== Tag.sequence) return undefined;
  const second = first.tag === Tag.integer ? headerAt(bytes, first.end) : first;
  const third = second?.tag === Tag.sequence ? headerAt(bytes, second.end) : undefined;
  const fourth = third?.tag === Tag.sequence ? headerAt(bytes, third.end) : undefined;
  switch (fourth?.tag) {
    case Tag.utcTime:
    case Tag.generalizedTime:
      return 'crl';
    case Tag.sequence: {
      const date = headerAt(bytes, fourth.contentStart)?.tag;
      return date === Tag.utcTime || date === Tag.generalizedTime ? 'certificate' : undefined;
    }
    case 0xa0:
      return 'request';
    case undefined:
    default:
      return undefined;
  }
}

/** SEQUENCE { INTEGER …: a private key or a keystore. */
function sniffInteger(bytes: Uint8Array, version: Header): Format | undefined {
  const second = headerAt(bytes, version.end);
  switch (second?.tag) {
    case Tag.octetString: // SEC 1: EC key
    case Tag.integer: // PKCS#1: RSA key; the old form of DSA keys
      return hex(bytes, version.contentStart, 1) <= '01' ? 'private-key' : undefined;
    case Tag.sequence: {
      const oid = headerAt(bytes, second.contentStart);
      if (oid?.tag !== Tag.oid) return undefined;
      if (hex(bytes, oid.contentStart, 8) === PKCS7_ARC) return 'pkcs12';
      return headerAt(bytes, second.end)?.tag === Tag.octetString ? 'private-key' : undefined;
    }
    case undefined:
    default:
      return undefined;
  }
}
