import { ByteQueue } from './byte-queue.ts';
import { ByteReader, MalformedMessage } from './byte-reader.ts';

/** Handshake message types, RFC 8446 section 4 and RFC 5246 section 7.4. */
export const MESSAGE = {
  clientHello: 1,
  serverHello: 2,
  newSessionTicket: 4,
  encryptedExtensions: 8,
  certificate: 11,
  serverKeyExchange: 12,
  certificateRequest: 13,
  serverHelloDone: 14,
  certificateVerify: 15,
  clientKeyExchange: 16,
  finished: 20,
  certificateStatus: 22,
  compressedCertificate: 25,
  /** Stands for the first ClientHello when there is a second, RFC 8446 section 4.4.1. */
  messageHash: 254,
} as const;

/** Wire versions. */
export const VERSION = { tls10: 0x0301, tls11: 0x0302, tls12: 0x0303, tls13: 0x0304 } as const;

/** Extension types of the registry: https://www.iana.org/assignments/tls-extensiontype-values */
export const EXTENSION = {
  serverName: 0,
  statusRequest: 5,
  supportedGroups: 10,
  pointFormats: 11,
  signatureAlgorithms: 13,
  alpn: 16,
  padding: 21,
  extendedMasterSecret: 23,
  compressCertificate: 27,
  supportedVersions: 43,
  cookie: 44,
  certificateAuthorities: 47,
  keyShare: 51,
  renegotiationInfo: 0xff01,
} as const;

/** Certificates kept of one list, and names kept of one list of acceptable issuers. */
export const MAX_CHAIN = 100;
const MAX_ISSUERS = 1_000;
const MAX_SIGNATURE_SCHEMES = 100;

/** CertificateStatusType of RFC 6066 section 8. */
const OCSP = 1;

export interface HandshakeMessage {
  readonly type: number;
  readonly body: Buffer;
}

/** Cuts handshake payloads into messages. */
export class MessageReader {
  private readonly queue = new ByteQueue();

  push(payload: Uint8Array): void {
    this.queue.push(payload);
  }

  next(): HandshakeMessage | undefined {
    if (this.queue.length < 4) return undefined;
    const header = this.queue.peek(4);
    const type = header.readUInt8(0);
    const length = header.readUIntBE(1, 3);
    if (this.queue.length < 4 + length) return undefined;
    return { type, body: this.queue.take(4 + length).subarray(4) };
  }
}

export interface ServerHello {
  readonly version: number;
  readonly suite: number;
  /** Set up to TLS 1.2. */
  readonly alpn?: string;
  readonly random: Buffer;
  /** In TLS 1.3 an echo of the client's. */
  readonly sessionId: Buffer;
  readonly extensions: ReadonlyMap<number, Buffer>;
}

/** The random value by which a ServerHello is a HelloRetryRequest, RFC 8446 section 4.1.3. */
const RETRY_RANDOM = Buffer.from('cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c', 'hex');

export function isRetry({ random }: ServerHello): boolean {
  return random.equals(RETRY_RANDOM);
}

/** RFC 8446 section 4.1.3, RFC 5246 section 7.4.1.3; a HelloRetryRequest has the same form. */
export function readServerHello(body: Buffer): ServerHello {
  const reader = new ByteReader(body);
  const legacyVersion = reader.number(2);
  const random = reader.take(32);
  const sessionId = reader.vector(1);
  const suite = reader.number(2);
  reader.number(1);
  const extensions = readExtensions(reader);
  const selected = extensions.get(EXTENSION.supportedVersions);
  const alpn = readAlpn(extensions);
  return {
    version: selected === undefined ? legacyVersion : new ByteReader(selected).number(2),
    suite,
    ...(alpn === undefined ? {} : { alpn }),
    random,
    sessionId,
    extensions,
  };
}

/** The group that a server of TLS 1.3 takes its share from (RFC 8446 section 4.2.8), or asks for in a HelloRetryRequest. */
export function keyShareGroup({ extensions }: ServerHello): number | undefined {
  const share = extensions.get(EXTENSION.keyShare);
  return share === undefined ? undefined : new ByteReader(share).number(2);
}

/** ECCurveType named_curve, RFC 8422 section 5.4. */
export const NAMED_CURVE = 3;

/** The group of a ServerKeyExchange up to TLS 1.2, when it is a named one. */
export function keyExchangeGroup(body: Buffer): number | undefined {
  const reader = new ByteReader(body);
  return reader.number(1) === NAMED_CURVE ? reader.number(2) : undefined;
}

/** RFC 8446 section 4.3.1: the application protocol that the server chose. */
export function readEncryptedExtensions(body: Buffer): string | undefined {
  return readAlpn(readExtensions(new ByteReader(body)));
}

export interface CertificateList {
  /** Each as sent, copied; at most `MAX_CHAIN`. */
  readonly certificates: readonly Uint8Array[];
  /** How many the server sent. */
  readonly count: number;
  /** The OCSP response that came with the first, DER; TLS 1.3 alone has a place for it here. */
  readonly ocspStaple?: Uint8Array;
}

/** RFC 8446 section 4.4.2, RFC 5246 section 7.4.2. */
export function readCertificate(body: Buffer, version: number): CertificateList {
  const reader = new ByteReader(body);
  if (version >= VERSION.tls13) reader.vector(1);
  // One copy, of which each certificate is a view: memory of its own for each costs more than reading it.
  const list = new ByteReader(copyOf(reader.vector(3)));
  const certificates: Uint8Array[] = [];
  let ocspStaple: Uint8Array | undefined;
  let count = 0;
  while (!list.done) {
    const der = list.vector(3);
    if (version >= VERSION.tls13) {
      const extensions = list.vector(2);
      if (count === 0 && extensions.length > 0) ocspStaple = findStaple(extensions);
    }
    count += 1;
    if (certificates.length < MAX_CHAIN) certificates.push(new Uint8Array(der.buffer, der.byteOffset, der.length));
  }
  return { certificates, count, ...(ocspStaple === undefined ? {} : { ocspStaple }) };
}

/** In memory of its own, and not in the pool of small Buffers, which whoever keeps a certificate would keep with it. */
function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}

/** The staple among the extensions of a certificate; none when they cannot be read, for the certificate itself counts. */
function findStaple(extensions: Buffer): Uint8Array | undefined {
  try {
    const reader = new ByteReader(extensions);
    while (!reader.done) {
      const type = reader.number(2);
      const data = reader.vector(2);
      if (type === EXTENSION.statusRequest) return readStaple(data);
    }
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error;
  }
  return undefined;
}

/** The OCSP response in a CertificateStatus, RFC 6066 section 8; `undefined` when it is of another kind. */
export function readStaple(status: Buffer): Uint8Array | undefined {
  const reader = new ByteReader(status);
  return reader.number(1) === OCSP ? new Uint8Array(reader.vector(3)) : undefined;
}

/** What a server says about the client certificates that it wants. */
export interface CertificateRequest {
  /** The names of acceptable issuers, DER, in the order sent. */
  readonly issuers: readonly Buffer[];
  /** Numbers of the registry, as RFC 8446 section 4.2.3; empty up to TLS 1.1. */
  readonly signatureSchemes: readonly number[];
}

/** RFC 8446 sections 4.3.2, 4.2.3 and 4.2.4, RFC 5246 section 7.4.4. */
export function readCertificateRequest(body: Buffer, version: number): CertificateRequest {
  const reader = new ByteReader(body);
  if (version >= VERSION.tls13) {
    reader.vector(1);
    const extensions = readExtensions(reader);
    const authorities = extensions.get(EXTENSION.certificateAuthorities);
    const schemes = extensions.get(EXTENSION.signatureAlgorithms);
    return {
      issuers: authorities === undefined ? [] : readNames(new ByteReader(authorities)),
      signatureSchemes: schemes === undefined ? [] : readSchemes(new ByteReader(schemes)),
    };
  }
  reader.vector(1);
  const signatureSchemes = version === VERSION.tls12 ? readSchemes(reader) : [];
  return { issuers: readNames(reader), signatureSchemes };
}

function readSchemes(reader: ByteReader): readonly number[] {
  const list = reader.nested(2);
  const schemes: number[] = [];
  while (!list.done && schemes.length < MAX_SIGNATURE_SCHEMES) schemes.push(list.number(2));
  return schemes;
}

function readNames(reader: ByteReader): readonly Buffer[] {
  const list = reader.nested(2);
  const names: Buffer[] = [];
  while (!list.done && names.length < MAX_ISSUERS) names.push(Buffer.from(list.vector(2)));
  return names;
}

/** A block of extensions, of which none may be there twice; a block that is missing has none. */
export function readExtensions(reader: ByteReader): ReadonlyMap<number, Buffer> {
  const extensions = new Map<number, Buffer>();
  if (reader.done) return extensions;
  const list = reader.nested(2);
  while (!list.done) {
    const type = list.number(2);
    const data = list.vector(2);
    if (extensions.has(type)) throw new MalformedMessage('an extension is there twice');
    extensions.set(type, data);
  }
  return extensions;
}

/** RFC 7301 section 3.1: exactly one name. It is shown, so it is kept to printable ASCII. */
function readAlpn(extensions: ReadonlyMap<number, Buffer>): string | undefined {
  const data = extensions.get(EXTENSION.alpn);
  if (data === undefined) return undefined;
  const name = new ByteReader(data).nested(2).vector(1).toString('latin1');
  return /^[\x21-\x7e]+$/.test(name) ? name : undefined;
}
