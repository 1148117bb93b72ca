import { nearest } from '../../config/nearest.ts';
import { clientNameOf } from '../../plugin/client.ts';
import type { KnownItem, Location } from '../../inventory/model.ts';
import { reachOf } from '../../policy/commands.ts';
import { titleOf } from '../../policy/wording.ts';

/** What a word of the command line means. */
export type Subject =
  | { readonly kind: 'locations'; readonly locations: readonly Location[] }
  | { readonly kind: 'item'; readonly item: KnownItem }
  | { readonly kind: 'several'; readonly items: readonly KnownItem[] }
  | { readonly kind: 'unknown'; readonly near: readonly string[] };

/** Hex digits of a fingerprint that are enough to look for it. */
export const MIN_PREFIX = 8;
const MAX_NEAR = 5;

/**
 * Finds what is meant: a location, a target, a host with or without its port, an address; else a fingerprint (upper or
 * lower case, colons or not) or the beginning of one.
 */
export function findSubject(word: string, locations: readonly Location[]): Subject {
  const wanted = plainName(word);
  const exact = locations.filter(({ location }) => location === word);
  const meant = exact.length > 0 ? exact : locations.filter((location) => namesOf(location).has(wanted));
  if (meant.length > 0) return { kind: 'locations', locations: meant };
  const digits = word.replaceAll(':', '').toLowerCase();
  if (/^[0-9a-f]{8,64}$/.test(digits)) {
    const items = itemsOf(locations).filter(({ id }) => id.startsWith(digits));
    const [item] = items;
    if (item !== undefined) return items.length === 1 ? { kind: 'item', item } : { kind: 'several', items };
  }
  return { kind: 'unknown', near: nearNames(wanted, locations) };
}

/** Each once, what was not served but limits a chain included. */
function itemsOf(locations: readonly Location[]): readonly KnownItem[] {
  const items = new Map<string, KnownItem>();
  for (const { sightings, chain } of locations) {
    if (chain?.limitedBy !== undefined) items.set(chain.limitedBy.id, chain.limitedBy);
    for (const { item } of sightings) items.set(item.id, item);
  }
  return [...items.values()];
}

function namesOf(location: Location): ReadonlySet<string> {
  const reach = reachOf(location);
  const { address, port, serverName } = location.endpoint ?? {};
  const hosts = [reach?.host, serverName, address].filter((host) => host !== undefined);
  return new Set(
    [
      location.location,
      location.target,
      ...hosts,
      ...(port === undefined ? [] : hosts.map((host) => `${host.includes(':') ? `[${host}]` : host}:${port}`)),
    ].map((name) => plainName(name)),
  );
}

/** Without scheme, case and a slash or dot at the end: `https://Example.com/` is `example.com`. */
function plainName(name: string): string {
  return name
    .replace(/^[a-z][a-z0-9+-]*:\/\//i, '')
    .replace(/(?<=.)[/.]+$/, '')
    .toLowerCase();
}

/** Names that hold the word or look like it; a certificate, or a client identity, by its fingerprint and its name. */
function nearNames(wanted: string, locations: readonly Location[]): readonly string[] {
  const places = new Set<string>();
  const titles = new Map<string, string>();
  for (const location of locations) {
    const host = reachOf(location)?.host;
    for (const name of [location.target, location.location, ...(host === undefined ? [] : [host])]) places.add(name);
    for (const { item, place } of location.sightings) {
      const called = `${item.id} (${titleOf(item)})`;
      titles.set(titleOf(item).toLowerCase(), called);
      const client = clientNameOf(place);
      if (client !== undefined) titles.set(client.toLowerCase(), called);
    }
  }
  const place = nearest(wanted, [...places]);
  const title = nearest(wanted, [...titles.keys()]);
  const near = [
    ...[...places].filter((name) => name.toLowerCase().includes(wanted)),
    ...[...titles].filter(([name]) => name.includes(wanted)).map(([, called]) => called),
    ...(place === undefined ? [] : [place]),
    ...(title === undefined ? [] : [titles.get(title) ?? title]),
  ];
  return [...new Set(near)].slice(0, MAX_NEAR);
}
