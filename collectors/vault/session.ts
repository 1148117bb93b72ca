import type { Context } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';
import { secretOf } from '../../src/plugin/options.ts';
import { dataOf, jsonOf, type Answer, type Api } from './api.ts';
import type { Auth } from './options.ts';

/** A token that was accepted is not asked about again within this time, though much is denied to it. */
const ACCEPTED_MS = 60_000;

/** A lease is given up when this share of it is over. */
const USED_SHARE = 2 / 3;

type Request = Omit<Parameters<Api['call']>[1], 'token'>;
type Environment = Readonly<Record<string, string | undefined>>;

/** Calls with a token that is current. */
export interface Session {
  readonly api: Api;
  /** Throws CollectError: `authentication_failed` for a token or login that is not accepted. */
  call(path: string, request: Request, signal: AbortSignal): Promise<Answer>;
  list(path: string, signal: AbortSignal, query?: string): Promise<readonly string[]>;
  read(path: string, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>>;
  /** The token is given by the config, and its end is a matter of the people who gave it. */
  readonly isGiven: boolean;
}

export function createSession(api: Api, auth: Auth, context: Context, environment: Environment = process.env): Session {
  let lease: { readonly token: string; readonly until: number } | undefined;
  let pending: Promise<string> | undefined;
  let accepted: { readonly token: string; readonly at: number } | undefined;

  async function token(signal: AbortSignal): Promise<string> {
    if (auth.method === 'token') return given(auth, context, environment);
    if (lease !== undefined && context.clock.now() < lease.until) return lease.token;
    // Several targets are looked at together, and log in once.
    pending ??= logIn(auth, signal).finally(() => (pending = undefined));
    return pending;
  }

  async function logIn(how: Exclude<Auth, { method: 'token' }>, signal: AbortSignal): Promise<string> {
    const path = `auth/${how.mount}/login`;
    const body = await loginBody(how, context);
    let answer: Answer;
    try {
      answer = await api.call(path, { capability: 'update', body }, signal);
    } catch (error) {
      if (
        !(error instanceof CollectError) ||
        (error.reason !== 'service_error' && error.reason !== 'permission_denied')
      ) {
        throw error;
      }
      // What Vault does not accept it answers with 400 or 403; that it is sealed, with 503.
      if (/sealed|HTTP 5\d\d/.test(error.message)) throw error;
      throw new CollectError('authentication_failed', `the login by ${how.method} was not accepted: ${error.message}`, {
        cause: error,
      });
    }
    const granted = jsonOf(answer.body, path)['auth'] as
      { client_token?: unknown; lease_duration?: unknown } | null | undefined;
    if (typeof granted?.client_token !== 'string') {
      throw new CollectError('authentication_failed', `the login by ${how.method} gave no token`);
    }
    const seconds = typeof granted.lease_duration === 'number' ? granted.lease_duration : 0;
    // One that never ends is asked for anew after an hour.
    const usedMs = (seconds === 0 ? 3_600 : seconds) * 1000 * USED_SHARE;
    lease = { token: granted.client_token, until: context.clock.now() + usedMs };
    return lease.token;
  }

  async function call(path: string, request: Request, signal: AbortSignal): Promise<Answer> {
    const current = await token(signal);
    try {
      return await api.call(path, { ...request, token: current }, signal);
    } catch (error) {
      if (!(error instanceof CollectError) || error.reason !== 'permission_denied') throw error;
      // Vault says the same of a token that has ended and of one that may not: the token itself can tell.
      if (await isAccepted(current, signal)) throw error;
      if (auth.method === 'token') throw tokenRefused(auth, error);
      // Another call may have found out before, and have logged in anew.
      if (lease?.token === current) lease = undefined;
      return api.call(path, { ...request, token: await token(signal) }, signal);
    }
  }

  async function isAccepted(current: string, signal: AbortSignal): Promise<boolean> {
    const now = context.clock.now();
    if (accepted?.token === current && now - accepted.at < ACCEPTED_MS) return true;
    try {
      await api.call('auth/token/lookup-self', { capability: 'read', token: current }, signal);
      accepted = { token: current, at: now };
      return true;
    } catch (error) {
      if (error instanceof CollectError && error.reason === 'permission_denied') return false;
      throw error;
    }
  }

  return {
    api,
    call,
    async list(path, signal, query = '') {
      const answer = await call(path, { capability: 'list', query: `?list=true${query}` }, signal);
      const { keys } = dataOf(answer, `list ${path}`);
      return Array.isArray(keys) ? keys.filter((key) => typeof key === 'string') : [];
    },
    async read(path, signal) {
      return dataOf(await call(path, { capability: 'read' }, signal), `read ${path}`);
    },
    isGiven: auth.method === 'token',
  };
}

function tokenRefused(auth: Auth, cause: CollectError): CollectError {
  return new CollectError(
    'authentication_failed',
    `the token was not accepted (${auth.method}): it has ended or was revoked. ${auth.method === 'token' ? 'Put a new one into its place; it is read at each call' : 'Check the role'}: ${cause.message}`,
    { cause },
  );
}

async function given(
  auth: Extract<Auth, { method: 'token' }>,
  context: Context,
  environment: Environment,
): Promise<string> {
  const reference = secretOf(auth, 'token');
  const token =
    reference === undefined
      ? (environment['VAULT_TOKEN'] ?? environment['BAO_TOKEN'])
      : await attempt(() => context.secret(reference));
  if (token === undefined || token === '') {
    throw new CollectError('authentication_failed', 'there is no token: give auth.token_file, or set VAULT_TOKEN');
  }
  return token.trim();
}

async function loginBody(auth: Exclude<Auth, { method: 'token' }>, context: Context): Promise<object> {
  switch (auth.method) {
    case 'approle': {
      const reference = secretOf(auth, 'secret');
      const secretId = reference === undefined ? undefined : await attempt(() => context.secret(reference));
      return { role_id: auth.role_id, ...(secretId === undefined ? {} : { secret_id: secretId.trim() }) };
    }
    case 'kubernetes':
    case 'jwt': {
      const jwt = await attempt(() => context.secret({ file: auth.token_file }));
      return { role: auth.role, jwt: jwt.trim() };
    }
  }
}

async function attempt(read: () => Promise<string>): Promise<string> {
  try {
    return await read();
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw new CollectError('authentication_failed', `what to log in with cannot be read: ${said}`, { cause: error });
  }
}
