import type { Severity } from '../plugin/notification.ts';
import type { RepeatPolicy } from './options.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export const DEFAULT_REPEAT: RepeatPolicy = { normalMs: 7 * DAY_MS, soonMs: DAY_MS, urgentMs: HOUR_MS };

/** An end is near when it is less than this away, before or after. Milliseconds. */
export const SOON_MS = 7 * DAY_MS;
const URGENT_MS = DAY_MS;

/** A stretch of time and the time between two reminders in it. */
interface Phase {
  readonly until: number;
  readonly intervalMs: number;
}

/** Reminders grow denser towards an end and thin out after it: who did not act on a day of hourly ones will not on the next. */
function phases(severity: Severity, endsAt: number, policy: RepeatPolicy): readonly Phase[] {
  const soon = (until: number): Phase => ({ until, intervalMs: policy.soonMs });
  const urgent: readonly Phase[] =
    severity === 'critical'
      ? [soon(endsAt - URGENT_MS), { until: endsAt + URGENT_MS, intervalMs: policy.urgentMs }]
      : [];
  return [{ until: endsAt - SOON_MS, intervalMs: policy.normalMs }, ...urgent, soon(endsAt + SOON_MS)];
}

/**
 * When a receiver who was told at `toldAt` is told again if nothing changes: the first moment at which as much time has
 * passed as that moment asks for. So a weekly rhythm becomes a daily one on the seventh day before the end, not at the
 * next weekly reminder.
 */
export function nextRepeatAt(
  toldAt: number,
  severity: Severity,
  endsAt: number | undefined,
  policy: RepeatPolicy,
): number {
  if (endsAt === undefined) return toldAt + policy.normalMs;
  let from = -Infinity;
  for (const phase of phases(severity, endsAt, policy)) {
    const at = Math.max(toldAt + phase.intervalMs, from);
    if (at < phase.until) return at;
    from = phase.until;
  }
  return Math.max(toldAt + policy.normalMs, from);
}
