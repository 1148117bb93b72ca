import { createHash } from 'node:crypto';

import type { Certificate } from '../../src/certificate/certificate.ts';

/**
 * What is remembered of an issued certificate between looks, as the version of its location: it never changes, but for
 * whether a newer one for the same names has been issued. `<end>.<names>.<n|s>`, the end in base 36, `-` for none.
 */
export interface Issued {
  /** Milliseconds since the epoch; Infinity for never. */
  readonly endsAt: number;
  /** Equal for certificates of the same subject and names. */
  readonly names: string;
}

const VERSION = /^(-|[0-9a-z]+)\.([0-9a-f]{16})\.([ns])$/;

export function issuedOf({ notAfter, subject, names }: Certificate): Issued {
  const key = createHash('sha256')
    .update(JSON.stringify([subject.text, names.map((name) => name.toLowerCase()).toSorted()]))
    .digest('hex')
    .slice(0, 16);
  return { endsAt: notAfter.status === 'known' ? notAfter.at : Infinity, names: key };
}

export function versionOf({ endsAt, names }: Issued, isSuperseded: boolean): string {
  return `${Number.isFinite(endsAt) ? endsAt.toString(36) : '-'}.${names}.${isSuperseded ? 's' : 'n'}`;
}

export function readVersion(version: string | undefined): (Issued & { readonly isSuperseded: boolean }) | undefined {
  const [, end = '', names = '', flag] = VERSION.exec(version ?? '') ?? [];
  if (flag === undefined) return undefined;
  return { endsAt: end === '-' ? Infinity : Number.parseInt(end, 36), names, isSuperseded: flag === 's' };
}

/** The latest certificate of each set of names, and where it is. */
export class Newest {
  private readonly byNames = new Map<string, { readonly endsAt: number; readonly location: string }>();

  note({ endsAt, names }: Issued, location: string): void {
    const known = this.byNames.get(names);
    if (known === undefined || endsAt > known.endsAt) this.byNames.set(names, { endsAt, location });
  }

  /** What has been issued for the same names and ends later. */
  successorOf({ endsAt, names }: Issued): string | undefined {
    const known = this.byNames.get(names);
    return known !== undefined && known.endsAt > endsAt ? known.location : undefined;
  }
}
