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

/** Limiters by key: who names the same key shares one; the first caller's rate holds. */
export function createLimiters(time: LimiterTime = SYSTEM_TIME): (key: string, rate: Rate) => Limiter {
  const limiters = new Map<string, Limiter>();
  return (key, rate) => {
    let limiter = limiters.get(key);
    if (limiter === undefined) {
      limiter = createLimiter(rate, time);
      limiters.set(key, limiter);
    }
    return limiter;
  };
}

/** A token bucket in front of a semaphore; who waits is served in order. */
function createLimiter(rate: Rate, time: LimiterTime): Limiter {
  if (!(rate.perSecond > 0)) throw new RangeError('perSecond must be above 0');
  if (!(rate.concurrency >= 1)) throw new RangeError('concurrency must be at least 1');

  const capacity = Math.max(1, rate.perSecond);
  let tokens = capacity;
  let refilledAt = time.now();
  let running = 0;
  let sleeping = false;
  /** Begins one waiting piece of work each; in order of arrival. */
  const waiting = new Set<() => void>();

  function refill(): void {
    const now = time.now();
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
