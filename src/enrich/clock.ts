import { DAY_MS } from './retry.ts';

/** An exchange that took longer says too little about the moment of its answer. */
const MAX_ROUND_TRIP_MS = 10_000;
const MAX_HOSTS = 64;
const FRESH_MS = DAY_MS;

/** How far our clock is from those of the hosts that were asked anyway. */
export interface ClockSamples {
  /** Takes note of an answer: when it was asked for, when it came, and its headers. Answers from a cache say nothing. */
  note(host: string, sentAt: number, receivedAt: number, headers: ReadonlyMap<string, string>): void;
  /** The median over the hosts; positive when ours is behind. `undefined` while no clock was seen within a day. */
  skew(now: number): { readonly skewMs: number; readonly hosts: number } | undefined;
}

export function createClockSamples(): ClockSamples {
  /** The latest of each host; the one heard of longest ago is the first. */
  const samples = new Map<string, { readonly skewMs: number; readonly at: number }>();

  return {
    note(host, sentAt, receivedAt, headers) {
      const date = headers.get('date') ?? '';
      const at = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/.test(date) ? Date.parse(date) : NaN;
      const isCached = Number(headers.get('age') ?? 0) !== 0;
      if (Number.isNaN(at) || isCached || receivedAt < sentAt || receivedAt - sentAt > MAX_ROUND_TRIP_MS) return;
      samples.delete(host);
      // The header cuts the second short by half of one, on average.
      samples.set(host, { skewMs: at + 500 - (sentAt + receivedAt) / 2, at: receivedAt });
      for (const oldest of samples.keys()) {
        if (samples.size <= MAX_HOSTS) break;
        samples.delete(oldest);
      }
    },

    skew(now) {
      const fresh = [...samples.values()].filter(({ at }) => Math.abs(now - at) <= FRESH_MS);
      const sorted = fresh.map(({ skewMs }) => skewMs).toSorted((a, b) => a - b);
      const middle = sorted.length / 2;
      const lower = sorted[Math.ceil(middle) - 1];
      const upper = sorted[Math.floor(middle)];
      if (lower === undefined || upper === undefined) return undefined;
      return { skewMs: Math.round((lower + upper) / 2), hosts: sorted.length };
    },
  };
}
