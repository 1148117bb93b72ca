import { nameKey } from '../certificate/name-key.ts';
import type { CertificateTime } from '../certificate/time.ts';

/** What tells which certificate was renewed by which. */
export interface Lineal {
  /** RFC 4514. */
  readonly subject: string;
  readonly title: string;
  readonly names: readonly string[];
  readonly notBefore: CertificateTime;
  readonly notAfter: CertificateTime;
}

/** Equal for certificates that are for exactly the same names; for those without any, of the same subject. */
export function namesKey({ names, subject }: Pick<Lineal, 'names' | 'subject'>): string {
  if (names.length === 0) return `subject ${nameKey(subject)}`;
  if (names.length === 1) return (names[0] ?? '').toLowerCase();
  return names
    .map((name) => name.toLowerCase())
    .toSorted()
    .join('\n');
}

/** Equal for certificates that people call the same: where one lost a name at its renewal, this is still as it was. */
export function titleKey({ title }: Pick<Lineal, 'title'>): string {
  return title.toLowerCase();
}

/** Whether one begins later and ends later than the other. */
export function isNewer(item: Lineal, than: Lineal): boolean {
  return startOf(item) > startOf(than) && lastInstantOf(item) > lastInstantOf(than);
}

/** The instant from which it is valid; what cannot be read is never newer than anything. */
export function startOf({ notBefore }: Pick<Lineal, 'notBefore'>): number {
  return notBefore.status === 'known' && Number.isFinite(notBefore.at) ? notBefore.at : -Infinity;
}

/** The instant at which it ends: `Infinity` for never, `-Infinity` where it cannot be read. */
export function lastInstantOf({ notAfter }: Pick<Lineal, 'notAfter'>): number {
  if (notAfter.status === 'never') return Infinity;
  return notAfter.status === 'known' && Number.isFinite(notAfter.at) ? notAfter.at : -Infinity;
}

/** Whether one is the renewal of the other: newer, and for the same names or called the same. */
export function isHeir(item: Lineal, of: Lineal): boolean {
  return isNewer(item, of) && (namesKey(item) === namesKey(of) || titleKey(item) === titleKey(of));
}
