import { isDeepStrictEqual } from 'node:util';

import { compose } from './compose.ts';
import { reasonToTell, type Hearing } from './dedup.ts';
import { isReleased, waitsFor } from './digest.ts';
import { escalate, escalationsAhead } from './escalate.ts';
import { groupOf } from './group.ts';
import { alertId, isStorm } from './identity.ts';
import type { Alert, Held, Told } from './model.ts';
import { mute, type Hold } from './mute.ts';
import { DEFAULT_MINIMUM_SEVERITY, DEFAULT_RESOLVE_AFTER_LOOKS, type NotifyOptions } from './options.ts';
import { memoryOf, post, type Memory } from './outbox.ts';
import type { AlertWriter } from './port.ts';
import { DEFAULT_REPEAT } from './repeat.ts';
import { route, type Lead } from './route.ts';
import { compareSeverity } from '../plugin/notification.ts';
import { compareText } from './severity.ts';
import { activeSilences, type ActiveSilence } from './silence.ts';
import { isWorse, standingOf, type Standing } from './standing.ts';
import { calm } from './storm.ts';
import { postponed, putOff, toldNow } from './told.ts';
import { applyLooks, type AssessedLocation } from './transition.ts';
import { messagesOf, type Word } from './word.ts';

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
  await saveChanged(alerts, await tell(alerts, [...after.values()], options, now, 'look'), before);
}

/**
 * Tells what was put off and may go now, and reminds those who are due to hear again. For the host to call when
 * `nextTellAt` says so, in a transaction like `transition`.
 */
export async function sendDue(alerts: AlertWriter, options: NotifyOptions, now: number): Promise<void> {
  await tellAnew(alerts, await alerts.alertsDue(now), options, now, 'collection');
}

/**
 * Tells what is told by itself and waited for the first round of its source. For the host to call when a first round is
 * complete and every few seconds, before `sendDigest`, in a transaction like `transition`.
 */
export async function sendHeld(alerts: AlertWriter, options: NotifyOptions, now: number): Promise<void> {
  const waiting = await alerts.alertsAwaitingDigest();
  const released = waiting.filter((candidate) => isReleased(candidate, options, now));
  await tellAnew(alerts, released, options, now, 'look');
}

async function tellAnew(
  alerts: AlertWriter,
  known: readonly Alert[],
  options: NotifyOptions,
  now: number,
  occasion: Occasion,
): Promise<void> {
  const before = new Map(known.map((alert) => [alert.id, alert]));
  await saveChanged(alerts, await tell(alerts, known, options, now, occasion), before);
}

/** An alert that nothing happened to is the same object still. */
async function saveChanged(
  alerts: AlertWriter,
  after: readonly Alert[],
  before: ReadonlyMap<string, Alert>,
): Promise<void> {
  const changed = after.filter((alert) => alert !== before.get(alert.id));
  if (changed.length > 0) await alerts.saveAlerts(changed);
}

/** A look brings news of a few alerts; a collection goes through all that was put off until now. */
type Occasion = 'look' | 'collection';

/**
 * The stages: route → group → mute → dedup for each alert, then what goes together in one message, what is too much at
 * once, and the outbox. What is in the outbox is delivered and logged by the deliverer. Gives the alerts back with what
 * was told and what is put off.
 */
async function tell(
  alerts: AlertWriter,
  batch: readonly Alert[],
  options: NotifyOptions,
  now: number,
  occasion: Occasion,
): Promise<readonly Alert[]> {
  const memory = memoryOf(options);
  const silences = activeSilences(await alerts.silences(), now);
  const heard = new Map<string, Heard>();
  for (const alert of worstFirst(batch)) {
    heard.set(alert.id, await hear(alerts, alert, { memory, silences, options, now, occasion }));
  }
  const words = [...heard.values()].flatMap((entry) => entry.words);
  const { messages, later } = await calm(alerts, messagesOf(words), options, occasion === 'collection', now);
  for (const { word, until } of later) {
    holdBack(heard.get(word.alert.id), word, { why: 'storm', until }, { options, now });
  }

  const current = new Map([...heard].map(([id, { alert }]) => [id, alert]));
  for (const message of messages) {
    const composed = await compose(alerts, message, current, memory, options, now);
    if (composed === undefined) continue;
    const { notification, weight, ended } = composed;
    await post(alerts, message.channel, notification, weight, options, now);
    const tellOf = (word: Word): Told =>
      toldNow(
        word.channel,
        endReason(word),
        word.alert,
        word.standing,
        word.told,
        { id: notification.id, group: word.group },
        options.repeat ?? DEFAULT_REPEAT,
        now,
      );
    for (const word of message.words) heard.get(word.alert.id)?.told.push(tellOf(word));
    if (ended.length > 0) await alerts.saveAlerts(ended.map((word) => memory.noted(word.alert, [tellOf(word)])));
  }
  return [...heard.values()].map(({ alert, standing, routed, told, held }) => {
    const noted = memory.noted(alert, told);
    const ahead = standing === undefined ? [] : escalationsAhead(noted, standing, routed, memory, now);
    return withHeld(noted, [...held, ...ahead]);
  });
}

/** What is over is remembered as that, whatever the message about its group said. */
function endReason({ alert, reason }: Word): Told['reason'] {
  return alert.state === 'open' ? reason : alert.state;
}

interface Hall {
  readonly memory: Memory;
  readonly silences: readonly ActiveSilence[];
  readonly options: NotifyOptions;
  readonly now: number;
  readonly occasion: Occasion;
}

/** What becomes of one alert: what is said of it, what its channels are remembered to know, what they hear later. */
interface Heard {
  readonly alert: Alert;
  readonly standing: Standing | undefined;
  readonly routed: readonly Lead[];
  readonly words: readonly Word[];
  readonly told: Told[];
  readonly held: Held[];
}

/** One alert through route, group, mute and dedup, for each channel that hears or heard of it. */
async function hear(alerts: AlertWriter, known: Alert, hall: Hall): Promise<Heard> {
  const { memory, options, now, occasion } = hall;
  const standing = standingOf(known);
  const told: Told[] = [];
  if (standing === undefined || waitsFor(known, standing, options, now) !== undefined) {
    return { alert: known, standing, routed: [], words: [], told, held: [...(known.held ?? [])] };
  }
  const alert = withoutWornAcknowledgement(known, standing);
  const routed = route(alert, options);
  const escalated = await escalate(alerts, alert, standing, routed, memory, now);
  const held: Held[] = [];
  const leads = new Map([...routed, ...escalated].map((lead) => [lead.channel, lead]));
  const words: Word[] = [];
  const heard: Heard = { alert, standing, routed, words, told, held };
  for (const channel of new Set([...leads.keys(), ...memory.channels(alert)])) {
    if (options.recipients(channel).length === 0) continue;
    const lead = leads.get(channel) ?? { channel };
    const hearing: Hearing = {
      alert,
      standing,
      channel,
      told: memory.of(alert, channel),
      routed: leads.has(channel),
      minimumSeverity: options.minimumSeverity ?? DEFAULT_MINIMUM_SEVERITY,
      now,
    };
    const reason = reasonToTell(hearing);
    if (reason === undefined) {
      remindLater(hearing, told, options);
      continue;
    }
    const group = groupFor(hearing, lead, reason);
    const word: Word = { alert, standing, channel, reason, told: hearing.told, route: lead.route, group };
    const dueAt = alert.held?.find((entry) => entry.channel === channel)?.until ?? hearing.told?.repeatAt;
    const hold = mute({
      hearing,
      reason,
      route: lead.route,
      silences: hall.silences,
      options,
      dueAt: dueAt !== undefined && dueAt <= now ? dueAt : undefined,
      isCollection: occasion === 'collection',
    });
    if (hold === undefined) words.push(word);
    else holdBack(heard, word, hold, hall);
  }
  return heard;
}

/** A group is kept while the alert lives; what gets worse leaves a storm and speaks for itself. */
function groupFor({ alert, standing, told }: Hearing, lead: Lead, reason: Word['reason']): string {
  const before = told?.group;
  if (before === undefined || (reason === 'worse' && isStorm(before))) return groupOf(alert, standing, lead);
  return before;
}

/** A reminder that is due but has no business now (too mild, routed elsewhere) is looked at again when the next would be. */
function remindLater({ alert, standing, channel, told, now }: Hearing, rows: Told[], options: NotifyOptions): void {
  if (alert.state !== 'open' || told?.repeatAt === undefined || told.repeatAt > now) return;
  rows.push(postponed(channel, told, standing, options.repeat ?? DEFAULT_REPEAT, now));
}

/** A reminder is put off by itself; of news it is remembered that somebody waits for it. */
function holdBack(
  heard: Heard | undefined,
  word: Word,
  hold: Hold,
  { options, now }: Pick<Hall, 'options' | 'now'>,
): void {
  const { channel, reason, told, standing } = word;
  if (reason !== 'repeat' || told === undefined) {
    heard?.held.push({ channel, ...hold });
  } else if (hold.until === undefined) {
    heard?.told.push(postponed(channel, told, standing, options.repeat ?? DEFAULT_REPEAT, now));
  } else {
    heard?.told.push(putOff(channel, told, hold.until));
  }
}

/** It has got worse than what somebody took on. */
function withoutWornAcknowledgement(alert: Alert, standing: Standing): Alert {
  const { acknowledgement, ...rest } = alert;
  if (acknowledgement === undefined || alert.state !== 'open' || !isWorse(standing, acknowledgement)) return alert;
  return rest;
}

function withHeld(alert: Alert, held: readonly Held[]): Alert {
  if (isDeepStrictEqual(alert.held ?? [], held)) return alert;
  const { held: _, ...rest } = alert;
  return held.length === 0 ? rest : { ...rest, held };
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
