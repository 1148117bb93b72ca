import pc from 'picocolors';

import type { KnownItem, Location, Sighting } from '../../inventory/model.ts';
import type { Severity } from '../../plugin/notification.ts';
import { SEVERITIES } from '../../plugin/notification.ts';
import type { Finding } from '../../policy/finding.ts';
import { groupFindings, type FindingGroup } from '../../policy/group.ts';
import { counted, titleOf } from '../../policy/wording.ts';
import { terminalText } from '../../text/terminal.ts';
import { countText, endOf, endText, untilText } from '../item-text.ts';
import { table } from '../table.ts';
import { endpointText } from './endpoint-text.ts';
import { sentence, type Checked, type Scan } from './scan.ts';

type State = Severity | 'ok';

/** One item in one state and role, wherever it was found. */
interface Row {
  readonly state: State;
  readonly item: KnownItem;
  readonly role: Sighting['role'];
  readonly locations: readonly string[];
}

const PAINT: Record<State, (text: string) => string> = {
  ok: pc.green,
  info: pc.dim,
  warning: pc.yellow,
  critical: pc.red,
};

/** Lines of one sort that are shown unless all are asked for: what ends first is what matters. */
const FIRST_ROWS = 25;
const FIRST_ENDPOINTS = 5;
const FIRST_NOTES = 10;
/** Places that a finding names. */
const FIRST_PLACES = 5;

export interface ScreenOptions {
  readonly width: number;
  /** Every certificate at every place, and every note. */
  readonly all: boolean;
  /** What passed on the wire. */
  readonly verbose: boolean;
}

/** What a person sees: certificates by their end, what is wrong and what to do about it, what could not be read. */
export function screen(scan: Scan, at: number, options: ScreenOptions): string {
  const { width, all, verbose } = options;
  const rows = scan.checked
    .flatMap(rowsOf)
    .toSorted((a, b) => urgency(b.state) - urgency(a.state) || endOf(a.item) - endOf(b.item));
  const lines = all ? rows : together(rows);
  const notes = notesOf(scan);
  const blocks = [
    [...certificates(all ? lines : lines.slice(0, FIRST_ROWS), at, width), ...rest(lines.length - FIRST_ROWS, '', all)],
    endpointLines(scan.checked, at, all),
    ...(verbose ? scan.checked.map(wireLines) : []),
    ...groupFindings(scan.checked)
      .filter((finding) => all || finding.severity !== 'info')
      .map((finding) => findingLines(finding, scan.checked)),
    [
      ...(all ? notes : notes.slice(0, FIRST_NOTES)),
      ...rest(notes.length - FIRST_NOTES, ' that could not be read', all),
    ],
    rows.length > 0 ? [summary(scan, rows, at)] : [],
  ];
  return blocks
    .filter((block) => block.length > 0)
    .map((block) => block.join('\n'))
    .join('\n\n');
}

function rest(count: number, what: string, all: boolean): string[] {
  return all || count <= 0 ? [] : [pc.dim(`… and ${count} more${what}; --all shows everything`)];
}

/** What needs somebody comes first; the rest stands by its end alone. */
function urgency(state: State): number {
  return state === 'critical' ? 2 : state === 'warning' ? 1 : 0;
}

function rowsOf({ location, findings }: Checked): Row[] {
  return location.sightings.map(({ item, role }) => ({
    item,
    role,
    state: stateOf(item, findings),
    locations: [location.location],
  }));
}

function stateOf(item: KnownItem, findings: readonly Finding[]): State {
  const found = new Set(findings.filter((finding) => finding.cause === item.id).map((finding) => finding.severity));
  return SEVERITIES.toReversed().find((severity) => found.has(severity)) ?? 'ok';
}

/** One row for an item that is at many places. */
function together(rows: readonly Row[]): readonly Row[] {
  const groups = Map.groupBy(rows, ({ item, role, state }) => `${item.kind} ${item.id} ${role} ${state}`);
  return [...groups.values()].flatMap((group) => {
    const [row] = group;
    return row === undefined ? [] : [{ ...row, locations: [...new Set(group.flatMap(({ locations }) => locations))] }];
  });
}

function certificates(rows: readonly Row[], at: number, width: number): string[] {
  if (rows.length === 0) return [];
  const text = table<Row>(
    [
      { title: 'STATE', text: (row) => row.state, paint: (cell, row) => PAINT[row.state](cell) },
      { title: 'ENDS (UTC)', text: (row) => endText(row.item) },
      { title: 'IN', text: (row) => untilText(row.item, at) },
      { title: 'ROLE', text: (row) => row.role },
      { title: 'NAME', text: (row) => terminalText(titleOf(row.item)), shrinks: true },
      { title: 'WHERE', text: (row) => terminalText(whereText(row.locations)), shrinks: true },
    ],
    rows,
    width,
  );
  return [text];
}

/** What OpenSSL calls a certificate for its own lookups, beside a name that says something. */
const HASH_LINK = /\/[0-9a-f]{8}\.\d+$/;

/** An address that was named as such is not shown twice: `10.0.0.7:443@10.0.0.7` is `10.0.0.7:443`. */
function whereText(locations: readonly string[]): string {
  const [first = '', ...others] = locations.toSorted((a, b) => Number(HASH_LINK.test(a)) - Number(HASH_LINK.test(b)));
  const where = first.replace(/^(.+)(:\d+)@\1$/, '$1$2');
  return others.length === 0 ? where : `${where} (+${others.length})`;
}

function endpointLines(checked: readonly Checked[], at: number, all: boolean): string[] {
  const endpoints = checked.flatMap(({ location }) =>
    location.endpoint?.tlsVersion === undefined ? [] : [endpointText(location, location.endpoint, at)],
  );
  return all
    ? endpoints
    : [...endpoints.slice(0, FIRST_ENDPOINTS), ...rest(endpoints.length - FIRST_ENDPOINTS, ' that speak TLS', all)];
}

function wireLines({ location, transcript }: Checked): string[] {
  if (transcript.length === 0) return [];
  return [
    `${pc.bold(terminalText(location.location))} on the wire (> sent, < received)`,
    ...transcript.map((line) => `  ${terminalText(line)}`),
  ];
}

function findingLines(group: FindingGroup, checked: readonly Checked[]): string[] {
  const finding = checked
    .flatMap(({ findings }) => findings)
    .find(({ rule, cause, severity }) => rule === group.rule && cause === group.cause && severity === group.severity);
  const { locations } = group;
  const named = locations.slice(0, FIRST_PLACES).join(', ');
  return [
    `${PAINT[group.severity](`${group.severity}: ${group.rule}`)}  ${terminalText(group.summary)}`,
    ...(locations.length > 1
      ? [terminalText(`  at ${locations.length} places: ${named}${locations.length > FIRST_PLACES ? ', …' : ''}`)]
      : []),
    ...(finding?.actions ?? []).map((action, index) => `  ${index + 1}. ${terminalText(action)}`),
  ];
}

/** Targets that gave nothing, then locations and parts of them that could not be read; none of them twice. */
function notesOf(scan: Scan): string[] {
  const told = new Set(scan.unreadable.map(({ location }) => location));
  return [
    ...scan.unreadable.map(({ target, detail }) => `${pc.red('unknown')}: ${terminalText(sentence(target, detail))}`),
    ...scan.checked.flatMap(({ location }) => {
      const problems = [...(location.failure === undefined ? [] : [location.failure]), ...location.problems];
      return (told.has(location.location) ? problems.slice(1) : problems).map((problem) => noteOf(location, problem));
    }),
  ];
}

function noteOf(location: Location, problem: { readonly place?: string; readonly detail: string }): string {
  const place = problem.place === undefined ? location.location : `${location.location} (${problem.place})`;
  return `${pc.yellow('not read')}: ${terminalText(sentence(place, problem.detail))}`;
}

function summary(scan: Scan, rows: readonly Row[], at: number): string {
  const count = (state: State): number =>
    new Set(rows.filter((row) => row.state === state).map((row) => row.item.id)).size;
  const read = scan.checked.filter(({ location }) => location.sightings.length > 0).length;
  const [next] = rows
    .filter(({ item, role }) => endOf(item) > at && Number.isFinite(endOf(item)) && role !== 'trust-anchor')
    .toSorted((a, b) => endOf(a.item) - endOf(b.item));
  const ends =
    next === undefined ? '' : ` Next to end: ${terminalText(titleOf(next.item))}, in ${untilText(next.item, at)}.`;
  return `${countText(rows.map((row) => row.item))} at ${counted(read, 'location')}: ${count('critical')} critical, ${count('warning')} warning.${ends}`;
}
