import type { ChannelInstance, Delivery, DeliveryReason, DeliveryResult } from '../plugin/channel.ts';
import type { Logger } from '../plugin/logger.ts';
import type { DueDelivery } from './model.ts';

/** Deadline of one attempt, milliseconds. */
export const ATTEMPT_DEADLINE_MS = 30_000;

/** One attempt, which ends by its deadline or the signal whatever the channel does; a result for each recipient that waits. */
export async function attempt(
  channel: ChannelInstance,
  delivery: DueDelivery,
  deadlineMs: number,
  log: Logger,
  signal: AbortSignal,
): Promise<Delivery> {
  const recipients = delivery.recipients.map(({ recipient }) => recipient);
  const failed = (reason: DeliveryReason, detail: string): Delivery =>
    recipients.map((recipient) => failure(recipient, reason, detail));
  const ending = AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]);
  try {
    const sent = channel.send(delivery.notification, recipients, delivery.previous, ending);
    const results = await Promise.race([sent, whenAborted(ending)]);
    const byRecipient = new Map(results.map((result) => [result.recipient, result]));
    return recipients.map(
      (recipient) =>
        byRecipient.get(recipient) ?? failure(recipient, 'internal', 'the channel did not say what became of it'),
    );
  } catch (error) {
    if (ending.aborted) return failed('timeout', 'the attempt did not end by its deadline');
    // The message of an unexpected error may hold anything; where it was thrown tells enough.
    log.error({ channel: delivery.channel, error: originOf(error) }, 'channel threw');
    return failed('internal', 'the channel failed in a way it should not; the log tells where');
  }
}

function failure(recipient: string, reason: DeliveryReason, detail: string): DeliveryResult {
  return { recipient, status: 'failed', reason, detail, retryable: true };
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const abort = (): void => reject(new Error('aborted'));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

/** Name and stack frames of an error, without its message. */
function originOf(error: unknown): object {
  if (!(error instanceof Error)) return { name: typeof error };
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return { name: error.name, stack: frames.join('\n') };
}
