import { reasonToTell } from './dedup.ts';
import { isReleased, waitsFor } from './digest.ts';
import { alertId, notificationId } from './identity.ts';
import type { Alert, Told } from './model.ts';
import { noticeOf } from './notice.ts';
import { DEFAULT_MINIMUM_SEVERITY, DEFAULT_RESOLVE_AFTER_LOOKS, type NotifyOptions } from './options.ts';
import { memoryOf, post } from './outbox.ts';
import type { AlertWriter } from './port.ts';
import { DEFAULT_REPEAT } from './repeat.ts';
import { route } from './route.ts';
import { compareSeverity, type Notification } from '../plugin/notification.ts';
import { compareText } from './severity.ts';
import { standingOf } from './standing.ts';
import { postponed, toldNow } from './told.ts';
import { applyLooks, type AssessedLocation } from './transition.ts';

/**
 * Takes what was just judged into the alerts, and puts what someone must hear into the outbox. Runs inside a transaction
 * of the store: either all of it is kept, or none, and running it again then says nothing twice.
 */
export async function transition(
  alerts: AlertWriter,
  assessed: readonly AssessedLocation[],
  options: NotifyOptions,
  now: number,
): Promise<void> {
  const before = await concernedAlerts(alerts, assessed);
  const resolveAfterLooks = options.resolveAfterLooks ?? DEFAULT_RESOLVE_AFTER_LOOKS;
  const after = applyLooks(before, assessed, { resolveAfterLooks, isNew: (source) => options.isNew(source) }, now);
  for (const alert of worstFirst(after.values())) {
    const told = await tell(alerts, alert, options, now);
    if (told !== before.get(alert.id)) await alerts.saveAlert(told);
  }
}

/** Reminds those who are due to hear again. For the host to call every minute or so, in a transaction like `transition`. */
export async function sendRepeats(alerts: AlertWriter, options: NotifyOptions, now: number): Promise<void> {
  for (const alert of worstFirst(await alerts.alertsDueForRepeat(now))) {
    const told = await tell(alerts, alert, options, now);
    if (told !== alert) await alerts.saveAlert(told);
  }
}

/**
 * Tells what is told by itself and waited for the first round of its source. For the host to call when a first round is
 * complete and every few seconds, before `sendDigest`, in a transaction like `transition`.
 */
export async function sendHeld(alerts: AlertWriter, options: NotifyOptions, now: number): Promise<void> {
  const waiting = await alerts.alertsAwaitingDigest();
  for (const alert of worstFirst(waiting.filter((candidate) => isReleased(candidate, options, now)))) {
    const told = await tell(alerts, alert, options, now);
    if (told !== alert) await alerts.saveAlert(told);
  }
}

/** The stages for one alert: digest → route → dedup → outbox. Gives the alert back with what was told. */
async function tell(alerts: AlertWriter, alert: Alert, options: NotifyOptions, now: number): Promise<Alert> {
  const memory = memoryOf(options);
  const standing = standingOf(alert);
  if (standing === undefined || waitsFor(alert, standing, options, now) !== undefined) return alert;

  const minimumSeverity = options.minimumSeverity ?? DEFAULT_MINIMUM_SEVERITY;
  const repeat = options.repeat ?? DEFAULT_REPEAT;
  const routed = route(alert, options);
  const news: Told[] = [];
  for (const channel of new Set([...routed, ...memory.channels(alert)])) {
    const told = memory.of(alert, channel);
    const reachable = options.recipients(channel).length > 0;
    const hearing = { alert, standing, told, routed: routed.includes(channel), minimumSeverity, now };
    const reason = reachable ? reasonToTell(hearing) : undefined;
    if (reason !== undefined) {
      const notification: Notification = {
        id: notificationId(alert, standing, channel, reason, told),
        kind: 'alert',
        reason,
        severity: standing.severity,
        ...(told === undefined ? {} : { previousSeverity: told.severity }),
        at: new Date(now),
        group: alert.id,
        alerts: [noticeOf(alert, standing, options)],
        alertCount: 1,
        ...(options.externalUrl === undefined ? {} : { externalUrl: options.externalUrl }),
      };
      await post(alerts, channel, notification, options, now);
      news.push(toldNow(channel, reason, alert, standing, told, repeat, now));
    } else if (alert.state === 'open' && told?.repeatAt !== undefined && told.repeatAt <= now) {
      news.push(postponed(channel, told, standing, repeat, now));
    }
  }
  return memory.noted(alert, news);
}

/** Every alert that these looks can change, by id. */
async function concernedAlerts(
  alerts: AlertWriter,
  assessed: readonly AssessedLocation[],
): Promise<ReadonlyMap<string, Alert>> {
  const findings = assessed.flatMap((location) => location.findings);
  const ids = new Set(findings.map((finding) => alertId(finding.family, finding.cause)));
  const found = await alerts.alertsById([...ids]);
  const open = await alerts.openAlertsAt(assessed.map((location) => location.locationId));
  return new Map([...found, ...open].map((alert) => [alert.id, alert]));
}

/** The order in which they are told. */
function worstFirst(alerts: Iterable<Alert>): readonly Alert[] {
  return [...alerts].toSorted((a, b) => {
    const [severityOfA, severityOfB] = [standingOf(a)?.severity ?? 'info', standingOf(b)?.severity ?? 'info'];
    return compareSeverity(severityOfB, severityOfA) || a.openedAt - b.openedAt || compareText(a.id, b.id);
  });
}
