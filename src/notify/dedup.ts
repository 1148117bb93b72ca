import { type NotificationReason, type Severity, compareSeverity } from '../plugin/notification.ts';
import type { Alert, Told } from './model.ts';
import type { Standing } from './standing.ts';

/** What decides whether a channel hears of an alert now. */
export interface Hearing {
  readonly alert: Alert;
  readonly standing: Standing;
  /** What the channel was last told in the alert's present life. */
  readonly told: Told | undefined;
  /** The routes lead the alert to this channel. */
  readonly routed: boolean;
  readonly minimumSeverity: Severity;
  readonly now: number;
}

/** Why the channel is told now, from the difference between what it was last told and what is so; undefined when there is no reason to. */
export function reasonToTell(hearing: Hearing): NotificationReason | undefined {
  const { alert, standing, told, routed, minimumSeverity, now } = hearing;
  if (alert.state !== 'open') return told === undefined || told.reason === alert.state ? undefined : alert.state;
  if (!routed || compareSeverity(standing.severity, minimumSeverity) < 0) return undefined;
  if (told === undefined) return 'first';
  if (isWorse(standing, told)) return 'worse';
  if (told.repeatAt !== undefined && told.repeatAt <= now) return 'repeat';
  return undefined;
}

/** The severity rose, or a rule that was not told before fires at the alert's severity (it was expiring, now it has expired). */
function isWorse(standing: Standing, told: Told): boolean {
  const difference = compareSeverity(standing.severity, told.severity);
  if (difference !== 0) return difference > 0;
  return standing.worstRules.some((rule) => !told.rules.includes(rule));
}
