/** What a handshake message breaks off or contradicts itself with. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage';
}

/** Reads the presentation language of RFC 8446 section 3: big-endian numbers and length-prefixed vectors. */
export class ByteReader {
  private readonly bytes: Buffer;
  private offset = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get done(): boolean {
    return this.offset >= this.bytes.length;
  }

  take(count: number): Buffer {
    if (this.offset + count > this.bytes.length) {
      throw new MalformedMessage('a length goes beyond the end of the message');
    }
    const taken = this.bytes.subarray(this.offset, this.offset + count);
    this.offset += count;
    return taken;
  }

  skip(count: number): void {
    if (this.offset + count > this.bytes.length) {
      throw new MalformedMessage('a length goes beyond the end of the message');
    }
    this.offset += count;
  }

  number(octets: 1 | 2 | 3): number {
    if (this.offset + octets > this.bytes.length) {
      throw new MalformedMessage('a number goes beyond the end of the message');
    }
    const value = this.bytes.readUIntBE(this.offset, octets);
    this.offset += octets;
    return value;
  }

  /** A vector whose length is given in front of it, in so many octets. */
  vector(lengthOctets: 1 | 2 | 3): Buffer {
    return this.take(this.number(lengthOctets));
  }

  /** A reader of such a vector. */
  nested(lengthOctets: 1 | 2 | 3): ByteReader {
    return new ByteReader(this.vector(lengthOctets));
  }
}
