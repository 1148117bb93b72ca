import type { Location } from '../inventory/model.ts';
import type { Severity } from '../plugin/notification.ts';
import { clientNameOf } from '../plugin/client.ts';
import { REASONS, type Reason } from '../plugin/reason.ts';
import { proveIt } from './advice.ts';
import type { Fact } from './facts.ts';
import { policyFor } from './policy.ts';
import { remedy } from './remedy.ts';
import type { Subject } from './subject.ts';
import { counted, ending, fullNameOf, span, utc } from './wording.ts';

/** The rules that tell of a look, or a part of one, that failed. */
export type CoverageRule = 'unreachable' | 'unreadable' | 'not-covered';

/** Which rule tells of which reason: nobody answered; there is something that cannot be read; notafter may not look. */
const RULE_OF: Readonly<Record<Reason, CoverageRule>> = {
  dns: 'unreachable',
  refused: 'unreachable',
  unreachable: 'unreachable',
  reset: 'unreachable',
  closed: 'unreachable',
  timeout: 'unreachable',
  tls_alert: 'unreachable',
  tls_error: 'unreachable',
  not_tls: 'unreachable',
  tls_not_offered: 'unreachable',
  injected: 'unreadable',
  service_error: 'unreachable',
  not_found: 'unreadable',
  malformed: 'unreadable',
  empty: 'unreadable',
  wrong_password: 'unreadable',
  unsupported: 'unreadable',
  too_large: 'unreadable',
  too_costly: 'unreadable',
  internal: 'unreadable',
  permission_denied: 'not-covered',
  authentication_failed: 'not-covered',
  throttled: 'not-covered',
  partial: 'not-covered',
};

/** What could not be looked at, and why. Without a place it is the location as a whole. */
export interface Gap {
  readonly reason: Reason;
  readonly place?: string;
  readonly detail: string;
}

/** Gaps that are spelled out in one finding. */
export const MAX_GAPS = 10;

/** The gaps of a location that this rule tells of: the location as a whole first; without what `clientGapsOf` tells of. */
export function gapsOf(location: Location, rule: CoverageRule): readonly Gap[] {
  const gaps: readonly Gap[] = [...(location.failure === undefined ? [] : [location.failure]), ...location.problems];
  return gaps.filter((gap) => RULE_OF[gap.reason] === rule && (rule === 'unreachable' || clientOf(gap) === undefined));
}

/** The gaps in what is known of client identities, which lie in their own files and not at the location; by client. */
export function clientGapsOf(
  location: Location,
  rule: Exclude<CoverageRule, 'unreachable'>,
): ReadonlyMap<string, readonly Gap[]> {
  const gaps = new Map<string, Gap[]>();
  for (const gap of location.problems) {
    const name = clientOf(gap);
    if (name === undefined || RULE_OF[gap.reason] !== rule) continue;
    const known = gaps.get(name);
    if (known === undefined) gaps.set(name, [gap]);
    else known.push(gap);
  }
  return gaps;
}

function clientOf(gap: Gap): string | undefined {
  return gap.place === undefined ? undefined : clientNameOf(gap.place);
}

/**
 * How bad the gaps are. A look that failed as a whole may be a matter of a moment: a note at once, a warning when it fails
 * again and again. When what was last known of the place is critical, nobody can say any more whether it has been fixed:
 * so is the gap. A part that is missing from a look that went well otherwise is a warning.
 */
export function gapSeverity({ location, policy, due }: Subject, gaps: readonly Gap[]): Severity {
  const isWhole = gaps.some((gap) => gap === location.failure);
  if (isWhole && due.some(({ stage }) => stage.severity === 'critical')) return 'critical';
  const isPart = gaps.some((gap) => gap !== location.failure);
  return isPart || location.failures >= policyFor(policy, location).unreachableWarningAfter ? 'warning' : 'info';
}

/** `the connection was refused, 4 looks in a row` or `the password is wrong or the file is damaged (tomcat), and 2 more parts`. */
export function gapText({ location }: Subject, gaps: readonly Gap[]): string {
  const [first, ...others] = gaps;
  if (first === undefined) return '';
  const place = first.place === undefined || first.place === '' ? '' : ` (${first.place})`;
  const row =
    first === location.failure && location.failures > 1 ? `, ${counted(location.failures, 'look')} in a row` : '';
  return `${REASONS[first.reason]}${place}${row}${others.length === 0 ? '' : `, and ${counted(others.length, 'more part')}`}`;
}

/** What failed, when it last went well, and what is still believed of the place. */
export function gapFacts({ location, deadlines, now }: Subject, gaps: readonly Gap[]): readonly Fact[] {
  const nearest = deadlines.toSorted((a, b) => a.endsAt - b.endsAt)[0];
  return [
    ...gaps.slice(0, MAX_GAPS).map((gap) => ({ name: gap.place ?? 'Reason', value: `${gap.reason}: ${gap.detail}` })),
    ...(gaps.length > MAX_GAPS ? [{ name: 'More', value: counted(gaps.length - MAX_GAPS, 'part') }] : []),
    ...(location.failures > 0 ? [{ name: 'Failed looks in a row', value: String(location.failures) }] : []),
    {
      name: 'Last success',
      value:
        location.lastSuccessAt === undefined
          ? 'never'
          : `${span(now - location.lastSuccessAt)} ago, ${utc(location.lastSuccessAt)}`,
    },
    ...(nearest === undefined
      ? []
      : [{ name: 'Last known', value: `${fullNameOf(nearest.item)} ${ending(nearest.endsAt, now)}` }]),
  ];
}

/** What to do about each reason, and how to see that it helped. */
export function gapActions({ location }: Subject, gaps: readonly Gap[]): readonly string[] {
  return [...new Set(gaps.map((gap) => remedy(gap.reason, location))), proveIt(location)];
}
