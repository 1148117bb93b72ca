import { ByteQueue } from './byte-queue.ts';
import { ByteReader, MalformedMessage } from './byte-reader.ts';

/** Handshake message types, RFC 8446 section 4 and RFC 5246 section 7.4. */
export const MESSAGE = {
  serverHello: 2,
  encryptedExtensions: 8,
  certificate: 11,
  certificateRequest: 13,
  serverHelloDone: 14,
  finished: 20,
} as const;

/** Wire versions. */
export const VERSION = { tls10: 0x0301, tls11: 0x0302, tls12: 0x0303, tls13: 0x0304 } as const;

const EXTENSION = { alpn: 16, supportedVersions: 43, certificateAuthorities: 47 } as const;

/** The random value by which a ServerHello is a HelloRetryRequest, RFC 8446 section 4.1.3. */
const RETRY_RANDOM = Buffer.from('cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c', 'hex');

/** Certificates kept of one list, and names kept of one list of acceptable issuers. */
export const MAX_CHAIN = 100;
const MAX_ISSUERS = 1_000;

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
  readonly retry: boolean;
  readonly version: number;
  readonly suite: number;
  /** Set up to TLS 1.2. */
  readonly alpn?: string;
}

/** RFC 8446 section 4.1.3, RFC 5246 section 7.4.1.3. */
export function readServerHello(body: Buffer): ServerHello {
  const reader = new ByteReader(body);
  const legacyVersion = reader.number(2);
  const retry = reader.take(32).equals(RETRY_RANDOM);
  reader.vector(1);
  const suite = reader.number(2);
  reader.number(1);
  const extensions = readExtensions(reader);
  const selected = extensions.get(EXTENSION.supportedVersions);
  const alpn = readAlpn(extensions);
  return {
    retry,
    version: selected === undefined ? legacyVersion : new ByteReader(selected).number(2),
    suite,
    ...(alpn === undefined ? {} : { alpn }),
  };
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
}

/** RFC 8446 section 4.4.2, RFC 5246 section 7.4.2. */
export function readCertificate(body: Buffer, version: number): CertificateList {
  const reader = new ByteReader(body);
  if (version >= VERSION.tls13) reader.vector(1);
  const list = reader.nested(3);
  const certificates: Uint8Array[] = [];
  let count = 0;
  while (!list.done) {
    const der = list.vector(3);
    if (version >= VERSION.tls13) list.vector(2);
    count += 1;
    if (certificates.length < MAX_CHAIN) certificates.push(Uint8Array.from(der));
  }
  return { certificates, count };
}

/** The names of acceptable issuers, DER, in the order sent: RFC 8446 sections 4.3.2 and 4.2.4, RFC 5246 section 7.4.4. */
export function readCertificateRequest(body: Buffer, version: number): readonly Buffer[] {
  const reader = new ByteReader(body);
  if (version >= VERSION.tls13) {
    reader.vector(1);
    const authorities = readExtensions(reader).get(EXTENSION.certificateAuthorities);
    return authorities === undefined ? [] : readNames(new ByteReader(authorities));
  }
  reader.vector(1);
  if (version === VERSION.tls12) reader.vector(2);
  return readNames(reader);
}

function readNames(reader: ByteReader): readonly Buffer[] {
  const list = reader.nested(2);
  const names: Buffer[] = [];
  while (!list.done && names.length < MAX_ISSUERS) names.push(Buffer.from(list.vector(2)));
  return names;
}

function readExtensions(reader: ByteReader): ReadonlyMap<number, Buffer> {
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
