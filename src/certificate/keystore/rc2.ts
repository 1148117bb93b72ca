/** The permutation, made of pi, that RFC 2268 section 2 expands keys with. */
const PI = Buffer.from(
  [
    'd978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2179a59f587b34f1361456d8d09817d32',
    'bd8f40eb86b77b0bf09521225c6b4e8254d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb626',
    '6fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed708e8eade8052eef784aa72ac354d6a2a',
    '961ad2715a1549744b9fd05e0418a4ecc2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731',
    '2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a90d38341bab33ffb0bb480c5fb9b1cd2e',
    'c5f3db47e5a59c770aa62068fe7fc1ad',
  ].join(''),
  'hex',
);

const BLOCK = 8;

/**
 * Decrypts RC2 in CBC mode (RFC 2268): OpenSSL keeps it in a provider that is not loaded. Gives `undefined` when the
 * padding is wrong, which is what a wrong key looks like. `effectiveBits` is the strength that the key is cut to.
 */
export function decryptRc2(
  key: Uint8Array,
  effectiveBits: number,
  iv: Uint8Array,
  ciphertext: Uint8Array,
): Uint8Array | undefined {
  if (ciphertext.length === 0 || ciphertext.length % BLOCK !== 0) return undefined;
  const schedule = expandKey(key, effectiveBits);
  const plain = new Uint8Array(ciphertext.length);
  let previous = iv;
  for (let start = 0; start < ciphertext.length; start += BLOCK) {
    const block = ciphertext.subarray(start, start + BLOCK);
    const target = plain.subarray(start, start + BLOCK);
    decryptBlock(schedule, block, target);
    for (let index = 0; index < BLOCK; index++) {
      target[index] = (target[index] as number) ^ (previous[index] as number);
    }
    previous = block;
  }
  return unpadded(plain);
}

/** Without the padding of PKCS#7; `undefined` when it is wrong. */
function unpadded(plain: Uint8Array): Uint8Array | undefined {
  const length = plain.at(-1) ?? 0;
  if (length === 0 || length > BLOCK) return undefined;
  return plain.subarray(-length).every((octet) => octet === length) ? plain.subarray(0, -length) : undefined;
}

/** The 64 words of the expanded key (section 2). */
function expandKey(key: Uint8Array, effectiveBits: number): Uint16Array {
  const octets = new Uint8Array(128);
  octets.set(key);
  for (let index = key.length; index < 128; index++) {
    octets[index] = PI[((octets[index - 1] as number) + (octets[index - key.length] as number)) & 0xff] as number;
  }
  const effectiveOctets = Math.ceil(effectiveBits / 8);
  const mask = 0xff >> (effectiveOctets * 8 - effectiveBits);
  octets[128 - effectiveOctets] = PI[(octets[128 - effectiveOctets] as number) & mask] as number;
  for (let index = 127 - effectiveOctets; index >= 0; index--) {
    octets[index] = PI[(octets[index + 1] as number) ^ (octets[index + effectiveOctets] as number)] as number;
  }
  const words = new Uint16Array(64);
  for (let index = 0; index < 64; index++) {
    words[index] = (octets[2 * index] as number) | ((octets[2 * index + 1] as number) << 8);
  }
  return words;
}

/** How far each of the four words is rotated in a mixing round. */
const ROTATIONS = [1, 2, 3, 5] as const;

/** Section 4: five mixing rounds, a mashing round, six, a mashing round, five, all backwards. */
function decryptBlock(schedule: Uint16Array, block: Uint8Array, target: Uint8Array): void {
  const words = new Uint16Array(4);
  for (let index = 0; index < 4; index++) {
    words[index] = (block[2 * index] as number) | ((block[2 * index + 1] as number) << 8);
  }
  for (let round = 15; round >= 0; round--) {
    for (let index = 3; index >= 0; index--) {
      const rotation = ROTATIONS[index] as number;
      const word = words[index] as number;
      const rotated = (word >>> rotation) | (word << (16 - rotation));
      const before = words[(index + 3) & 3] as number;
      const mixed = (before & (words[(index + 2) & 3] as number)) + (~before & (words[(index + 1) & 3] as number));
      words[index] = rotated - (schedule[4 * round + index] as number) - mixed;
    }
    if (round === 11 || round === 5) {
      for (let index = 3; index >= 0; index--) {
        const at = (words[(index + 3) & 3] as number) & 63;
        words[index] = (words[index] as number) - (schedule[at] as number);
      }
    }
  }
  for (let index = 0; index < 4; index++) {
    target[2 * index] = words[index] as number;
    target[2 * index + 1] = (words[index] as number) >> 8;
  }
}
