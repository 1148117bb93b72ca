import type { Container } from '../../src/certificate/container.ts';

/** Larger files are hardly ever the same. */
const MAX_BYTES = 16 * 1024;
const MIN_BYTES = 64;
/** Octets of all contents that are remembered. */
const MAX_TOTAL = 8 * 1024 * 1024;
/** Contents of which it is remembered that they were met. */
const MAX_MET = 200_000;

interface Repeat {
  readonly bytes: Buffer;
  readonly container: Container;
}

/**
 * What contents turned out to be: one certificate lies at very many places of a fleet, and is parsed once or twice. Only
 * what is met a second time, holds certificates and lists, and nothing that is secret, is remembered.
 */
export class Repeats {
  private readonly repeats = new Map<number, Repeat>();
  private readonly met = new Set<number>();
  private total = 0;

  /** What exactly these octets were found to hold; undefined when they are not remembered. */
  get(bytes: Buffer): Container | undefined {
    if (bytes.length > MAX_BYTES || bytes.length < MIN_BYTES) return undefined;
    const repeat = this.repeats.get(sketchOf(bytes));
    return repeat?.bytes.equals(bytes) === true ? repeat.container : undefined;
  }

  /** Takes note of a content that `get` did not know. Keeps the memory of `bytes` when it is met again. */
  note(bytes: Buffer, container: Container): void {
    if (bytes.length > MAX_BYTES || bytes.length < MIN_BYTES) return;
    const sketch = sketchOf(bytes);
    if (!this.met.has(sketch)) {
      if (this.met.size >= MAX_MET) this.met.clear();
      this.met.add(sketch);
      return;
    }
    const isPlain = container.format === 'pem' || container.format === 'der';
    if (!isPlain || !container.parts.every(({ kind }) => kind === 'certificate' || kind === 'crl')) return;
    this.total += bytes.length - (this.repeats.get(sketch)?.bytes.length ?? 0);
    this.repeats.set(sketch, { bytes, container });
    for (const [oldest, repeat] of this.repeats) {
      if (this.total <= MAX_TOTAL) break;
      this.repeats.delete(oldest);
      this.total -= repeat.bytes.length;
    }
  }
}

/** Nearly always another number for another content, at no cost: octets from the key and from the signature. */
function sketchOf(bytes: Buffer): number {
  const high = bytes.readUInt32LE(Math.floor(bytes.length * 0.55));
  const low = bytes.readUInt32LE(Math.floor(bytes.length * 0.9));
  return (high & 0x1f_ffff) * 2 ** 32 + ((low ^ Math.imul(high, 0x9e37_79b1) ^ bytes.length) >>> 0);
}
