import type { Container } from '../../src/certificate/container.ts';

/** Larger files are hardly ever the same. */
const MAX_BYTES = 16 * 1024;
const MIN_BYTES = 64;
/** Characters of all contents that are remembered. */
const MAX_TOTAL = 8 * 1024 * 1024;
/** Contents of which it is remembered that they were met. */
const MAX_MET = 200_000;

/**
 * What contents turned out to be: one certificate lies at very many places of a fleet, and is parsed once or twice. Only
 * what is met a second time, holds certificates and lists, and nothing that is secret, is remembered.
 */
export class Repeats {
  private readonly containers = new Map<string, Container>();
  private readonly met = new Set<number>();
  private total = 0;

  /** The key of a content under which to look for it and to remember it; undefined at the first meeting. */
  keyOf(bytes: Buffer): string | undefined {
    if (bytes.length > MAX_BYTES || bytes.length < MIN_BYTES) return undefined;
    const sketch = sketchOf(bytes);
    if (this.met.has(sketch)) return bytes.toString('latin1');
    if (this.met.size >= MAX_MET) this.met.clear();
    this.met.add(sketch);
    return undefined;
  }

  get(key: string): Container | undefined {
    return this.containers.get(key);
  }

  remember(key: string, container: Container): void {
    const isPlain = container.format === 'pem' || container.format === 'der';
    if (!isPlain || !container.parts.every(({ kind }) => kind === 'certificate' || kind === 'crl')) return;
    this.containers.set(key, container);
    this.total += key.length;
    for (const oldest of this.containers.keys()) {
      if (this.total <= MAX_TOTAL) break;
      this.containers.delete(oldest);
      this.total -= oldest.length;
    }
  }
}

/** Nearly always another number for another content, at no cost: octets from the key and from the signature. */
function sketchOf(bytes: Buffer): number {
  const high = bytes.readUInt32LE(Math.floor(bytes.length * 0.55));
  const low = bytes.readUInt32LE(Math.floor(bytes.length * 0.9));
  return (high & 0x1f_ffff) * 2 ** 32 + ((low ^ Math.imul(high, 0x9e37_79b1) ^ bytes.length) >>> 0);
}
