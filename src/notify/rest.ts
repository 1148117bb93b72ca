import type { Delivery, DeliveryResult } from '../plugin/channel.ts';
import type { Clock } from '../plugin/context.ts';
import { FIRST_RETRY_MS, LONGEST_RETRY_AFTER_MS } from './backoff.ts';

/** A receiver that is out of reach is tried again, with one message, at least this often. */
const LONGEST_REST_MS = 60_000;

/**
 * Which channels are left alone for a while: a receiver that asked for it or cannot be reached would treat the next
 * message no better than the last. In memory only: a restart tries at once.
 */
export interface Rests {
  /** Takes note of an attempt. `back`: the receiver was out of reach before, and is no more. */
  note(channel: string, results: Delivery): 'back' | undefined;
  isResting(channel: string): boolean;
  /** When its rest ends, milliseconds since the epoch; in the past when it does not rest. */
  until(channel: string): number;
  /** Forgets all channels but these. */
  keep(channels: ReadonlySet<string>): void;
}

export function createRests(clock: Clock): Rests {
  const rests = new Map<string, { readonly at: number; readonly until: number; readonly failures: number }>();

  function until(channel: string): number {
    const rest = rests.get(channel);
    // One that has not begun yet: the clock was set back since.
    return rest === undefined || rest.at > clock.now() ? -Infinity : rest.until;
  }

  return {
    note(channel, results) {
      if (!results.every(concernsReceiver)) return rests.delete(channel) ? 'back' : undefined;
      const failures = (rests.get(channel)?.failures ?? 0) + 1;
      const wait = Math.min(FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 30), LONGEST_REST_MS);
      const asked = Math.max(
        0,
        ...results.map((result) => (result.status === 'failed' ? (result.retryAfterMs ?? 0) : 0)),
      );
      const at = clock.now();
      rests.set(channel, { at, until: at + Math.max(wait, Math.min(asked, LONGEST_RETRY_AFTER_MS)), failures });
      return undefined;
    },
    until,
    isResting: (channel) => until(channel) > clock.now(),
    keep(channels) {
      for (const channel of rests.keys()) if (!channels.has(channel)) rests.delete(channel);
    },
  };
}

/** It was not about this message or recipient. */
function concernsReceiver(result: DeliveryResult): boolean {
  if (result.status === 'delivered') return false;
  switch (result.reason) {
    case 'network':
    case 'timeout':
    case 'rate_limited':
    case 'authentication':
      return true;
    case 'server_error':
    case 'rejected':
    case 'internal':
      return false;
  }
}
