import type { NotificationReason } from '../plugin/notification.ts';
import type { Alert, Told } from './model.ts';
import type { RepeatPolicy } from './options.ts';
import { nextRepeatAt } from './repeat.ts';
import type { Standing } from './standing.ts';

/** What a channel has been told once this is on its way. Rules add up over the alert's life: one that comes and goes is news once. */
export function toldNow(
  channel: string,
  reason: NotificationReason,
  alert: Alert,
  standing: Standing,
  before: Told | undefined,
  message: { readonly id: string; readonly group: string },
  repeat: RepeatPolicy,
  now: number,
): Told {
  const isNews = reason === 'first' || reason === 'worse';
  const newsAt = isNews ? now : before?.newsAt;
  return {
    channel,
    severity: standing.severity,
    rules: [...new Set([...(before?.rules ?? []), ...standing.rules])],
    reason,
    at: now,
    group: message.group,
    notificationId: message.id,
    placeCount: standing.placeCount,
    ...(standing.endsAt === undefined ? {} : { endsAt: standing.endsAt }),
    ...(newsAt === undefined ? {} : { newsAt }),
    ...(alert.state === 'open' ? { repeatAt: nextRepeatAt(now, standing.severity, standing.endsAt, repeat) } : {}),
  };
}

/** A reminder that is due but has no business now (too mild, routed elsewhere) is looked at again when the next would be. */
export function postponed(channel: string, before: Told, standing: Standing, repeat: RepeatPolicy, now: number): Told {
  return { ...before, channel, repeatAt: nextRepeatAt(now, standing.severity, standing.endsAt, repeat) };
}

/** A reminder that is due and may not be told now. */
export function putOff(channel: string, before: Told, until: number): Told {
  return { ...before, channel, repeatAt: until };
}
