import { compareSeverity, type Severity } from '../plugin/notification.ts';
import type { Finding, RuleId } from '../policy/finding.ts';
import type { Alert, AlertPlace } from './model.ts';
import { earliestFirst, worstFirst } from './severity.ts';

/** What an alert amounts to now, over all the places it is about. */
export interface Standing {
  /** The worst. */
  readonly severity: Severity;
  /** The rules that fire, the worst first, each once. */
  readonly rules: readonly RuleId[];
  /** Those of them that fire at the alert's own severity. */
  readonly worstRules: readonly RuleId[];
  /** The first end, milliseconds since the epoch. */
  readonly endsAt: number | undefined;
  /** How many places it is about. */
  readonly placeCount: number;
}

/** The places an alert is about: those still open; of a closed alert all. */
export function affectedPlaces(alert: Alert): readonly AlertPlace[] {
  return alert.state === 'open' ? alert.places.filter((place) => place.state === 'open') : alert.places;
}

/** When a place breaks: the first end of its findings. */
export function endOf(place: AlertPlace): number | undefined {
  return firstEnd(place.findings);
}

const standings = new WeakMap<Alert, { readonly standing: Standing | undefined }>();

/** Undefined only for an alert that is about no place. Found once for each: there may be very many places. */
export function standingOf(alert: Alert): Standing | undefined {
  const known = standings.get(alert);
  if (known !== undefined) return known.standing;
  const standing = findStanding(alert);
  standings.set(alert, { standing });
  return standing;
}

function findStanding(alert: Alert): Standing | undefined {
  const worstOfRule = new Map<RuleId, Finding>();
  let endsAt: number | undefined;
  let placeCount = 0;
  for (const place of affectedPlaces(alert)) {
    placeCount += 1;
    for (const finding of place.findings) {
      const known = worstOfRule.get(finding.rule);
      if (known === undefined || worstFirst(finding, known) < 0) worstOfRule.set(finding.rule, finding);
      if (finding.endsAt !== undefined && (endsAt === undefined || finding.endsAt < endsAt)) endsAt = finding.endsAt;
    }
  }
  const findings = [...worstOfRule.values()].toSorted(worstFirst);
  const worst = findings[0];
  if (worst === undefined) return undefined;
  return {
    severity: worst.severity,
    rules: findings.map(({ rule }) => rule),
    worstRules: findings.filter(({ severity }) => severity === worst.severity).map(({ rule }) => rule),
    endsAt,
    placeCount,
  };
}

/** The severity rose, or a rule that was not known then fires at the alert's severity (it was expiring, now it has expired). */
export function isWorse(
  standing: Standing,
  before: { readonly severity: Severity; readonly rules: readonly string[] },
): boolean {
  const difference = compareSeverity(standing.severity, before.severity);
  if (difference !== 0) return difference > 0;
  return standing.worstRules.some((rule) => !before.rules.includes(rule));
}

function firstEnd(findings: readonly Finding[]): number | undefined {
  return findings.map((finding) => finding.endsAt).toSorted(earliestFirst)[0];
}
