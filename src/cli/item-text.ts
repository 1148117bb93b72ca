import { daysLeft } from '../certificate/lifetime.ts';
import type { End, KnownItem } from '../inventory/model.ts';
import { formatDuration } from '../label/duration.ts';

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

/** What a person calls it. */
export function titleOf(item: KnownItem): string {
  switch (item.kind) {
    case 'certificate':
    case 'described':
      return item.title;
    case 'crl':
      return `CRL of ${item.issuer}`;
    case 'credential':
      return item.name;
    default:
      return item satisfies never;
  }
}

/** `2027-03-01 12:00` in UTC, or the word for what stands there instead. */
export function endText(item: KnownItem): string {
  const end = endingOf(item);
  return end?.status === 'known' ? new Date(end.at).toISOString().slice(0, 16).replace('T', ' ') : (end?.status ?? 'never');
}

/** `41 days`, `3h`, `ended 2 days ago`. Days are whole and counted down. */
export function untilText(item: KnownItem, at: number): string {
  const end = endingOf(item);
  if (end?.status !== 'known') return '-';
  const left = end.at - at;
  const amount = Math.abs(left) < 2 * 86_400_000 ? formatDuration(Math.abs(left)) : `${Math.abs(left > 0 ? daysLeft(end.at, at) : daysLeft(at, end.at))} days`;
  return left > 0 ? amount : `ended ${amount} ago`;
}
