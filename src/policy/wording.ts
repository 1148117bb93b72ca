import type { KnownItem, Location } from '../inventory/model.ts';
import { safeText } from '../text/safe-text.ts';

const MINUTE_S = 60;
const HOUR_S = 3_600;
const DAY_S = 86_400;

/** Characters of a location, a target or a place in a sentence. */
const MAX_PLACE = 300;

/** What a date can hold, milliseconds from the epoch. */
const MAX_TIME_MS = 8.64e15;

/** `2026-03-01 12:00 UTC`. */
export function utc(at: number): string {
  if (!(Math.abs(at) <= MAX_TIME_MS)) return 'a time that is none';
  return new Date(at).toISOString().replace(/T(\d\d:\d\d).*$/, ' $1 UTC');
}

/** `4 days`, `1 day`, `5 hours`, `12 minutes`: whole units, rounded down; a day is 86 400 seconds. */
export function span(ms: number): string {
  const seconds = Math.floor(Math.abs(ms) / 1000);
  if (seconds >= DAY_S) return counted(Math.floor(seconds / DAY_S), 'day');
  if (seconds >= HOUR_S) return counted(Math.floor(seconds / HOUR_S), 'hour');
  return seconds >= MINUTE_S ? counted(Math.floor(seconds / MINUTE_S), 'minute') : 'less than a minute';
}

/** `1 day`, `3 days`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** `ends in 4 days, 2026-03-01 12:00 UTC` or `ended 3 days ago, 2026-03-01 12:00 UTC`. */
export function ending(at: number, now: number): string {
  return at > now ? `ends in ${span(at - now)}, ${utc(at)}` : `ended ${span(now - at)} ago, ${utc(at)}`;
}

/** What a person calls the item, short. */
export function titleOf(item: KnownItem): string {
  switch (item.kind) {
    case 'certificate':
    case 'described':
      return item.title;
    case 'crl':
      return `CRL of ${item.issuer}`;
    case 'credential':
      return item.name;
  }
}

/** The title, with the whole subject where there is one: names alone are often the same. */
export function fullNameOf(item: KnownItem): string {
  if (item.kind !== 'certificate' || item.subject === '' || item.subject === item.title) return titleOf(item);
  // A subject that is nothing but the common name says it a second time.
  return item.subject === `CN=${item.title}` ? item.title : `${item.title} (${item.subject})`;
}

/** The location, made harmless. */
export function placeName(location: Pick<Location, 'location'>): string {
  return safeText(location.location, { max: MAX_PLACE });
}

/** The target, made harmless. */
export function targetName(location: Pick<Location, 'target'>): string {
  return safeText(location.target, { max: MAX_PLACE });
}
