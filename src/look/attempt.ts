import { setTimeout as sleep } from 'node:timers/promises';

import { isTimeout } from '../network/deadline.ts';
import { CollectError } from '../plugin/error.ts';
import type { Logger } from '../plugin/logger.ts';
import type { Reason } from '../plugin/reason.ts';

/** Failures that often pass by themselves: worth another try within the same look. */
const PASSING: ReadonlySet<Reason> = new Set<Reason>(['dns', 'reset', 'throttled', 'timeout', 'service_error']);

/** Waits before the second and the third try, milliseconds; a longer wish of the other side wins. */
const WAITS_MS = [1_000, 4_000] as const;
/** Who asks for more than this is left alone until the next look. */
const LONGEST_WAIT_MS = 30_000;

/** Resolves after so many milliseconds; rejects when the signal aborts. */
export type Wait = (ms: number, signal: AbortSignal) => Promise<void>;

export const waitForReal: Wait = (ms, signal) => sleep(ms, undefined, { signal });

/** A failure in the words of the closed list; anything that is no CollectError is a fault of ours and is logged. */
export function failureOf(error: unknown, log: Logger, fields: object): { reason: Reason; detail: string } {
  if (error instanceof CollectError) return { reason: error.reason, detail: error.message };
  log.error({ ...fields, error }, 'a collector failed in an unexpected way');
  return {
    reason: 'internal',
    detail: `a fault inside notafter: ${error instanceof Error ? error.message : String(error)}`,
  };
}

/** The failure of work that was ended by its deadline, or else the one it threw. */
export function failureWithin(
  signal: AbortSignal,
  error: unknown,
  what: string,
  log: Logger,
  fields: object,
): { reason: Reason; detail: string } {
  return isTimeout(signal)
    ? { reason: 'timeout', detail: `${what} did not end within its deadline` }
    : failureOf(error, log, fields);
}

/**
 * Runs a look, again when it failed in a way that often passes and `hasBegun()` says that nothing of it has been recorded
 * yet. Throws what the last try threw.
 */
export async function attempt(
  look: () => Promise<void>,
  hasBegun: () => boolean,
  parts: { readonly random: () => number; readonly wait: Wait },
  signal: AbortSignal,
): Promise<void> {
  for (let round = 0; ; round++) {
    try {
      await look();
      return;
    } catch (error) {
      const pause = WAITS_MS[round];
      if (pause === undefined || hasBegun() || signal.aborted) throw error;
      if (!(error instanceof CollectError) || !PASSING.has(error.reason)) throw error;
      const wished = error.retryAfterMs ?? 0;
      if (wished > LONGEST_WAIT_MS) throw error;
      await parts.wait(Math.max(wished, pause * (0.75 + parts.random() / 2)), signal);
    }
  }
}
