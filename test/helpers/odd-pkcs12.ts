import { createCipheriv, createHmac, pbkdf2Sync, scryptSync } from 'node:crypto';

import { deriveKey, Purpose } from '../../src/certificate/keystore/pkcs12-kdf.ts';
import { encode, explicit, integer, oid, sequence, set, TAG } from './der.ts';

/** PKCS#12 from its pieces, for keystores that no tool makes. What tools make is in test/fixtures/keystores. */

const DATA = '1.2.840.113549.1.7.1';
const ENCRYPTED_DATA = '1.2.840.113549.1.7.6';
const BAG = '1.2.840.113549.1.12.10.1';
export const HMAC_OIDS: Readonly<Record<string, string>> = {
  sha1: '1.2.840.113549.2.7',
  sha224: '1.2.840.113549.2.8',
  sha256: '1.2.840.113549.2.9',
  sha384: '1.2.840.113549.2.10',
  sha512: '1.2.840.113549.2.11',
  'sha512-256': '1.2.840.113549.2.13',
  'sha3-256': '2.16.840.1.101.3.4.2.14',
};
const SALT = Buffer.from('0123456789abcdef');

export function octets(content: Uint8Array | string): Buffer {
  return encode(TAG.octetString, content);
}

export function attribute(type: string, ...values: readonly Uint8Array[]): Buffer {
  return sequence(oid(type), set(...values));
}

export function friendlyName(name: string): Buffer {
  return attribute('1.2.840.113549.1.9.20', encode(TAG.bmpString, Buffer.from(name, 'utf16le').swap16()));
}

export function localKeyId(id: string): Buffer {
  return attribute('1.2.840.113549.1.9.21', octets(id));
}

/** A bag of type 1 (key), 2 (shrouded key), 3 (certificate), 4 (CRL), 5 (secret), 6 (more bags), or one that is not known. */
export function bag(type: number, value: Uint8Array, ...attributes: readonly Uint8Array[]): Buffer {
  return sequence(oid(`${BAG}.${type}`), explicit(0, value), ...(attributes.length === 0 ? [] : [set(...attributes)]));
}

export function certificateBag(der: Uint8Array, ...attributes: readonly Uint8Array[]): Buffer {
  return bag(3, sequence(oid('1.2.840.113549.1.9.22.1'), explicit(0, octets(der))), ...attributes);
}

export function crlBag(der: Uint8Array): Buffer {
  return bag(4, sequence(oid('1.2.840.113549.1.9.23.1'), explicit(0, octets(der))));
}

/** A safe that is not encrypted. */
export function clearSafe(...bags: readonly Uint8Array[]): Buffer {
  return sequence(oid(DATA), explicit(0, octets(sequence(...bags))));
}

export interface Locked {
  /** AlgorithmIdentifier. */
  readonly algorithm: Uint8Array;
  encrypt(plain: Uint8Array): Uint8Array;
}

export function lockedSafe({ algorithm, encrypt }: Locked, ...bags: readonly Uint8Array[]): Buffer {
  const ciphertext = encode(0x80, encrypt(sequence(...bags)));
  return sequence(oid(ENCRYPTED_DATA), explicit(0, sequence(integer(0), sequence(oid(DATA), algorithm, ciphertext))));
}

/** EncryptedPrivateKeyInfo. */
export function lockedKey({ algorithm, encrypt }: Locked, key: Uint8Array): Buffer {
  return sequence(algorithm, octets(encrypt(key)));
}

export interface Pbes2Options {
  readonly prf?: string;
  /** What the file says; the key is made with no more than 2 048. */
  readonly rounds?: number;
  readonly withKeyLength?: boolean;
}

/** PBES2 with AES-256 and PBKDF2. */
export function pbes2(
  password: string | Uint8Array,
  { prf = 'sha256', rounds = 1000, withKeyLength = false }: Pbes2Options = {},
): Locked {
  const derivation = pbkdf2Identifier(prf, rounds, withKeyLength ? 32 : undefined);
  return aes(derivation, pbkdf2Sync(password, SALT, Math.min(rounds, 2048), 32, prf));
}

/** PBES2 with AES-256 and scrypt. */
export function scryptPbes2(password: string, N = 1024, r = 8, p = 1): Locked {
  const parameters = sequence(octets(SALT), integer(N), integer(r), integer(p));
  const key = N > 65_536 ? Buffer.alloc(32) : scryptSync(password, SALT, 32, { N, r, p });
  return aes(sequence(oid('1.3.6.1.4.1.11591.4.11'), parameters), key);
}

function pbkdf2Identifier(prf: string, rounds: number, keyLength: number | undefined): Buffer {
  // HMAC with SHA-1 is the default, which is left out.
  const parameters = [
    octets(SALT),
    integer(rounds),
    ...(keyLength === undefined ? [] : [integer(keyLength)]),
    ...(prf === 'sha1' ? [] : [sequence(oid(HMAC_OIDS[prf] ?? prf), encode(TAG.null))]),
  ];
  return sequence(oid('1.2.840.113549.1.5.12'), sequence(...parameters));
}

function aes(derivation: Uint8Array, key: Uint8Array): Locked {
  const iv = Buffer.alloc(16, 7);
  const cipher = sequence(oid('2.16.840.1.101.3.4.1.42'), octets(iv));
  return {
    algorithm: sequence(oid('1.2.840.113549.1.5.13'), sequence(derivation, cipher)),
    encrypt: (plain) => enciphered('aes-256-cbc', key, iv, plain),
  };
}

/** PBES1 with 3DES, from the octets of the password as the derivation of PKCS#12 takes them. */
export function pbe3des(password: Uint8Array, rounds = 1000): Locked {
  const done = Math.min(rounds, 2048);
  const key = deriveKey('sha1', Purpose.key, password, SALT, done, 24);
  const iv = deriveKey('sha1', Purpose.iv, password, SALT, done, 8);
  return {
    algorithm: sequence(oid('1.2.840.113549.1.12.1.3'), sequence(octets(SALT), integer(rounds))),
    encrypt: (plain) => enciphered('des-ede3-cbc', key, iv, plain),
  };
}

function enciphered(name: string, key: Uint8Array, iv: Uint8Array, plain: Uint8Array): Buffer {
  const cipher = createCipheriv(name, key, iv);
  return Buffer.concat([cipher.update(plain), cipher.final()]);
}

/** A whole keystore; `mac` makes its MacData. */
export function keystore(safes: readonly Uint8Array[], mac?: (content: Uint8Array) => Uint8Array): Buffer {
  const content = sequence(...safes);
  return sequence(
    integer(3),
    sequence(oid(DATA), explicit(0, octets(content))),
    ...(mac === undefined ? [] : [mac(content)]),
  );
}

/** PBMAC1 (RFC 9579) with the same hash in PBKDF2 and HMAC. */
export function pbmac1(password: string, hashName: string, keyLength = 32): (content: Uint8Array) => Uint8Array {
  return (content) => {
    const key = pbkdf2Sync(password, SALT, 1000, keyLength, hashName);
    const hmac = sequence(oid(HMAC_OIDS[hashName] ?? ''), encode(TAG.null));
    const algorithm = sequence(
      oid('1.2.840.113549.1.5.14'),
      sequence(pbkdf2Identifier(hashName, 1000, keyLength), hmac),
    );
    const digest = createHmac(hashName, key).update(content).digest();
    return sequence(sequence(algorithm, octets(digest)), octets('unused'), integer(1));
  };
}

/** A MAC by the key derivation of PKCS#12. */
export function classicMac(password: string, rounds: number): (content: Uint8Array) => Uint8Array {
  return (content) => {
    const text = Buffer.from(`${password}\0`, 'utf16le').swap16();
    const key = deriveKey('sha256', Purpose.mac, text, SALT, Math.min(rounds, 2048), 32);
    const digest = createHmac('sha256', key).update(content).digest();
    const algorithm = sequence(oid('2.16.840.1.101.3.4.2.1'), encode(TAG.null));
    return sequence(sequence(algorithm, octets(digest)), octets(SALT), integer(rounds));
  };
}

/**
 * The same structure in BER: every constructed element with an indefinite length, every OCTET STRING longer than some in
 * pieces, also inside the octets that hold a structure of their own.
 */
export function asBer(der: Uint8Array, pieceLength = 100): Buffer {
  const bytes = Buffer.from(der);
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const tag = bytes[at] ?? 0;
    const [start, end] = contentOf(bytes, at);
    const content = bytes.subarray(start, end);
    if ((tag & 0x20) !== 0) parts.push(indefinite(tag, asBer(content, pieceLength)));
    else if ((tag === TAG.octetString || tag === 0x80) && content.length > pieceLength) {
      const inner = isSafe(content) ? asBer(content, pieceLength) : content;
      const pieces: Buffer[] = [];
      for (let from = 0; from < inner.length; from += pieceLength) {
        pieces.push(octets(inner.subarray(from, from + pieceLength)));
      }
      parts.push(indefinite(tag | 0x20, Buffer.concat(pieces)));
    } else parts.push(bytes.subarray(at, end));
    at = end;
  }
  return Buffer.concat(parts);
}

function indefinite(tag: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([tag, 0x80]), content, Buffer.alloc(2)]);
}

/** Safes are SEQUENCEs of SEQUENCEs that begin with an OID; a certificate is not, and must stay as it is. */
function isSafe(content: Buffer): boolean {
  if (content[0] !== TAG.sequence) return false;
  const [start] = contentOf(content, 0);
  if (content[start] !== TAG.sequence) return false;
  const [inner] = contentOf(content, start);
  return content[inner] === TAG.oid;
}

function contentOf(bytes: Buffer, at: number): readonly [number, number] {
  const first = bytes[at + 1] ?? 0;
  if (first < 0x80) return [at + 2, at + 2 + first];
  const count = first & 0x7f;
  const start = at + 2 + count;
  return [start, start + bytes.readUIntBE(at + 2, count)];
}
