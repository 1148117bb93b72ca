/** Bytes that come in pieces and are taken in others; adding is linear over all, whatever the size of the pieces. */
export class ByteQueue {
  private buffer = Buffer.alloc(0);
  private start = 0;
  private end = 0;

  get length(): number {
    return this.end - this.start;
  }

  push(bytes: Uint8Array): void {
    if (this.end + bytes.length > this.buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(1024, 2 * (this.length + bytes.length)));
      this.buffer.copy(grown, 0, this.start, this.end);
      this.end -= this.start;
      this.start = 0;
      this.buffer = grown;
    }
    this.buffer.set(bytes, this.end);
    this.end += bytes.length;
  }

  /** A view of the first `count` bytes (or fewer); valid until the next `push`. */
  peek(count: number): Buffer {
    return this.buffer.subarray(this.start, Math.min(this.start + count, this.end));
  }

  /** Removes the first `count` bytes and returns a view of them; valid until the next `push`. */
  take(count: number): Buffer {
    const taken = this.peek(count);
    this.start += taken.length;
    return taken;
  }
}
