import { EXTENSION, MESSAGE, VERSION } from '../handshake-messages.ts';
import { NOTHING } from '../hkdf.ts';
import { TLS12_SUITES, TLS13_SUITES } from '../record-protection.ts';
import { COMPRESSIONS } from './compression.ts';
import { CURVES, type Agreement, type Group } from './groups.ts';

export interface KeyShare {
  readonly group: Group;
  readonly agreement: Agreement;
}

export interface ClientHelloFields {
  /** `RANDOM_LENGTH` octets each. */
  readonly random: Uint8Array;
  readonly sessionId: Uint8Array;
  readonly serverName?: string | undefined;
  readonly alpn: readonly string[];
  /** A group to offer behind the classic ones. */
  readonly lastGroup?: number | undefined;
  readonly shares: readonly KeyShare[];
  /** Also offers what can be read but not completed: TLS 1.0 and 1.1, RSA key exchange, CBC. */
  readonly readOnly: boolean;
  /** From a HelloRetryRequest. */
  readonly cookie?: Uint8Array | undefined;
}

/** Suites whose handshake this reader cannot complete, though it can read it as far as the certificate. */
const READ_ONLY_SUITES = [
  0xc024, 0xc028, 0xc023, 0xc027, 0xc00a, 0xc014, 0xc009, 0xc013, 0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f,
];

/** Those of the TLS library, in its order, so that a server with several certificates picks the same; without DSA and SHA-224. */
const SIGNATURE_SCHEMES = [
  0x0905, 0x0906, 0x0904, 0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x081a, 0x081b, 0x081c, 0x0809, 0x080a, 0x080b,
  0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201,
];

/** Some load balancers lose a hello of 256 to 511 octets, RFC 7685 section 1. */
const LOST_FROM = 256;
const LOST_TO = 512;

/** Of a handshake message: type and length. */
const HEADER_LENGTH = 4;

/** Octets of each of the two random values in a hello. */
export const RANDOM_LENGTH = 32;

const HEAD = numbers([VERSION.tls12]);
const SESSION_ID_LENGTH = Buffer.from([RANDOM_LENGTH]);
const NO_COMPRESSION = Buffer.from([1, 0]);
/** Of everything but suites and extensions; the length of the extensions has two octets. */
const FIXED_LENGTH = HEAD.length + 2 * RANDOM_LENGTH + SESSION_ID_LENGTH.length + NO_COMPRESSION.length + 2;

const COMPLETABLE = [...TLS13_SUITES.keys(), ...TLS12_SUITES.keys()];
const COMPLETABLE_SUITES = vector(2, numbers(COMPLETABLE));
const ALL_SUITES = vector(2, numbers([...COMPLETABLE, ...READ_ONLY_SUITES]));

const CLASSIC_NUMBERS = CURVES.map(({ number }) => number);
const CLASSIC_GROUPS = groupsExtension(CLASSIC_NUMBERS);

const COMPLETABLE_EXTENSIONS = commonExtensions([VERSION.tls13, VERSION.tls12]);
const ALL_EXTENSIONS = commonExtensions([VERSION.tls13, VERSION.tls12, VERSION.tls11, VERSION.tls10]);

function commonExtensions(versions: readonly number[]): Buffer {
  return Buffer.concat([
    extension(EXTENSION.pointFormats, vector(1, Buffer.from([0]))),
    extension(EXTENSION.extendedMasterSecret),
    extension(EXTENSION.renegotiationInfo, vector(1)),
    // CertificateStatusType ocsp, no responders, no extensions.
    extension(EXTENSION.statusRequest, Buffer.from([1]), vector(2), vector(2)),
    extension(EXTENSION.signatureAlgorithms, vector(2, numbers(SIGNATURE_SCHEMES))),
    extension(EXTENSION.compressCertificate, vector(1, numbers([...COMPRESSIONS.keys()]))),
    extension(EXTENSION.supportedVersions, vector(1, numbers(versions))),
  ]);
}

/**
 * A ClientHello message, RFC 8446 section 4.1.2.
 *
 * It offers no pre-shared key modes, so that a server of TLS 1.3 has no use for sending session tickets.
 */
export function clientHello(fields: ClientHelloFields): Buffer {
  const { serverName, cookie } = fields;
  const suites = fields.readOnly ? ALL_SUITES : COMPLETABLE_SUITES;
  const extensions = [
    serverName === undefined ? NOTHING : serverNameExtension(serverName),
    constantExtensions(fields),
    cookie === undefined ? NOTHING : extension(EXTENSION.cookie, vector(2, cookie)),
  ];
  const length = HEADER_LENGTH + FIXED_LENGTH + suites.length + lengthOf(extensions);
  if (length >= LOST_FROM && length < LOST_TO) extensions.push(padding(LOST_TO - length));
  return message(
    MESSAGE.clientHello,
    HEAD,
    fields.random,
    SESSION_ID_LENGTH,
    fields.sessionId,
    suites,
    NO_COMPRESSION,
    twoOctets(lengthOf(extensions)),
    ...extensions,
  );
}

/** A handshake message with its header. */
export function message(type: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = lengthOf(parts);
  const bytes = Buffer.allocUnsafe(HEADER_LENGTH + length);
  bytes.writeUInt32BE(type * 2 ** 24 + length, 0);
  join(bytes, HEADER_LENGTH, parts);
  return bytes;
}

/** A vector with its length in so many octets in front. */
export function vector(lengthOctets: 1 | 2 | 3, ...parts: readonly Uint8Array[]): Buffer {
  const length = lengthOf(parts);
  const bytes = Buffer.allocUnsafe(lengthOctets + length);
  bytes.writeUIntBE(length, 0, lengthOctets);
  join(bytes, lengthOctets, parts);
  return bytes;
}

function lengthOf(parts: readonly Uint8Array[]): number {
  let total = 0;
  for (const part of parts) total += part.length;
  return total;
}

function join(bytes: Buffer, start: number, parts: readonly Uint8Array[]): void {
  let offset = start;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
}

function twoOctets(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

function extension(type: number, ...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([numbers([type]), vector(2, ...parts)]);
}

function groupsExtension(groups: readonly number[]): Buffer {
  return extension(EXTENSION.supportedGroups, vector(2, numbers(groups)));
}

/** For key shares, which are the same for a minute. What else there is comes from the few sources of a config. */
const constants = new WeakMap<readonly KeyShare[], Map<string, Buffer>>();

/** Everything that is the same for many hellos, put together once. */
function constantExtensions({ shares, alpn, readOnly, lastGroup }: ClientHelloFields): Buffer {
  let ofShares = constants.get(shares);
  if (ofShares === undefined) constants.set(shares, (ofShares = new Map()));
  const variant = `${readOnly} ${lastGroup} ${alpn.join('\0')}`;
  let encoded = ofShares.get(variant);
  if (encoded === undefined) {
    encoded = Buffer.concat([
      readOnly ? ALL_EXTENSIONS : COMPLETABLE_EXTENSIONS,
      lastGroup === undefined ? CLASSIC_GROUPS : groupsExtension([...CLASSIC_NUMBERS, lastGroup]),
      alpnExtension(alpn),
      keyShareExtension(shares),
    ]);
    ofShares.set(variant, encoded);
  }
  return encoded;
}

function alpnExtension(protocols: readonly string[]): Buffer {
  if (protocols.length === 0) return NOTHING;
  const names = protocols.map((name) => vector(1, Buffer.from(name, 'latin1')));
  return extension(EXTENSION.alpn, vector(2, ...names));
}

function keyShareExtension(shares: readonly KeyShare[]): Buffer {
  const entries = shares.flatMap(({ group, agreement }) => [twoOctets(group.number), vector(2, agreement.share)]);
  return extension(EXTENSION.keyShare, vector(2, ...entries));
}

/** RFC 7685: fills so many octets, as far as an extension can be so short. */
function padding(length: number): Buffer {
  return extension(EXTENSION.padding, Buffer.alloc(Math.max(0, length - 4)));
}

/** Of the extension, its list and the one entry in it: type and length, length, type and length. */
const SERVER_NAME_OVERHEAD = 9;

/** RFC 6066 section 3: a DNS name without the trailing dot. */
function serverNameExtension(name: string): Buffer {
  const text = name.endsWith('.') ? name.slice(0, -1) : name;
  const bytes = Buffer.allocUnsafe(SERVER_NAME_OVERHEAD + text.length);
  bytes.writeUInt16BE(EXTENSION.serverName, 0);
  bytes.writeUInt16BE(text.length + 5, 2);
  bytes.writeUInt16BE(text.length + 3, 4);
  bytes[6] = 0;
  bytes.writeUInt16BE(text.length, 7);
  bytes.write(text, SERVER_NAME_OVERHEAD, 'latin1');
  return bytes;
}

/** Numbers of two octets each. */
function numbers(values: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(2 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, 2 * index);
  return bytes;
}
