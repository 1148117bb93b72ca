/** Clients that are remembered; the one that was heard of longest ago is forgotten first. */
const MAX_REMEMBERED = 10_000;

/** Lets each client ask so often: `burst` at once, and one more after each `intervalMs`. */
export interface Buckets {
  /** Takes one; gives how long to wait for it where there is none, milliseconds. */
  take(client: string, now: number, rate: Rate): number;
  /** Gives back what was taken last. */
  give(client: string, rate: Rate): void;
}

export interface Rate {
  readonly intervalMs: number;
  readonly burst: number;
}

export function createBuckets(): Buckets {
  /** Until when each has used up its share: the theoretical arrival time of GCRA. */
  const usedUntil = new Map<string, number>();
  return {
    take(client, now, { intervalMs, burst }) {
      const until = Math.max(usedUntil.get(client) ?? 0, now);
      const waitMs = until + intervalMs - burst * intervalMs - now;
      if (waitMs > 0) return waitMs;
      usedUntil.delete(client);
      usedUntil.set(client, until + intervalMs);
      const [oldest] = usedUntil.keys();
      if (usedUntil.size > MAX_REMEMBERED && oldest !== undefined) usedUntil.delete(oldest);
      return 0;
    },
    give(client, { intervalMs }) {
      const until = usedUntil.get(client);
      if (until !== undefined) usedUntil.set(client, until - intervalMs);
    },
  };
}
