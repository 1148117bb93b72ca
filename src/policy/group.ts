import type { Location } from '../inventory/model.ts';
import { type Severity, compareSeverity } from '../plugin/notification.ts';
import { RULES, type Family, type Finding, type RuleId } from './finding.ts';

/** The findings of one rule and one cause, over all locations. */
export interface FindingGroup {
  readonly rule: RuleId;
  readonly family: Family;
  /** The worst of them. */
  readonly severity: Severity;
  readonly cause: string;
  readonly title: string;
  /** The sentence of the worst of them, and how many more locations there are. */
  readonly summary: string;
  /** The earliest end, where the cause is one; milliseconds since the epoch. */
  readonly endsAt?: number;
  /** Each once, in the order of code units. */
  readonly locations: readonly string[];
}

interface Member {
  readonly location: Pick<Location, 'location'>;
  readonly finding: Finding;
}

/** Findings by rule and cause: the worst first, then what ends first, then by rule and cause. */
export function groupFindings(
  entries: Iterable<{ readonly location: Pick<Location, 'location'>; readonly findings: readonly Finding[] }>,
): readonly FindingGroup[] {
  const groups = new Map<string, Member[]>();
  for (const { location, findings } of entries) {
    for (const finding of findings) {
      const key = `${finding.rule} ${finding.cause}`;
      const members = groups.get(key);
      if (members === undefined) groups.set(key, [{ location, finding }]);
      else members.push({ location, finding });
    }
  }
  return [...groups.values()].map((members) => groupOf(members)).toSorted(worstFirst);
}

function groupOf(members: readonly Member[]): FindingGroup {
  const [{ finding: speaker }] = members.toSorted(
    (a, b) =>
      compareSeverity(b.finding.severity, a.finding.severity) ||
      earlier(a.finding.endsAt, b.finding.endsAt) ||
      compareText(a.location.location, b.location.location),
  ) as [Member, ...Member[]];
  const locations = [...new Set(members.map(({ location }) => location.location))].toSorted(compareText);
  return {
    rule: speaker.rule,
    family: speaker.family,
    severity: speaker.severity,
    cause: speaker.cause,
    title: speaker.title,
    summary: locations.length === 1 ? speaker.summary : `${speaker.summary} and ${locations.length - 1} more`,
    ...(speaker.endsAt === undefined ? {} : { endsAt: firstEnd(members) }),
    locations,
  };
}

/** Of very many: more than a function takes arguments. */
function firstEnd(members: readonly Member[]): number {
  let first = Infinity;
  for (const { finding } of members) first = Math.min(first, finding.endsAt ?? Infinity);
  return first;
}

function worstFirst(a: FindingGroup, b: FindingGroup): number {
  return (
    compareSeverity(b.severity, a.severity) ||
    earlier(a.endsAt, b.endsAt) ||
    RULES.indexOf(a.rule) - RULES.indexOf(b.rule) ||
    compareText(a.cause, b.cause)
  );
}

/** What has no end comes last. */
function earlier(a: number | undefined, b: number | undefined): number {
  if (a === b) return 0;
  if (a === undefined) return 1;
  return b === undefined ? -1 : a - b;
}

/** By code unit: the same on every machine. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
