import { setTimeout as wait } from 'node:timers/promises';

/** Waits for a condition: gives what `probe` gives as soon as that is neither undefined nor false. */
export async function eventually<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  deadlineMs = 15_000,
): Promise<T> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`it did not happen within ${deadlineMs} ms: ${what}`);
    await wait(25);
  }
}
