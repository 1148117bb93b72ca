import type { Assessment } from '../finding.ts';
import { policyFor } from '../policy.ts';
import { assessment, NOTHING, type Subject, targetCause } from '../subject.ts';
import { placeName, span, targetName, utc } from '../wording.ts';

/** A round is allowed to be this late before its delay counts: starts are spread, looks wait for each other. */
const GRACE_MS = 5 * 60_000;

/** Nobody has looked for too long, well or in vain: what is known may no longer be true. */
export function stale({ location, view, policy, now }: Subject): Assessment {
  const intervalMs = view.intervalMs(location.source);
  if (intervalMs === undefined) return NOTHING;
  const settings = policyFor(policy, location);
  const lastGoodAt = location.lastLookAt + settings.staleAfterIntervals * intervalMs + GRACE_MS;
  if (now <= lastGoodAt) return assessment([], lastGoodAt + 1);
  const target = targetName(location);
  return {
    findings: [
      {
        rule: 'stale',
        family: 'coverage',
        severity: 'warning',
        cause: targetCause(location),
        title: target,
        summary: `${target} has not been looked at for ${span(now - location.lastLookAt)}, since ${utc(location.lastLookAt)}, though source ${location.source} looks every ${span(intervalMs)}, at ${placeName(location)}`,
        facts: [
          { name: 'Source', value: location.source },
          { name: 'Last look', value: utc(location.lastLookAt) },
          ...(location.lastSuccessAt === undefined
            ? []
            : [{ name: 'Last success', value: utc(location.lastSuccessAt) }]),
        ],
        actions: [
          'See whether notafter itself is well: its log, and the metric notafter_schedule_lag_seconds',
          `If source ${location.source} has more to look at than fits into its interval, give it a longer one, or divide it`,
          `If ${target} is no longer wanted, take it out of the config: it is withdrawn then`,
        ],
      },
    ],
  };
}
