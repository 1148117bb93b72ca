import { setTimeout } from 'node:timers/promises';

/** What took less is made anew whenever somebody asks. */
const CHEAP_MS = 50;
/** Something that took so long is good for this many times as long: making it costs at most a fiftieth of a processor. */
const KEPT_FACTOR = 50;
/** What took less is made anew as soon as it is no more true, whether somebody asks or not. */
const EAGER_MS = 1_000;
/** Who asks waits so long for it at most. */
const PATIENCE_MS = 40;

/** What there is of something that is expensive to make. */
export interface Had<Value> {
  readonly value: Value;
  /** What there is of the one that is being made, where `value` is none that is still true. */
  readonly making?: Value;
}

export interface Latest<Value> {
  /** Never waits for longer than a moment, and never fails. */
  get(): Promise<Had<Value>>;
  /** What is there is no more true. */
  expire(): void;
}

export interface LatestParts<Value> {
  /** Makes one; what there is of it so far may be told. */
  make(tell: (part: Value) => void): Promise<Value>;
  /** What there is before anything was made. */
  nothing(): Value;
  readonly clock: { now(): number };
  onError(error: unknown): void;
  /** Whether a part tells more than one that is not true any more. */
  isMore?(part: Value, old: Value): boolean;
  wait?(ms: number): Promise<unknown>;
}

/**
 * Keeps what is expensive to make. It is made behind who asks, never two at a time: who asks gets it where it is cheap, else
 * what was there before, else as much of it as there is.
 */
export function createLatest<Value>({
  make,
  nothing,
  clock,
  onError,
  isMore = () => false,
  wait = (ms) => setTimeout(ms),
}: LatestParts<Value>): Latest<Value> {
  let kept: { readonly value: Value; readonly madeAt: number; readonly tookMs: number } | undefined;
  let isTrue = false;
  let part: Value | undefined;
  let making: Promise<void> | undefined;
  let generation = 0;

  function renew(): Promise<void> {
    making ??= makeOne().finally(() => {
      making = undefined;
      part = undefined;
    });
    return making;
  }

  async function makeOne(): Promise<void> {
    let own: number;
    // What began before it was said to be out of date is kept meanwhile, and made once more.
    do {
      own = generation;
      const startedAt = clock.now();
      try {
        const value = await Promise.resolve().then(() => make((so) => (part = so)));
        kept = { value, madeAt: clock.now(), tookMs: clock.now() - startedAt };
        isTrue = own === generation;
      } catch (error) {
        onError(error);
        return;
      }
    } while (own !== generation);
  }

  return {
    async get() {
      const isGood = kept !== undefined && isTrue && kept.tookMs >= CHEAP_MS;
      if (!isGood) await Promise.race([renew(), wait(PATIENCE_MS)]);
      else if (kept !== undefined && clock.now() - kept.madeAt > kept.tookMs * KEPT_FACTOR) void renew();
      if (kept !== undefined && isTrue) return { value: kept.value };
      const made = part ?? nothing();
      const isOld = kept !== undefined && (part === undefined || !isMore(part, kept.value));
      return { value: isOld && kept !== undefined ? kept.value : made, making: made };
    },
    expire() {
      generation += 1;
      isTrue = false;
      if (kept !== undefined && kept.tookMs < EAGER_MS) void renew();
    },
  };
}
