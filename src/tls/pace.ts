import { setTimeout as sleep } from 'node:timers/promises';

/** What was not begun in so long a pause may be begun at once afterwards. */
const BURST_MS = 250;

/** Resolves after so many milliseconds, or earlier when the signal aborts. */
type Wait = (ms: number, signal: AbortSignal) => Promise<unknown>;

const waitForReal: Wait = (ms, signal) => sleep(ms, undefined, { signal }).catch(() => undefined);

/** Waits for one's turn. Throws the signal's reason when it aborts. */
export type Pace = (signal: AbortSignal) => Promise<void>;

/** So many turns a second. `now` in milliseconds; only differences matter. */
export function createPace(now: () => number, perSecond: number, wait: Wait = waitForReal): Pace {
  let nextAt = Number.NEGATIVE_INFINITY;
  return async (signal) => {
    const time = now();
    nextAt = Math.max(nextAt + 1_000 / perSecond, time - BURST_MS);
    if (nextAt > time) await wait(nextAt - time, signal);
    signal.throwIfAborted();
  };
}
