import type { End, KnownItem } from '../inventory/model.ts';
import { counted, span } from '../policy/wording.ts';

/** The end of anything that has one. */
export function endingOf(item: KnownItem): End | undefined {
  return item.kind === 'crl' ? item.nextUpdate : item.notAfter;
}

/** For sorting: what has no readable end comes first when it is unreadable, last when it never ends. */
export function endOf(item: KnownItem): number {
  const end = endingOf(item);
  switch (end?.status) {
    case 'known':
      return end.at;
    case 'unreadable':
      return Number.NEGATIVE_INFINITY;
    case 'never':
    case 'unknown':
    case undefined:
      return Number.POSITIVE_INFINITY;
    default:
      return end satisfies never;
  }
}

/** `3 certificates and 1 CRL`: how many different items of each kind there are. */
export function countText(items: Iterable<KnownItem>): string {
  const kinds = new Map<string, Set<string>>();
  for (const item of items) {
    const noun = nounOf(item);
    kinds.set(noun, (kinds.get(noun) ?? new Set()).add(item.id));
  }
  if (kinds.size === 0) return 'nothing that ends';
  return new Intl.ListFormat('en').format([...kinds].map(([noun, ids]) => counted(ids.size, noun)));
}

function nounOf(item: KnownItem): string {
  switch (item.kind) {
    case 'certificate':
    case 'described':
      return 'certificate';
    case 'crl':
      return 'CRL';
    case 'credential':
      return 'credential';
    default:
      return item satisfies never;
  }
}

/** `2027-03-01 12:00` in UTC, or the word for what stands there instead. */
export function endText(item: KnownItem): string {
  const end = endingOf(item);
  return end?.status === 'known'
    ? new Date(end.at).toISOString().slice(0, 16).replace('T', ' ')
    : (end?.status ?? 'never');
}

/** `41 days`, `5 hours`, `1 day ago`, or `-` without an end that can be told: whole units, rounded down. */
export function untilText(item: KnownItem, at: number): string {
  const end = endingOf(item);
  if (end?.status !== 'known') return '-';
  const amount = span(end.at - at);
  return end.at > at ? amount : `${amount} ago`;
}
