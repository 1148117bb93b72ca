import { DEFAULT_REPEAT, SOON_MS } from './repeat.ts';
import { digestId } from './identity.ts';
import type { Alert, Told } from './model.ts';
import { noticeOf } from './notice.ts';
import { DEFAULT_MINIMUM_SEVERITY, type NotifyOptions } from './options.ts';
import { memoryOf, post, type Memory } from './outbox.ts';
import type { AlertWriter } from './port.ts';
import { route } from './route.ts';
import { compareSeverity } from '../plugin/notification.ts';
import { compareText, earliestFirst } from './severity.ts';
import { affectedPlaces, standingOf, type Standing } from './standing.ts';
import { toldNow } from './told.ts';

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
}

/**
 * The first day: tells every channel in one message what was already so when its sources were new. For the host to call
 * whenever the first rounds of new sources are complete; it sends nothing when nothing waits.
 */
export async function sendDigest(alerts: AlertWriter, options: NotifyOptions, now: number): Promise<void> {
  const open = (await alerts.alertsAwaitingDigest()).filter((alert) => isReady(alert, options, now));
  const memory = memoryOf(options);
  const waiting = open.flatMap((alert) => waitingFor(alert, memory, options)).toSorted(worstFirst);
  for (const channel of options.channels) {
    const routed = waiting.filter((entry) => entry.channels.includes(channel));
    if (routed.length > 0) await postDigest(alerts, channel, routed, options, now);
  }
  const channelsOf = new Map(waiting.map((entry) => [entry.alert.id, entry]));
  for (const alert of open) {
    const told = rowsOf(channelsOf.get(alert.id), options, now);
    const noted = memory.noted(alert, told);
    // A dry run leaves it waiting: the digest goes out when the dry run is over.
    const after = options.dryRun === undefined ? { ...noted, awaitsDigest: false } : noted;
    if (after !== alert) await alerts.saveAlert(after);
  }
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
  const channels = route(alert, options).filter((channel) => options.recipients(channel).length > 0);
  return [{ alert, standing, channels }];
}

function rowsOf(entry: Waiting | undefined, options: NotifyOptions, now: number): readonly Told[] {
  if (entry === undefined) return [];
  const { alert, standing, channels } = entry;
  const repeat = options.repeat ?? DEFAULT_REPEAT;
  return channels.map((channel) => toldNow(channel, 'first', alert, standing, undefined, repeat, now));
}

async function postDigest(
  alerts: AlertWriter,
  channel: string,
  routed: readonly Waiting[],
  options: NotifyOptions,
  now: number,
): Promise<void> {
  const notification = {
    id: digestId(
      channel,
      routed.map((entry) => entry.alert),
    ),
    kind: 'digest' as const,
    reason: 'first' as const,
    severity: routed[0]?.standing.severity ?? 'info',
    at: new Date(now),
    group: `digest-${now}`,
    alerts: routed.slice(0, MAX_DIGEST_NOTICES).map(({ alert, standing }) => noticeOf(alert, standing, options)),
    alertCount: routed.length,
    ...(options.externalUrl === undefined ? {} : { externalUrl: options.externalUrl }),
  };
  await post(alerts, channel, notification, options, now);
}

function worstFirst(a: Waiting, b: Waiting): number {
  return (
    compareSeverity(b.standing.severity, a.standing.severity) ||
    earliestFirst(a.standing.endsAt, b.standing.endsAt) ||
    compareText(a.alert.id, b.alert.id)
  );
}
