import type { DerReader } from './der.ts';

/** Longer object identifiers are not written out. */
const MAX_OID_OCTETS = 128;

/** A table from object identifiers, looked up by their content octets so that nothing has to be decoded. */
export type OidTable<T> = ReadonlyMap<number, readonly { readonly octets: Uint8Array; readonly value: T }[]>;

/** Makes a table whose keys are dotted object identifiers. */
export function oidTable<T>(entries: Readonly<Record<string, T>>): OidTable<T> {
  const table = new Map<number, { octets: Uint8Array; value: T }[]>();
  for (const [dotted, value] of Object.entries(entries)) {
    const octets = contentOctets(dotted);
    let key = 0;
    for (const octet of octets) key = mix(key, octet);
    table.set(key, [...(table.get(key) ?? []), { octets, value }]);
  }
  return table;
}

/** What `table` holds for the OBJECT IDENTIFIER that `reader` is at. */
export function lookUpOid<T>(table: OidTable<T>, reader: DerReader): T | undefined {
  if (reader.length > MAX_OID_OCTETS) return undefined;
  let key = 0;
  for (let index = 0; index < reader.length; index++) key = mix(key, reader.octet(index));
  return table.get(key)?.find(({ octets }) => reader.holds(octets))?.value;
}

function mix(key: number, octet: number): number {
  return (Math.imul(key, 31) + octet) | 0;
}

/**
 * The dotted form of the OBJECT IDENTIFIER that `reader` is at. One that is malformed or longer than 128 octets is given
 * as `#` and hex digits of its first octets, so that it still can be recognised.
 */
export function dottedOid(reader: DerReader): string {
  const { length } = reader;
  if (length === 0 || length > MAX_OID_OCTETS || reader.octet(length - 1) >= 0x80) {
    return `#${Buffer.from(reader.content().subarray(0, 16)).toString('hex')}`;
  }
  const arcs: string[] = [];
  let value = 0n;
  for (let index = 0; index < length; index++) {
    const octet = reader.octet(index);
    value = value * 128n + BigInt(octet & 0x7f);
    if (octet >= 0x80) continue;
    if (arcs.length === 0) {
      const first = value < 80n ? value / 40n : 2n;
      arcs.push(String(first), String(value - first * 40n));
    } else {
      arcs.push(String(value));
    }
    value = 0n;
  }
  return arcs.join('.');
}

/** The content octets of a dotted object identifier. */
function contentOctets(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const octets: number[] = [];
  for (const arc of [first * 40 + second, ...rest]) {
    const groups = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) groups.unshift((left % 128) | 0x80);
    octets.push(...groups);
  }
  return Uint8Array.from(octets);
}

/** Attribute types of distinguished names: the short names that OpenSSL prints. */
export const ATTRIBUTES = oidTable({
  '2.5.4.3': 'CN',
  '2.5.4.4': 'SN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'street',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.12': 'title',
  '2.5.4.13': 'description',
  '2.5.4.15': 'businessCategory',
  '2.5.4.17': 'postalCode',
  '2.5.4.20': 'telephoneNumber',
  '2.5.4.41': 'name',
  '2.5.4.42': 'GN',
  '2.5.4.43': 'initials',
  '2.5.4.44': 'generationQualifier',
  '2.5.4.46': 'dnQualifier',
  '2.5.4.65': 'pseudonym',
  '2.5.4.97': 'organizationIdentifier',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'emailAddress',
  '1.2.840.113549.1.9.2': 'unstructuredName',
  '1.2.840.113549.1.9.8': 'unstructuredAddress',
  '1.3.6.1.4.1.311.60.2.1.1': 'jurisdictionL',
  '1.3.6.1.4.1.311.60.2.1.2': 'jurisdictionST',
  '1.3.6.1.4.1.311.60.2.1.3': 'jurisdictionC',
});

export const SIGNATURE_ALGORITHMS = oidTable({
  '1.2.840.113549.1.1.2': 'md2WithRSAEncryption',
  '1.2.840.113549.1.1.4': 'md5WithRSAEncryption',
  '1.2.840.113549.1.1.5': 'sha1WithRSAEncryption',
  '1.2.840.113549.1.1.10': 'rsassaPss',
  '1.2.840.113549.1.1.11': 'sha256WithRSAEncryption',
  '1.2.840.113549.1.1.12': 'sha384WithRSAEncryption',
  '1.2.840.113549.1.1.13': 'sha512WithRSAEncryption',
  '1.2.840.113549.1.1.14': 'sha224WithRSAEncryption',
  '1.2.840.10040.4.3': 'dsa-with-SHA1',
  '2.16.840.1.101.3.4.3.1': 'dsa-with-SHA224',
  '2.16.840.1.101.3.4.3.2': 'dsa-with-SHA256',
  '1.2.840.10045.4.1': 'ecdsa-with-SHA1',
  '1.2.840.10045.4.3.1': 'ecdsa-with-SHA224',
  '1.2.840.10045.4.3.2': 'ecdsa-with-SHA256',
  '1.2.840.10045.4.3.3': 'ecdsa-with-SHA384',
  '1.2.840.10045.4.3.4': 'ecdsa-with-SHA512',
  '1.3.101.112': 'Ed25519',
  '1.3.101.113': 'Ed448',
  '2.16.840.1.101.3.4.3.17': 'ML-DSA-44',
  '2.16.840.1.101.3.4.3.18': 'ML-DSA-65',
  '2.16.840.1.101.3.4.3.19': 'ML-DSA-87',
});

/** Extended key usages (RFC 5280 4.2.1.12 and the common private ones). */
export const EXTENDED_KEY_USAGES = oidTable({
  '2.5.29.37.0': 'anyExtendedKeyUsage',
  '1.3.6.1.5.5.7.3.1': 'serverAuth',
  '1.3.6.1.5.5.7.3.2': 'clientAuth',
  '1.3.6.1.5.5.7.3.3': 'codeSigning',
  '1.3.6.1.5.5.7.3.4': 'emailProtection',
  '1.3.6.1.5.5.7.3.8': 'timeStamping',
  '1.3.6.1.5.5.7.3.9': 'OCSPSigning',
});
