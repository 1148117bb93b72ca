import { DEFAULT_REPEAT, SOON_MS } from './repeat.ts';
import { digestId } from './identity.ts';
import type { Alert, Held, Told } from './model.ts';
import { noticeOf } from './notice.ts';
import { DEFAULT_MINIMUM_SEVERITY, type NotifyOptions } from './options.ts';
import { memoryOf, post, type Memory } from './outbox.ts';
import type { AlertWriter } from './port.ts';
import { route } from './route.ts';
import { compareSeverity, type Notification } from '../plugin/notification.ts';
import { quietOf } from './mute.ts';
import { activeSilences, type ActiveSilence } from './silence.ts';
import { affectedPlaces, standingOf, type Standing } from './standing.ts';
import { toldNow } from './told.ts';
import { worstWordFirst } from './word.ts';

/** A digest lists at most this many alerts; its count is exact. */
export const MAX_DIGEST_NOTICES = 50;

/** What the first round of a new source may still add to an alert is waited for this long after it opened, milliseconds. */
export const FIRST_ROUND_PATIENCE_MS = 30_000;
/** What ends sooner than this waits for nothing, milliseconds. */
const TOO_SOON_TO_WAIT_MS = 10 * 60_000;

/**
 * What keeps back an alert that was there when its source was new: the digest, unless its end is still to come and near.
 * That is told by itself, once it is known at how many places: when the first round is complete, or after a moment. Once
 * told, it waits no more.
 */
export function waitsFor(
  alert: Alert,
  standing: Standing,
  options: NotifyOptions,
  now: number,
): 'digest' | 'first-round' | undefined {
  if (!alert.awaitsDigest || memoryOf(options).channels(alert).length > 0) return undefined;
  const { endsAt } = standing;
  if (endsAt === undefined || endsAt <= now || endsAt > now + SOON_MS) return 'digest';
  const hasTime = endsAt > now + TOO_SOON_TO_WAIT_MS && now < alert.openedAt + FIRST_ROUND_PATIENCE_MS;
  return hasTime && affectedPlaces(alert).some((place) => options.isNew(place.source)) ? 'first-round' : undefined;
}

/** Nobody was told yet, and nothing keeps it back any more: `sendHeld` tells it. */
export function isReleased(alert: Alert, options: NotifyOptions, now: number): boolean {
  const standing = standingOf(alert);
  if (standing === undefined || memoryOf(options).channels(alert).length > 0) return false;
  return waitsFor(alert, standing, options, now) === undefined;
}

interface Waiting {
  readonly alert: Alert;
  readonly standing: Standing;
  readonly channels: readonly string[];
  /** A silence or an acknowledgement keeps it out. */
  hold(silences: readonly ActiveSilence[], now: number): Pick<Held, 'why' | 'until'> | undefined;
}

/**
 * The first day: tells every channel in one message what was already so when its sources were new. For the host to call
 * whenever the first rounds of new sources are complete; it sends nothing when nothing waits.
 */
export async function sendDigest(alerts: AlertWriter, options: NotifyOptions, now: number): Promise<void> {
  const open = (await alerts.alertsAwaitingDigest()).filter((alert) => isReady(alert, options, now));
  const memory = memoryOf(options);
  const silences = activeSilences(await alerts.silences(), now);
  const waiting = open.flatMap((alert) => waitingFor(alert, memory, options)).toSorted(worstWordFirst);
  const telling = waiting.filter(({ hold }) => hold(silences, now) === undefined);
  const told = new Map<string, Told[]>();
  for (const channel of options.channels) {
    const routed = telling.filter((entry) => entry.channels.includes(channel));
    if (routed.length === 0) continue;
    const id = await postDigest(alerts, channel, routed, options, now);
    for (const entry of routed) {
      told.set(entry.alert.id, [...(told.get(entry.alert.id) ?? []), rowOf(entry, channel, id, options, now)]);
    }
  }
  const entries = new Map(waiting.map((entry) => [entry.alert.id, entry]));
  const changed: Alert[] = [];
  for (const alert of open) {
    const noted = memory.noted(alert, told.get(alert.id) ?? []);
    const entry = entries.get(alert.id);
    const hold = entry?.hold(silences, now);
    const held: readonly Held[] =
      hold === undefined ? [] : (entry?.channels ?? []).map((channel) => ({ channel, ...hold }));
    // A dry run leaves it waiting: the digest goes out when the dry run is over.
    const after =
      options.dryRun === undefined ? { ...noted, awaitsDigest: false, ...(held.length === 0 ? {} : { held }) } : noted;
    if (after !== alert) changed.push(after);
  }
  if (changed.length > 0) await alerts.saveAlerts(changed);
}

/** What is told by itself in a moment stays out of the digest. */
function isReady(alert: Alert, options: NotifyOptions, now: number): boolean {
  if (alert.state !== 'open') return false;
  const standing = standingOf(alert);
  return standing === undefined || waitsFor(alert, standing, options, now) !== 'first-round';
}

function waitingFor(alert: Alert, memory: Memory, options: NotifyOptions): readonly Waiting[] {
  const standing = standingOf(alert);
  if (standing === undefined || memory.channels(alert).length > 0) return [];
  if (compareSeverity(standing.severity, options.minimumSeverity ?? DEFAULT_MINIMUM_SEVERITY) < 0) return [];
  const channels = route(alert, options)
    .map(({ channel }) => channel)
    .filter((channel) => options.recipients(channel).length > 0);
  return [{ alert, standing, channels, hold: (silences, now) => quietOf(alert, standing, silences, now) }];
}

/** Told in a list of what was there before: nothing that anybody is called out of bed for when he does not react. */
function rowOf(entry: Waiting, channel: string, id: string, options: NotifyOptions, now: number): Told {
  const { alert, standing } = entry;
  const message = { id, group: alert.id };
  const repeat = options.repeat ?? DEFAULT_REPEAT;
  const { newsAt: _, ...told } = toldNow(channel, 'first', alert, standing, undefined, message, repeat, now);
  return told;
}

async function postDigest(
  alerts: AlertWriter,
  channel: string,
  routed: readonly Waiting[],
  options: NotifyOptions,
  now: number,
): Promise<string> {
  const id = digestId(
    channel,
    routed.map((entry) => entry.alert),
  );
  const notification: Notification = {
    id,
    kind: 'digest',
    occasion: 'first-day',
    reason: 'first',
    severity: routed[0]?.standing.severity ?? 'info',
    at: new Date(now),
    group: `digest-${now}`,
    alerts: routed.slice(0, MAX_DIGEST_NOTICES).map(({ alert, standing }) => noticeOf(alert, standing, options)),
    alertCount: routed.length,
    ...(options.externalUrl === undefined ? {} : { externalUrl: options.externalUrl }),
  };
  await post(alerts, channel, notification, 0, options, now);
  return id;
}
