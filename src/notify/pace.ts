import type { Clock } from '../plugin/context.ts';

/** So many messages in any stretch of time this long. */
export interface Rate {
  readonly count: number;
  readonly windowMs: number;
}

/**
 * How fast messages go out to each channel: any window holds at most its count, as receivers count themselves. In memory
 * only: a receiver that is asked too much after a restart says so.
 */
export interface Pace {
  /** When the next message may go; not after now: at once. */
  freeAt(channel: string): number;
  /** One goes now. */
  note(channel: string): void;
}

export function createPace(clock: Clock, rateOf: (channel: string) => Rate | undefined): Pace {
  /** The times of the last messages, the oldest first, no more than the rate's count. */
  const sent = new Map<string, number[]>();

  /** Without times that are still to come: the clock was set back. */
  function heeded(channel: string): number[] {
    const times = sent.get(channel) ?? [];
    const now = clock.now();
    return (times.at(-1) ?? now) <= now ? times : times.filter((at) => at <= now);
  }

  return {
    freeAt(channel) {
      const rate = rateOf(channel);
      const times = heeded(channel);
      if (rate === undefined || times.length < rate.count) return -Infinity;
      return (times[times.length - rate.count] ?? -Infinity) + rate.windowMs;
    },
    note(channel) {
      const rate = rateOf(channel);
      if (rate === undefined) {
        sent.delete(channel);
        return;
      }
      const now = clock.now();
      const times = heeded(channel).filter((at) => at > now - rate.windowMs);
      times.push(now);
      sent.set(channel, times);
    },
  };
}
