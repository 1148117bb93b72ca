import type { HttpRequest, HttpResponse } from '../network/network.ts';
import type { Context } from '../plugin/context.ts';
import { CollectError } from '../plugin/error.ts';
import { networkFailure } from '../plugin/network-failure.ts';
import { quote, retryAfterMs, type CloudCall } from './failure.ts';

/** What to do where an API refuses, in its own words. */
export interface Advice {
  /** Where the credentials are not accepted (401). */
  readonly login: string;
  /** Where they do not suffice (403). */
  readonly permission: string;
}

/**
 * One request to an API that answers by HTTP status; gives the answer when it is a success, or one of the other
 * statuses that are `wanted`. Throws CollectError, whose text
 * holds neither the path of the URL nor more than a line of the answer.
 */
export async function request(
  context: Context,
  { action, on }: CloudCall,
  url: string,
  sent: HttpRequest,
  advice: Advice,
  signal: AbortSignal,
  wanted: readonly number[] = [],
): Promise<HttpResponse> {
  const where = `${action} on ${on}`;
  let answer: HttpResponse;
  try {
    answer = await context.network.fetch(url, sent, signal);
  } catch (error) {
    signal.throwIfAborted();
    const failure = networkFailure(error);
    if (failure === undefined) throw error;
    throw new CollectError(failure.reason, `${where}: ${failure.message}`, { cause: error });
  }
  if ((answer.status >= 200 && answer.status < 300) || wanted.includes(answer.status)) return answer;
  throw statusError(answer, where, advice, context.clock.now());
}

function statusError(
  { status, headers, body }: HttpResponse,
  where: string,
  advice: Advice,
  now: number,
): CollectError {
  // A page for people says nothing in one line.
  const text = headers.get('content-type')?.includes('html') === true ? '' : quote(body);
  const said = `HTTP ${status}${text === '' ? '' : `: ${text}`}`;
  switch (status) {
    case 401:
      return new CollectError('authentication_failed', `${where}: not accepted (${said}). ${advice.login}`);
    case 403:
      return new CollectError('permission_denied', `${where}: denied (${said}). ${advice.permission}`);
    case 404:
    case 410:
      return new CollectError('not_found', `${where}: ${said}`);
    case 429:
    case 503: {
      const wait = retryAfterMs(headers.get('retry-after'), now);
      const reason = status === 429 ? 'throttled' : 'service_error';
      return new CollectError(reason, `${where}: ${said}`, wait === undefined ? {} : { retryAfterMs: wait });
    }
    default:
      return new CollectError('service_error', `${where}: ${said}`);
  }
}
