import { type NotificationReason, type Severity, compareSeverity } from '../plugin/notification.ts';
import type { Alert, Told } from './model.ts';
import { isWorse, type Standing } from './standing.ts';

/** An end that moves by less is the same end, milliseconds. */
const END_TOLERANCE_MS = 3_600_000;
/** Fewer places that come or go are no news by themselves. */
const FEW_PLACES = 5;

/** What decides whether a channel hears of an alert now. */
export interface Hearing {
  readonly alert: Alert;
  readonly standing: Standing;
  readonly channel: string;
  /** What the channel was last told in the alert's present life. */
  readonly told: Told | undefined;
  /** The routes lead the alert to this channel. */
  readonly routed: boolean;
  readonly minimumSeverity: Severity;
  readonly now: number;
}

/** Why the channel is told, from the difference between what it was last told and what is so; undefined when there is no reason to. */
export function reasonToTell(hearing: Hearing): NotificationReason | undefined {
  const { alert, standing, told, routed, minimumSeverity, now } = hearing;
  if (alert.state !== 'open') return told === undefined || told.reason === alert.state ? undefined : alert.state;
  if (!routed || compareSeverity(standing.severity, minimumSeverity) < 0) return undefined;
  if (told === undefined) return 'first';
  if (isWorse(standing, told)) return 'worse';
  if (hasChanged(standing, told)) return 'changed';
  if (told.repeatAt !== undefined && told.repeatAt <= now) return 'repeat';
  return undefined;
}

/** The end moved, or at least half as many places as were told of came or went. */
function hasChanged(standing: Standing, told: Told): boolean {
  if (told.placeCount === undefined) return false;
  const endMoved =
    standing.endsAt !== undefined &&
    (told.endsAt === undefined || Math.abs(standing.endsAt - told.endsAt) > END_TOLERANCE_MS);
  const difference = Math.abs(standing.placeCount - told.placeCount);
  return endMoved || difference >= Math.max(FEW_PLACES, told.placeCount / 2);
}
