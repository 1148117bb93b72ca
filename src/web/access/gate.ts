import type { Context, MiddlewareHandler } from 'hono';

import type { Logger } from '../../plugin/logger.ts';
import { problem, type ProblemStatus } from '../problem.ts';
import { createBuckets } from './buckets.ts';
import { isOwnHost } from './host.ts';
import { createLogin, type Credentials, type Identity } from './login.ts';
import { isOwnOrigin } from './origin.ts';

/** Who may ask, as the config says it now. */
export interface AccessOptions extends Credentials {
  /** Host names by which this may be asked for. */
  readonly hosts: readonly string[];
  readonly externalUrl?: string | undefined;
  /** It listens on this machine alone. */
  readonly isLoopback: boolean;
  /** Every connection has shown a certificate that was verified. */
  readonly hasClientCertificates: boolean;
  /** Names, one of which that certificate must have; empty: any. */
  readonly clientNames: readonly string[];
  readonly rate: { readonly intervalMs: number; readonly burst: number };
}

export interface GateParts {
  options(): AccessOptions;
  /** Milliseconds that only go forward. */
  now(): number;
  /** Random bytes of this process. */
  readonly secret: Uint8Array;
  /** The names of a certificate. */
  namesOf(der: Uint8Array): readonly string[];
  readonly log: Logger;
}

export interface Gate {
  readonly middleware: MiddlewareHandler;
  /** Who made this request; undefined where nobody has to say. */
  who(request: Request): Identity | undefined;
}

/** What a probe of a container asks for: it says nothing about anything. */
const OPEN_PATHS = new Set(['/-/healthy', '/-/ready']);
/** Answers that are being made at once; what comes beyond is sent away. */
const MAX_AT_ONCE = 256;
/** Wrong logins of one address: ten at once, one more every six seconds. */
const WRONG_LOGINS = { intervalMs: 6_000, burst: 10 };

/** Decides on every request before anything else does. */
export function createGate({ options, now, secret, namesOf, log }: GateParts): Gate {
  const login = createLogin(secret);
  const requests = createBuckets();
  const failures = createBuckets();
  const known = new WeakMap<Request, Identity>();
  const allowed = new WeakMap<object, boolean>();
  let atOnce = 0;

  /** Why a request is refused; undefined when it is let in. */
  async function refusalOf(context: Context): Promise<Refused | undefined> {
    const access = options();
    const isOpen = OPEN_PATHS.has(context.req.path);
    if (!isOwnHost(context.req.header('host'), access.hosts)) {
      return {
        status: 421,
        detail: 'this host name is not known here; add it to web.allowed_hosts, or ask by address',
      };
    }
    if (isOpen) return undefined;
    const remote = remoteOf(context);
    const waitMs = requests.take(remote.address, now(), access.rate);
    if (waitMs > 0) return later(429, 'this address asks too often', waitMs);
    if (!isOurs(context, access)) return { status: 403, detail: 'requests from other origins are refused' };
    if (access.clientNames.length > 0 && !hasAllowedName(remote, access.clientNames)) {
      return {
        status: 403,
        detail: 'no name of the client certificate is among web.tls_server_config.client_allowed_sans',
      };
    }
    return authenticate(context, access, remote.address);
  }

  async function authenticate(context: Context, access: AccessOptions, address: string): Promise<Refused | undefined> {
    const isWrite = context.req.method !== 'GET' && context.req.method !== 'HEAD';
    const needsLogin = access.users.size > 0 || access.tokens.length > 0;
    if (!needsLogin) {
      if (!isWrite || access.isLoopback || access.hasClientCertificates || isLocal(address)) return undefined;
      return {
        status: 403,
        detail: 'changes need a login: give web.basic_auth_users or web.tokens, or ask from the machine itself',
      };
    }
    const header = context.req.header('authorization');
    const waitMs = header === undefined ? 0 : failures.take(address, now(), WRONG_LOGINS);
    if (waitMs > 0) return later(429, 'too many wrong logins from this address', waitMs);
    const answer = await login(header, access);
    switch (answer) {
      case 'none':
        return { ...UNKNOWN, detail: 'log in by basic auth, or with a bearer token' };
      case 'wrong':
        log.warn({ address }, 'a login was refused');
        return { ...UNKNOWN, detail: 'the name, the password or the token is wrong' };
      case 'busy':
        return later(503, 'too many log in at once', 1_000);
      default:
        failures.give(address, WRONG_LOGINS);
        if (isWrite && answer.scope !== 'write') return { status: 403, detail: 'this token may only read' };
        known.set(context.req.raw, answer);
        return undefined;
    }
  }

  function hasAllowedName({ socket, certificate }: Remote, names: readonly string[]): boolean {
    if (socket === undefined || certificate === undefined) return false;
    const before = allowed.get(socket);
    if (before !== undefined) return before;
    const own = new Set(namesOf(certificate()).map((name) => name.toLowerCase()));
    const isAllowed = names.some((name) => own.has(name.toLowerCase()));
    allowed.set(socket, isAllowed);
    return isAllowed;
  }

  return {
    who: (request) => known.get(request),
    async middleware(context, next) {
      const refused = await refusalOf(context);
      if (refused !== undefined) return refusal(context, refused);
      if (atOnce >= MAX_AT_ONCE && !OPEN_PATHS.has(context.req.path)) {
        return refusal(context, later(503, 'too many ask at once', 1_000));
      }
      atOnce += 1;
      try {
        return await next();
      } finally {
        atOnce -= 1;
      }
    },
  };
}

interface Refused {
  readonly status: ProblemStatus;
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const UNKNOWN = { status: 401, headers: { 'www-authenticate': 'Basic realm="notafter", charset="UTF-8"' } } as const;

function later(status: 429 | 503, what: string, waitMs: number): Refused {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  return { status, detail: `${what}; ask again in ${seconds} s`, headers: { 'retry-after': String(seconds) } };
}

function refusal(context: Context, { status, detail, headers = {} }: Refused): Response {
  return context.req.path.startsWith('/api/')
    ? problem(context, status, detail, headers)
    : context.text(`${detail}\n`, status, headers);
}

function isOurs(context: Context, { externalUrl }: AccessOptions): boolean {
  return isOwnOrigin(
    {
      method: context.req.method,
      host: context.req.header('host'),
      origin: context.req.header('origin'),
      fetchSite: context.req.header('sec-fetch-site'),
      contentType: context.req.header('content-type'),
    },
    externalUrl === undefined ? undefined : new URL(externalUrl).origin,
  );
}

/** The other end of the connection. */
interface Remote {
  readonly address: string;
  readonly socket?: object;
  readonly certificate?: () => Uint8Array;
}

/** As much of what the server hands on as is needed here. */
interface Bindings {
  readonly incoming?: {
    readonly socket?: {
      readonly remoteAddress?: string;
      getPeerX509Certificate?(): { readonly raw: Uint8Array } | undefined;
    };
  };
}

function remoteOf(context: Context): Remote {
  const socket = (context.env as Bindings | undefined)?.incoming?.socket;
  const certificate = socket?.getPeerX509Certificate?.();
  return {
    address: socket?.remoteAddress ?? 'unknown',
    ...(socket === undefined ? {} : { socket }),
    ...(certificate === undefined ? {} : { certificate: () => certificate.raw }),
  };
}

function isLocal(address: string): boolean {
  return address === '::1' || /^(?:::ffff:)?127\./.test(address);
}
