import { z } from 'zod';

import type { Context, SecretRef } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Api } from './api.ts';
import { secretFor } from './saas.ts';

/** A token is not used for the last of its time: an answer may take a while. */
const MARGIN_MS = 60_000;
const DEFAULT_LIFE_MS = 5 * 60_000;

const Grant = z.object({
  access_token: z.string().min(1),
  refresh_token: z.string().min(1).optional().catch(undefined),
  /** Seconds since the epoch. */
  expires: z.number().optional().catch(undefined),
  /** Seconds. */
  expires_in: z.number().optional().catch(undefined),
});

export interface LoginOptions {
  readonly url: string;
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: SecretRef | undefined;
  readonly accessToken: SecretRef | undefined;
}

interface Session {
  readonly token: string;
  readonly refresh: string | undefined;
  readonly endsAt: number;
}

/**
 * The OAuth login of the platform: with the user at first, then by the refresh token, which is another one each time; with
 * the user again when that is not accepted. A token of the config is used as it is.
 */
export class Login {
  private readonly options: LoginOptions;
  private readonly context: Context;
  private session: Session | undefined;
  private pending: Promise<Session> | undefined;

  constructor(options: LoginOptions, context: Context) {
    this.options = options;
    this.context = context;
  }

  /** The bearer token of now. Throws CollectError. */
  async token(api: Api, signal: AbortSignal): Promise<string> {
    const { accessToken, url } = this.options;
    if (accessToken !== undefined) return secretFor(accessToken, url, this.context);
    const { session } = this;
    if (session !== undefined && this.context.clock.now() < session.endsAt - MARGIN_MS) return session.token;
    // Several calls at once are one login: a refresh token is good for one time.
    this.pending ??= this.renew(api, signal).finally(() => {
      this.pending = undefined;
    });
    return (await this.pending).token;
  }

  /** The token was not accepted though its time is not over. True when another one can be had. */
  refused(): boolean {
    // Another call found out before: it is being asked for anew.
    if (this.pending !== undefined) return true;
    if (this.session === undefined) return false;
    this.session = { ...this.session, endsAt: 0 };
    return true;
  }

  private async renew(api: Api, signal: AbortSignal): Promise<Session> {
    const refresh = this.session?.refresh;
    this.session = undefined;
    if (refresh !== undefined) {
      try {
        return await this.ask(
          api,
          { action: 'authorize/token', path: '/vedauth/authorize/token' },
          { refresh_token: refresh },
          signal,
        );
      } catch (error) {
        // It ends by itself, too: then it is as if there had been none.
        if (!(error instanceof CollectError) || !FORGETTABLE.has(error.reason)) throw error;
      }
    }
    const { username, password, url } = this.options;
    if (username === undefined || password === undefined) throw new Error('there is no user to log in as');
    const secret = await secretFor(password, url, this.context);
    const credentials = { username, password: secret, scope: 'certificate' };
    return this.ask(api, { action: 'authorize/oauth', path: '/vedauth/authorize/oauth' }, credentials, signal);
  }

  private async ask(
    api: Api,
    call: { readonly action: string; readonly path: string },
    given: object,
    signal: AbortSignal,
  ): Promise<Session> {
    const grant = await api.json(
      { ...call, method: 'POST', body: { client_id: this.options.clientId, ...given }, isLogin: true },
      Grant,
      signal,
    );
    const now = this.context.clock.now();
    const endsAt =
      grant.expires !== undefined
        ? grant.expires * 1000
        : now + (grant.expires_in === undefined ? DEFAULT_LIFE_MS : grant.expires_in * 1000);
    this.session = { token: grant.access_token, refresh: grant.refresh_token, endsAt };
    return this.session;
  }
}

/** With these the platform says that a refresh token is no longer good. */
const FORGETTABLE: ReadonlySet<string> = new Set(['authentication_failed', 'permission_denied', 'service_error']);
