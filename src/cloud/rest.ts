import type { Known } from '../plugin/collector.ts';
import type { Context, Rate } from '../plugin/context.ts';
import { CollectError } from '../plugin/error.ts';
import { networkFailure } from '../plugin/network-failure.ts';
import type { Fields } from './answer.ts';
import { CALL_DEADLINE_MS, withDeadline } from './deadline.ts';
import { callText, type CloudCall, quote } from './failure.ts';
import { type Listed, readTokens } from './paging.ts';
import type { Trial } from './trial.ts';

/** A page of a list with certificates in it may be long; a longer answer is none of a list. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** A listing of so many pages is a fault of the service, or nothing that one source can watch. */
const MAX_PAGES = 1000;

/** One call of an API. */
export interface RestCall {
  /** What the permission for it is called: `Microsoft.Network/applicationGateways/read`. */
  readonly action: string;
  /** The call, where one permission is for many. */
  readonly call?: string;
  /** What it asks about, where that is a thing of its own. */
  readonly of?: string;
}

/** An answer as it came over the wire. */
export interface RestAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
}

/** One page of a listing, with the URL or token of the next. */
export interface RestPage {
  readonly items: readonly Fields[];
  readonly next: string | undefined;
}

/** An API that is spoken to in JSON, with a token, during one look at one place. */
export interface RestLook {
  /** Stands for the look as a whole where a part of it is missing. */
  readonly here: string;
  readonly known: Known;
  readonly signal: AbortSignal;
  readonly context: Context;
  readonly now: number;
  /** Names of the tags that become labels, in lower case. */
  readonly tags: readonly string[];
  /** Makes one call, within the rate, the deadline and the signal. With a body it is a POST. Throws CollectError, or the signal's reason. */
  ask(call: RestCall, url: string, body?: Fields): Promise<Fields>;
  /**
   * Reads a listing to its end, page by page: see `readPages`. `urlOf` makes the URL of a page of the token that the page
   * before it gave.
   */
  pages(
    call: RestCall,
    urlOf: (token: string | undefined) => string,
    read: (answer: Fields) => RestPage,
  ): AsyncGenerator<Listed<Fields>, void, undefined>;
}

/** What tells one API from another. */
export interface RestParts {
  readonly here: string;
  /** How error texts name the place. */
  readonly on: string;
  /** Whose limits are used up. */
  readonly limitKey: string;
  readonly rate: Rate;
  readonly known: Known;
  readonly context: Context;
  readonly signal: AbortSignal;
  readonly tags: readonly string[];
  readonly trial?: Trial | undefined;
  /** Where tokens may be sent: a page that names a next one elsewhere is not followed. */
  readonly origins: Pick<ReadonlySet<string>, 'has'>;
  /** What each request carries, its token above all. */
  headers(signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
  /** The token was not accepted: whoever asks next gets another. */
  forget(): void;
  /** What an answer that is no success means. */
  answerError(answer: RestAnswer, call: CloudCall, now: number): CollectError;
  /** What was thrown by what gives the tokens. */
  loginError(error: unknown, call: CloudCall): CollectError;
}

/** Begins a look by these parts. Asks nobody yet. */
export function openRest(parts: RestParts): RestLook {
  const { here, on, context, signal, known, trial } = parts;
  const limiter = context.limit(parts.limitKey, parts.rate);

  async function send(call: CloudCall, url: string, body: Fields | undefined, aborting: AbortSignal): Promise<Fields> {
    if (!URL.canParse(url) || !parts.origins.has(new URL(url).origin)) {
      throw new CollectError(
        'service_error',
        `${callText(call)}: the next page is said to lie elsewhere, and is not read`,
      );
    }
    let headers: Readonly<Record<string, string>>;
    try {
      headers = await parts.headers(aborting);
    } catch (error) {
      aborting.throwIfAborted();
      throw parts.loginError(error, call);
    }
    const answer = await context.network.fetch(
      url,
      {
        deadlineMs: CALL_DEADLINE_MS,
        maxBytes: MAX_ANSWER_BYTES,
        headers: {
          accept: 'application/json',
          ...headers,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      },
      aborting,
    );
    if (answer.status !== 200) {
      const retryAfter = answer.headers.get('retry-after');
      throw parts.answerError({ status: answer.status, retryAfter, body: answer.body }, call, context.clock.now());
    }
    return readObject(answer.body, call);
  }

  async function once(call: CloudCall, url: string, body: Fields | undefined): Promise<Fields> {
    try {
      return await limiter.run(
        () => withDeadline(callText(call), signal, (aborting) => send(call, url, body, aborting)),
        signal,
      );
    } catch (error) {
      signal.throwIfAborted();
      const failure = failureOf(error, call);
      if (failure.reason === 'authentication_failed') parts.forget();
      throw failure;
    }
  }

  function ask(asked: RestCall, url: string, body?: Fields): Promise<Fields> {
    const call = { ...asked, on };
    return trial === undefined ? once(call, url, body) : trial.run(call, () => once(call, url, body));
  }

  return {
    here,
    known,
    signal,
    context,
    now: context.clock.now(),
    tags: parts.tags.map((tag) => tag.toLowerCase()),
    ask,
    pages: (call, urlOf, read) =>
      readTokens(callText({ ...call, on }), MAX_PAGES, async (token) => read(await ask(call, urlOf(token)))),
  };
}

function failureOf(error: unknown, call: CloudCall): CollectError {
  if (error instanceof CollectError) return error;
  const network = networkFailure(error);
  if (network === undefined) throw error;
  return new CollectError(network.reason, `${callText(call)}: ${network.message}`, { cause: error });
}

function readObject(body: string, call: CloudCall): Fields {
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch (error) {
    throw new CollectError('service_error', `${callText(call)}: the answer is no JSON: ${quote(body.slice(0, 200))}`, {
      cause: error,
    });
  }
  if (typeof answer === 'object' && answer !== null && !Array.isArray(answer)) return answer as Fields;
  throw new CollectError('service_error', `${callText(call)}: the answer is JSON, but no object`);
}
