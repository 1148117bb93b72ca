import { hash } from 'node:crypto';

const DIGEST = 20;

/** What one round of `md5Key` costs, in milliseconds of one core, roughly. */
export const JAVA_KEY_ROUND_MS = 0.0012;

/**
 * The key protection of JKS (sun.security.provider.KeyProtector): a salt, the key under a stream of chained SHA-1
 * digests, and a digest that tells whether the password was right.
 */
export function decryptJavaKey(password: Uint8Array, protectedKey: Uint8Array): Uint8Array | undefined {
  const length = protectedKey.length - 2 * DIGEST;
  if (length <= 0) return undefined;
  const plain = Buffer.alloc(length);
  let digest: Uint8Array = protectedKey.subarray(0, DIGEST);
  for (let start = 0; start < length; start += DIGEST) {
    digest = hash('sha1', Buffer.concat([password, digest]), 'buffer');
    for (let index = start; index < Math.min(start + DIGEST, length); index++) {
      plain[index] = (protectedKey[DIGEST + index] as number) ^ (digest[index - start] as number);
    }
  }
  const check = hash('sha1', Buffer.concat([password, plain]), 'buffer');
  return check.equals(protectedKey.subarray(DIGEST + length)) ? plain : undefined;
}

/**
 * Key and initialization vector of PBEWithMD5AndTripleDES (com.sun.crypto.provider.PBES1Core), with which JCEKS protects
 * keys: 32 octets, of each half of the salt 16.
 */
export function md5Key(password: Uint8Array, salt: Uint8Array, rounds: number): Buffer {
  const half = Math.floor(salt.length / 2);
  const halves = [salt.subarray(0, half), salt.subarray(half, 2 * half)];
  return Buffer.concat(halves.map((each) => chained(password, each, rounds)));
}

function chained(password: Uint8Array, salt: Uint8Array, rounds: number): Buffer {
  let digest: Buffer = Buffer.from(salt);
  for (let round = 0; round < rounds; round++) digest = hash('md5', Buffer.concat([digest, password]), 'buffer');
  return digest;
}
