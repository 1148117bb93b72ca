import { diffieHellman, generateKeyPairSync } from 'node:crypto';
import type { Socket } from 'node:net';

import {
  expandLabel,
  extension,
  handshakeMessage,
  hmac,
  readClientHello,
  records,
  seal,
  serverHello,
  sha256,
  vector,
  x25519Key,
} from './raw-tls.ts';

/** A server of TLS 1.3 put together by hand, which can do everything that no library would. */
export interface PeerOptions {
  /** Certificate or CompressedCertificate, CertificateRequest before it, anything: the messages between EncryptedExtensions and Finished. */
  readonly messages: readonly Buffer[];
  /** Octets per record. */
  readonly recordSize?: number;
  /** Octets per write. */
  readonly writeSize?: number;
  /** Sends a Finished that is wrong. */
  readonly badFinished?: boolean;
  /** Sends these HelloRetryRequests, each as the extensions it holds, before the ServerHello. */
  readonly retries?: readonly (readonly Buffer[])[];
  /** Sent in the clear in place of everything. */
  readonly instead?: Buffer;
  /** What happens when the client has answered; `send` seals with the server's application keys. */
  readonly after?: (socket: Socket, send: (type: number, content: Buffer) => void) => void;
}

export const RETRY_RANDOM = Buffer.from('cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c', 'hex');

/** The list of a TLS 1.3 Certificate message, with extensions of the first entry. */
export function tls13List(certificates: readonly Uint8Array[], firstExtensions: readonly Buffer[] = []): Buffer {
  const entries = certificates.map((der, index) =>
    Buffer.concat([vector(3, der), vector(2, ...(index === 0 ? firstExtensions : []))]),
  );
  return Buffer.concat([vector(1), vector(3, ...entries)]);
}

/** A CertificateVerify that nobody checks. */
export const VERIFY = handshakeMessage(15, Buffer.from([4, 3]), vector(2, Buffer.alloc(70, 1)));

/** A CompressedCertificate; `length` is what it says about itself. */
export function compressedCertificate(algorithm: number, length: number, compressed: Uint8Array): Buffer {
  const octets = Buffer.alloc(5);
  octets.writeUInt16BE(algorithm, 0);
  octets.writeUIntBE(length, 2, 3);
  return handshakeMessage(25, octets, vector(3, compressed));
}

export function serveTls13Peer(options: PeerOptions): (socket: Socket) => void {
  return (socket) => {
    const transcript: Buffer[] = [];
    let retries = [...(options.retries ?? [])];
    let isAnswered = false;
    let buffered = Buffer.alloc(0);
    let application: { key: Buffer; iv: Buffer } | undefined;

    socket.on('data', (chunk: Buffer) => {
      buffered = Buffer.concat([buffered, chunk]);
      for (;;) {
        if (buffered.length < 5 || buffered.length < 5 + buffered.readUInt16BE(3)) return;
        const type = buffered.readUInt8(0);
        const payload = Buffer.from(buffered.subarray(5, 5 + buffered.readUInt16BE(3)));
        buffered = buffered.subarray(5 + payload.length);
        if (type === 22) take(payload);
        else if (type === 23 && !isAnswered) {
          isAnswered = true;
          const { key, iv } = application ?? { key: Buffer.alloc(16), iv: Buffer.alloc(12) };
          let sequence = 0;
          const send = (inner: number, content: Buffer): void => {
            socket.write(seal(key, iv, sequence++, content, inner));
          };
          if (options.after === undefined) socket.end();
          else options.after(socket, send);
        }
      }
    });

    function write(bytes: Buffer): void {
      const size = options.writeSize ?? bytes.length;
      for (let offset = 0; offset < bytes.length; offset += size) socket.write(bytes.subarray(offset, offset + size));
    }

    function take(clientHello: Buffer): void {
      if (options.instead !== undefined) return write(options.instead);
      const { sessionId, share } = readClientHello(clientHello);
      const [retry, ...more] = retries;
      if (retry !== undefined) {
        retries = more;
        const message = serverHello(sessionId, 0x1301, [extension(43, Buffer.from([3, 4])), ...retry], RETRY_RANDOM);
        if (transcript.length === 0) transcript.push(handshakeMessage(254, sha256(clientHello)), message);
        return write(records(22, message));
      }
      transcript.push(clientHello);
      answer(sessionId, share);
    }

    function answer(sessionId: Buffer, share: Buffer): void {
      const pair = generateKeyPairSync('x25519');
      const ownShare = pair.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
      const hello = serverHello(sessionId, 0x1301, [
        extension(43, Buffer.from([3, 4])),
        extension(51, Buffer.concat([Buffer.from([0, 0x1d]), vector(2, ownShare)])),
      ]);
      transcript.push(hello);
      const shared = diffieHellman({ privateKey: pair.privateKey, publicKey: x25519Key(share) });
      const zeros = Buffer.alloc(32);
      const empty = sha256();
      const handshakeSecret = hmac(expandLabel(hmac(zeros, zeros), 'derived', empty, 32), shared);
      const secret = expandLabel(handshakeSecret, 's hs traffic', sha256(...transcript), 32);
      const key = expandLabel(secret, 'key', Buffer.alloc(0), 16);
      const iv = expandLabel(secret, 'iv', Buffer.alloc(0), 12);

      const flight = [handshakeMessage(8, vector(2)), ...options.messages];
      transcript.push(...flight);
      const finishedKey = expandLabel(secret, 'finished', Buffer.alloc(0), 32);
      const mac = hmac(finishedKey, sha256(...transcript));
      if (options.badFinished === true) mac.writeUInt8(mac.readUInt8(0) ^ 1, 0);
      const finished = handshakeMessage(20, mac);
      flight.push(finished);
      transcript.push(finished);

      const master = hmac(expandLabel(handshakeSecret, 'derived', empty, 32), zeros);
      const applicationSecret = expandLabel(master, 's ap traffic', sha256(...transcript), 32);
      application = {
        key: expandLabel(applicationSecret, 'key', Buffer.alloc(0), 16),
        iv: expandLabel(applicationSecret, 'iv', Buffer.alloc(0), 12),
      };
      const bytes = Buffer.concat(flight);
      const size = options.recordSize ?? 16_000;
      const sealed: Buffer[] = [];
      for (let offset = 0; offset < bytes.length; offset += size) {
        sealed.push(seal(key, iv, sealed.length, bytes.subarray(offset, offset + size)));
      }
      write(Buffer.concat([records(22, hello), records(20, Buffer.from([1])), ...sealed]));
    }
  };
}
