import type { NotificationReason } from '../plugin/notification.ts';
import type { Hearing } from './dedup.ts';
import type { Alert, HoldReason } from './model.ts';
import type { NotifyOptions, Route } from './options.ts';
import { nextDigestAt, quietUntil } from './schedule.ts';
import { silencedUntil, type ActiveSilence } from './silence.ts';
import { isWorse, type Standing } from './standing.ts';

/** News of the same kind of change is told together with what follows within this time of the last message, milliseconds. */
export const SETTLE_MS = 3_600_000;

export interface Hold {
  readonly why: HoldReason;
  /** Milliseconds since the epoch; absent: until something happens to the alert. */
  readonly until?: number;
}

export interface MuteContext {
  readonly hearing: Hearing;
  readonly reason: NotificationReason;
  readonly route: Route | undefined;
  readonly silences: readonly ActiveSilence[];
  readonly options: Pick<NotifyOptions, 'quietHours'>;
  /** When the channel was to hear of it, if that was put off before. */
  readonly dueAt: number | undefined;
  /** What is put off is looked through now, all of it together: what is collected may go. */
  readonly isCollection: boolean;
}

/**
 * Why a channel is not told now of what it should hear; undefined when nothing keeps it back. The end of something that
 * it was told of passes silences: it has it open. What is critical waits for no hours and no digest.
 */
export function mute(context: MuteContext): Hold | undefined {
  const { hearing, reason, route, silences, options } = context;
  const { alert, standing, told, now } = hearing;
  const quiet = quietOf(alert, standing, silences, now);
  if (quiet !== undefined) return quiet;
  if (standing.severity !== 'critical') {
    const hours = latest(
      [route?.quietHours, options.quietHours?.(hearing.channel)].map((quietHours) =>
        quietHours === undefined ? undefined : quietUntil(quietHours, now),
      ),
    );
    if (hours !== undefined) return { why: 'quiet_hours', until: hours };
    if (route?.digest !== undefined) {
      const until = nextDigestAt(route.digest, context.dueAt === undefined ? now : context.dueAt - 1);
      if (until > now || !context.isCollection) return { why: 'digest', until };
    }
  }
  const settled = (told?.at ?? -Infinity) + SETTLE_MS;
  return reason === 'changed' && now < settled ? { why: 'settling', until: settled } : undefined;
}

/** What people have asked for: that an open alert be quiet. */
export function quietOf(
  alert: Alert,
  standing: Standing,
  silences: readonly ActiveSilence[],
  now: number,
): Hold | undefined {
  const { acknowledgement } = alert;
  if (alert.state !== 'open') return undefined;
  if (acknowledgement !== undefined && !isWorse(standing, acknowledgement)) return { why: 'acknowledged' };
  const until = silencedUntil(alert, standing, silences, now);
  return until === undefined ? undefined : { why: 'silence', until };
}

function latest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}
