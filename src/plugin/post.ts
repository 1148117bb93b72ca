import { safeText } from '../text/safe-text.ts';
import type { Context } from './context.ts';
import { requestFailure, retryAfterOf, statusFailure, type Failure, type HttpResponse } from './delivery.ts';

/** Deadline of one request, milliseconds. */
const DEADLINE_MS = 10_000;
/** What is read of an answer: enough for a word about what is wrong. */
const MAX_ANSWER_BYTES = 65_536;
/** What is repeated of it. */
const MAX_EXCERPT = 160;
/** Shorter strings are no secrets, and taking them out would only blur the text. */
const MIN_SECRET = 4;

export interface PostRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** What an answer must not be seen to repeat, beside the parts of the URL. */
  readonly secrets: readonly string[];
  /** The credentials are read anew at each use: who is refused for them may be let in later. */
  readonly hasFreshCredentials?: boolean;
}

export type Posted =
  | { readonly status: 'answered'; readonly response: HttpResponse }
  | { readonly status: 'failed'; readonly failure: Failure };

/**
 * One POST with a deadline: answered with 2xx, or failed in the words of a delivery, with the first words of what the
 * receiver said, the time that it asks to wait, and no secret.
 */
export async function post(request: PostRequest, context: Context, signal: AbortSignal): Promise<Posted> {
  const { url, headers, body, secrets } = request;
  let response: HttpResponse;
  try {
    const sent = { method: 'POST', headers, body, deadlineMs: DEADLINE_MS, maxBytes: MAX_ANSWER_BYTES };
    response = await context.network.fetch(url, sent, signal);
  } catch (error) {
    return { status: 'failed', failure: requestFailure(error, signal) };
  }
  const failure = statusFailure(response.status);
  if (failure === undefined) return { status: 'answered', response };
  const retryable = failure.retryable || (failure.reason === 'authentication' && request.hasFreshCredentials === true);
  const said = isRedirect(response.status)
    ? ': redirects are not followed; configure where it leads'
    : excerpt(response.body, [...partsOf(url), ...secrets]);
  return {
    status: 'failed',
    failure: {
      ...failure,
      retryable,
      detail: `HTTP ${response.status}${said}`,
      ...(retryable ? retryAfterOf(response, context.clock.now()) : {}),
    },
  };
}

/** `: ` and the first words of an answer, without secrets, which a receiver may echo; nothing of a page of HTML. */
export function excerpt(body: string, secrets: readonly string[]): string {
  const text = body.trim();
  return text === '' || text.startsWith('<') ? '' : `: ${safeText(without(text, secrets), { max: MAX_EXCERPT })}`;
}

/** The text with every secret taken out of it. */
export function without(text: string, secrets: readonly string[]): string {
  const longestFirst = secrets.filter((secret) => secret.length >= MIN_SECRET).toSorted((a, b) => b.length - a.length);
  let kept = text;
  for (const secret of longestFirst) kept = kept.replaceAll(secret, '…');
  return kept;
}

/** What of a URL may be a secret. */
function partsOf(text: string): readonly string[] {
  const { pathname, search } = new URL(text);
  return [text, pathname, search, search.slice(1), ...pathname.split('/'), ...new URLSearchParams(search).values()];
}

function isRedirect(status: number): boolean {
  return status >= 300 && status < 400;
}
