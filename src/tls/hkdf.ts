import { hash } from 'node:crypto';

/** The hashes of the cipher suites that notafter speaks. */
export type HashName = 'sha256' | 'sha384';

const BLOCK_LENGTH = { sha256: 64, sha384: 128 } as const;
export const HASH_LENGTH = { sha256: 32, sha384: 48 } as const;

/** The longest message whose MAC is needed here is a label of some tens of octets with two hashes or randoms. */
const MAX_MESSAGE = 1024;

const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;

/** Work space of `hmac`, which runs from its beginning to its end without a break. */
const inner = Buffer.alloc(BLOCK_LENGTH.sha384 + MAX_MESSAGE);
const outer = Buffer.alloc(BLOCK_LENGTH.sha384 + HASH_LENGTH.sha384);

/** Views of the beginning of `inner`, by length: a new view costs as much as a hash. */
const innerUpTo: Buffer[] = [];
const OUTER = {
  sha256: outer.subarray(0, BLOCK_LENGTH.sha256 + HASH_LENGTH.sha256),
  sha384: outer.subarray(0, BLOCK_LENGTH.sha384 + HASH_LENGTH.sha384),
} as const;

export const NOTHING = Buffer.alloc(0);
const ONE = Buffer.from([1]);

export function digest(name: HashName, bytes: Uint8Array): Buffer {
  return Buffer.from(hash(name, bytes, 'binary'), 'latin1');
}

/**
 * HMAC, RFC 2104, of up to three parts of a message.
 *
 * Put together from two one-shot hashes: an object of `createHmac` costs several times as much, and a probe needs up to
 * twenty of them.
 */
export function hmac(
  name: HashName,
  key: Uint8Array,
  first: Uint8Array,
  second: Uint8Array = NOTHING,
  third: Uint8Array = NOTHING,
): Buffer {
  const block = BLOCK_LENGTH[name];
  const short = key.length > block ? digest(name, key) : key;
  for (let index = 0; index < block; index++) {
    const octet = short[index] ?? 0;
    inner[index] = octet ^ INNER_PAD;
    outer[index] = octet ^ OUTER_PAD;
  }
  let end = block;
  inner.set(first, end);
  end += first.length;
  inner.set(second, end);
  end += second.length;
  inner.set(third, end);
  end += third.length;
  const message = (innerUpTo[end] ??= inner.subarray(0, end));
  outer.write(hash(name, message, 'binary'), block, 'latin1');
  return Buffer.from(hash(name, OUTER[name], 'binary'), 'latin1');
}

/** A label of RFC 8446 sections 7.1 to 7.3 with the lengths that go with it: the beginning of an HkdfLabel. */
export interface Label {
  readonly length: number;
  readonly info: Buffer;
}

export function label(text: string, contextLength: number, length: number): Label {
  const name = Buffer.from(`tls13 ${text}`, 'latin1');
  const head = Buffer.from([length >> 8, length & 0xff, name.length]);
  return { length, info: Buffer.concat([head, name, Buffer.from([contextLength])]) };
}

/** HKDF-Expand-Label, RFC 8446 section 7.1; one block is enough for every length used here. */
export function expandLabel(name: HashName, secret: Uint8Array, { length, info }: Label, context: Uint8Array): Buffer {
  const block = hmac(name, secret, info, context, ONE);
  return length === block.length ? block : block.subarray(0, length);
}

/** The pseudo-random function of TLS 1.2, RFC 5246 section 5. */
export function prf(name: HashName, secret: Uint8Array, labelText: string, seed: Uint8Array, length: number): Buffer {
  const labelled = Buffer.concat([Buffer.from(labelText, 'latin1'), seed]);
  const blocks: Buffer[] = [];
  let chain: Uint8Array = labelled;
  for (let got = 0; got < length; got += HASH_LENGTH[name]) {
    chain = hmac(name, secret, chain);
    blocks.push(hmac(name, secret, chain, labelled));
  }
  return Buffer.concat(blocks, length);
}
