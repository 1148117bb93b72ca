import { setImmediate } from 'node:timers/promises';

/** Work that follows on work without a pause keeps sockets and timers waiting; they get their turn after this, milliseconds. */
const TURN_MS = 5;

/**
 * One thing at a time, in order, except that what is urgent goes before everything that waits: a message that was sent and
 * not yet settled would be sent again if the process died now.
 */
export interface Lane {
  run<T>(work: () => Promise<T>, urgency?: 'urgent'): Promise<T>;
}

export function createLane(): Lane {
  const urgent: (() => void)[] = [];
  const waiting: (() => void)[] = [];
  let isTaken = false;
  let turnAt = performance.now();

  async function passOn(): Promise<void> {
    // What has arrived at a socket meanwhile may be urgent.
    if (urgent.length === 0 && performance.now() - turnAt > TURN_MS) {
      await setImmediate();
      turnAt = performance.now();
    }
    const next = urgent.shift() ?? waiting.shift();
    if (next === undefined) isTaken = false;
    else next();
  }

  return {
    async run(work, urgency) {
      if (isTaken) {
        await new Promise<void>((resolve) => {
          (urgency === 'urgent' ? urgent : waiting).push(resolve);
        });
      } else {
        isTaken = true;
        if (waiting.length === 0) turnAt = performance.now();
      }
      try {
        return await work();
      } finally {
        void passOn();
      }
    },
  };
}
