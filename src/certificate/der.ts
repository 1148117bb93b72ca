/** The bytes are not the DER (X.690) that was expected. `offset` is where, from the start of the whole input. */
export class DerError extends Error {
  override readonly name = 'DerError';
  readonly offset: number;

  constructor(rule: string, offset: number) {
    super(`${rule} (byte ${offset})`);
    this.offset = offset;
  }
}

/** Identifier octets of the elements that X.509 is made of. */
export const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  t61String: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** No structure that is read here nests deeper. */
const MAX_DEPTH = 32;

/** The input as a whole, shared by every reader over a part of it. */
interface Source {
  readonly bytes: Uint8Array;
  /** The same memory, for the fast conversions to text. */
  readonly buffer: Buffer;
  /** Set once a length was written longer than DER wants it. */
  nonMinimalLength: boolean;
}

/**
 * Walks the elements of one constructed element, front to back, without copying: what it gives are views of the input.
 *
 * `next()` moves to an element; `tag`, `start`, `contentStart` and `end` then describe it. Definite lengths only; a length
 * that is not minimal is accepted and remembered (`nonMinimalLength`). Everything that does not fit throws `DerError`.
 */
export class DerReader {
  /** Identifier octet of the current element. */
  tag = 0;
  /** Offset of the current element in the whole input. */
  start = 0;
  contentStart = 0;
  /** Offset behind the current element. */
  end: number;
  private readonly source: Source;
  private readonly limit: number;
  private readonly depth: number;

  private constructor(source: Source, from: number, limit: number, depth: number) {
    this.source = source;
    this.end = from;
    this.limit = limit;
    this.depth = depth;
  }

  static over(bytes: Uint8Array): DerReader {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new DerReader({ bytes, buffer, nonMinimalLength: false }, 0, bytes.length, 0);
  }

  get done(): boolean {
    return this.end >= this.limit;
  }

  /** How many octets lie behind the current element. */
  get remaining(): number {
    return this.limit - this.end;
  }

  get nonMinimalLength(): boolean {
    return this.source.nonMinimalLength;
  }

  /** The identifier octet of the element that `next()` would read, without moving; -1 when there is none. */
  peek(): number {
    return this.end < this.limit ? (this.source.bytes[this.end] as number) : -1;
  }

  /** Moves to the next element and gives its tag. */
  next(): number {
    const { bytes } = this.source;
    const { limit } = this;
    const start = this.end;
    if (start + 2 > limit) throw new DerError('the data ends inside an element', start);
    const tag = bytes[start] as number;
    if ((tag & 0x1f) === 0x1f) throw new DerError('the tag has more than one octet', start);
    let length = bytes[start + 1] as number;
    let contentStart = start + 2;
    if (length >= 0x80) {
      const count = length & 0x7f;
      if (count === 0) throw new DerError('the length is indefinite', start);
      if (count > 6 || contentStart + count > limit) throw new DerError('the length is cut or too large', start);
      length = 0;
      for (let index = 0; index < count; index++) length = length * 256 + (bytes[contentStart + index] as number);
      if (length < 0x80 || bytes[contentStart] === 0) this.source.nonMinimalLength = true;
      contentStart += count;
    }
    if (length > limit - contentStart) throw new DerError('an element is longer than what holds it', start);
    this.tag = tag;
    this.start = start;
    this.contentStart = contentStart;
    this.end = contentStart + length;
    return tag;
  }

  /** Moves to the next element, which must have this tag. */
  expect(tag: number, what: string): this {
    if (this.end >= this.limit) throw new DerError(`${what} is missing`, this.end);
    if (this.peek() !== tag) throw new DerError(`${what} has the wrong type`, this.end);
    this.next();
    return this;
  }

  /** A reader over the contents of the current element. */
  enter(): DerReader {
    return this.enterAt(this.contentStart);
  }

  /** A reader over the contents of the current element behind its first octet (the unused bits of a BIT STRING). */
  enterBitString(): DerReader {
    if (this.length === 0) throw new DerError('a BIT STRING is empty', this.start);
    return this.enterAt(this.contentStart + 1);
  }

  private enterAt(from: number): DerReader {
    if (this.depth >= MAX_DEPTH) throw new DerError('the structure is too deep', this.start);
    return new DerReader(this.source, from, this.end, this.depth + 1);
  }

  /** Octets of the contents of the current element. */
  get length(): number {
    return this.end - this.contentStart;
  }

  /** The contents of the current element. */
  content(): Uint8Array {
    return this.source.bytes.subarray(this.contentStart, this.end);
  }

  /** What lies behind the current element. */
  rest(): Uint8Array {
    return this.source.bytes.subarray(this.end, this.limit);
  }

  /** The current element, header included. */
  element(): Uint8Array {
    return this.source.bytes.subarray(this.start, this.end);
  }

  /** One octet of the contents; 0 behind the last. */
  octet(index: number): number {
    return this.contentStart + index < this.end ? (this.source.bytes[this.contentStart + index] as number) : 0;
  }

  /** The contents as text. */
  text(encoding: 'latin1' | 'utf8' | 'hex'): string {
    return this.source.buffer.toString(encoding, this.contentStart, this.end);
  }

  /** Whether the contents are these octets. */
  holds(octets: Uint8Array): boolean {
    if (octets.length !== this.length) return false;
    for (let index = 0; index < octets.length; index++) if (octets[index] !== this.octet(index)) return false;
    return true;
  }

  /** Whether the current element of `other`, a reader over the same input, has the same octets. */
  sameElement(other: DerReader): boolean {
    return this.source.buffer.compare(other.source.buffer, other.start, other.end, this.start, this.end) === 0;
  }

  /** BOOLEAN: any octet but 0 is true. */
  boolean(): boolean {
    return this.octet(0) !== 0;
  }

  /** A non-negative INTEGER of at most six octets; anything else throws. */
  smallInteger(): number {
    if (this.length === 0 || this.length > 6 || this.octet(0) >= 0x80) {
      throw new DerError('an INTEGER is out of range', this.start);
    }
    let value = 0;
    for (let index = 0; index < this.length; index++) value = value * 256 + this.octet(index);
    return value;
  }

  /** Number of significant bits of a positive INTEGER. */
  integerBits(): number {
    let index = 0;
    while (index < this.length && this.octet(index) === 0) index++;
    return index === this.length ? 0 : (this.length - index) * 8 - (Math.clz32(this.octet(index)) - 24);
  }
}

/**
 * How many octets the first element of `bytes` has, header included; `undefined` when they do not begin with a whole
 * element of definite length.
 */
export function elementLength(bytes: Uint8Array): number | undefined {
  const reader = DerReader.over(bytes);
  try {
    reader.next();
    return reader.end;
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}
