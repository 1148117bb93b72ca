import { hash } from 'node:crypto';

import { chainSha1 } from './sha1-chain.ts';

/** What the derived octets are for (RFC 7292 B.3). */
export const Purpose = { key: 1, iv: 2, mac: 3 } as const;

/** What a round costs, by our own SHA-1 and by calls into the crypto library. */
const SHA1_ROUND_MS = 0.0003;
const ROUND_MS = 0.0012;

/** Hashes with blocks of 128 octets; all others have 64. */
const WIDE = new Set(['sha384', 'sha512', 'sha512-256', 'sha512-224']);

/** What `deriveKey` costs, in milliseconds of one core, roughly. */
export function pkcs12KdfCostMs(hashName: string, rounds: number, length: number): number {
  return rounds * (hashName === 'sha1' ? SHA1_ROUND_MS : ROUND_MS) * Math.ceil(length / digestLength(hashName));
}

/** The key derivation of PKCS#12 (RFC 7292 B.2). */
export function deriveKey(
  hashName: string,
  purpose: (typeof Purpose)[keyof typeof Purpose],
  password: Uint8Array,
  salt: Uint8Array,
  rounds: number,
  length: number,
): Buffer {
  const blockLength = WIDE.has(hashName) ? 128 : 64;
  const input = Buffer.concat([filled(salt, blockLength), filled(password, blockLength)]);
  const diversifier = Buffer.alloc(blockLength, purpose);
  const output: Buffer[] = [];
  for (let derived = 0; derived < length;) {
    const digest = chain(hashName, hash(hashName, Buffer.concat([diversifier, input]), 'buffer'), rounds - 1);
    output.push(digest);
    derived += digest.length;
    const addend = filled(digest, blockLength).subarray(0, blockLength);
    for (let start = 0; start < input.length; start += blockLength) {
      addPlusOne(input.subarray(start, start + blockLength), addend);
    }
  }
  return Buffer.concat(output).subarray(0, length);
}

function chain(hashName: string, first: Buffer, rounds: number): Buffer {
  if (hashName === 'sha1') return chainSha1(first, rounds);
  let digest = first;
  for (let round = 0; round < rounds; round++) digest = hash(hashName, digest, 'buffer');
  return digest;
}

/** Repeated until it fills a whole number of blocks. */
function filled(octets: Uint8Array, blockLength: number): Buffer {
  return octets.length === 0
    ? Buffer.alloc(0)
    : Buffer.alloc(Math.ceil(octets.length / blockLength) * blockLength, octets);
}

/** `target` becomes target + addend + 1, as numbers of that many octets. */
function addPlusOne(target: Buffer, addend: Buffer): void {
  let carry = 1;
  for (let index = target.length - 1; index >= 0; index--) {
    const sum = (target[index] as number) + (addend[index] as number) + carry;
    target[index] = sum & 0xff;
    carry = sum >> 8;
  }
}

function digestLength(hashName: string): number {
  return hash(hashName, '', 'buffer').length;
}
