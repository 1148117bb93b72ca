import { KeystoreError } from './keystore-error.ts';

/** Reads what `java.io.DataOutputStream` wrote: big-endian, front to back. Throws `KeystoreError` where the data ends. */
export class JavaReader {
  readonly bytes: Uint8Array;
  private readonly view: DataView;
  /** Offset of the next octet. */
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
  }

  /** How many octets are left. */
  get remaining(): number {
    return this.bytes.length - this.at;
  }

  u1(): number {
    return this.view.getUint8(this.advance(1));
  }

  u2(): number {
    return this.view.getUint16(this.advance(2));
  }

  /** Java's `int`, as the length or number of something: signed there, so that a negative one is nonsense. */
  length(): number {
    const length = this.view.getInt32(this.advance(4));
    if (length < 0) throw new KeystoreError('a length is negative', this.at - 4);
    return length;
  }

  /** Views of the next octets. */
  take(length: number): Uint8Array {
    const start = this.advance(length);
    return this.bytes.subarray(start, start + length);
  }

  skip(length: number): void {
    this.advance(length);
  }

  /** `DataOutputStream.writeUTF`: two octets of length, then modified UTF-8 (java.io.DataInput). */
  utf(): string {
    return decodeModifiedUtf8(this.take(this.u2()));
  }

  /** Moves over `length` octets and gives where they start. */
  private advance(length: number): number {
    const start = this.at;
    if (length > this.remaining) throw new KeystoreError('the data ends inside an entry', start);
    this.at = start + length;
    return start;
  }
}

/** UTF-8 of UTF-16 units: characters beyond the basic plane are two surrogates, NUL is C0 80. */
function decodeModifiedUtf8(octets: Uint8Array): string {
  let text = '';
  for (let index = 0; index < octets.length;) {
    const first = octets[index] as number;
    const [second = 0, third = 0] = octets.subarray(index + 1, index + 3);
    if (first < 0x80) {
      text += String.fromCharCode(first);
      index += 1;
    } else if ((first & 0xe0) === 0xc0) {
      text += String.fromCharCode(((first & 0x1f) << 6) | (second & 0x3f));
      index += 2;
    } else {
      text += String.fromCharCode(((first & 0x0f) << 12) | ((second & 0x3f) << 6) | (third & 0x3f));
      index += 3;
    }
  }
  return text;
}
