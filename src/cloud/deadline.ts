import { abortable, startDeadline } from '../network/deadline.ts';
import { CollectError } from '../plugin/error.ts';

/** How long one call to a cloud may take, from the first byte out to the last byte in. Milliseconds. */
export const CALL_DEADLINE_MS = 15_000;

/**
 * Runs one call with a signal that ends with `signal` or with the deadline, and does not wait for a client that ignores
 * it. Throws CollectError `timeout` at the deadline, and the reason of `signal` when that one ends the call.
 */
export async function withDeadline<T>(
  what: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
  deadlineMs: number = CALL_DEADLINE_MS,
): Promise<T> {
  signal.throwIfAborted();
  using deadline = startDeadline(deadlineMs, signal);
  try {
    return await abortable(work(deadline.signal), deadline.signal);
  } catch (error) {
    // A client answers an abort with an error of its own making; why it was aborted is what matters.
    if (deadline.expired) {
      throw new CollectError('timeout', `${what}: no complete answer within ${deadlineMs / 1000} s`, { cause: error });
    }
    throw signal.aborted ? signal.reason : error;
  }
}
