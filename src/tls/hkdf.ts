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
  outer.write(hash(name, inner.subarray(0, end), 'binary'), block, 'latin1');
  return Buffer.from(hash(name, outer.subarray(0, block + HASH_LENGTH[name]), 'binary'), 'latin1');
}

/** HKDF-Expand-Label, RFC 8446 section 7.1; one block is enough for every length used here. */
export function expandLabel(
  name: HashName,
  secret: Uint8Array,
  label: Label,
  context: Uint8Array,
  length: number,
): Buffer {
  const block = hmac(name, secret, labelInfo(label, context.length, length), context, ONE);
  return length === block.length ? block : block.subarray(0, length);
}

/** RFC 8446 section 7.1 to 7.3. */
export type Label = 'derived' | 's hs traffic' | 'c hs traffic' | 'c ap traffic' | 'key' | 'iv' | 'finished';

/** What stands in front of the context in an HkdfLabel, by label and lengths: a handful in all. */
const infos = new Map<string, Buffer>();

function labelInfo(label: Label, contextLength: number, length: number): Buffer {
  const id = `${label} ${contextLength} ${length}`;
  const known = infos.get(id);
  if (known !== undefined) return known;
  const text = Buffer.from(`tls13 ${label}`, 'latin1');
  const info = Buffer.concat([
    Buffer.from([length >> 8, length & 0xff, text.length]),
    text,
    Buffer.from([contextLength]),
  ]);
  infos.set(id, info);
  return info;
}

/** The pseudo-random function of TLS 1.2, RFC 5246 section 5. */
export function prf(name: HashName, secret: Uint8Array, label: string, seed: Uint8Array, length: number): Buffer {
  const labelled = Buffer.concat([Buffer.from(label, 'latin1'), seed]);
  const blocks: Buffer[] = [];
  let chain: Uint8Array = labelled;
  for (let got = 0; got < length; got += HASH_LENGTH[name]) {
    chain = hmac(name, secret, chain);
    blocks.push(hmac(name, secret, chain, labelled));
  }
  return Buffer.concat(blocks, length);
}
