import {
  createCipheriv,
  createHash,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  randomBytes,
} from 'node:crypto';
import type { Socket } from 'node:net';

/**
 * Server flights of TLS 1.2 and 1.3 put together by hand, for what no TLS library would serve: broken certificates, odd
 * lists, lengths that lie. Neither gets further than its certificate.
 */

/** A vector with its length in so many octets in front. */
export function vector(octets: 1 | 2 | 3, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const length = Buffer.alloc(octets);
  length.writeUIntBE(body.length, 0, octets);
  return Buffer.concat([length, body]);
}

export function handshakeMessage(type: number, ...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.from([type]), vector(3, ...parts)]);
}

/** Handshake bytes cut into records of at most `size` octets. */
export function records(type: number, bytes: Buffer, size = 16_384): Buffer {
  const cut: Buffer[] = [];
  for (let offset = 0; offset < bytes.length; offset += size) {
    const payload = bytes.subarray(offset, offset + size);
    cut.push(Buffer.from([type, 3, 3]), vector(2, payload));
  }
  return Buffer.concat(cut);
}

export function alertRecord(level: number, number: number): Buffer {
  return records(21, Buffer.from([level, number]));
}

export function extension(type: number, data: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([type >> 8, type & 0xff]), vector(2, data)]);
}

export function serverHello(
  sessionId: Uint8Array,
  suite: number,
  extensions: readonly Uint8Array[],
  random: Uint8Array = randomBytes(32),
): Buffer {
  const parts = [
    Buffer.from([3, 3]),
    random,
    vector(1, sessionId),
    Buffer.from([suite >> 8, suite & 0xff, 0]),
    vector(2, ...extensions),
  ];
  return handshakeMessage(2, ...parts);
}

/** What a TLS 1.2 server sends for ECDHE-ECDSA-AES128-GCM-SHA256, without a key exchange: hello, list, done. */
export function tls12Flight(list: Uint8Array, issuers?: readonly Uint8Array[]): Buffer {
  const request =
    issuers === undefined
      ? []
      : [
          handshakeMessage(
            13,
            vector(1, Buffer.from([1, 64])),
            vector(2, Buffer.from([4, 3])),
            vector(2, ...issuers.map((name) => vector(2, name))),
          ),
        ];
  return Buffer.concat([
    serverHello(Buffer.alloc(0), 0xc02b, [extension(0xff01, Buffer.from([0]))]),
    handshakeMessage(11, list),
    ...request,
    handshakeMessage(14),
  ]);
}

/** The list of a TLS 1.2 Certificate message. */
export function tls12List(certificates: readonly Uint8Array[]): Buffer {
  return vector(3, ...certificates.map((der) => vector(3, der)));
}

/** Answers a hello with a TLS 1.2 flight of these certificates. */
export function serveTls12(flight: Buffer): (socket: Socket) => void {
  return (socket) => {
    socket.once('data', () => socket.write(records(22, flight)));
  };
}

/**
 * Answers a hello with a TLS 1.3 flight of these certificates, sealed with real keys, in records of at most `size` octets.
 * Ends the connection behind it, or says nothing more.
 */
export function serveTls13(
  certificates: readonly Uint8Array[],
  { size = 16_000, stall = false }: { readonly size?: number; readonly stall?: boolean } = {},
): (socket: Socket) => void {
  return (socket) => {
    socket.once('data', (chunk: Buffer) => {
      socket.write(tls13Flight(chunk, certificates, size));
      if (!stall) socket.end();
    });
  };
}

function tls13Flight(clientRecord: Buffer, certificates: readonly Uint8Array[], size: number): Buffer {
  const clientHello = clientRecord.subarray(5, 5 + clientRecord.readUInt16BE(3));
  const { sessionId, share } = readClientHello(clientHello);
  const pair = generateKeyPairSync('x25519');
  const ownShare = pair.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
  const hello = serverHello(sessionId, 0x1301, [
    extension(43, Buffer.from([3, 4])),
    extension(51, Buffer.concat([Buffer.from([0, 0x1d]), vector(2, ownShare)])),
  ]);

  const shared = diffieHellman({ privateKey: pair.privateKey, publicKey: x25519Key(share) });
  const zeros = Buffer.alloc(32);
  const early = hmac(zeros, zeros);
  const handshakeSecret = hmac(expandLabel(early, 'derived', sha256(Buffer.alloc(0)), 32), shared);
  const secret = expandLabel(handshakeSecret, 's hs traffic', sha256(clientHello, hello), 32);
  const key = expandLabel(secret, 'key', Buffer.alloc(0), 16);
  const iv = expandLabel(secret, 'iv', Buffer.alloc(0), 12);

  const entries = certificates.map((der) => Buffer.concat([vector(3, der), vector(2)]));
  const flight = Buffer.concat([
    handshakeMessage(8, vector(2)),
    handshakeMessage(11, vector(1), vector(3, ...entries)),
  ]);
  const sealed: Buffer[] = [];
  for (let offset = 0; offset < flight.length; offset += size) {
    sealed.push(seal(key, iv, sealed.length, flight.subarray(offset, offset + size)));
  }
  return Buffer.concat([records(22, hello), records(20, Buffer.from([1])), ...sealed]);
}

export function seal(key: Buffer, iv: Buffer, sequence: number, content: Buffer, type = 22): Buffer {
  const nonce = Buffer.from(iv);
  nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ sequence) >>> 0, 8);
  const plain = Buffer.concat([content, Buffer.from([type, 0, 0])]);
  const header = Buffer.from([23, 3, 3, (plain.length + 16) >> 8, (plain.length + 16) & 0xff]);
  const cipher = createCipheriv('aes-128-gcm', key, nonce);
  cipher.setAAD(header);
  return Buffer.concat([header, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

export function readClientHello(hello: Buffer): { sessionId: Buffer; share: Buffer } {
  let offset = 4 + 2 + 32;
  const sessionId = hello.subarray(offset + 1, offset + 1 + hello.readUInt8(offset));
  offset += 1 + sessionId.length;
  offset += 2 + hello.readUInt16BE(offset);
  offset += 1 + hello.readUInt8(offset);
  const end = offset + 2 + hello.readUInt16BE(offset);
  for (offset += 2; offset < end; offset += 4 + hello.readUInt16BE(offset + 2)) {
    // key_share: a list of groups, of which X25519 comes first.
    if (hello.readUInt16BE(offset) === 51) return { sessionId, share: hello.subarray(offset + 10, offset + 42) };
  }
  throw new Error('the hello has no key share');
}

export function x25519Key(raw: Buffer): ReturnType<typeof createPublicKey> {
  return createPublicKey({
    key: Buffer.concat([Buffer.from('302a300506032b656e032100', 'hex'), raw]),
    format: 'der',
    type: 'spki',
  });
}

export function sha256(...parts: readonly Buffer[]): Buffer {
  const digest = createHash('sha256');
  for (const part of parts) digest.update(part);
  return digest.digest();
}

export function hmac(key: Buffer, data: Buffer): Buffer {
  return createHmac('sha256', key).update(data).digest();
}

export function expandLabel(secret: Buffer, label: string, context: Buffer, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`);
  const info = Buffer.concat([Buffer.from([0, length]), vector(1, name), vector(1, context), Buffer.from([1])]);
  return hmac(secret, info).subarray(0, length);
}
