import type { End, KnownItem, Sighting } from '../inventory/model.ts';
import type { Deadline } from './deadline.ts';
import type { Finding } from './finding.ts';
import { endOf } from './kind.ts';
import { counted, ending, fullNameOf, utc } from './wording.ts';

export type Fact = Finding['facts'][number];

/** Names and users listed at most; how many more there are is said. */
const MAX_LISTED = 10;

/** What a person needs to tell this item from others, and to find it. */
export function itemFacts(item: KnownItem, sighting?: Sighting): readonly Fact[] {
  return [...identityFacts(item), ...(sighting === undefined ? [] : sightingFacts(sighting))];
}

/** The item's facts, and what it cuts short. */
export function deadlineFacts(deadline: Deadline, now: number): readonly Fact[] {
  return [
    ...itemFacts(deadline.item, deadline.sighting),
    ...(deadline.limits === undefined ? [] : [limitsFact(deadline.limits, now)]),
  ];
}

function limitsFact(leaf: KnownItem, now: number): Fact {
  const end = endOf(leaf);
  const own = end.status === 'known' ? `, which itself ${ending(end.at, now)}` : '';
  return { name: 'Limits', value: `the chain of ${fullNameOf(leaf)}${own}` };
}

function identityFacts(item: KnownItem): readonly Fact[] {
  switch (item.kind) {
    case 'certificate':
      return [
        { name: 'Fingerprint', value: item.id },
        { name: 'Serial', value: item.serial },
        { name: 'Issuer', value: item.issuer },
        { name: 'Valid from', value: timeText(item.notBefore) },
        { name: 'Valid until', value: timeText(item.notAfter) },
        ...listFact('Names', item.names, item.nameCount),
      ];
    case 'described':
      return [
        ...(item.sha256 === undefined ? [] : [{ name: 'Fingerprint', value: item.sha256 }]),
        ...(item.sha1 === undefined ? [] : [{ name: 'SHA-1', value: item.sha1 }]),
        ...(item.serial === undefined ? [] : [{ name: 'Serial', value: item.serial }]),
        ...(item.issuer === undefined ? [] : [{ name: 'Issuer', value: item.issuer }]),
        ...(item.notBefore === undefined ? [] : [{ name: 'Valid from', value: timeText(item.notBefore) }]),
        { name: 'Valid until', value: timeText(item.notAfter) },
        ...listFact('Names', item.names, item.names.length),
      ];
    case 'crl':
      return [
        { name: 'Fingerprint', value: item.id },
        { name: 'Issuer', value: item.issuer },
        ...(item.number === undefined ? [] : [{ name: 'CRL number', value: item.number }]),
        { name: 'This update', value: timeText(item.thisUpdate) },
        { name: 'Next update', value: timeText(item.nextUpdate ?? { status: 'never' }) },
      ];
    case 'credential':
      return [
        { name: 'Id', value: item.id },
        { name: 'Valid until', value: timeText(item.notAfter) },
      ];
  }
}

function sightingFacts(sighting: Sighting): readonly Fact[] {
  const { key, renewal, supersededBy, usedBy, use } = sighting;
  return [
    ...(sighting.place === '' ? [] : [{ name: 'Place', value: sighting.place }]),
    { name: 'Role', value: sighting.role },
    ...(supersededBy === undefined ? [] : [{ name: 'Successor', value: supersededBy }]),
    ...(key === undefined ? [] : [{ name: 'Private key', value: `${key.at} (${keyText(key.match)})` }]),
    ...listFact(
      'Used by',
      (usedBy ?? []).map((reference) => `${reference.type} ${reference.id}`),
      usedBy?.length ?? 0,
    ),
    ...(renewal === undefined ? [] : [{ name: 'Renewal', value: renewalText(renewal) }]),
    ...(use === undefined ? [] : useFacts(use)),
  ];
}

function useFacts({ firstAt, lastAt, count, by }: NonNullable<Sighting['use']>): readonly Fact[] {
  return [
    { name: 'Seen in use', value: `${counted(count, 'time')}, first ${utc(firstAt)}, last ${utc(lastAt)}` },
    ...listFact(
      'Used for',
      by.map((use) => `${use.reference.id} (${counted(use.count, 'time')})`),
      by.length,
    ),
  ];
}

function keyText(match: NonNullable<Sighting['key']>['match']): string {
  switch (match) {
    case 'yes':
      return 'matches';
    case 'no':
      return 'belongs to another certificate';
    case 'encrypted':
      return 'encrypted, not compared';
  }
}

function renewalText(renewal: NonNullable<Sighting['renewal']>): string {
  const due = renewal.dueAt === undefined ? '' : `, due ${utc(renewal.dueAt)}`;
  return `${renewal.mode}${due}${renewal.stuck === undefined ? '' : `, stuck: ${renewal.stuck}`}`;
}

function listFact(name: string, values: readonly string[], count: number): readonly Fact[] {
  if (values.length === 0) return [];
  const listed = values.slice(0, MAX_LISTED);
  const more = Math.max(count, values.length) - listed.length;
  return [{ name, value: `${listed.join(', ')}${more > 0 ? ` and ${counted(more, 'other')}` : ''}` }];
}

function timeText(end: End): string {
  switch (end.status) {
    case 'known':
      return utc(end.at);
    case 'never':
      return 'no end';
    case 'unreadable':
      return `unreadable: ${end.problem}`;
    case 'unknown':
      return 'unknown';
  }
}
