import type { Config } from './config/config.ts';
import { planHeartbeat } from './daemon-plans.ts';
import type { Engine } from './engine/engine.ts';
import { startLoop, type Loop } from './engine/loop.ts';
import { proveWritable } from './engine/proof.ts';
import type { Distress } from './notify/distress.ts';
import { beat } from './notify/heartbeat.ts';
import type { Clock, Context } from './plugin/context.ts';
import type { Logger } from './plugin/logger.ts';
import { openStore } from './store/open.ts';
import { consequencesOf } from './store/rescue.ts';
import type { Store } from './store/store.ts';

/** The store is asked so often whether it takes writes. */
const WATCH_MS = 15_000;
const DAY_MS = 86_400_000;

export interface DaemonStoreParts {
  readonly log: Logger;
  readonly distress: Distress;
  /** The store turned out to be damaged while it was in use. */
  onDamage(): void;
}

/** Opens the store for a daemon: whatever was wrong with it is said to the log and, past the store, to people. */
export async function openDaemonStore(address: string, { log, distress, onDamage }: DaemonStoreParts): Promise<Store> {
  return openStore(address, {
    exclusive: true,
    log,
    onRescue(rescue) {
      log.error(
        { ...rescue },
        'the store was damaged and is set aside; a new one holds what was sound, and everything else is looked at anew',
      );
      distress.storeWasDamaged(rescue.damage, rescue.setAside, consequencesOf(rescue));
    },
    onForgotten: (silences) =>
      log.error({ silences }, 'the store had lost its latest changes, or is an older one: its silences are restored'),
    onDamage(error) {
      log.error({ error }, 'the store is damaged: notafter begins anew, and sets it aside');
      onDamage();
    },
  });
}

export interface StoreWatchParts extends Omit<DaemonStoreParts, 'onDamage'> {
  /** Told each time that the store took no write. */
  onWriteError(): void;
}

/** Notices when the store takes no writes. Not by the schedule, whose due times lie in the store. */
export function watchStore(store: Store, clock: Clock, { log, distress, onWriteError }: StoreWatchParts): Loop {
  return startLoop(
    async (signal) => {
      try {
        await proveWritable(store.dueTimes, clock.now());
        distress.storeWorks();
      } catch (error) {
        onWriteError();
        distress.storeFails(error instanceof Error ? error.message : String(error));
      }
      await distress.pursue(signal);
      return undefined;
    },
    {
      now: () => clock.now(),
      atMostMs: WATCH_MS,
      onError: (error) => log.error({ error }, 'watching the store failed; it is tried again'),
    },
  );
}

export interface PulseParts {
  readonly engine: Engine;
  readonly store: Store;
  readonly context: Context;
  readonly clock: Clock;
  readonly log: Logger;
  /** All is well at this time. */
  onBeat(at: number): void;
}

/** What has to run by the schedule that runs everything else, for as long as a daemon lives. */
export interface Pulse {
  /** Now, and again when the config changes. */
  schedule(config: Config): Promise<void>;
}

export function createPulse({ engine, store, context, clock, log, onBeat }: PulseParts): Pulse {
  const now = (): number => clock.now();
  const heart = {
    outbox: store.outbox,
    write: (at: number) => proveWritable(store.dueTimes, at),
    now,
    log,
    onBeat,
  };
  return {
    async schedule(config) {
      const { everyMs, ...options } = planHeartbeat(config, context);
      await engine.every('heartbeat', { everyMs }, 'node', (signal) => beat(heart, options, context.network, signal));
      await engine.every('history', { everyMs: DAY_MS }, 'cluster', (signal) =>
        forgetHistory(store, now() - config.historyMs, log, signal),
      );
    },
  };
}

/** Forgets what was over before this time, a little at a time. */
async function forgetHistory(store: Store, before: number, log: Logger, signal: AbortSignal): Promise<void> {
  let rows = 0;
  for (let count = 1; count > 0 && !signal.aborted;) {
    count = await store.transaction((tx) => tx.prune(before));
    rows += count;
  }
  if (rows > 0) log.info({ rows, before: new Date(before) }, 'history forgotten');
}
