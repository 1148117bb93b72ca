import { readFile } from 'node:fs/promises';

import { withDeadline } from '../../src/cloud/deadline.ts';
import { quote, retryAfterMs, transportReason } from '../../src/cloud/failure.ts';
import type { Context } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';
import { networkFailure } from '../../src/plugin/network-failure.ts';

/** Vault answers from memory; a rate limit quota of its own is told as `throttled`. */
const RATE = { perSecond: 200, concurrency: 8 };
/** A mount may hold a million serials of 60 bytes. */
const MAX_BYTES = 96 * 1024 * 1024;
const DEADLINE_MS = 30_000;
/** A standby that does not forward sends on to the active node. */
const MAX_REDIRECTS = 2;

type Method = 'GET' | 'POST';
/** What a policy calls it. */
type Capability = 'list' | 'read' | 'update';

export interface Server {
  /** Without a slash at its end. */
  readonly address: string;
  readonly namespace: string | undefined;
  readonly caFile: string | undefined;
}

/** An answer that is a success. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** There is nothing at this path: an empty list is told so, too. */
export class AbsentError extends CollectError {}

/** One request at a time. Everything throws CollectError, or the reason of the signal. */
export interface Api {
  readonly server: Server;
  call(
    path: string,
    request: {
      readonly capability: Capability;
      readonly token?: string;
      readonly body?: object;
      readonly query?: string;
    },
    signal: AbortSignal,
  ): Promise<Answer>;
}

export function createApi(server: Server, context: Context): Api {
  const limiter = context.limit(`vault:${server.address}`, RATE);

  async function send(
    url: string,
    method: Method,
    headers: Readonly<Record<string, string>>,
    body: object | undefined,
    signal: AbortSignal,
  ): ReturnType<Context['network']['fetch']> {
    const ca = server.caFile === undefined ? undefined : await readCa(server.caFile);
    return context.network.fetch(
      url,
      {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        maxBytes: MAX_BYTES,
        deadlineMs: DEADLINE_MS,
        ...(ca === undefined ? {} : { tls: { ca } }),
      },
      signal,
    );
  }

  async function call(
    path: string,
    { capability, token, body, query = '' }: Parameters<Api['call']>[1],
    signal: AbortSignal,
  ): Promise<Answer> {
    signal.throwIfAborted();
    const where = `${capability} ${path} on ${server.address}`;
    const method = capability === 'update' ? 'POST' : 'GET';
    const headers = {
      'x-vault-request': 'true',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { 'x-vault-token': token }),
      ...(server.namespace === undefined ? {} : { 'x-vault-namespace': server.namespace }),
    };
    let url = `${server.address}/v1/${path.split('/').map(encodeURIComponent).join('/')}${query}`;
    try {
      for (let hop = 0; ; hop++) {
        const asked = url;
        const response = await limiter.run(
          () => withDeadline(where, signal, (ours) => send(asked, method, headers, body, ours)),
          signal,
        );
        const { status } = response;
        if (status >= 200 && status < 300) return { status, body: response.body };
        const location = response.headers.get('location');
        if (status !== 307 || location === undefined || hop >= MAX_REDIRECTS) {
          throw refusal(response, { path, capability, where }, context.clock.now());
        }
        url = redirected(location, url, where);
      }
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof CollectError) throw error;
      const failure = networkFailure(error);
      const said = quote(error instanceof Error ? error.message : String(error));
      throw new CollectError(failure?.reason ?? transportReason(error) ?? 'service_error', `${where}: ${said}`, {
        cause: error,
      });
    }
  }

  return { server, call };
}

/** The same path at the active node, and no other place; a token is not sent in the clear where it was not before. */
function redirected(location: string, from: string, where: string): string {
  const to = URL.canParse(location, from) ? new URL(location, from) : undefined;
  const own = new URL(from);
  const isSame = to?.pathname === own.pathname && to.search === own.search;
  if (to === undefined || !isSame || (to.protocol !== 'https:' && own.protocol === 'https:')) {
    throw new CollectError(
      'service_error',
      `${where}: a standby sends on to ${quote(location)}, which is not followed; set api_addr of the active node to its https address, without a path`,
    );
  }
  return to.href;
}

async function readCa(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code = 'error' } = error as NodeJS.ErrnoException;
    throw new CollectError('not_found', `the CA of the Vault server cannot be read: ${path} (${code})`, {
      cause: error,
    });
  }
}

interface Failed {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** What an answer means (https://developer.hashicorp.com/vault/api-docs#http-status-codes). */
function refusal(
  { status, headers, body }: Failed,
  { path, capability, where }: { readonly path: string; readonly capability: Capability; readonly where: string },
  now: number,
): CollectError {
  const errors = errorsIn(body);
  const said = errors === '' ? `HTTP ${status}` : errors;
  switch (status) {
    case 403:
      return new CollectError(
        'permission_denied',
        `${where} was denied: ${said}. Give the policy of notafter: path "${path}" { capabilities = ["${capability}"] }`,
      );
    case 404:
      return /no handler for route|unsupported path/.test(errors)
        ? new CollectError('not_found', `${where}: there is no such mount, or it is of another type (${said})`)
        : new AbsentError('not_found', `${where}: ${said}`);
    case 405:
      return new AbsentError('not_found', `${where}: ${said}`);
    case 429: {
      const wait = retryAfterMs(headers.get('retry-after'), now);
      return new CollectError(
        'throttled',
        `${where} was throttled: ${said}`,
        wait === undefined ? {} : { retryAfterMs: wait },
      );
    }
    case 503:
      return new CollectError('service_error', `${where}: ${said}; unseal it (vault status), or wait until it is back`);
    default:
      return new CollectError('service_error', `${where}: HTTP ${status}: ${said}`);
  }
}

/** `{"errors": ["…"]}`; anything else gives its first characters. */
function errorsIn(body: string): string {
  if (body === '') return '';
  try {
    const { errors } = JSON.parse(body) as { errors?: unknown };
    return Array.isArray(errors) ? quote(errors.filter((one) => typeof one === 'string').join('; ')) : '';
  } catch {
    return quote(body.slice(0, 200));
  }
}

/** `data` of an answer; throws CollectError for what is none of Vault's. */
export function dataOf({ body }: Answer, where: string): Readonly<Record<string, unknown>> {
  const whole = jsonOf(body, where);
  const { data } = whole;
  return typeof data === 'object' && data !== null ? (data as Readonly<Record<string, unknown>>) : {};
}

export function jsonOf(body: string, where: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === 'object' && parsed !== null) return parsed as Readonly<Record<string, unknown>>;
  } catch {
    // Told below.
  }
  throw new CollectError('service_error', `${where}: the answer is not one of Vault; check the address`);
}
