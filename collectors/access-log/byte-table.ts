/** Share of the slots that may be taken. */
const MAX_LOAD = 0.6;
const FIRST_SLOTS = 1_024;
const PRIME = 16_777_619;

/**
 * Numbers for byte strings, in the order in which they came, without making an object for one that is known. A string may
 * be given in up to two pieces; they are kept with a byte in between that no field can hold.
 */
export class ByteTable {
  private readonly max: number;
  private readonly seed: number;
  private slots = new Int32Array(FIRST_SLOTS).fill(-1);
  private hashes = new Int32Array(FIRST_SLOTS);
  private readonly texts: string[] = [];

  /** `seed` makes it hard to find strings that get into each other's way. */
  constructor(max: number, seed: number) {
    this.max = max;
    this.seed = seed | 1;
  }

  get size(): number {
    return this.texts.length;
  }

  /** The string of a number, its bytes as Latin-1. */
  text(number: number): string {
    return this.texts[number] ?? '';
  }

  /**
   * The number of a string: a known one, the next one (then `size` has grown), or -1 where the table is full. Of the
   * second piece `secondStart` is -1 where there is none.
   */
  intern(bytes: Buffer, start: number, end: number, secondStart = -1, secondEnd = -1): number {
    let hash = this.seed;
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), PRIME);
    if (secondStart >= 0) {
      hash = Math.imul(hash ^ 0x100, PRIME);
      for (let at = secondStart; at < secondEnd; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), PRIME);
    }
    hash ^= hash >>> 15;
    const mask = this.slots.length - 1;
    let slot = hash & mask;
    for (;;) {
      const number = this.slots[slot] ?? -1;
      if (number < 0) break;
      if (this.hashes[number] === hash && this.isAt(number, bytes, start, end, secondStart, secondEnd)) return number;
      slot = (slot + 1) & mask;
    }
    if (this.texts.length >= this.max) return -1;
    const first = bytes.toString('latin1', start, end);
    const text = secondStart < 0 ? first : `${first}\n${bytes.toString('latin1', secondStart, secondEnd)}`;
    return this.add(text, hash, slot);
  }

  /** The same for a string as `text` gives it. */
  internText(text: string): number {
    const bytes = Buffer.from(text, 'latin1');
    const gap = text.indexOf('\n');
    return gap < 0 ? this.intern(bytes, 0, bytes.length) : this.intern(bytes, 0, gap, gap + 1, bytes.length);
  }

  private isAt(
    number: number,
    bytes: Buffer,
    start: number,
    end: number,
    secondStart: number,
    secondEnd: number,
  ): boolean {
    const text = this.texts[number] ?? '';
    const length = end - start;
    const whole = secondStart < 0 ? length : length + 1 + secondEnd - secondStart;
    if (text.length !== whole) return false;
    for (let at = 0; at < length; at++) if (text.charCodeAt(at) !== bytes[start + at]) return false;
    if (secondStart < 0) return true;
    for (let at = length + 1; at < whole; at++) {
      if (text.charCodeAt(at) !== bytes[secondStart + at - length - 1]) return false;
    }
    return text.charCodeAt(length) === 0x0a;
  }

  private add(text: string, hash: number, slot: number): number {
    const number = this.texts.push(text) - 1;
    if (number >= this.hashes.length) this.hashes = longer(this.hashes);
    this.hashes[number] = hash;
    this.slots[slot] = number;
    if (this.texts.length > this.slots.length * MAX_LOAD) this.rehash();
    return number;
  }

  private rehash(): void {
    const slots = new Int32Array(this.slots.length * 2).fill(-1);
    const mask = slots.length - 1;
    for (let number = 0; number < this.texts.length; number++) {
      let slot = (this.hashes[number] ?? 0) & mask;
      while ((slots[slot] ?? -1) >= 0) slot = (slot + 1) & mask;
      slots[slot] = number;
    }
    this.slots = slots;
  }
}

function longer(column: Int32Array): Int32Array<ArrayBuffer> {
  const copy = new Int32Array(column.length * 2);
  copy.set(column);
  return copy;
}
