import pc from 'picocolors';

import type { Finding } from '../../policy/finding.ts';
import type { Location, Sighting } from '../../inventory/model.ts';
import { groupFindings } from '../../policy/group.ts';
import type { Severity } from '../../plugin/notification.ts';
import { SEVERITIES } from '../../plugin/notification.ts';
import { terminalText } from '../../text/terminal.ts';
import { endOf, endText, titleOf, untilText } from '../item-text.ts';
import { table } from '../table.ts';
import type { Checked, Scan } from './scan.ts';

interface Row {
  readonly state: Severity | 'ok';
  readonly location: Location;
  readonly sighting: Sighting;
}

const PAINT: Record<Severity | 'ok', (text: string) => string> = {
  ok: pc.green,
  info: pc.dim,
  warning: pc.yellow,
  critical: pc.red,
};

/** Rows shown unless all are asked for: what ends first is what matters. */
const FIRST_ROWS = 25;

/** What a person sees: certificates by their end, then what is wrong and what to do about it. */
export function screen(scan: Scan, at: number, options: { readonly width: number; readonly all: boolean }): string {
  const rows = scan.checked.flatMap(rowsOf).toSorted((a, b) => endOf(a.sighting.item) - endOf(b.sighting.item));
  const shown = options.all ? rows : rows.slice(0, FIRST_ROWS);
  const parts: string[] = [];
  if (shown.length > 0) parts.push(certificates(shown, at, options.width));
  if (shown.length < rows.length) parts.push(pc.dim(`… and ${rows.length - shown.length} more that end later; --all shows them`));
  for (const checked of scan.checked) parts.push(...endpointLines(checked.location));
  const findings = groupFindings(scan.checked);
  for (const finding of findings) {
    if (finding.severity === 'info') continue;
    parts.push(...findingLines(finding, scan.checked));
  }
  parts.push(...notes(scan));
  if (rows.length > 0) parts.push('', summary(scan, rows, at));
  return parts.join('\n').replace(/^\n+/, '');
}

function rowsOf({ location, findings }: Checked): Row[] {
  return location.sightings.map((sighting) => ({ location, sighting, state: stateOf(sighting, findings) }));
}

function stateOf(sighting: Sighting, findings: readonly Finding[]): Severity | 'ok' {
  const found = findings.filter((finding) => finding.cause === sighting.item.id).map((finding) => finding.severity);
  return SEVERITIES.toReversed().find((severity) => found.includes(severity)) ?? 'ok';
}

function certificates(rows: readonly Row[], at: number, width: number): string {
  return table<Row>(
    [
      { title: 'STATE', text: (row) => row.state, paint: (cell, row) => PAINT[row.state](cell) },
      { title: 'ENDS', text: (row) => endText(row.sighting.item) },
      { title: 'IN', text: (row) => untilText(row.sighting.item, at) },
      { title: 'ROLE', text: (row) => row.sighting.role },
      { title: 'NAME', text: (row) => terminalText(titleOf(row.sighting.item)), shrinks: true },
      { title: 'WHERE', text: (row) => terminalText(row.location.location), shrinks: true },
    ],
    rows,
    width,
  );
}

function endpointLines(location: Location): string[] {
  const { endpoint } = location;
  if (endpoint?.tlsVersion === undefined) return [];
  const facts = [`TLS ${endpoint.tlsVersion}`, endpoint.cipher, endpoint.alpn].filter((fact) => fact !== undefined);
  const client =
    endpoint.requestsClientCertificate === true
      ? `asks for a client certificate${endpoint.acceptableIssuers.length > 0 ? ` from ${endpoint.acceptableIssuers.slice(0, 5).map(terminalText).join(' or ')}` : ''}`
      : 'asks for no client certificate';
  return [pc.dim(`${terminalText(location.location)}: ${facts.join(', ')}; ${client}`)];
}

function findingLines(finding: ReturnType<typeof groupFindings>[number], checked: readonly Checked[]): string[] {
  const detail = checked.flatMap((one) => one.findings).find((one) => one.rule === finding.rule && one.cause === finding.cause);
  return [
    '',
    `${PAINT[finding.severity](`${finding.severity}: ${finding.rule}`)}  ${terminalText(finding.summary)}`,
    ...(finding.locations.length > 1 ? [`  at ${finding.locations.length} places: ${finding.locations.slice(0, 5).map(terminalText).join(', ')}${finding.locations.length > 5 ? ', …' : ''}`] : []),
    ...(detail?.actions ?? []).map((action, index) => `  ${index + 1}. ${terminalText(action)}`),
  ];
}

function notes(scan: Scan): string[] {
  const lines = scan.unreadable.map(({ target, detail }) => `${pc.red('unknown')}: ${terminalText(target)}: ${terminalText(detail)}`);
  const parts = scan.checked
    .filter(({ location }) => location.failure === undefined)
    .flatMap(({ location }) => location.problems.map((problem) => `${pc.yellow('not read')}: ${terminalText(location.location)}${problem.place === undefined ? '' : ` (${terminalText(problem.place)})`}: ${terminalText(problem.detail)}`));
  return lines.length + parts.length > 0 ? ['', ...lines, ...parts] : [];
}

function summary(scan: Scan, rows: readonly Row[], at: number): string {
  const count = (state: Row['state']): number => rows.filter((row) => row.state === state).length;
  const next = rows.find((row) => endOf(row.sighting.item) > at && row.sighting.role !== 'trust-anchor');
  const ends = next === undefined ? '' : ` Next to end: ${terminalText(titleOf(next.sighting.item))}, ${untilText(next.sighting.item, at)}.`;
  return `${rows.length} certificates at ${scan.checked.length} locations: ${count('critical')} critical, ${count('warning')} warning.${ends}`;
}
