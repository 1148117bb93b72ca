import { setTimeout as sleep } from 'node:timers/promises';

import type { ChannelInstance, Delivery, DeliveryReason, DeliveryResult } from '../plugin/channel.ts';
import type { Clock } from '../plugin/context.ts';
import type { Logger } from '../plugin/logger.ts';
import type { NotificationReason } from '../plugin/notification.ts';
import { attempt, ATTEMPT_DEADLINE_MS } from './attempt.ts';
import { retryAt } from './backoff.ts';
import type { DueDelivery, Settlement } from './model.ts';
import { createPace, type Rate } from './pace.ts';
import type { Outbox } from './port.ts';
import { createRests } from './rest.ts';

/** Deliveries of one channel that are read at once. */
const MAX_DELIVERIES = 100;
/** A pass over one channel ends after so many of them, whatever is left. */
const MAX_BATCHES = 1_000;
/**
 * An attempt under way when the signal aborts may end within this time: the receiver may have the message already, and
 * would be told twice.
 */
const STOP_GRACE_MS = 5_000;
/** A pass does not wait longer than this for a slow channel. */
const PATIENCE_MS = 2_000;

export interface DelivererOptions {
  readonly outbox: Outbox;
  /** By name. */
  readonly channels: ReadonlyMap<string, ChannelInstance>;
  readonly clock: Clock;
  /** At least 0, less than 1. */
  readonly random: () => number;
  readonly log: Logger;
  /** How fast messages go out to a channel at most. */
  rate?(channel: string): Rate | undefined;
  /** Commits what became of an attempt. Default: the outbox's own. */
  settle?(settlement: Settlement, delivery: DueDelivery): Promise<void>;
  /** Where several processes share the outbox: which of them serves a channel. */
  readonly turn?: Turn;
  /** Called for each recipient that was reached. */
  readonly onDelivered?: (channel: string, reason: NotificationReason) => void;
  /** Called for each attempt that failed for a recipient. */
  readonly onFailed?: (channel: string, reason: DeliveryReason, gaveUp: boolean) => void;
  /** Of channels that name none. Default `ATTEMPT_DEADLINE_MS`. */
  readonly attemptDeadlineMs?: number;
  /** How long an attempt under way may go on after the signal has aborted, milliseconds. Default 5 000. */
  readonly stopGraceMs?: number;
  /** How long a pass waits for a slow channel, milliseconds. Default 2 000. */
  readonly patienceMs?: number;
}

/** Each channel is served by one process at a time. */
export interface Turn {
  /** Whether this one may serve it now: nobody else does. */
  hold(channel: string): Promise<boolean>;
  /** Whether it may still, as it was told; false after the process was paused. */
  isHeld(channel: string): boolean;
}

export interface Deliverer {
  /**
   * One pass: sends what is due, the channels side by side, the messages of one channel in order, and settles each. Gives
   * the number of attempts that ended. A channel that takes long goes on by itself and is left alone by the passes
   * meanwhile, so that it holds up no other; when the signal aborts, nothing new is sent and the pass waits for all that
   * is under way, which is cut short after a time of grace. Rejects only when the outbox
   * fails: what was sent and could not be settled is sent again, under the same id.
   *
   * A pass that gives 0 had nothing to do now, though something may be due: its channel is busy, resting or removed.
   */
  run(signal: AbortSignal): Promise<number>;
  /** When the first channel that rests, or was as fast as it may be, can go on; undefined when none waits, or one is busy. */
  waitsUntil(): number | undefined;
  /** Resolves when no attempt is under way. For a stop: abort the signal of `run`, then wait for this. */
  idle(): Promise<void>;
  /** The channels from now on. Attempts under way end on the old ones. */
  setChannels(channels: ReadonlyMap<string, ChannelInstance>): void;
}

export function createDeliverer(options: DelivererOptions): Deliverer {
  const { outbox, clock, log } = options;
  const rests = createRests(clock);
  const pace = createPace(clock, (channel) => options.rate?.(channel));
  const underWay = new Map<string, Promise<number>>();
  let channels = options.channels;

  async function drain(name: string, channel: ChannelInstance, signal: AbortSignal): Promise<number> {
    let attempts = 0;
    // Before anything is read: what another process had in hand is settled by then.
    if ((await options.turn?.hold(name)) === false) return attempts;
    for (let batch = 0; batch < MAX_BATCHES; batch += 1) {
      const deliveries = await outbox.due([name], clock.now(), MAX_DELIVERIES);
      let isBack = false;
      for (const delivery of deliveries) {
        if (signal.aborted || pace.freeAt(name) > clock.now()) return attempts;
        if (options.turn?.isHeld(name) === false) return attempts;
        pace.note(name);
        isBack = (await send(name, channel, delivery, signal)) === 'back';
        attempts += 1;
        if (rests.isResting(name)) return attempts;
        if (isBack) break;
      }
      // What waited for the receiver goes in the order in which it came.
      if (isBack) await outbox.hasten(name, clock.now());
      else if (deliveries.length < MAX_DELIVERIES) break;
    }
    return attempts;
  }

  async function send(
    name: string,
    channel: ChannelInstance,
    delivery: DueDelivery,
    signal: AbortSignal,
  ): Promise<'back' | undefined> {
    using cut = abortedAfter(signal, options.stopGraceMs ?? STOP_GRACE_MS);
    const deadlineMs = options.attemptDeadlineMs ?? ATTEMPT_DEADLINE_MS;
    const results = await attempt(channel, delivery, deadlineMs, log, cut.signal);
    await settle(delivery, results, cut.signal);
    return cut.signal.aborted ? undefined : rests.note(name, results);
  }

  function start(name: string, channel: ChannelInstance, signal: AbortSignal): Promise<number> {
    const pass = drain(name, channel, signal).finally(() => underWay.delete(name));
    underWay.set(name, pass);
    pass.catch((error: unknown) =>
      log.error({ channel: name, error }, 'the outbox failed; the channel is tried again'),
    );
    return pass;
  }

  async function settle(delivery: DueDelivery, results: Delivery, signal: AbortSignal): Promise<void> {
    const { channel, notification } = delivery;
    const now = clock.now();
    const settlement: Settlement = {
      channel,
      notificationId: notification.id,
      group: notification.group,
      results,
      retryAt: retries(delivery, results, signal, now, options.random),
      at: now,
    };
    await (options.settle?.(settlement, delivery) ?? outbox.settle(settlement));
    for (const result of results) report(delivery, result, settlement.retryAt.get(result.recipient));
  }

  function report(delivery: DueDelivery, result: DeliveryResult, nextAt: number | undefined): void {
    const { channel, notification } = delivery;
    const fields = { channel, recipient: result.recipient, notification: notification.id, group: notification.group };
    if (result.status === 'delivered') {
      log.info({ ...fields, reason: notification.reason }, 'notification delivered');
      options.onDelivered?.(channel, notification.reason);
      return;
    }
    const failure = { ...fields, failure: result.reason, detail: result.detail };
    if (nextAt === undefined) log.error(failure, 'notification given up');
    else log.warn({ ...failure, retryAt: new Date(nextAt) }, 'notification not delivered');
    options.onFailed?.(channel, result.reason, nextAt === undefined);
  }

  return {
    async run(signal) {
      const ready = [...channels].filter(([name]) => !underWay.has(name) && !rests.isResting(name));
      const passes = ready.map(([name, channel]) => start(name, channel, signal));
      const ended = await endedPasses(passes, signal, options.patienceMs ?? PATIENCE_MS);
      const faults = ended.flatMap((pass) => (pass.status === 'rejected' ? [pass.reason as unknown] : []));
      if (faults.length > 0) throw new AggregateError(faults, 'the outbox failed');
      let attempts = 0;
      for (const pass of ended) if (pass.status === 'fulfilled') attempts += pass.value;
      return attempts;
    },
    waitsUntil() {
      if (underWay.size > 0) return undefined;
      const times = [...channels.keys()].map((name) => Math.max(pace.freeAt(name), rests.until(name)));
      const waits = times.filter((at) => at > clock.now());
      return waits.length === 0 ? undefined : Math.min(...waits);
    },
    async idle() {
      await Promise.allSettled(underWay.values());
    },
    setChannels(next) {
      channels = next;
      rests.keep(new Set(next.keys()));
    },
  };
}

/** A signal that aborts so long after the given one. */
function abortedAfter(signal: AbortSignal, delayMs: number): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const begin = (): void => {
    timer = setTimeout(() => controller.abort(signal.reason), delayMs);
  };
  if (signal.aborted) begin();
  else signal.addEventListener('abort', begin, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      signal.removeEventListener('abort', begin);
      clearTimeout(timer);
    },
  };
}

/** Those of the passes that end within the time given; after an abort all of them. */
async function endedPasses(
  passes: readonly Promise<number>[],
  signal: AbortSignal,
  patienceMs: number,
): Promise<readonly PromiseSettledResult<number>[]> {
  const ended: PromiseSettledResult<number>[] = [];
  const all = Promise.all(
    passes.map((pass) =>
      pass.then(
        (value) => void ended.push({ status: 'fulfilled', value }),
        (reason: unknown) => void ended.push({ status: 'rejected', reason }),
      ),
    ),
  );
  const patience = new AbortController();
  const enough = AbortSignal.any([signal, patience.signal]);
  await Promise.race([all, sleep(patienceMs, undefined, { signal: enough }).catch(() => undefined)]);
  patience.abort();
  if (signal.aborted) await all;
  return ended;
}

function retries(
  delivery: DueDelivery,
  results: Delivery,
  signal: AbortSignal,
  now: number,
  random: () => number,
): ReadonlyMap<string, number> {
  const madeAt = delivery.notification.at.getTime();
  const attemptsOf = new Map(delivery.recipients.map(({ recipient, attempts }) => [recipient, attempts]));
  const next = new Map<string, number>();
  for (const result of results) {
    if (result.status === 'delivered') continue;
    // Cut short by our own stop: the first thing to do after the next start.
    const at = signal.aborted ? now : retryAt(result, attemptsOf.get(result.recipient) ?? 0, madeAt, now, random);
    if (at !== undefined) next.set(result.recipient, at);
  }
  return next;
}
