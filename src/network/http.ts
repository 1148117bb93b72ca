import type { LookupFunction } from 'node:net';
import type { ConnectionOptions } from 'node:tls';

import type { Dispatcher } from 'undici';

import { isTimeout, startDeadline } from './deadline.ts';
import { codeOf, meaningOf } from './failure.ts';
import { refusal } from './http-connect.ts';
import { createAgentPool, type AgentPool } from './http-agents.ts';
import { routeOf, tunnelConnector, type ProxyRoute } from './http-route.ts';
import {
  NetworkError,
  type Address,
  type HttpRequest,
  type HttpResponse,
  type HttpStream,
  type HttpStreamRequest,
  type Proxy,
  type TlsSettings,
} from './network.ts';
import type { NameResolver } from './resolver.ts';
import { proxyName, toldOf } from './tunnel.ts';

export const DEFAULT_DEADLINE_MS = 10_000;
const DEFAULT_MAX_BYTES = 1024 * 1024;

/** Longer header blocks are refused. */
const MAX_HEADER_BYTES = 32 * 1024;

export interface HttpOptions {
  readonly resolver: Pick<NameResolver, 'resolve'>;
  readonly userAgent: string;
  /** Absent: everything is reached straight. */
  readonly proxy?: ProxyRoute;
}

/** An answer whose body is not text. */
export interface BinaryResponse extends Omit<HttpResponse, 'body'> {
  readonly body: Uint8Array;
}

export interface HttpClient {
  fetch(url: string, request: HttpRequest, signal: AbortSignal): Promise<HttpResponse>;
  fetchBinary(url: string, request: HttpRequest, signal: AbortSignal): Promise<BinaryResponse>;
  stream(url: string, request: HttpStreamRequest, signal: AbortSignal): Promise<HttpStream>;
  /** Ends the connections that are kept for the next request. */
  close(): Promise<void>;
}

/**
 * A client for one request at a time: no redirects, no cookies, no decompression, bounded in time and size.
 *
 * A URL may be a secret (webhooks), so no error holds its path, its query or its user, and no library error travels
 * along as a cause: some carry the URL.
 */
export function createHttpClient(options: HttpOptions): HttpClient {
  const { resolver, proxy } = options;
  let loading: Promise<AgentPool> | undefined;

  /** The library is loaded by the first request: a one-shot check never needs it. */
  function load(): Promise<AgentPool> {
    loading ??= import('undici').then(({ Agent, buildConnector }) =>
      createAgentPool((tls) => {
        const common = { allowH2: false, maxHeaderSize: MAX_HEADER_BYTES };
        const settings = tls === undefined ? {} : connectOptions(tls);
        return {
          direct: new Agent({ ...common, connect: { lookup: lookupWith(resolver), ...settings } }),
          ...(proxy === undefined
            ? {}
            : {
                tunnelled: new Agent({
                  ...common,
                  connect: tunnelConnector(proxy, resolver, buildConnector({ allowH2: false, ...settings })),
                }),
              }),
        };
      }),
    );
    return loading;
  }

  /** The answer with its body yet to be read, and how a failure from here on is told. */
  async function open(text: string, request: HttpRequest, signal: AbortSignal): Promise<Opened> {
    const url = parseHttpUrl(text);
    const method = request.method ?? 'GET';
    const what = `${method} ${url.protocol}//${url.host}`;
    const route = await routeOf(url, (await load()).get(request.tls), proxy);
    signal.throwIfAborted();
    const peer = route.proxy === undefined ? 'the receiver' : proxyName(route.proxy);
    const told = (error: unknown): unknown =>
      signal.aborted && !isTimeout(signal) ? signal.reason : failure(error, what, peer, signal);
    try {
      const response = await route.agent.request({
        ...route.target,
        method,
        headers: { 'user-agent': options.userAgent, ...lowerCased(request.headers), ...route.headers },
        body: request.body ?? null,
        signal,
        // The deadline is ours.
        bodyTimeout: 0,
      });
      return { response, what, told, ...(route.proxy === undefined ? {} : { proxy: route.proxy }) };
    } catch (error) {
      throw told(error);
    }
  }

  async function fetchBinary(text: string, request: HttpRequest, stopping: AbortSignal): Promise<BinaryResponse> {
    using deadline = startDeadline(request.deadlineMs ?? DEFAULT_DEADLINE_MS, stopping);
    const { response, what, told, proxy: asked } = await open(text, request, deadline.signal);
    try {
      const body = await readBody(response.body, request.maxBytes ?? DEFAULT_MAX_BYTES, what);
      if (response.statusCode === 407 && asked !== undefined) {
        throw toldOf(refusal(407, asked.credentials !== undefined), proxyName(asked));
      }
      return { status: response.statusCode, headers: headerMap(response.headers), body };
    } catch (error) {
      throw told(error);
    }
  }

  async function stream(text: string, request: HttpStreamRequest, stopping: AbortSignal): Promise<HttpStream> {
    const deadline = startDeadline(request.deadlineMs, stopping);
    let opened: Opened;
    try {
      opened = await open(text, request, deadline.signal);
    } catch (error) {
      deadline[Symbol.dispose]();
      throw error;
    }
    const { response, told } = opened;
    async function* pieces(): AsyncGenerator<Uint8Array, void, undefined> {
      try {
        for await (const piece of response.body) yield piece as Buffer;
      } catch (error) {
        throw told(error);
      } finally {
        deadline[Symbol.dispose]();
      }
    }
    return {
      status: response.statusCode,
      headers: headerMap(response.headers),
      body: pieces(),
      [Symbol.dispose]() {
        deadline[Symbol.dispose]();
        // Nobody waits for the rest any more: that it is cut off is no failure.
        response.body.on('error', () => undefined).destroy();
      },
    };
  }

  return {
    fetchBinary,
    stream,
    async fetch(url, request, signal) {
      const response = await fetchBinary(url, request, signal);
      return { ...response, body: Buffer.from(response.body).toString('utf8') };
    },
    async close() {
      await (await loading)?.close();
    },
  };
}

interface Opened {
  readonly response: Dispatcher.ResponseData;
  readonly what: string;
  /** What is thrown for whatever the library threw. */
  readonly told: (error: unknown) => unknown;
  readonly proxy?: Proxy;
}

type ConnectTls = Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>;

function connectOptions({ ca, cert, key, serverName, verify }: TlsSettings): ConnectTls {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...(verify === false ? { rejectUnauthorized: false } : {}),
  };
}

/** Reads a URL of http or https whose host is what it looks like. Throws NetworkError `dns`. */
export function parseHttpUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new NetworkError('dns', 'a URL must begin with https:// or http:// and name a host; the one given does not');
  }
  // The URL standard turns `0x7f.1` and `2130706433` into an address: what was written must be what is meant.
  const written = /^https?:\/\/(?:[^/?#@]*@)?(\[[^\]]*\]|[^/?#:]*)/i.exec(text.trim())?.[1] ?? '';
  if (/^[0-9.]+$/.test(url.hostname) && written !== url.hostname) {
    throw new NetworkError('dns', 'the host of a URL is an address in an unusual form; write it as 192.0.2.1');
  }
  return url;
}

function lookupWith(resolver: Pick<NameResolver, 'resolve'>): LookupFunction {
  async function answer(...[hostname, lookup, callback]: Parameters<LookupFunction>): Promise<void> {
    let addresses: readonly Address[];
    try {
      // The request's own deadline ends the wait; the resolver's queries are bounded by themselves.
      addresses = await resolver.resolve(hostname, new AbortController().signal);
    } catch (error) {
      callback(error as NodeJS.ErrnoException, '');
      return;
    }
    const [first] = addresses;
    if (lookup.all === true || first === undefined) callback(null, [...addresses]);
    else callback(null, first.address, first.family);
  }
  return (...call) => void answer(...call);
}

async function readBody(body: AsyncIterable<Buffer>, maxBytes: number, what: string): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  // Leaving the loop early destroys the body and its connection.
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxBytes) {
      throw new NetworkError('too_large', `${what}: the answer is longer than ${maxBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function lowerCased(headers: HttpRequest['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
}

function headerMap(headers: Record<string, string | string[] | undefined>): ReadonlyMap<string, string> {
  const map = new Map<string, string>();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) map.set(name.toLowerCase(), Array.isArray(value) ? value.join(', ') : value);
  }
  return map;
}

/** What a certificate of a receiver was refused for, by OpenSSL's name of the fault. */
const CERTIFICATE_FAULTS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not yet valid; check the clocks',
  CERT_REVOKED: 'its certificate is revoked',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed; name its CA in NODE_EXTRA_CA_CERTS',
  SELF_SIGNED_CERT_IN_CHAIN: 'its CA is not trusted here; name it in NODE_EXTRA_CA_CERTS',
  UNABLE_TO_GET_ISSUER_CERT: 'its CA is not known here; name it in NODE_EXTRA_CA_CERTS',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its CA is not known here; name it in NODE_EXTRA_CA_CERTS',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its CA is not known here, or it does not send its intermediate',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
};

/** `peer`: who was connected to. */
function failure(error: unknown, what: string, peer: string, signal: AbortSignal): Error {
  if (error instanceof NetworkError) {
    return error.message.startsWith(what) ? error : new NetworkError(error.reason, `${what}: ${error.message}`);
  }
  if (isTimeout(signal)) return new NetworkError('timeout', `${what}: no complete answer within the deadline`);

  const cause = error instanceof AggregateError ? error.errors[0] : error;
  const meaning = meaningOf(cause);
  if (meaning !== undefined) return new NetworkError(meaning.reason, `${what}: ${peer} ${meaning.text}`);

  const code = codeOf(cause) ?? 'unknown error';
  const fault = CERTIFICATE_FAULTS[code];
  if (fault !== undefined) return new NetworkError('tls_error', `${what}: ${fault}`);
  if (/^(?:ERR_SSL_|ERR_TLS_|EPROTO$|CERT_|UNABLE_TO_|INVALID_CA$|HOSTNAME_MISMATCH$)/.test(code)) {
    return new NetworkError('tls_error', `${what}: the TLS handshake failed (${code})`);
  }
  if (code === 'UND_ERR_CONNECT_TIMEOUT') {
    return new NetworkError('timeout', `${what}: ${peer} did not answer in time`);
  }
  if (code === 'UND_ERR_HEADERS_OVERFLOW' || code === 'HPE_HEADER_OVERFLOW') {
    return new NetworkError('too_large', `${what}: the header of the answer is longer than ${MAX_HEADER_BYTES} bytes`);
  }
  if (code === 'UND_ERR_SOCKET' || code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') {
    return new NetworkError('closed', `${what}: the connection was closed before the answer was complete`);
  }
  if (cause instanceof Error && cause.name === 'HTTPParserError') {
    return new NetworkError('closed', `${what}: the answer is not HTTP; check the port`);
  }
  return new Error(`${what}: the request could not be made (${code})`);
}
