/** What took less is made anew whenever somebody asks. */
const CHEAP_MS = 250;
/** Something that took so long is good for this many times as long: making it costs at most a fiftieth of a processor. */
const KEPT_FACTOR = 50;

export interface Latest<Value> {
  get(): Promise<Value>;
  /** What is there is no more true: the next who asks waits for a new one. */
  expire(): void;
}

/**
 * Keeps what is expensive to make. Who asks gets what is there, and while it is old a new one is made behind it; nobody
 * waits but the first. Never makes two at a time.
 */
export function createLatest<Value>(
  make: () => Promise<Value>,
  clock: { now(): number },
  onError: (error: unknown) => void,
): Latest<Value> {
  let kept: { readonly value: Value; readonly madeAt: number; readonly tookMs: number } | undefined;
  let making: { readonly value: Promise<Value>; readonly generation: number } | undefined;
  let generation = 0;

  function renew(): Promise<Value> {
    // What began before it was said to be out of date is not good for who asks now.
    if (making !== undefined && making.generation !== generation) {
      return making.value.then(renew, renew);
    }
    making ??= { value: makeOne(generation), generation };
    return making.value;
  }

  async function makeOne(own: number): Promise<Value> {
    const startedAt = clock.now();
    try {
      const value = await Promise.resolve().then(make);
      if (own === generation) kept = { value, madeAt: clock.now(), tookMs: clock.now() - startedAt };
      return value;
    } finally {
      making = undefined;
    }
  }

  return {
    async get() {
      if (kept === undefined || kept.tookMs < CHEAP_MS) return renew();
      if (clock.now() - kept.madeAt > kept.tookMs * KEPT_FACTOR) renew().catch(onError);
      return kept.value;
    },
    expire() {
      generation += 1;
      kept = undefined;
    },
  };
}
