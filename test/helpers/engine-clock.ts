import type { Ticker } from '../../src/engine/ticker.ts';

/** Time that passes by hand, for any number of engines. */
export interface EngineClock {
  now(): number;
  readonly ticker: Ticker;
  readonly listeners: ReadonlySet<() => void>;
  /** Lets time pass, or go back, lets every engine notice, then waits for what `settled` waits for. */
  advance(ms: number): Promise<void>;
}

export function engineClock(start: number, settled: () => Promise<void>): EngineClock {
  let now = start;
  const listeners = new Set<() => void>();
  return {
    now: () => now,
    listeners,
    async advance(ms) {
      now += ms;
      for (const tick of listeners) tick();
      await settled();
    },
    ticker(onTick) {
      listeners.add(onTick);
      return () => void listeners.delete(onTick);
    },
  };
}

/** Messages that were logged. */
export function engineLog(): {
  readonly messages: string[];
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
} {
  const messages: string[] = [];
  const note = (_fields: object, message: string): void => void messages.push(message);
  return { messages, warn: note, error: note };
}
