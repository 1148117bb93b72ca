import type { HttpResponse, NetworkError } from '../network/network.ts';
import { safeText } from '../text/safe-text.ts';
import type { DeliveryReason, DeliveryResult, Receipt } from './channel.ts';

export type { HttpResponse } from '../network/network.ts';

/** The detail of a failure is at most this long. */
const MAX_DETAIL = 300;

export interface Failure {
  readonly reason: DeliveryReason;
  /** What the other side said. Never a secret. */
  readonly detail: string;
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
}

export function delivered(recipient: string, receipt?: Receipt): DeliveryResult {
  return { recipient, status: 'delivered', ...(receipt === undefined ? {} : { receipt }) };
}

export function failed(recipient: string, failure: Failure): DeliveryResult {
  return { recipient, status: 'failed', ...failure, detail: safeText(failure.detail, { max: MAX_DETAIL }) };
}

/**
 * What an HTTP status means for a message: undefined when it was taken. A redirect is a refusal, because a message is not
 * sent where nobody configured it to go.
 */
export function statusFailure(status: number): Pick<Failure, 'reason' | 'retryable'> | undefined {
  if (status >= 200 && status < 300) return undefined;
  switch (status) {
    case 401:
    case 403:
    case 407:
      return { reason: 'authentication', retryable: false };
    case 408:
      return { reason: 'timeout', retryable: true };
    case 425:
      return { reason: 'server_error', retryable: true };
    case 429:
      return { reason: 'rate_limited', retryable: true };
    default:
      return status >= 300 && status < 500
        ? { reason: 'rejected', retryable: false }
        : { reason: 'server_error', retryable: true };
  }
}

/** How long an answer asks to wait (RFC 9110 section 10.2.3: seconds or a date), milliseconds. */
export function retryAfterOf(response: HttpResponse, now: number): Pick<Failure, 'retryAfterMs'> {
  const text = response.headers.get('retry-after')?.trim() ?? '';
  if (/^\d{1,9}$/.test(text)) return { retryAfterMs: Number(text) * 1000 };
  const at = /^[A-Z][a-z]{2},? /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? {} : { retryAfterMs: Math.max(0, at - now) };
}

/** A request that got no answer. The text of a `NetworkError` holds no secret; that of any other error is not repeated. */
export function requestFailure(error: unknown, signal: AbortSignal): Failure {
  if (isNetworkError(error)) {
    const reason = error.reason === 'timeout' ? 'timeout' : 'network';
    return { reason, detail: error.message, retryable: true };
  }
  const name = error instanceof Error ? error.name : typeof error;
  return signal.aborted
    ? { reason: 'timeout', detail: 'the attempt was ended before there was an answer', retryable: true }
    : { reason: 'internal', detail: `the request could not be made (${name})`, retryable: true };
}

/** A secret that cannot be read, a message that cannot be made: somebody can set that right while it waits. */
export function secretFailure(error: unknown): Failure {
  const detail = error instanceof Error ? error.message : 'a secret cannot be read';
  return { reason: 'internal', detail, retryable: true };
}

/** The text if it is a URL that can be posted to. The error does not repeat it: it may be a secret. */
export function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new Error('the URL given for the webhook does not begin with https:// or http://, or names no host');
  }
  if (url.username !== '' || url.password !== '') {
    throw new Error('the URL given for the webhook holds a user or a password; requests never carry them');
  }
  return text;
}

/** By name: the class is the host's. */
function isNetworkError(error: unknown): error is NetworkError {
  return error instanceof Error && error.name === 'NetworkError' && 'reason' in error;
}
