import type { ChannelInstance } from '../plugin/channel.ts';
import type { Clock } from '../plugin/context.ts';
import type { Logger } from '../plugin/logger.ts';
import type { NotificationReason } from '../plugin/notification.ts';
import type { DeliveryReason } from '../plugin/channel.ts';
import { alertAbout, createDeadLetters } from './dead-letter.ts';
import { createDeliverer, type Turn } from './deliver.ts';
import { isReleased, sendDigest } from './digest.ts';
import type { DueDelivery, Settlement } from './model.ts';
import type { NotifyOptions } from './options.ts';
import type { Rate } from './pace.ts';
import { sendDue, sendHeld, transition } from './pipeline.ts';
import type { AlertReader, AlertWriter, Outbox } from './port.ts';
import type { AssessedLocation } from './transition.ts';

/** What is due still after a pass waits for something else; it is looked at again after this, milliseconds. */
const PAUSE_MS = 1_000;
/** A digest does not wait longer than this for sources whose first round does not end. */
const DIGEST_PATIENCE_MS = 15 * 60_000;

export interface NotifyingParts {
  readonly alerts: AlertReader;
  readonly outbox: Outbox;
  transaction<T>(work: (tx: { readonly alerts: AlertWriter }) => Promise<T>): Promise<T>;
  readonly channels: ReadonlyMap<string, ChannelInstance>;
  /** As the config is now. */
  options(): NotifyOptions;
  rate(channel: string): Rate | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly meter: {
    delivered(channel: string, reason: NotificationReason): void;
    undelivered(channel: string, reason: DeliveryReason, gaveUp: boolean): void;
  };
  /** Something may be in the outbox. */
  onPosted(): void;
  /** Where several nodes share the outbox. */
  readonly turn?: Turn;
}

/** All that is done about alerts over time. The host runs each part again when it says so, or earlier. */
export interface Notifying {
  /** Takes what was just judged into the alerts; runs inside the caller's transaction. */
  transition(alerts: AlertWriter, assessed: readonly AssessedLocation[], now: number): Promise<void>;
  /** Sends what is due. Gives when it wants to go on. */
  deliver(signal: AbortSignal): Promise<number | undefined>;
  /** Tells what was put off until now, and reminds. Gives when it wants to go on. */
  remind(): Promise<number | undefined>;
  /** The first day: what waited for first rounds; `pending`: some have not ended. */
  tellFirstDay(pending: boolean): Promise<void>;
  /** The channels from now on. What waits for others can never be delivered: that is said once, and it stops waiting. */
  useChannels(channels: ReadonlyMap<string, ChannelInstance>): Promise<void>;
  /** Resolves when no attempt is under way. */
  idle(): Promise<void>;
}

export async function createNotifying(parts: NotifyingParts): Promise<Notifying> {
  const { alerts, outbox, clock, log, options } = parts;
  const deadLetters = createDeadLetters(await alerts.alerts({ state: 'open' }));
  const deliverer = createDeliverer({
    outbox,
    channels: parts.channels,
    clock,
    random: parts.random,
    log,
    rate: (channel) => parts.rate(channel),
    settle,
    ...(parts.turn === undefined ? {} : { turn: parts.turn }),
    onDelivered: (channel, reason) => parts.meter.delivered(channel, reason),
    onFailed: (channel, reason, gaveUp) => parts.meter.undelivered(channel, reason, gaveUp),
  });

  /** A message that is given up and the alert about that are committed together. */
  async function settle(settlement: Settlement, delivery: DueDelivery): Promise<void> {
    const judged = deadLetters.judge(delivery, settlement);
    if (judged.length === 0) {
      await outbox.settle(settlement);
      return;
    }
    await parts.transaction(async (tx) => {
      await tx.alerts.settle(settlement);
      await transition(tx.alerts, judged, options(), settlement.at);
    });
    deadLetters.note(judged);
    parts.onPosted();
  }

  return {
    async transition(writer, assessed, now) {
      await transition(writer, assessed, options(), now);
      parts.onPosted();
    },

    async deliver(signal) {
      // Another process may have served the channels until now.
      if (parts.turn !== undefined) deadLetters.know(await alerts.alertsById(options().channels.map(alertAbout)));
      await deliverer.run(signal);
      const next = await outbox.nextDueAt();
      if (next === undefined || next > clock.now()) return next;
      // Due still after a whole pass: its channel waits, or is busy.
      return deliverer.waitsUntil() ?? clock.now() + PAUSE_MS;
    },

    async remind() {
      const now = clock.now();
      const dueAt = await alerts.nextTellAt();
      if (dueAt === undefined || dueAt > now) return dueAt;
      await parts.transaction((tx) => sendDue(tx.alerts, options(), now));
      parts.onPosted();
      // Due still: it waits for a channel that reaches nobody.
      const next = await alerts.nextTellAt();
      return next === undefined ? undefined : Math.max(next, now + PAUSE_MS);
    },

    async tellFirstDay(pending) {
      const waiting = await alerts.alertsAwaitingDigest();
      const [now, current] = [clock.now(), options()];
      const isDigestDue = waiting.some((alert) => !pending || alert.openedAt <= now - DIGEST_PATIENCE_MS);
      if (!isDigestDue && !waiting.some((alert) => isReleased(alert, current, now))) return;
      await parts.transaction(async (tx) => {
        await sendHeld(tx.alerts, current, now);
        if (isDigestDue) await sendDigest(tx.alerts, current, now);
      });
      parts.onPosted();
    },

    async useChannels(channels) {
      deliverer.setChannels(channels);
      const why = 'the channel is no longer in the config';
      const given = await outbox.giveUpOthers([...channels.keys()], why, clock.now());
      if (given > 0) {
        log.error({ deliveries: given }, 'notifications given up: their channel is no longer in the config');
      }
      const gone = deadLetters.goneBut(new Set(channels.keys()));
      if (gone.length === 0) return;
      await parts.transaction((tx) => transition(tx.alerts, gone, options(), clock.now()));
      deadLetters.note(gone);
      parts.onPosted();
    },

    idle: () => deliverer.idle(),
  };
}
