import { constants, crc32, deflateRawSync } from 'node:zlib';

/** A window of 16 KiB: most pieces are no longer, and a larger one costs more to set up than it gains. */
const DEFLATE = { level: 1, windowBits: 14, finishFlush: constants.Z_SYNC_FLUSH } as const;

/** Some bytes of an answer that never change; what is made of them is made once, and only where somebody asks for it. */
export class Piece {
  readonly bytes: Uint8Array;
  #checksum: number | undefined;
  #deflated: Uint8Array | undefined;

  constructor(content: Uint8Array | string) {
    this.bytes = typeof content === 'string' ? Buffer.from(content) : content;
  }

  /** CRC-32 of the bytes. */
  get checksum(): number {
    return (this.#checksum ??= crc32(this.bytes));
  }

  /** Whole blocks of deflate that end on a byte, so that others can follow them (RFC 1951). */
  get deflated(): Uint8Array {
    return (this.#deflated ??= deflateRawSync(this.bytes, DEFLATE));
  }
}

const GZIP_HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff);
/** An empty last block. */
const LAST_BLOCK = [0x03, 0x00];

/**
 * One gzip member of all the pieces, without compressing anything anew (RFC 1952). Several members would be shorter to
 * write down, but curl stops at the first.
 */
export function gzipped(pieces: readonly Piece[]): readonly Uint8Array[] {
  let checksum = 0;
  let length = 0;
  for (const piece of pieces) {
    checksum = joinedChecksum(checksum, piece.checksum, piece.bytes.length);
    length += piece.bytes.length;
  }
  const trailer = Buffer.alloc(10);
  trailer.set(LAST_BLOCK);
  trailer.writeUInt32LE(checksum, 2);
  trailer.writeUInt32LE(length % 2 ** 32, 6);
  return [GZIP_HEADER, ...pieces.map((piece) => piece.deflated), trailer];
}

const POLYNOMIAL = 0xedb8_8320;
const X_TO_THE_0 = 0x8000_0000;

/** The CRC-32 of `a` and `b` one after the other, from those of both and the length of `b`: crc32_combine of zlib. */
export function joinedChecksum(a: number, b: number, lengthOfB: number): number {
  return (product(xToThe8Times(lengthOfB), a) ^ b) >>> 0;
}

/** x to the power of 2^n modulo the polynomial, by n. */
const POWERS = powers();

function powers(): readonly number[] {
  const found = [0x4000_0000];
  for (let n = 1; n < 32; n++) found.push(product(found[n - 1] ?? 0, found[n - 1] ?? 0));
  return found;
}

function xToThe8Times(bytes: number): number {
  let power = X_TO_THE_0;
  for (let [left, n] = [bytes, 3]; left > 0; left = Math.floor(left / 2), n++) {
    if (left % 2 === 1) power = product(POWERS[n % 32] ?? 0, power);
  }
  return power;
}

/** The product of two polynomials modulo the polynomial of CRC-32; the highest bit is x to the power of 0. */
function product(a: number, b: number): number {
  let sum = 0;
  let factor = b;
  for (let bit = X_TO_THE_0; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) sum ^= factor;
    factor = (factor & 1) === 0 ? factor >>> 1 : (factor >>> 1) ^ POLYNOMIAL;
  }
  return sum >>> 0;
}
