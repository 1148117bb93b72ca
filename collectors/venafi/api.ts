import type { z } from 'zod';

import type { CloudCall } from '../../src/cloud/failure.ts';
import { request, type Advice } from '../../src/cloud/request.ts';
import type { Trial } from '../../src/cloud/trial.ts';
import type { Context, Limiter, Rate } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';

const DEADLINE_MS = 30_000;
const MAX_BYTES = 32 * 1024 * 1024;
/** Neither product documents a limit; people work with it, too. */
const RATE: Rate = { perSecond: 10, concurrency: 4 };

/** One call. */
export interface ApiCall {
  readonly action: string;
  readonly method?: 'GET' | 'POST';
  /** Behind the address, with its query. */
  readonly path: string;
  readonly body?: object;
  readonly accept?: string;
  /** Not sent with a login: it is made to get one. */
  readonly isLogin?: true;
}

export interface Api {
  /** The text of an answer. Throws CollectError. */
  text(call: ApiCall, signal: AbortSignal): Promise<string>;
  /** What an answer says, as far as the schema wants it. Throws CollectError, also when it is something else. */
  json<Schema extends z.ZodType>(call: ApiCall, schema: Schema, signal: AbortSignal): Promise<z.output<Schema>>;
  /** The same, but each kind of call is made once, and what becomes of it is learned. */
  tried(trial: Trial): Api;
}

/** What tells the two products apart on the wire. */
export interface ApiParts {
  readonly url: string;
  readonly advice: Advice;
  readonly context: Context;
  readonly ca: () => Promise<string | undefined>;
  /** The headers by which it knows us. */
  readonly headers: (signal: AbortSignal) => Promise<Readonly<Record<string, string>>>;
  /** Called when the login was not accepted: true when a new one is worth a try. */
  readonly onRefused: () => boolean;
}

export function createApi(parts: ApiParts, trial?: Trial): Api {
  const { url, advice, context, ca, headers, onRefused } = parts;
  const base = url.replace(/\/+$/, '');
  const host = new URL(url).host;
  const limiter: Limiter = context.limit(`venafi:${host}`, RATE);

  async function once(call: ApiCall, signal: AbortSignal): Promise<string> {
    const own = call.isLogin === true ? {} : await headers(signal);
    const pem = await ca();
    const asked: CloudCall = { action: call.action, on: host };
    const sent = {
      method: call.method ?? 'GET',
      headers: {
        accept: call.accept ?? 'application/json',
        ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...own,
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      deadlineMs: DEADLINE_MS,
      maxBytes: MAX_BYTES,
      ...(pem === undefined ? {} : { tls: { ca: pem } }),
    };
    const answer = await limiter.run(
      () => request(context, asked, `${base}${call.path}`, sent, advice, signal),
      signal,
    );
    return answer.body;
  }

  async function again(call: ApiCall, signal: AbortSignal): Promise<string> {
    try {
      return await once(call, signal);
    } catch (error) {
      const isRefused = error instanceof CollectError && error.reason === 'authentication_failed';
      if (!isRefused || call.isLogin === true || !onRefused()) throw error;
      return once(call, signal);
    }
  }

  async function text(call: ApiCall, signal: AbortSignal): Promise<string> {
    const send = (): Promise<string> => again(call, signal);
    return trial === undefined || call.isLogin === true ? send() : trial.run({ action: call.action, on: host }, send);
  }

  return {
    text,
    tried: (one) => createApi(parts, one),
    async json(call, schema, signal) {
      const body = await text(call, signal);
      let value: unknown;
      try {
        value = body === '' ? {} : JSON.parse(body);
      } catch {
        throw new CollectError(
          'service_error',
          `${call.action} on ${host}: the answer is no JSON; see whether the URL is that of the API, and no proxy is in the way`,
        );
      }
      const { data, error } = schema.safeParse(value);
      if (error !== undefined) {
        const where = error.issues[0]?.path.join('.') ?? '';
        throw new CollectError('service_error', `${call.action} on ${host}: the answer is not as expected (${where})`);
      }
      return data;
    },
  };
}
