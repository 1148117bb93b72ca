import pc from 'picocolors';

import type { ClientOutlook } from '../../inventory/clients.ts';
import type { KnownItem, Location, Sighting } from '../../inventory/model.ts';
import { clientNameOf, verdictOn } from '../../plugin/client.ts';
import type { EndpointFacts } from '../../plugin/observation.ts';
import { chainTree } from '../../policy/chain-tree.ts';
import { counted, span, utc, titleOf } from '../../policy/wording.ts';
import { terminalText } from '../../text/terminal.ts';
import { endOf, endText, untilText } from '../item-text.ts';
import { table } from '../table.ts';
import { chainTreeLines } from './chain-tree.ts';
import type { Knowledge } from './knowledge.ts';
import {
  facts,
  findingLines,
  moment,
  outageText,
  restLine,
  section,
  thresholdLines,
  todayText,
  verdictText,
  worstFirst,
} from './text.ts';

/** Locations that are spelled out; more are a table. */
export const MAX_FULL = 3;
/** Lines of one list: what ends first. */
const MAX_ROWS = 20;
const MAX_ISSUERS = 5;
/** Digits of a fingerprint that tell it from others. */
const SHORT = 16;

/** Everything known of some locations, for a person. */
export function locationsScreen(locations: readonly Location[], known: Knowledge, width: number): string {
  if (locations.length > MAX_FULL) return overview(locations, known, width);
  return locations.map((location) => locationScreen(location, known, width)).join('\n\n');
}

function overview(locations: readonly Location[], known: Knowledge, width: number): string {
  const rows = locations
    .map((location) => ({ location, worst: worstFirst(known.findings(location))[0], next: nextToEnd(location) }))
    .toSorted((a, b) => end(a.next) - end(b.next));
  return [
    table(
      [
        { title: 'STATE', text: ({ worst }) => worst?.severity ?? 'ok' },
        { title: 'LOOK', text: ({ location }) => location.failure?.reason ?? 'good' },
        { title: 'NEXT TO END (UTC)', text: ({ next }) => (next === undefined ? '-' : endText(next)) },
        { title: 'NAME', text: ({ next }) => (next === undefined ? '-' : terminalText(titleOf(next))), shrinks: true },
        { title: 'SOURCE', text: ({ location }) => terminalText(location.source) },
        { title: 'LOCATION', text: ({ location }) => terminalText(location.location), shrinks: true },
      ],
      rows.slice(0, MAX_ROWS),
      width,
    ),
    ...restLine(rows.length - MAX_ROWS, 'location'),
    '',
    `${counted(locations.length, 'location')}; explain one of them by its name.`,
  ].join('\n');
}

function end(item: KnownItem | undefined): number {
  return item === undefined ? Number.POSITIVE_INFINITY : endOf(item);
}

function nextToEnd({ sightings }: Location): KnownItem | undefined {
  return sightings.map(({ item }) => item).toSorted((a, b) => endOf(a) - endOf(b))[0];
}

function locationScreen(location: Location, known: Knowledge, width: number): string {
  const { now } = known;
  return [
    pc.bold(terminalText(location.location)),
    ...facts([...lookFacts(location, now), ...tlsFacts(location), ...chainFacts(location, now)]).map(
      (line) => `  ${line}`,
    ),
    ...treeSection(location, known),
    ...section(location.endpoint === undefined ? 'What is there' : 'What it serves', itemLines(location, now, width)),
    ...section('Clients', clientLines(location, known, width)),
    ...section('Findings', findingLines(known.findings(location))),
    ...section('Thresholds', thresholdLines(known.thresholds(location))),
    ...section(
      'Not read',
      location.problems.map(({ place, reason, detail }) =>
        terminalText(`${place ?? 'all of it'}: ${reason}: ${detail}`),
      ),
    ),
    ...section(
      'On the wire (> sent, < received)',
      (known.transcripts.get(location.id) ?? []).map((line) => terminalText(line)),
    ),
  ].join('\n');
}

function treeSection(location: Location, { view, now }: Knowledge): readonly string[] {
  const tree = chainTree(location, view);
  if (tree === undefined) return [];
  return section(`Chain, ${tree.isTrusted ? 'by the best path' : 'as it was sent'}`, chainTreeLines(tree, now));
}

type Fact = readonly [name: string, value: string | undefined];

function lookFacts(location: Location, now: number): readonly Fact[] {
  const { failure, failures, lastSuccessAt, labels } = location;
  const look =
    failure === undefined
      ? 'good'
      : `failed, ${counted(failures, 'look')} in a row: ${failure.reason}: ${failure.detail}`;
  return [
    ['Source', `${location.source} (${location.type}), target ${location.target}`],
    ['Last look', `${span(now - location.lastLookAt)} ago: ${look}`],
    [
      'Last good look',
      failure === undefined ? undefined : lastSuccessAt === undefined ? 'never' : moment(lastSuccessAt, now),
    ],
    ['Known since', utc(location.firstSeenAt)],
    [
      'Labels',
      Object.entries(labels)
        .map(([name, value]) => `${name}=${value}`)
        .join(', '),
    ],
  ];
}

function tlsFacts({ endpoint }: Location): readonly Fact[] {
  if (endpoint === undefined) return [];
  const { acceptableIssuers: issuers } = endpoint;
  const from = issuers.length === 0 ? 'naming no issuers' : `from ${issuers.slice(0, MAX_ISSUERS).join(' or ')}`;
  const more = issuers.length > MAX_ISSUERS ? ` and ${issuers.length - MAX_ISSUERS} more` : '';
  return [
    [
      'Address',
      [
        `${endpoint.address} port ${endpoint.port}`,
        endpoint.serverName === undefined ? 'asked for no name' : `asked for ${endpoint.serverName}`,
        ...(endpoint.proxy === undefined ? [] : [`through ${endpoint.proxy}`]),
      ].join(', '),
    ],
    [
      'TLS',
      endpoint.tlsVersion === undefined
        ? undefined
        : [endpoint.tlsVersion, endpoint.cipher, endpoint.group, endpoint.alpn, handshakeText(endpoint)]
            .filter((part) => part !== undefined)
            .join(', '),
    ],
    ['Private key', POSSESSION[endpoint.possession ?? 'unasked']],
    [
      'Client certificate',
      endpoint.requestsClientCertificate === undefined
        ? undefined
        : endpoint.requestsClientCertificate
          ? `asked for, ${from}${more}`
          : 'not asked for',
    ],
  ];
}

const POSSESSION = {
  proven: 'the server has proven that it holds it',
  failed: 'the server does not hold it: the signature over the handshake is wrong',
  unasked: undefined,
} as const;

function handshakeText({ handshake, fallback, protocol }: EndpointFacts): string {
  const behind = protocol === undefined ? '' : ` that began in ${protocol}`;
  return `by a ${handshake} handshake${behind}${fallback === undefined ? '' : ` (${reasonFor(fallback)})`}`;
}

function reasonFor(fallback: string): string {
  return fallback === 'farewell'
    ? 'only this one ends with the word that the server wants, and is not counted by it as broken'
    : `the way that was asked for met ${fallback}`;
}

function chainFacts({ chain, sightings }: Location, now: number): readonly Fact[] {
  if (chain === undefined) return [];
  const nameOf = (id: string): string => {
    const item = sightings.find((sighting) => sighting.item.id === id)?.item ?? chain.limitedBy;
    return item === undefined ? id : titleOf(item);
  };
  const limit = ({ at, by }: { readonly at: number | null; readonly by: string }): string =>
    `${at === null ? 'never' : moment(at, now)}, by ${nameOf(by)}`;
  return [
    ['Begins to fail', limit(chain.effective)],
    ['Best trust path', chain.bestPath === undefined ? 'none that is trusted here' : limit(chain.bestPath)],
    ['First end served', limit(chain.servedMin)],
  ];
}

interface Row {
  readonly item: KnownItem;
  readonly role: string;
  readonly place: string;
  readonly limits: boolean;
}

function itemLines(location: Location, now: number, width: number): readonly string[] {
  const { chain } = location;
  const own = location.sightings.filter(({ place }) => clientNameOf(place) === undefined);
  const toRow = ({ item, role, place }: Sighting): Row => ({
    item,
    role,
    place,
    limits: item.id === chain?.effective.by,
  });
  const rows = (
    chain === undefined ? own.toSorted((a, b) => endOf(a.item) - endOf(b.item)) : own.toSorted(byIndex)
  ).map(toRow);
  const limit = chain?.limitedBy;
  if (limit !== undefined && !rows.some(({ limits }) => limits)) {
    rows.push({ item: limit, role: 'not served', place: '-', limits: true });
  }
  if (rows.length === 0) return [];
  return [
    table<Row>(
      [
        { title: ' ', text: ({ limits }) => (limits ? '>' : ' ') },
        { title: 'ENDS (UTC)', text: ({ item }) => endText(item) },
        { title: 'IN', text: ({ item }) => untilText(item, now) },
        { title: 'ROLE', text: ({ role }) => role },
        { title: 'NAME', text: ({ item }) => terminalText(titleOf(item)), shrinks: true },
        { title: 'PLACE', text: ({ place }) => terminalText(place === '' ? '-' : place), shrinks: true },
        { title: 'FINGERPRINT', text: ({ item }) => terminalText(item.id.slice(0, SHORT)) },
      ],
      rows.slice(0, MAX_ROWS),
      width - 2,
    ),
    ...restLine(rows.length - MAX_ROWS, 'item'),
  ];
}

function byIndex(a: Sighting, b: Sighting): number {
  return a.place === b.place ? a.index - b.index : a.place < b.place ? -1 : 1;
}

/** The clients that an explanation of an endpoint speaks of: those that are rehearsed, and those that may log in. */
export function clientsAt(location: Location, { clients }: Knowledge): readonly ClientOutlook[] {
  return [...clients.configured.filter(({ endpoint }) => endpoint === location), ...clients.foundAt(location)];
}

function clientLines(location: Location, known: Knowledge, width: number): readonly string[] {
  const outlooks = clientsAt(location, known);
  const nobody = verdictOn(location.endpoint?.verdicts ?? [], null);
  return [
    ...(outlooks.length === 0 ? [] : [clientTable(outlooks.slice(0, MAX_ROWS), known.now, width)]),
    ...restLine(outlooks.length - MAX_ROWS, 'client certificate'),
    ...outlooks.flatMap(({ name, verdict }) =>
      verdict === undefined || verdict.evidence === '' ? [] : [pc.dim(terminalText(`${name}: ${verdict.evidence}`))],
    ),
    ...(nobody === undefined
      ? []
      : [pc.dim(terminalText(`without a certificate ${verdictText(nobody)}: ${nobody.evidence}`))]),
  ];
}

function clientTable(outlooks: readonly ClientOutlook[], now: number, width: number): string {
  return table<ClientOutlook>(
    [
      { title: 'CLIENT', text: ({ name, client }) => terminalText(name ?? `(${client.title})`), shrinks: true },
      { title: 'VERDICT', text: todayText },
      { title: 'REJECTED FROM', text: outageText },
      { title: 'IN', text: ({ limitedBy }) => untilText(limitedBy, now) },
      { title: 'LIMITED BY', text: ({ limitedBy }) => terminalText(limitedBy.title), shrinks: true },
      { title: 'ISSUER', text: ({ acceptance }) => acceptance },
      { title: 'FINGERPRINT', text: ({ client }) => client.id.slice(0, SHORT) },
    ],
    outlooks,
    width - 2,
  );
}
