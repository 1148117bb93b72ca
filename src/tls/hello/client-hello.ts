import { EXTENSION, MESSAGE, VERSION } from '../handshake-messages.ts';
import { TLS12_SUITES, TLS13_SUITES } from '../record-protection.ts';
import { COMPRESSIONS } from './compression.ts';
import { CURVES } from './groups.ts';

export interface KeyShare {
  readonly group: number;
  readonly share: Uint8Array;
}

export interface ClientHelloFields {
  /** 32 octets each. */
  readonly random: Uint8Array;
  readonly sessionId: Uint8Array;
  readonly serverName?: string;
  readonly alpn: readonly string[];
  /** A group to offer behind the classic ones. */
  readonly lastGroup?: number;
  readonly shares: readonly KeyShare[];
  /** Also offers what can be read but not completed: TLS 1.0 and 1.1, RSA key exchange, CBC. */
  readonly readOnly: boolean;
  /** From a HelloRetryRequest. */
  readonly cookie?: Uint8Array;
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

const COMPLETABLE_SUITES = numbers([...TLS13_SUITES.keys(), ...TLS12_SUITES.keys()]);
const ALL_SUITES = Buffer.concat([COMPLETABLE_SUITES, numbers(READ_ONLY_SUITES)]);

const COMMON_EXTENSIONS = Buffer.concat([
  extension(EXTENSION.pointFormats, vector(1, Buffer.from([0]))),
  extension(EXTENSION.extendedMasterSecret),
  extension(EXTENSION.renegotiationInfo, vector(1)),
  // CertificateStatusType ocsp, no responders, no extensions.
  extension(EXTENSION.statusRequest, Buffer.from([1]), vector(2), vector(2)),
  extension(EXTENSION.signatureAlgorithms, vector(2, numbers(SIGNATURE_SCHEMES))),
  extension(EXTENSION.compressCertificate, vector(1, numbers([...COMPRESSIONS.keys()]))),
]);

const CLASSIC_NUMBERS = CURVES.map(({ number }) => number);
const CLASSIC_GROUPS = groupsExtension(CLASSIC_NUMBERS);

const COMPLETABLE_VERSIONS = extension(EXTENSION.supportedVersions, vector(1, numbers([VERSION.tls13, VERSION.tls12])));
const ALL_VERSIONS = extension(
  EXTENSION.supportedVersions,
  vector(1, numbers([VERSION.tls13, VERSION.tls12, VERSION.tls11, VERSION.tls10])),
);

/**
 * A ClientHello message, RFC 8446 section 4.1.2.
 *
 * It offers no pre-shared key modes, so that a server of TLS 1.3 has no use for sending session tickets.
 */
export function clientHello(fields: ClientHelloFields): Buffer {
  const { serverName, alpn, lastGroup, cookie, readOnly } = fields;
  const groups = lastGroup === undefined ? CLASSIC_GROUPS : groupsExtension([...CLASSIC_NUMBERS, lastGroup]);
  const extensions = [groups, COMMON_EXTENSIONS, readOnly ? ALL_VERSIONS : COMPLETABLE_VERSIONS];
  if (serverName !== undefined) extensions.unshift(serverNameExtension(serverName));
  if (alpn.length > 0) {
    const names = alpn.map((name) => vector(1, Buffer.from(name, 'latin1')));
    extensions.push(extension(EXTENSION.alpn, vector(2, ...names)));
  }
  if (cookie !== undefined) extensions.push(extension(EXTENSION.cookie, vector(2, cookie)));
  const shares = fields.shares.map(({ group, share }) => Buffer.concat([numbers([group]), vector(2, share)]));
  extensions.push(extension(EXTENSION.keyShare, vector(2, ...shares)));

  const head = Buffer.concat([
    numbers([VERSION.tls12]),
    fields.random,
    vector(1, fields.sessionId),
    vector(2, readOnly ? ALL_SUITES : COMPLETABLE_SUITES),
    vector(1, Buffer.from([0])),
  ]);
  let block = Buffer.concat(extensions);
  const length = 4 + head.length + 2 + block.length;
  if (length >= LOST_FROM && length < LOST_TO) {
    const zeros = Buffer.alloc(Math.max(0, LOST_TO - length - 4));
    block = Buffer.concat([block, extension(EXTENSION.padding, zeros)]);
  }
  return message(MESSAGE.clientHello, head, vector(2, block));
}

/** A handshake message with its header. */
export function message(type: number, ...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.from([type]), vector(3, ...parts)]);
}

/** A vector with its length in so many octets in front. */
export function vector(lengthOctets: 1 | 2 | 3, ...parts: readonly Uint8Array[]): Buffer {
  let total = 0;
  for (const part of parts) total += part.length;
  const bytes = Buffer.allocUnsafe(lengthOctets + total);
  bytes.writeUIntBE(total, 0, lengthOctets);
  let offset = lengthOctets;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

function extension(type: number, ...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([numbers([type]), vector(2, ...parts)]);
}

function groupsExtension(groups: readonly number[]): Buffer {
  return extension(EXTENSION.supportedGroups, vector(2, numbers(groups)));
}

/** RFC 6066 section 3: a DNS name without the trailing dot. */
function serverNameExtension(name: string): Buffer {
  const hostName = Buffer.from([0]);
  return extension(
    EXTENSION.serverName,
    vector(2, hostName, vector(2, Buffer.from(name.replace(/\.$/, ''), 'latin1'))),
  );
}

/** Numbers of two octets each. */
function numbers(values: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(2 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, 2 * index);
  return bytes;
}
