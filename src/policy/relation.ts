import { nameKey } from '../certificate/name-key.ts';
import type { KnownCertificate } from '../inventory/model.ts';
import type { Successor } from '../inventory/leaf-index.ts';
import { endsAt } from './kind.ts';

/**
 * Whether two certificates come from one authority: by its key where both name it, else by its name; or from one
 * organisation, as public CAs change their intermediates at random.
 */
export function isSameAuthority(one: KnownCertificate, other: KnownCertificate): boolean {
  if (one.selfIssued || other.selfIssued) return false;
  if (one.authorityKeyId !== undefined && one.authorityKeyId === other.authorityKeyId) return true;
  const organisation = organisationOf(one.issuer);
  if (organisation !== undefined && organisation === organisationOf(other.issuer)) return true;
  const bothName = one.authorityKeyId !== undefined && other.authorityKeyId !== undefined;
  return !bothName && nameKey(one.issuer) === nameKey(other.issuer);
}

/** `rsa`, `ec`, …: servers hold one certificate of each kind side by side. */
export function keyFamily({ keyAlgorithm }: KnownCertificate): string {
  return keyAlgorithm.split(' ')[0] ?? keyAlgorithm;
}

/** The next instant at which one of them ends. */
export function nextEnd(successors: readonly Successor[], now: number): number | undefined {
  let next: number | undefined;
  for (const { item } of successors) {
    const at = endsAt(item);
    if (at !== undefined && at > now && (next === undefined || at < next)) next = at;
  }
  return next;
}

/** Whether the successor took the place of the certificate somewhere, as was seen. */
export function hasReplaced({ homes }: Successor, { id }: KnownCertificate): boolean {
  return homes.some(({ replaced }) => replaced?.id === id);
}

/** The organisation of a name in RFC 4514 text; commas in it are escaped there. */
function organisationOf(name: string): string | undefined {
  return /(?:^|,)O=((?:\\.|[^,\\+])+)/i.exec(nameKey(name))?.[1];
}
