import { createHash } from 'node:crypto';

import type { Certificate } from '../../src/certificate/certificate.ts';

/**
 * What is remembered of an issued certificate between looks, as the version of its location, since it never changes:
 * `<end>.<names>`, the end in base 36, `-` for none.
 */
export interface Issued {
  /** Milliseconds since the epoch; Infinity for never. */
  readonly endsAt: number;
  /** Equal for certificates of the same subject and names. */
  readonly names: string;
}

const VERSION = /^(-|[0-9a-z]+)\.([0-9a-f]{16})$/;

export function issuedOf({ notAfter, subject, names }: Certificate): Issued {
  const key = createHash('sha256')
    .update(JSON.stringify([subject.text, names.map((name) => name.toLowerCase()).toSorted()]))
    .digest('hex')
    .slice(0, 16);
  return { endsAt: notAfter.status === 'known' ? notAfter.at : Infinity, names: key };
}

export function versionOf({ endsAt, names }: Issued): string {
  return `${Number.isFinite(endsAt) ? endsAt.toString(36) : '-'}.${names}`;
}

export function readVersion(version: string | undefined): Issued | undefined {
  const [, end, names] = VERSION.exec(version ?? '') ?? [];
  if (end === undefined || names === undefined) return undefined;
  return { endsAt: end === '-' ? Infinity : Number.parseInt(end, 36), names };
}

/** The latest certificate of each set of names. */
export class Newest {
  private readonly endByNames = new Map<string, number>();

  note({ endsAt, names }: Issued): void {
    const known = this.endByNames.get(names);
    if (known === undefined || endsAt > known) this.endByNames.set(names, endsAt);
  }

  /** Whether something was issued for the same names that ends later. */
  hasReplaced({ endsAt, names }: Issued): boolean {
    return (this.endByNames.get(names) ?? -Infinity) > endsAt;
  }
}
