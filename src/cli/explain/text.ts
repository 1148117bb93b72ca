import pc from 'picocolors';

import type { ClientOutlook } from '../../inventory/clients.ts';
import type { Verdict } from '../../plugin/observation.ts';
import { SEVERITIES, type Severity } from '../../plugin/notification.ts';
import type { Finding } from '../../policy/finding.ts';
import { counted, span, utc } from '../../policy/wording.ts';
import { terminalText } from '../../text/terminal.ts';
import type { ThresholdsInForce } from './knowledge.ts';

/** A heading and what stands below it; nothing when there is nothing. */
export function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0
    ? []
    : ['', pc.bold(title), ...lines.flatMap((line) => line.split('\n')).map((line) => `  ${line}`.trimEnd())];
}

/** Names and values, aligned. */
export function facts(rows: readonly (readonly [name: string, value: string | undefined])[]): readonly string[] {
  const given = rows.filter((row): row is readonly [string, string] => row[1] !== undefined && row[1] !== '');
  const width = Math.max(0, ...given.map(([name]) => name.length));
  return given.map(([name, value]) => `${pc.dim(name.padEnd(width))}  ${terminalText(value)}`);
}

/** `2027-03-01 12:00 UTC, in 41 days`, `…, 3 days ago`. */
export function moment(at: number, now: number): string {
  return `${utc(at)}, ${at > now ? `in ${span(at - now)}` : `${span(now - at)} ago`}`;
}

/** `rejected: unknown_ca`. */
export function verdictText(verdict: Verdict | undefined): string {
  if (verdict === undefined) return 'not rehearsed';
  return verdict.reason === null ? verdict.status : `${verdict.status}: ${terminalText(verdict.reason)}`;
}

/** The verdict; without one, how a client that was found has to do with the endpoint. */
export function todayText({ verdict, by }: ClientOutlook): string {
  if (verdict !== undefined || by === 'config') return verdictText(verdict);
  return by === 'reference' ? 'used there' : 'may log in';
}

export function outageText({ outageAt }: ClientOutlook): string {
  return outageAt === null ? 'never' : utc(outageAt);
}

const PAINT: Readonly<Record<Severity, (text: string) => string>> = {
  info: pc.dim,
  warning: pc.yellow,
  critical: pc.red,
};

/** The worst first, each with what to do. */
export function findingLines(findings: readonly Finding[]): readonly string[] {
  return worstFirst(findings).flatMap((finding) => [
    `${PAINT[finding.severity](`${finding.severity}: ${finding.rule}`)}  ${terminalText(finding.summary)}`,
    ...actionLines(finding.actions).map((line) => `  ${line}`),
  ]);
}

export function worstFirst(findings: readonly Finding[]): readonly Finding[] {
  return findings.toSorted((a, b) => SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity));
}

export function actionLines(actions: readonly string[]): readonly string[] {
  return actions.map((action, index) => `${index + 1}. ${terminalText(action)}`);
}

/** `leaf: warning 25% max 30d (default), critical 5d (policy.leaf.critical)`. */
export function thresholdLines(thresholds: readonly ThresholdsInForce[]): readonly string[] {
  return facts(
    thresholds.map(({ name, origins }) => [
      name,
      origins.map(({ level, threshold, from }) => `${level} ${threshold.text} (${from})`).join(', ') ||
        'none before the end',
    ]),
  );
}

/** What is left out of a list. */
export function restLine(count: number, noun: string): readonly string[] {
  return count > 0 ? [pc.dim(`… and ${counted(count, `more ${noun}`)}`)] : [];
}
