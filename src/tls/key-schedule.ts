import { createDecipheriv, createHmac, type CipherGCMTypes } from 'node:crypto';

import { CONTENT, type TlsRecord } from './records.ts';

/** What a TLS 1.3 cipher suite is made of, RFC 8446 appendix B.4. CCM is not among what notafter offers. */
interface Suite {
  readonly hash: 'sha256' | 'sha384';
  readonly aead: CipherGCMTypes | 'chacha20-poly1305';
  readonly keyLength: 16 | 32;
}

const SUITES: ReadonlyMap<number, Suite> = new Map([
  [0x1301, { hash: 'sha256', aead: 'aes-128-gcm', keyLength: 16 }],
  [0x1302, { hash: 'sha384', aead: 'aes-256-gcm', keyLength: 32 }],
  [0x1303, { hash: 'sha256', aead: 'chacha20-poly1305', keyLength: 32 }],
]);

const IV_LENGTH = 12;
const TAG_LENGTH = 16;

/** What an encrypted record held. */
export interface InnerRecord {
  readonly type: number;
  readonly content: Buffer;
}

/** Opens the records of one direction and one epoch of TLS 1.3, in order. */
export interface RecordOpener {
  /** `undefined` when the record does not belong to these keys: the next epoch has begun. */
  open(record: TlsRecord): InnerRecord | undefined;
  /** Overwrites the keys; nothing can be opened afterwards. */
  wipe(): void;
}

/** An opener for a traffic secret (RFC 8446 section 7.3); `undefined` when the suite is not known. Does not keep the secret. */
export function createOpener(suiteNumber: number, secret: Buffer): RecordOpener | undefined {
  const suite = SUITES.get(suiteNumber);
  if (suite === undefined) return undefined;
  const key = expandLabel(suite.hash, secret, 'key', suite.keyLength);
  const iv = expandLabel(suite.hash, secret, 'iv', IV_LENGTH);
  let sequence = 0n;

  return {
    open(record) {
      if (record.payload.length <= TAG_LENGTH) return undefined;
      const body = record.payload.subarray(0, -TAG_LENGTH);
      const decipher = createDecipheriv(suite.aead as CipherGCMTypes, key, nonce(iv, sequence), {
        authTagLength: TAG_LENGTH,
      });
      decipher.setAAD(record.header);
      decipher.setAuthTag(record.payload.subarray(-TAG_LENGTH));
      try {
        const plain = Buffer.concat([decipher.update(body), decipher.final()]);
        sequence += 1n;
        return unpad(plain);
      } catch {
        return undefined;
      }
    },
    wipe() {
      key.fill(0);
      iv.fill(0);
    },
  };
}

/** The server's handshake secret in a line of the key log format, if this is that line. */
export function handshakeSecret(line: Buffer): Buffer | undefined {
  const [label, , secret] = line.toString('latin1').trim().split(' ');
  return label === 'SERVER_HANDSHAKE_TRAFFIC_SECRET' && secret !== undefined ? Buffer.from(secret, 'hex') : undefined;
}

/** HKDF-Expand-Label with an empty context (RFC 8446 section 7.1); one block is enough for every length used here. */
function expandLabel(hash: Suite['hash'], secret: Buffer, label: string, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`, 'latin1');
  const info = Buffer.concat([Buffer.from([length >> 8, length & 0xff, name.length]), name, Buffer.from([0])]);
  const block = createHmac(hash, secret)
    .update(info)
    .update(Buffer.from([1]))
    .digest();
  const key = Buffer.from(block.subarray(0, length));
  block.fill(0);
  return key;
}

/** RFC 8446 section 5.3. */
function nonce(iv: Buffer, sequence: bigint): Buffer {
  const nonceBytes = Buffer.from(iv);
  nonceBytes.writeBigUInt64BE(nonceBytes.readBigUInt64BE(IV_LENGTH - 8) ^ sequence, IV_LENGTH - 8);
  return nonceBytes;
}

/** RFC 8446 section 5.2: content, one octet of type, zeros. */
function unpad(plain: Buffer): InnerRecord {
  let end = plain.length;
  while (end > 0 && plain[end - 1] === 0) end -= 1;
  return { type: plain[end - 1] ?? CONTENT.alert, content: plain.subarray(0, Math.max(end - 1, 0)) };
}
