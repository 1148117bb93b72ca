import { createDecipheriv, hash, pbkdf2Sync, scryptSync } from 'node:crypto';

import { DerError, Tag, type DerReader } from '../der.ts';
import { dottedOid } from '../oids.ts';
import { decryptJavaKey, JAVA_KEY_ROUND_MS, md5Key } from './java-encryption.ts';
import { CostError, type Lock } from './keyring.ts';
import { deriveKey, pkcs12KdfCostMs, Purpose } from './pkcs12-kdf.ts';
import { decryptRc2 } from './rc2.ts';
import { decryptRc4 } from './rc4.ts';

/** No file asks for more rounds in good faith: the highest defaults are 600 000. */
const MAX_ROUNDS = 5_000_000;
/** A salt has 8 to 64 octets. */
const MAX_SALT = 1024;
/** Octets of a derived key: HMAC wants 64 at most. */
const MAX_KEY_LENGTH = 128;
/** Memory for scrypt; the usual parameters take 16 to 128 MiB. */
const MAX_SCRYPT_MEMORY = 256 * 1024 * 1024;
/** scrypt goes over its memory, so much of it in a millisecond. */
const SCRYPT_OCTETS_PER_MS = 350_000;

/** The encryption is none that is known here; `name` says which. */
export class UnknownEncryption extends Error {
  override readonly name = 'UnknownEncryption';
}

/** An encryption by password with all its parameters. */
export interface Encryption extends Lock {
  /** `undefined` when the padding is wrong: with a wrong password it mostly is. */
  decrypt(password: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined;
}

/** A key derivation with all its parameters. */
interface Derivation {
  /** Of the key, where the parameters tell; at most 128. */
  readonly keyLength: number | undefined;
  costMs(length: number): number;
  derive(password: Uint8Array, length: number): Buffer;
}

interface Cipher {
  readonly keyLength: number;
  decrypt(key: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined;
}

/** PRFs of PBKDF2 (RFC 8018 B.1.2, RFC 9688 for SHA-3) and what a round costs. */
const PRFS: Readonly<Record<string, { readonly hash: string; readonly roundMs: number }>> = {
  '1.2.840.113549.2.7': { hash: 'sha1', roundMs: 0.00035 },
  '1.2.840.113549.2.8': { hash: 'sha224', roundMs: 0.0002 },
  '1.2.840.113549.2.9': { hash: 'sha256', roundMs: 0.0002 },
  '1.2.840.113549.2.10': { hash: 'sha384', roundMs: 0.0005 },
  '1.2.840.113549.2.11': { hash: 'sha512', roundMs: 0.0005 },
  '1.2.840.113549.2.12': { hash: 'sha512-224', roundMs: 0.0005 },
  '1.2.840.113549.2.13': { hash: 'sha512-256', roundMs: 0.0005 },
  '2.16.840.1.101.3.4.2.13': { hash: 'sha3-224', roundMs: 0.001 },
  '2.16.840.1.101.3.4.2.14': { hash: 'sha3-256', roundMs: 0.001 },
  '2.16.840.1.101.3.4.2.15': { hash: 'sha3-384', roundMs: 0.001 },
  '2.16.840.1.101.3.4.2.16': { hash: 'sha3-512', roundMs: 0.001 },
};

/** Ciphers of PBES2 that OpenSSL has. */
const CIPHERS: Readonly<Record<string, { readonly name: string; readonly keyLength: number }>> = {
  '2.16.840.1.101.3.4.1.2': { name: 'aes-128-cbc', keyLength: 16 },
  '2.16.840.1.101.3.4.1.22': { name: 'aes-192-cbc', keyLength: 24 },
  '2.16.840.1.101.3.4.1.42': { name: 'aes-256-cbc', keyLength: 32 },
  '1.2.392.200011.61.1.1.1.2': { name: 'camellia-128-cbc', keyLength: 16 },
  '1.2.392.200011.61.1.1.1.3': { name: 'camellia-192-cbc', keyLength: 24 },
  '1.2.392.200011.61.1.1.1.4': { name: 'camellia-256-cbc', keyLength: 32 },
  '1.2.840.113549.3.7': { name: 'des-ede3-cbc', keyLength: 24 },
};

interface Pkcs12Cipher {
  readonly cipher: '3des' | 'rc2' | 'rc4';
  readonly keyLength: number;
}

/** PBE of PKCS#12 (RFC 7292 appendix C), all with SHA-1. */
const PKCS12_PBES: Readonly<Record<string, Pkcs12Cipher>> = {
  '1.2.840.113549.1.12.1.1': { cipher: 'rc4', keyLength: 16 },
  '1.2.840.113549.1.12.1.2': { cipher: 'rc4', keyLength: 5 },
  '1.2.840.113549.1.12.1.3': { cipher: '3des', keyLength: 24 },
  '1.2.840.113549.1.12.1.4': { cipher: '3des', keyLength: 16 },
  '1.2.840.113549.1.12.1.5': { cipher: 'rc2', keyLength: 16 },
  '1.2.840.113549.1.12.1.6': { cipher: 'rc2', keyLength: 5 },
};

/** Octets of a block of 3DES and RC2. */
const BLOCK = 8;
const NO_IV = new Uint8Array(BLOCK);

const PBES2 = '1.2.840.113549.1.5.13';
const PBKDF2 = '1.2.840.113549.1.5.12';
const SCRYPT = '1.3.6.1.4.1.11591.4.11';
const RC2_CBC = '1.2.840.113549.3.2';
/** Sun's own: the key protection of JKS, and PBEWithMD5AndTripleDES of JCEKS. */
const JAVA_KEY_PROTECTOR = '1.3.6.1.4.1.42.2.17.1.1';
const JAVA_MD5_3DES = '1.3.6.1.4.1.42.2.19.1';

/**
 * The encryption that the AlgorithmIdentifier names that `reader` is at. Throws `UnknownEncryption`, `DerError`, or
 * CostError when it asks for more than is ever done.
 */
export function readEncryption(reader: DerReader): Encryption {
  const parts = reader.enter();
  const oid = dottedOid(parts.expect(Tag.oid, 'the encryption'));
  if (oid === JAVA_KEY_PROTECTOR) return { form: 'utf16', costMs: 0, decrypt: decryptJavaKey };
  const legacy = PKCS12_PBES[oid];
  if (oid !== PBES2 && oid !== JAVA_MD5_3DES && legacy === undefined) throw new UnknownEncryption(oid);
  const parameters = parts.expect(Tag.sequence, 'the parameters of the encryption').enter();
  if (oid === PBES2) return readPbes2(parameters);
  const salt = readSalt(parameters);
  const rounds = readRounds(parameters.expect(Tag.integer, 'the number of rounds'));
  return legacy === undefined ? javaPbe(salt, rounds) : pkcs12Encryption(legacy, salt, rounds);
}

/** The salt that an OCTET STRING holds. */
function readSalt(reader: DerReader): Uint8Array {
  const salt = reader.expect(Tag.octetString, 'the salt').content();
  if (salt.length > MAX_SALT) throw new DerError('the salt is too long', reader.start);
  return salt;
}

/** The number of rounds that the current INTEGER of `reader` asks for. */
export function readRounds(reader: DerReader): number {
  const rounds = reader.smallInteger();
  if (rounds === 0) throw new DerError('there are no rounds', reader.start);
  if (rounds > MAX_ROUNDS) {
    const message = `opening it takes ${rounds} rounds of key derivation, and more than ${MAX_ROUNDS} are never done`;
    throw new CostError(message, undefined);
  }
  return rounds;
}

function readPbes2(parameters: DerReader): Encryption {
  const derivation = readDerivation(parameters.expect(Tag.sequence, 'the key derivation'));
  const cipher = readCipher(parameters.expect(Tag.sequence, 'the cipher').enter());
  return {
    form: 'utf8',
    costMs: derivation.costMs(cipher.keyLength),
    decrypt: (password, ciphertext) => cipher.decrypt(derivation.derive(password, cipher.keyLength), ciphertext),
  };
}

/** The derivation of a key by PBKDF2 or scrypt that `reader` is at (RFC 8018 A.2, RFC 7914 section 7). */
export function readDerivation(reader: DerReader): Derivation {
  const parts = reader.enter();
  const oid = dottedOid(parts.expect(Tag.oid, 'the key derivation'));
  if (oid !== PBKDF2 && oid !== SCRYPT) throw new UnknownEncryption(oid);
  const parameters = parts.expect(Tag.sequence, 'the parameters of the key derivation').enter();
  const salt = readSalt(parameters);
  return oid === PBKDF2 ? readPbkdf2(salt, parameters) : readScrypt(salt, parameters);
}

function readPbkdf2(salt: Uint8Array, parameters: DerReader): Derivation {
  const rounds = readRounds(parameters.expect(Tag.integer, 'the number of rounds'));
  let prfOid = '1.2.840.113549.2.7';
  let keyLength: number | undefined;
  while (!parameters.done) {
    const tag = parameters.next();
    if (tag === Tag.integer) keyLength = parameters.smallInteger();
    if (tag === Tag.sequence) prfOid = dottedOid(parameters.enter().expect(Tag.oid, 'the PRF'));
  }
  if (keyLength === 0 || (keyLength ?? 0) > MAX_KEY_LENGTH) {
    throw new DerError('a key of that length does not exist', parameters.start);
  }
  const prf = PRFS[prfOid];
  if (prf === undefined) throw new UnknownEncryption(prfOid);
  const blockLength = hash(prf.hash, '', 'buffer').length;
  return {
    keyLength,
    costMs: (length) => rounds * prf.roundMs * Math.ceil(length / blockLength),
    derive: (password, length) => pbkdf2Sync(password, salt, rounds, length, prf.hash),
  };
}

function readScrypt(salt: Uint8Array, parameters: DerReader): Derivation {
  const N = parameters.expect(Tag.integer, 'the cost of scrypt').smallInteger();
  const r = parameters.expect(Tag.integer, 'the block size of scrypt').smallInteger();
  const p = parameters.expect(Tag.integer, 'the parallelization of scrypt').smallInteger();
  const memory = 128 * N * r;
  if (memory > MAX_SCRYPT_MEMORY || 128 * r * p > MAX_SCRYPT_MEMORY) {
    throw new CostError('opening it takes more memory for scrypt than is ever given', undefined);
  }
  if (N < 2 || (N & (N - 1)) !== 0 || r === 0 || p === 0) throw new DerError('scrypt is impossible', parameters.start);
  const maxmem = memory + 128 * r * p + 1024 * 1024;
  return {
    keyLength: undefined,
    costMs: () => (memory * p) / SCRYPT_OCTETS_PER_MS,
    derive: (password, length) => scryptSync(password, salt, length, { N, r, p, maxmem }),
  };
}

function readCipher(parts: DerReader): Cipher {
  const oid = dottedOid(parts.expect(Tag.oid, 'the cipher'));
  if (oid === RC2_CBC) return readRc2(parts.expect(Tag.sequence, 'the parameters of RC2').enter());
  const known = CIPHERS[oid];
  if (known === undefined) throw new UnknownEncryption(oid);
  const iv = parts.expect(Tag.octetString, 'the initialization vector').content();
  if (iv.length !== (known.name === 'des-ede3-cbc' ? 8 : 16)) {
    throw new DerError('the initialization vector has the wrong length', parts.start);
  }
  return { keyLength: known.keyLength, decrypt: (key, ciphertext) => decrypt(known.name, key, iv, ciphertext) };
}

/** RFC 2268 section 6: small numbers stand for the effective bits. */
const RC2_VERSIONS: Readonly<Record<number, number>> = { 160: 40, 120: 64, 58: 128 };

function readRc2(parameters: DerReader): Cipher {
  const version = parameters.expect(Tag.integer, 'the strength of RC2').smallInteger();
  const bits = RC2_VERSIONS[version];
  if (bits === undefined) throw new UnknownEncryption(`RC2 of version ${version}`);
  const iv = parameters.expect(Tag.octetString, 'the initialization vector').content();
  if (iv.length !== 8) throw new DerError('the initialization vector has the wrong length', parameters.start);
  return { keyLength: bits / 8, decrypt: (key, ciphertext) => decryptRc2(key, bits, iv, ciphertext) };
}

/** PBE of PKCS#12 (RFC 7292 appendix C). */
export function pkcs12Encryption({ cipher, keyLength }: Pkcs12Cipher, salt: Uint8Array, rounds: number): Encryption {
  const ivOf = (password: Uint8Array): Buffer => deriveKey('sha1', Purpose.iv, password, salt, rounds, BLOCK);
  const decryptWith = (key: Buffer, iv: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined => {
    switch (cipher) {
      case '3des':
        return decrypt('des-ede3-cbc', Buffer.concat([key, key]).subarray(0, 24), iv, ciphertext);
      case 'rc2':
        return decryptRc2(key, keyLength * 8, iv, ciphertext);
      case 'rc4':
        return decryptRc4(key, ciphertext);
    }
  };
  return {
    form: 'bmp',
    costMs: pkcs12KdfCostMs('sha1', rounds, keyLength),
    decrypt(password, ciphertext) {
      const key = deriveKey('sha1', Purpose.key, password, salt, rounds, keyLength);
      // The padding tells a wrong password without the initialization vector, which takes as long again to derive.
      if (cipher === 'rc4') return decryptWith(key, NO_IV, ciphertext);
      if (ciphertext.length > BLOCK && decryptWith(key, NO_IV, ciphertext) === undefined) return undefined;
      return decryptWith(key, ivOf(password), ciphertext);
    },
  };
}

function javaPbe(salt: Uint8Array, rounds: number): Encryption {
  return {
    form: 'ascii',
    costMs: 2 * rounds * JAVA_KEY_ROUND_MS,
    decrypt(password, ciphertext) {
      const derived = md5Key(password, salt, rounds);
      return decrypt('des-ede3-cbc', derived.subarray(0, 24), derived.subarray(24, 32), ciphertext);
    },
  };
}

function decrypt(name: string, key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
  const decipher = createDecipheriv(name, key, iv);
  try {
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  } catch {
    // Wrong padding, or no whole number of blocks.
    return undefined;
  }
}
