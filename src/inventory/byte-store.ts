import { withRow } from './columns.ts';

const SLAB_BYTES = 4 * 2 ** 20;
/** Of a slab that is cut into records, what is freed is only won back when all is packed anew. */
const MAX_GARBAGE_SHARE = 0.5;

/**
 * Records of bytes by small numbers, outside of the heap: a million of them cost the garbage collector nothing. A record
 * is at most 4 MiB.
 */
export class ByteStore {
  private slabs: Buffer[] = [];
  /** Bytes used of the last slab. */
  private end = SLAB_BYTES;
  private offsets = new Uint32Array(0);
  private lengths = new Uint32Array(0);
  private rows = 0;
  private live = 0;
  private garbage = 0;

  /** Replaces what was there under the number. */
  set(number: number, bytes: Uint8Array): void {
    this.delete(number);
    this.offsets = withRow(this.offsets, number);
    this.lengths = withRow(this.lengths, number);
    this.rows = Math.max(this.rows, number + 1);
    this.append(number, bytes);
    this.live += bytes.length;
  }

  /** A view of the bytes, until the next change; empty when there are none. */
  get(number: number): Buffer {
    const offset = this.offsets[number] ?? 0;
    const start = offset % SLAB_BYTES;
    const slab = this.slabs[Math.floor(offset / SLAB_BYTES)];
    return slab === undefined ? Buffer.alloc(0) : slab.subarray(start, start + (this.lengths[number] ?? 0));
  }

  delete(number: number): void {
    const length = this.lengths[number] ?? 0;
    if (length === 0) return;
    this.lengths[number] = 0;
    this.live -= length;
    this.garbage += length;
    if (this.garbage > SLAB_BYTES && this.garbage > this.live * MAX_GARBAGE_SHARE) this.pack();
  }

  private append(number: number, bytes: Uint8Array): void {
    if (bytes.length > SLAB_BYTES) throw new RangeError(`a record of ${bytes.length} bytes is too long`);
    if (this.end + bytes.length > SLAB_BYTES) {
      this.slabs.push(Buffer.allocUnsafeSlow(SLAB_BYTES));
      this.end = 0;
    }
    this.slabs.at(-1)?.set(bytes, this.end);
    this.offsets[number] = (this.slabs.length - 1) * SLAB_BYTES + this.end;
    this.lengths[number] = bytes.length;
    this.end += bytes.length;
  }

  /** Copies what is alive into new slabs. */
  private pack(): void {
    const [slabs, offsets] = [this.slabs, this.offsets.slice()];
    this.slabs = [];
    this.end = SLAB_BYTES;
    this.garbage = 0;
    for (let number = 0; number < this.rows; number++) {
      const length = this.lengths[number] ?? 0;
      const offset = offsets[number] ?? 0;
      const slab = slabs[Math.floor(offset / SLAB_BYTES)];
      if (length === 0 || slab === undefined) continue;
      const start = offset % SLAB_BYTES;
      this.append(number, slab.subarray(start, start + length));
    }
  }
}
