import type { DeliveryResult } from '../plugin/channel.ts';

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;

/** The first wait after a failure; each further one is twice as long. */
export const FIRST_RETRY_MS = 5 * SECOND_MS;
/** No wait is longer, so that a receiver that comes back is reached within this time. */
export const LONGEST_RETRY_MS = 900 * SECOND_MS;
/** A message that could not be delivered for this long is given up: the alert is still open, and its reminders follow. */
export const GIVE_UP_AFTER_MS = 72 * HOUR_MS;
/** A receiver cannot ask for more than this: it must not outlive the message. */
export const LONGEST_RETRY_AFTER_MS = 24 * HOUR_MS;

/**
 * When a recipient is tried again after a failure, milliseconds since the epoch; undefined when it is given up. The wait
 * doubles with each attempt and is spread over its upper half, so that many messages do not come back at once; it is
 * never shorter than what the receiver asked for.
 */
export function retryAt(
  failure: Extract<DeliveryResult, { status: 'failed' }>,
  attempts: number,
  madeAt: number,
  now: number,
  random: () => number,
): number | undefined {
  if (!failure.retryable || now - madeAt >= GIVE_UP_AFTER_MS) return undefined;
  const longest = Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempts, 30), LONGEST_RETRY_MS);
  const wait = longest / 2 + random() * (longest / 2);
  const asked = Math.min(failure.retryAfterMs ?? 0, LONGEST_RETRY_AFTER_MS);
  return now + Math.ceil(Math.max(wait, asked));
}
