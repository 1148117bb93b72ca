import { setImmediate } from 'node:timers/promises';

/** Others have their turn after this, milliseconds: who asks for a page waits so long for each thing that it needs. */
const TURN_MS = 5;

/** Long work of no hurry, done in slices. */
export interface Turns {
  /** Lets others have their turn where the slice has taken long enough. Throws what the signal says. */
  take(): Promise<void> | undefined;
  /** Lets them have it now. */
  pass(): Promise<void>;
}

export function createTurns(signal: AbortSignal): Turns {
  let turnAt = performance.now();

  async function pass(): Promise<void> {
    await setImmediate();
    signal.throwIfAborted();
    turnAt = performance.now();
  }

  return {
    take: () => (performance.now() - turnAt < TURN_MS ? undefined : pass()),
    pass,
  };
}
