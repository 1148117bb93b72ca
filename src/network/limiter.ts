import { setTimeout as sleep } from 'node:timers/promises';

/** Runs work no faster than a rate and no wider than a width. */
export interface Limiter {
  /** Waits for its turn, then runs the work. Rejects with the signal's reason when it aborts before the turn comes. */
  run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

export interface Rate {
  /** Starts per second, on average; a pause saves up to one second's worth of them, at least one. */
  readonly perSecond: number;
  /** Under way at once. */
  readonly concurrency: number;
}

/** Time as the limiters need it: `now` in milliseconds, monotonic. */
export interface LimiterTime {
  now(): number;
  sleep(ms: number): Promise<unknown>;
}

const SYSTEM_TIME: LimiterTime = {
  now: () => performance.now(),
  sleep: (ms) => sleep(ms),
};

/** Beyond so many, those that nobody has used up are forgotten: there may be one for each address of a fleet. */
const MAX_IDLE = 4_096;

/**
 * Limiters by key: who names the same key shares one; the first caller's rate holds while it is in use. `sharers`: how many
 * processes keep to the same limits together; each takes its part, at least one at once.
 */
export function createLimiters(
  time: LimiterTime = SYSTEM_TIME,
  sharers: () => number = () => 1,
): (key: string, rate: Rate) => Limiter {
  const buckets = new Map<string, Bucket>();
  let sweepAt = MAX_IDLE;

  function bucketOf(key: string, rate: Rate): Bucket {
    let bucket = buckets.get(key);
    if (bucket === undefined) {
      if (buckets.size >= sweepAt) {
        for (const [other, { isIdle }] of buckets) if (isIdle()) buckets.delete(other);
        sweepAt = Math.max(MAX_IDLE, 2 * buckets.size);
      }
      bucket = createBucket(() => shareOf(rate, sharers()), time);
      buckets.set(key, bucket);
    }
    return bucket;
  }

  return (key, rate) => {
    if (!(rate.perSecond > 0)) throw new RangeError('perSecond must be above 0');
    if (!(rate.concurrency >= 1)) throw new RangeError('concurrency must be at least 1');
    return { run: (work, signal) => bucketOf(key, rate).run(work, signal) };
  };
}

function shareOf(rate: Rate, sharers: number): Rate {
  if (sharers === 1) return rate;
  return { perSecond: rate.perSecond / sharers, concurrency: Math.max(1, Math.floor(rate.concurrency / sharers)) };
}

interface Bucket extends Limiter {
  /** Nothing is under way, and a new one would be the same. */
  isIdle(): boolean;
}

/** A token bucket in front of a semaphore; who waits is served in order. */
function createBucket(rateNow: () => Rate, time: LimiterTime): Bucket {
  let rate = rateNow();
  let capacity = Math.max(1, rate.perSecond);
  let tokens = capacity;
  let refilledAt = time.now();
  let running = 0;
  let sleeping = false;
  /** Begins one waiting piece of work each; in order of arrival. */
  const waiting = new Set<() => void>();

  function refill(): void {
    const now = time.now();
    rate = rateNow();
    capacity = Math.max(1, rate.perSecond);
    tokens = Math.min(capacity, tokens + ((now - refilledAt) / 1000) * rate.perSecond);
    refilledAt = now;
  }

  function serve(): void {
    refill();
    for (const begin of waiting) {
      if (running >= rate.concurrency) return;
      if (tokens < 1) {
        void wake();
        return;
      }
      tokens -= 1;
      running += 1;
      waiting.delete(begin);
      begin();
    }
  }

  async function wake(): Promise<void> {
    if (sleeping) return;
    sleeping = true;
    await time.sleep(Math.ceil(((1 - tokens) / rate.perSecond) * 1000));
    sleeping = false;
    serve();
  }

  function turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      function begin(): void {
        signal.removeEventListener('abort', onAbort);
        resolve();
      }
      function onAbort(): void {
        waiting.delete(begin);
        reject(signal.reason as Error);
      }
      signal.addEventListener('abort', onAbort, { once: true });
      waiting.add(begin);
      serve();
    });
  }

  return {
    isIdle() {
      refill();
      return running === 0 && waiting.size === 0 && tokens >= capacity;
    },
    async run(work, signal) {
      signal.throwIfAborted();
      await turn(signal);
      try {
        return await work();
      } finally {
        running -= 1;
        serve();
      }
    },
  };
}
