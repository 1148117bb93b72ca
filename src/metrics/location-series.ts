import type { End, KnownItem, Location, Sighting } from '../inventory/model.ts';
import { mergeLabels } from '../label/labels.ts';
import type { AddSeries, Family } from './family.ts';
import { labelPair, labelPairs } from './label-value.ts';

function gauge(name: string, help: string): Family {
  return { name, help, type: 'gauge' };
}

const NOT_AFTER = gauge(
  'notafter_certificate_not_after_timestamp_seconds',
  'End of the validity of a certificate at one place.',
);
const NOT_BEFORE = gauge(
  'notafter_certificate_not_before_timestamp_seconds',
  'Begin of the validity of a certificate at one place.',
);
const EFFECTIVE = gauge(
  'notafter_location_effective_not_after_timestamp_seconds',
  'When clients of this location begin to fail: the end of its best trust path, else of the path it serves.',
);
const UP = gauge('notafter_location_up', '1 when the last look at this location succeeded, else 0.');
/** Moves with each look, so it is kept apart from what stands still. */
export const LAST_SUCCESS = gauge(
  'notafter_location_last_success_timestamp_seconds',
  'Time of the last look at this location that succeeded.',
);
const CRL = gauge(
  'notafter_crl_next_update_timestamp_seconds',
  'nextUpdate of a certificate revocation list at one place.',
);
const CREDENTIAL = gauge(
  'notafter_credential_not_after_timestamp_seconds',
  'End of a credential that is no certificate.',
);
const REHEARSAL = gauge(
  'notafter_rehearsal_accepted',
  'Verdict of an endpoint on a client that logged in: 1 accepted, 0 rejected; client "none" had no certificate.',
);

export const LOCATION_FAMILIES: readonly Family[] = [
  NOT_AFTER,
  NOT_BEFORE,
  EFFECTIVE,
  UP,
  LAST_SUCCESS,
  CRL,
  CREDENTIAL,
  REHEARSAL,
];

/** Label names that a label of the config cannot have: they say something else already. */
export const OWN_LABELS: ReadonlySet<string> = new Set([
  'source',
  'location',
  'place',
  'role',
  'name',
  'issuer',
  'fingerprint',
  'client',
  'id',
  'job',
  'instance',
  'le',
  'quantile',
]);

/** Stands for a client without a certificate. */
const NOBODY = 'none';

/**
 * Everything that is said of one location, with the labels of the config that its source shows. At most `atMost` series
 * are said of its items, of those that end first; gives the number of those left out.
 */
export function addLocation(location: Location, shown: readonly string[], add: AddSeries, atMost: number): number {
  const own = `${labelPair('source', location.source)},${labelPair('location', location.location)}`;
  const at = own + extraLabels(shown, location);
  add(UP, at, location.failure === undefined ? 1 : 0);
  if (location.lastSuccessAt !== undefined) add(LAST_SUCCESS, at, location.lastSuccessAt / 1000);
  const end = location.chain?.effective.at;
  if (end !== undefined && end !== null) add(EFFECTIVE, at, end / 1000);
  addVerdicts(location, at, add);
  return addItems(location, own, shown, add, atMost);
}

/** The earliest end that something of a location has, milliseconds since the epoch. */
export function earliestEnd(location: Location): number | undefined {
  let earliest = location.chain?.effective.at ?? Infinity;
  for (const { item } of location.sightings) earliest = Math.min(earliest, endOf(item));
  return Number.isFinite(earliest) ? earliest : undefined;
}

/** How many series `addLocation` gives, as far as that can be told without writing them down: no two are alike. */
export function expectedSeries({ lastSuccessAt, chain, endpoint, sightings }: Location): number {
  const isKnown = (time: End | undefined): number => Number(time?.status === 'known');
  let count = 1 + Number(lastSuccessAt !== undefined) + Number((chain?.effective.at ?? null) !== null);
  for (const { status } of endpoint?.verdicts ?? []) count += Number(status !== 'unknown');
  for (const { item } of sightings) {
    if (item.kind === 'crl') count += isKnown(item.nextUpdate);
    else count += isKnown(item.notAfter) + (item.kind === 'credential' ? 0 : isKnown(item.notBefore));
  }
  return count;
}

/** What ends first is first; what has no end is last. */
export function soonestFirst(sightings: readonly Sighting[]): readonly Sighting[] {
  return sightings.length < 2 ? sightings : sightings.toSorted((a, b) => compare(endOf(a.item), endOf(b.item)));
}

function addVerdicts({ endpoint }: Location, at: string, add: AddSeries): void {
  const verdicts = endpoint?.verdicts ?? [];
  if (verdicts.length === 0) return;
  const values = new Map<string, number>();
  // Where a client is called as nobody is, its verdict is said last, and stands.
  for (const { name, status } of verdicts.toSorted((a, b) => Number(a.name !== null) - Number(b.name !== null))) {
    if (status !== 'unknown') values.set(labelPair('client', name ?? NOBODY), status === 'accepted' ? 1 : 0);
  }
  for (const [client, value] of values) add(REHEARSAL, `${at},${client}`, value);
}

function addItems(location: Location, own: string, shown: readonly string[], add: AddSeries, atMost: number): number {
  // What has the same labels is one series: what ends first is said first, and stands.
  const { sightings } = location;
  const [only] = sightings;
  if (sightings.length === 1 && only !== undefined && atMost > 1) {
    addItem(only.item, itemLabels(only, own) + extraLabels(shown, location, only), add);
    return 0;
  }
  const said = new Set<string>();
  let [count, dropped] = [0, 0];
  for (const sighting of soonestFirst(sightings)) {
    const labels = itemLabels(sighting, own) + extraLabels(shown, location, sighting);
    if (said.has(labels)) continue;
    said.add(labels);
    const before = count;
    const addOne: AddSeries = (family, text, value) => {
      count += 1;
      if (count <= atMost) add(family, text, value);
    };
    addItem(sighting.item, labels, addOne);
    dropped += Math.max(0, count - Math.max(before, atMost));
  }
  return dropped;
}

function addItem(item: KnownItem, labels: string, add: AddSeries): void {
  switch (item.kind) {
    case 'certificate':
    case 'described':
      addTime(NOT_AFTER, labels, item.notAfter, add);
      addTime(NOT_BEFORE, labels, item.notBefore, add);
      return;
    case 'crl':
      addTime(CRL, labels, item.nextUpdate, add);
      return;
    case 'credential':
      addTime(CREDENTIAL, labels, item.notAfter, add);
      return;
    default:
      item satisfies never;
  }
}

function itemLabels({ item, place, role }: Sighting, own: string): string {
  switch (item.kind) {
    case 'certificate':
    case 'described': {
      const fingerprint = item.kind === 'certificate' ? item.id : (item.sha256 ?? '');
      return `${own},${labelPairs({ place, role, name: item.title, issuer: item.issuer ?? '', fingerprint })}`;
    }
    case 'crl':
      return `${own},${labelPairs({ place, issuer: item.issuer, fingerprint: item.id })}`;
    case 'credential':
      return `${own},${labelPairs({ name: item.name, id: item.id })}`;
  }
}

/** A date becomes a series only when it is one: never NaN, never a made-up value. */
function addTime(family: Family, labels: string, time: End | undefined, add: AddSeries): void {
  if (time?.status === 'known') add(family, labels, time.at / 1000);
}

/** Those labels of the config that the source shows, as far as there are any. */
function extraLabels(shown: readonly string[], location: Location, sighting?: Sighting): string {
  if (shown.length === 0) return '';
  const labels = mergeLabels(location.labels, sighting?.labels);
  let text = '';
  for (const name of shown) if (Object.hasOwn(labels, name)) text += `,${labelPair(name, labels[name] ?? '')}`;
  return text;
}

function endOf(item: KnownItem): number {
  const end = item.kind === 'crl' ? item.nextUpdate : item.notAfter;
  return end?.status === 'known' ? end.at : Infinity;
}

function compare(a: number, b: number): number {
  return a === b ? 0 : a - b;
}
