const words = new Int32Array(80);

/**
 * SHA-1 of SHA-1 of … of a digest, `rounds` times (FIPS 180-4, 6.1.2). A call into the crypto library takes four times as
 * long as the hash of a single block, and old keystores ask for some hundred thousand in a row.
 */
export function chainSha1(digest: Uint8Array, rounds: number): Buffer {
  const input = Buffer.from(digest);
  let h0 = input.readInt32BE(0);
  let h1 = input.readInt32BE(4);
  let h2 = input.readInt32BE(8);
  let h3 = input.readInt32BE(12);
  let h4 = input.readInt32BE(16);
  for (let round = 0; round < rounds; round++) {
    words[0] = h0;
    words[1] = h1;
    words[2] = h2;
    words[3] = h3;
    words[4] = h4;
    words[5] = -0x80000000;
    for (let index = 6; index < 15; index++) words[index] = 0;
    words[15] = 160;
    let a = 0x67452301;
    let b = 0xefcdab89 | 0;
    let c = 0x98badcfe | 0;
    let d = 0x10325476;
    let e = 0xc3d2e1f0 | 0;
    for (let index = 0; index < 80; index++) {
      let word = words[index] as number;
      if (index >= 16) {
        word =
          (words[index - 3] as number) ^
          (words[index - 8] as number) ^
          (words[index - 14] as number) ^
          (words[index - 16] as number);
        word = (word << 1) | (word >>> 31);
        words[index] = word;
      }
      let mixed: number;
      if (index < 20) mixed = ((b & c) | (~b & d)) + 0x5a827999;
      else if (index < 40) mixed = (b ^ c ^ d) + 0x6ed9eba1;
      else if (index < 60) mixed = ((b & c) | (b & d) | (c & d)) - 0x70e44324;
      else mixed = (b ^ c ^ d) - 0x359d3e2a;
      const next = (((a << 5) | (a >>> 27)) + mixed + e + word) | 0;
      e = d;
      d = c;
      c = (b << 30) | (b >>> 2);
      b = a;
      a = next;
    }
    h0 = (a + 0x67452301) | 0;
    h1 = (b + 0xefcdab89) | 0;
    h2 = (c + 0x98badcfe) | 0;
    h3 = (d + 0x10325476) | 0;
    h4 = (e + 0xc3d2e1f0) | 0;
  }
  const output = Buffer.alloc(20);
  output.writeInt32BE(h0, 0);
  output.writeInt32BE(h1, 4);
  output.writeInt32BE(h2, 8);
  output.writeInt32BE(h3, 12);
  output.writeInt32BE(h4, 16);
  return output;
}
