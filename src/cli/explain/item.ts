import pc from 'picocolors';

import type { ClientOutlook, Home } from '../../inventory/clients.ts';
import type { KnownItem, Location } from '../../inventory/model.ts';
import { stepsOf } from '../../policy/deadline.ts';
import { itemFacts } from '../../policy/facts.ts';
import type { Finding } from '../../policy/finding.ts';
import { utc, titleOf } from '../../policy/wording.ts';
import { terminalText } from '../../text/terminal.ts';
import { endOf, untilText } from '../item-text.ts';
import { table } from '../table.ts';
import { askedLines } from './asked.ts';
import type { Knowledge } from './knowledge.ts';
import { actionLines, facts, moment, outageText, restLine, section, todayText, worstFirst } from './text.ts';

/** Lines of one list. */
const MAX_ROWS = 20;
const MAX_ACTIONS = 12;

/** What hangs on one item. */
export interface ItemExplanation {
  readonly item: KnownItem;
  readonly homes: readonly Home[];
  /** Clients that are rejected when it ends: it is theirs, or it is above theirs. */
  readonly clients: readonly ClientOutlook[];
  /** The same for certificates that were found where the endpoint names their issuer: they may log in there. */
  readonly found: readonly ClientOutlook[];
  readonly foundCount: number;
  /** Endpoints whose clients begin to fail when it ends. */
  readonly limits: readonly Location[];
  readonly findings: readonly { readonly location: Location; readonly finding: Finding }[];
}

export function explainItem(item: KnownItem, known: Knowledge): ItemExplanation {
  const { clients, locations } = known;
  const homes = clients.homes(item.id);
  const own = [...clients.of(item.id)];
  const found = own.filter(({ by }) => by === 'issuer');
  const limits = locations.filter(({ chain }) => chain?.effective.by === item.id);
  const affected = new Set([...homes.map(({ location }) => location), ...limits]);
  return {
    item,
    homes,
    clients: [...clients.configured, ...clients.referenced].filter(
      ({ client, limitedBy }) => client.id === item.id || limitedBy.id === item.id,
    ),
    found: found.slice(0, MAX_ROWS),
    foundCount: found.length,
    limits,
    findings: [...affected].flatMap((location) =>
      known
        .findings(location)
        .filter(({ cause }) => cause === item.id)
        .map((finding) => ({ location, finding })),
    ),
  };
}

/** Everything known of an item, for a person. */
export function itemScreen(explained: ItemExplanation, known: Knowledge, width: number): string {
  const { item, homes, clients, found, foundCount, limits } = explained;
  const { now } = known;
  const day = Number.isFinite(endOf(item)) ? `on its last day, ${moment(endOf(item), now)}` : 'if it ended';
  return [
    pc.bold(terminalText(titleOf(item))),
    ...facts(identity(item)).map((line) => `  ${line}`),
    ...section(`Logins that fail ${day}`, outlookLines(clients, clients.length, now, width)),
    ...section(
      `Logins that may fail ${day}: the endpoint names its issuer, nothing was rehearsed`,
      outlookLines(found, foundCount, now, width),
    ),
    ...section(`Endpoints that fail for everybody ${day}`, [
      ...limits.slice(0, MAX_ROWS).map(({ location }) => terminalText(location)),
      ...restLine(limits.length - MAX_ROWS, 'endpoint'),
    ]),
    ...section('Where it lives', homeLines(homes, width)),
    ...section('What others say', askedLines(item, known.asked, now)),
    ...section('What to do', adviceLines(explained, known)),
  ].join('\n');
}

function identity(item: KnownItem): readonly (readonly [string, string | undefined])[] {
  const own = itemFacts(item).map(({ name, value }) => [name, value] as const);
  if (item.kind !== 'certificate') return own;
  const usage = item.extendedKeyUsage?.join(', ');
  return [
    ['Subject', item.subject],
    ...own,
    ['Usage', usage],
    ['Key', item.keyAlgorithm],
    ['Faults', item.problems.join('; ')],
  ];
}

function outlookLines(
  outlooks: readonly ClientOutlook[],
  count: number,
  now: number,
  width: number,
): readonly string[] {
  if (outlooks.length === 0) return [];
  const columns: Parameters<typeof table<ClientOutlook>>[0] = [
    { title: 'ENDPOINT', text: ({ endpoint }) => terminalText(endpoint.location), shrinks: true },
    { title: 'CLIENT', text: ({ name, client }) => terminalText(name ?? `(${client.title})`), shrinks: true },
    { title: 'TODAY', text: todayText },
    { title: 'REJECTED FROM', text: outageText },
    { title: 'IN', text: ({ limitedBy }) => untilText(limitedBy, now) },
    { title: 'LIMITED BY', text: ({ limitedBy }) => terminalText(limitedBy.title), shrinks: true },
  ];
  const shown = outlooks.slice(0, MAX_ROWS);
  return [table(columns, shown, width - 2), ...restLine(count - shown.length, 'login')];
}

function homeLines(homes: readonly Home[], width: number): readonly string[] {
  if (homes.length === 0) return ['Nowhere that was seen: it is known from the chains that it limits.'];
  const columns: Parameters<typeof table<Home>>[0] = [
    { title: 'SOURCE', text: ({ location }) => location.source },
    { title: 'LOCATION', text: ({ location }) => terminalText(location.location), shrinks: true },
    {
      title: 'PLACE',
      text: ({ sighting }) => terminalText(sighting.place === '' ? '-' : sighting.place),
      shrinks: true,
    },
    { title: 'ROLE', text: ({ sighting }) => sighting.role },
    { title: 'KEY', text: ({ sighting }) => terminalText(sighting.key?.at ?? '-'), shrinks: true },
    { title: 'SINCE', text: ({ sighting }) => utc(sighting.firstSeenAt).slice(0, 10) },
    { title: 'LAST SEEN (UTC)', text: ({ sighting }) => utc(sighting.lastSeenAt).replace(' UTC', '') },
  ];
  return [table(columns, homes.slice(0, MAX_ROWS), width - 2), ...restLine(homes.length - MAX_ROWS, 'place')];
}

/** What the findings say to do, at all places, each thing once; or when the first of them is due. */
function adviceLines({ item, homes, limits, findings }: ItemExplanation, known: Knowledge): readonly string[] {
  if (findings.length === 0) {
    const steps = [...new Set([...homes.map(({ location }) => location), ...limits])]
      .flatMap((location) => known.deadlines(location))
      .filter((deadline) => deadline.item.id === item.id)
      .flatMap(stepsOf)
      .filter(({ at }) => at > known.now)
      .toSorted((a, b) => a.at - b.at);
    const [first] = steps;
    return [
      first === undefined
        ? 'Nothing.'
        : `Nothing yet: the first notice (${first.severity}) is due ${moment(first.at, known.now)}.`,
    ];
  }
  const worst = worstFirst(findings.map(({ finding }) => finding));
  const lines = worst.map(({ severity, rule, summary }) => terminalText(`${severity}: ${rule}  ${summary}`));
  const actions = actionsOf(worst);
  return [
    ...lines.slice(0, MAX_ROWS),
    ...restLine(lines.length - MAX_ROWS, 'place'),
    ...actionLines(actions.slice(0, MAX_ACTIONS)),
    ...restLine(actions.length - MAX_ACTIONS, 'step'),
  ];
}

/** Of each rule the steps at one place; at its other places the proof alone, which is the last step. */
function actionsOf(findings: readonly Finding[]): readonly string[] {
  const seen = new Set<string>();
  const actions = findings.flatMap(({ rule, actions: own }) => {
    const steps = seen.has(rule) ? own.slice(-1) : own;
    seen.add(rule);
    return steps;
  });
  return [...new Set(actions)];
}
