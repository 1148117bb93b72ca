import { createCipheriv, type Cipheriv } from 'node:crypto';

import {
  IV_LENGTH,
  protectTls13,
  TAG_LENGTH,
  trafficKeys,
  unpad,
  type InnerRecord,
  type Suite,
} from '../record-protection.ts';
import { MAX_PAYLOAD } from '../records.ts';

/** Decrypts the records of one direction and one epoch, in order; `undefined` when a record cannot be of these keys. */
export type DecryptRecord = (header: Buffer, payload: Buffer) => InnerRecord | undefined;

const BLOCK_LENGTH = 16;

/** GCM counts its key stream from here on: the first block makes the tag (NIST SP 800-38D section 7.1). */
const FIRST_COUNTER = 2;

/** The counter blocks of the longest record. What counts in them is always the same; the nonce before it is filled in. */
const counters = Buffer.alloc(Math.ceil(MAX_PAYLOAD / BLOCK_LENGTH) * BLOCK_LENGTH);
for (let at = 0, counter = FIRST_COUNTER; at < counters.length; at += BLOCK_LENGTH) {
  counters.writeUInt32BE(counter++, at + IV_LENGTH);
}
const words = new Uint32Array(counters.buffer, counters.byteOffset, counters.length / 4);

/**
 * Decrypts the server's records of a handshake of TLS 1.3, RFC 8446 section 5.2, with AES without looking at their tags:
 * GCM encrypts as counter mode does, so that one object that encrypts blocks does for all records, where Node would need
 * an object with its own key set-up for each.
 *
 * That nothing was changed on the way is known when the server's Finished, a MAC over the whole transcript, was checked.
 * Who leaves before it, as `early` does, has no proof of who is on the other side, and a tag would be none.
 */
export function decryptTls13(suite: Suite, secret: Uint8Array): DecryptRecord {
  if (suite.aead === 'chacha20-poly1305') return protectTls13(suite, secret).open;
  const { key, iv } = trafficKeys(suite, secret);
  const blocks = createCipheriv(`aes-${8 * suite.keyLength}-ecb`, key, null);
  let sequence = 0;
  return (_header, payload) => {
    const length = payload.length - TAG_LENGTH;
    if (length < 1) return undefined;
    const stream = keyStream(blocks, iv, sequence++, length);
    for (let index = 0; index < length; index++) stream[index] = (stream[index] ?? 0) ^ (payload[index] ?? 0);
    return unpad(stream.subarray(0, length));
  };
}

function keyStream(blocks: Cipheriv, iv: Buffer, sequence: number, length: number): Buffer {
  const end = Math.ceil(length / BLOCK_LENGTH) * BLOCK_LENGTH;
  // RFC 8446 section 5.3. The sequence stays far below 2^32: the records of a connection are counted.
  counters.set(iv);
  counters.writeUInt32BE((iv.readUInt32BE(IV_LENGTH - 4) ^ sequence) >>> 0, IV_LENGTH - 4);
  const [first = 0, second = 0, third = 0] = words;
  for (let word = 4; word < end / 4; word += 4) {
    words[word] = first;
    words[word + 1] = second;
    words[word + 2] = third;
  }
  return blocks.update(counters.subarray(0, end));
}
