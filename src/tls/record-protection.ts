import { createCipheriv, createDecipheriv, createSecretKey, type CipherGCMTypes, type KeyObject } from 'node:crypto';

import { expandLabel, label, NOTHING, type HashName } from './hkdf.ts';
import { CONTENT, HEADER_LENGTH } from './records.ts';

/** What a cipher suite with an AEAD is made of: RFC 8446 appendix B.4, RFC 5289, RFC 7905. CCM is not among what notafter offers. */
export interface Suite {
  readonly hash: HashName;
  readonly aead: CipherGCMTypes | 'chacha20-poly1305';
  readonly keyLength: 16 | 32;
}

const AES_128: Suite = { hash: 'sha256', aead: 'aes-128-gcm', keyLength: 16 };
const AES_256: Suite = { hash: 'sha384', aead: 'aes-256-gcm', keyLength: 32 };
const CHACHA20: Suite = { hash: 'sha256', aead: 'chacha20-poly1305', keyLength: 32 };

/** The suites of TLS 1.3, in the order in which they are offered. */
export const TLS13_SUITES: ReadonlyMap<number, Suite> = new Map([
  [0x1301, AES_128],
  [0x1302, AES_256],
  [0x1303, CHACHA20],
]);

/** The suites of TLS 1.2 with ECDHE and an AEAD, in the order of browsers, which have the cheaper hash in front. */
export const TLS12_SUITES: ReadonlyMap<number, Suite> = new Map([
  [0xc02b, AES_128],
  [0xc02f, AES_128],
  [0xc02c, AES_256],
  [0xc030, AES_256],
  [0xcca9, CHACHA20],
  [0xcca8, CHACHA20],
]);

export const IV_LENGTH = 12;
export const TAG_LENGTH = 16;

const KEY = { 16: label('key', 0, 16), 32: label('key', 0, 32) } as const;
const IV = label('iv', 0, IV_LENGTH);

/** What protects the records of a traffic secret of TLS 1.3, RFC 8446 section 7.3. */
export interface TrafficKeys {
  readonly key: KeyObject;
  readonly iv: Buffer;
}

export function trafficKeys(suite: Suite, secret: Uint8Array): TrafficKeys {
  return {
    key: createSecretKey(expandLabel(suite.hash, secret, KEY[suite.keyLength], NOTHING)),
    iv: expandLabel(suite.hash, secret, IV, NOTHING),
  };
}

/** RFC 5288 section 3: in TLS 1.2, GCM takes this much of its nonce from the keys and the rest from the record. */
export const SALT_LENGTH = 4;
const EXPLICIT_LENGTH = 8;

/** What an encrypted record held. */
export interface InnerRecord {
  readonly type: number;
  readonly content: Buffer;
}

/** Protects the records of one direction and one epoch, in order. */
export interface RecordProtection {
  /** Opens a record; `undefined` when it does not belong to these keys. */
  open(header: Buffer, payload: Buffer): InnerRecord | undefined;
  /** A whole record, header included. */
  seal(type: number, content: Buffer): Buffer;
}

/** For a traffic secret of TLS 1.3, RFC 8446 sections 5.2 and 7.3. */
export function protectTls13(suite: Suite, secret: Uint8Array): RecordProtection {
  const { key, iv } = trafficKeys(suite, secret);
  let sequence = 0;

  return {
    open(header, payload) {
      const plain = decrypt(suite, key, numbered(iv, sequence), header, payload);
      if (plain === undefined) return undefined;
      sequence += 1;
      return unpad(plain);
    },
    seal(type, content) {
      const inner = Buffer.allocUnsafe(content.length + 1);
      inner.set(content);
      inner[content.length] = type;
      const header = recordHeader(CONTENT.applicationData, inner.length + TAG_LENGTH);
      return encrypt(suite, key, numbered(iv, sequence++), header, header, NOTHING, inner);
    },
  };
}

/** For keys of TLS 1.2, RFC 5288 section 3 and RFC 7905 section 2; `iv` is the salt alone with GCM. */
export function protectTls12(suite: Suite, keyBytes: Buffer, iv: Buffer): RecordProtection {
  const key = createSecretKey(keyBytes);
  const explicit = suite.aead === 'chacha20-poly1305' ? 0 : EXPLICIT_LENGTH;
  let sequence = 0;

  return {
    open(header, payload) {
      if (payload.length < explicit + TAG_LENGTH) return undefined;
      const nonce = explicit === 0 ? numbered(iv, sequence) : Buffer.concat([iv, payload.subarray(0, explicit)]);
      const type = header.readUInt8(0);
      const data = additionalData(sequence, type, payload.length - explicit - TAG_LENGTH);
      const content = decrypt(suite, key, nonce, data, payload.subarray(explicit));
      if (content === undefined) return undefined;
      sequence += 1;
      return { type, content };
    },
    seal(type, content) {
      const counter = Buffer.alloc(explicit);
      if (explicit > 0) counter.writeUInt32BE(sequence, explicit - 4);
      const nonce = explicit === 0 ? numbered(iv, sequence) : Buffer.concat([iv, counter]);
      const header = recordHeader(type, explicit + content.length + TAG_LENGTH);
      return encrypt(suite, key, nonce, additionalData(sequence++, type, content.length), header, counter, content);
    },
  };
}

/** RFC 5246 section 6.2.3.3. */
function additionalData(sequence: number, type: number, length: number): Buffer {
  const data = Buffer.alloc(13);
  data.writeUInt32BE(sequence, 4);
  data[8] = type;
  data.writeUInt16BE(0x0303, 9);
  data.writeUInt16BE(length, 11);
  return data;
}

export function recordHeader(type: number, length: number, version = 0x0303): Buffer {
  const header = Buffer.allocUnsafe(HEADER_LENGTH);
  header[0] = type;
  header.writeUInt16BE(version, 1);
  header.writeUInt16BE(length, 3);
  return header;
}

function decrypt(suite: Suite, key: KeyObject, nonce: Buffer, additional: Buffer, payload: Buffer): Buffer | undefined {
  const end = payload.length - TAG_LENGTH;
  if (end < 0) return undefined;
  // A KeyObject, not its bytes: what stands behind each probe of Node for a KeyObject is an exception with its stack.
  const decipher = createDecipheriv(suite.aead as CipherGCMTypes, key, nonce, { authTagLength: TAG_LENGTH });
  decipher.setAAD(additional);
  decipher.setAuthTag(payload.subarray(end));
  const plain = decipher.update(payload.subarray(0, end));
  try {
    decipher.final();
    return plain;
  } catch {
    return undefined;
  }
}

function encrypt(
  suite: Suite,
  key: KeyObject,
  nonce: Buffer,
  additional: Buffer,
  header: Buffer,
  explicit: Buffer,
  content: Buffer,
): Buffer {
  const cipher = createCipheriv(suite.aead as CipherGCMTypes, key, nonce, { authTagLength: TAG_LENGTH });
  cipher.setAAD(additional);
  const sealed = cipher.update(content);
  cipher.final();
  return Buffer.concat([header, explicit, sealed, cipher.getAuthTag()]);
}

/** RFC 8446 section 5.3. */
function numbered(iv: Buffer, sequence: number): Buffer {
  const nonce = Buffer.from(iv);
  nonce.writeUInt32BE((nonce.readUInt32BE(IV_LENGTH - 4) ^ sequence) >>> 0, IV_LENGTH - 4);
  return nonce;
}

/** RFC 8446 section 5.2: content, one octet of type, zeros. */
export function unpad(plain: Buffer): InnerRecord {
  let end = plain.length;
  while (end > 0 && plain[end - 1] === 0) end -= 1;
  return { type: plain[end - 1] ?? CONTENT.alert, content: plain.subarray(0, Math.max(end - 1, 0)) };
}
