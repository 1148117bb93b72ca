import { compareSeverity } from '../plugin/notification.ts';
import type { Finding } from '../policy/finding.ts';

/** Compares ends, the earliest first; what has none comes last. */
export function earliestFirst(a: number | undefined, b: number | undefined): number {
  if (a === b) return 0;
  if (a === undefined) return 1;
  if (b === undefined) return -1;
  return a - b;
}

/** By code unit: the same on every machine. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** Orders findings: the worst first, then what ends first. */
export function worstFirst(a: Finding, b: Finding): number {
  return compareSeverity(b.severity, a.severity) || earliestFirst(a.endsAt, b.endsAt) || compareText(a.rule, b.rule);
}
