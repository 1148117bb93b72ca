import type { Context } from '../plugin/context.ts';
import type { Logger } from '../plugin/logger.ts';
import type { Outbox } from './port.ts';

export interface HeartbeatParts {
  readonly outbox: Pick<Outbox, 'oldestPendingAt'>;
  /** Commits something; throws when the store takes no writes. */
  write(now: number): Promise<void>;
  now(): number;
  readonly log: Logger;
  /** All is well at this time. */
  onBeat(at: number): void;
}

export interface HeartbeatOptions {
  /** A message may wait so long in the outbox. */
  readonly patienceMs: number;
  /** Where to knock; absent: only the metric says it. May be a secret. */
  url?(): Promise<string>;
}

const DEADLINE_MS = 10_000;

/**
 * One beat of the dead man's switch. To be run by the schedule that runs everything else: that it runs at all says that
 * the scheduler advances. It knocks only when the store has just taken a write and no message waits too long; otherwise it
 * is silent, and whoever listens raises the alarm that notafter itself cannot. Does not throw for what it finds wrong.
 */
export async function beat(
  { outbox, write, now, log, onBeat }: HeartbeatParts,
  { patienceMs, url }: HeartbeatOptions,
  network: Pick<Context['network'], 'fetch'>,
  signal: AbortSignal,
): Promise<void> {
  const at = now();
  try {
    await write(at);
    const oldestAt = await outbox.oldestPendingAt();
    if (oldestAt !== undefined && at - oldestAt > patienceMs) {
      log.error({ oldest: new Date(oldestAt) }, 'no heartbeat: a message waits too long in the outbox');
      return;
    }
  } catch (error) {
    log.error({ error }, 'no heartbeat: the store does not work');
    return;
  }
  onBeat(at);
  if (url === undefined) return;
  try {
    const { status } = await network.fetch(await url(), { deadlineMs: DEADLINE_MS }, signal);
    if (status < 200 || status >= 300) log.warn({ status }, 'the heartbeat was refused');
  } catch (error) {
    // The text of a network error holds no URL, nor does that of a secret that cannot be read.
    log.warn({ detail: error instanceof Error ? error.message : 'it failed' }, 'the heartbeat did not arrive');
  }
}
