import { setTimeout as wait } from 'node:timers/promises';

import { CollectError } from '../plugin/error.ts';
import type { Logger } from '../plugin/logger.ts';
import type { Reason } from '../plugin/reason.ts';

/** Failures that often pass by themselves: worth another try within the same look. */
const PASSING: ReadonlySet<Reason> = new Set<Reason>(['dns', 'reset', 'throttled', 'timeout', 'service_error']);

/** Waits before the second and the third try, milliseconds; a longer wish of the other side wins, up to `MAX_WAIT_MS`. */
const WAITS_MS = [1_000, 4_000] as const;
const MAX_WAIT_MS = 30_000;

/** A failure in the words of the closed list; anything that is no CollectError is a fault of ours and is logged. */
export function failureOf(error: unknown, log: Logger, fields: object): { reason: Reason; detail: string } {
  if (error instanceof CollectError) return { reason: error.reason, detail: error.message };
  if (error instanceof Error && error.name === 'TimeoutError') return { reason: 'timeout', detail: 'the look did not end within its deadline' };
  log.error({ ...fields, error }, 'a collector failed in an unexpected way');
  return { reason: 'internal', detail: `a fault inside notafter: ${error instanceof Error ? error.message : String(error)}` };
}

/**
 * Runs a look, again when it failed in a way that often passes and `begun()` says that nothing of it has been recorded
 * yet. Throws what the last try threw.
 */
export async function attempt(look: () => Promise<void>, begun: () => boolean, random: () => number, signal: AbortSignal): Promise<void> {
  for (let round = 0; ; round++) {
    try {
      await look();
      return;
    } catch (error) {
      const pause = WAITS_MS[round];
      if (pause === undefined || begun() || signal.aborted || !(error instanceof CollectError) || !PASSING.has(error.reason)) throw error;
      const wished = Math.min(error.retryAfterMs ?? 0, MAX_WAIT_MS);
      await wait(Math.max(wished, pause * (0.75 + random() / 2)), undefined, { signal });
    }
  }
}
