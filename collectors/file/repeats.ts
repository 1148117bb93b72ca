import type { Container } from '../../src/certificate/container.ts';

/** Larger files are hardly ever the same. */
const MAX_BYTES = 16 * 1024;
/** Characters of all contents that are remembered. */
const MAX_TOTAL = 8 * 1024 * 1024;

/**
 * What contents turned out to be: one certificate lies at very many places of a fleet, and is parsed once. Only what holds
 * certificates and lists, and nothing that is secret, is remembered.
 */
export class Repeats {
  private readonly containers = new Map<string, Container>();
  private total = 0;

  /** The key of a content; undefined for one that is not looked for. */
  static keyOf(bytes: Buffer): string | undefined {
    return bytes.length <= MAX_BYTES ? bytes.toString('latin1') : undefined;
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
