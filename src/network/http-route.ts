import type { Socket } from 'node:net';

import type { Agent, buildConnector } from 'undici';

import { createBypass } from './bypass.ts';
import { startDeadline } from './deadline.ts';
import { basicAuthorization } from './http-connect.ts';
import type { Network, Proxy } from './network.ts';
import type { NameResolver } from './resolver.ts';

/** A tunnel that is not there by then is given up, though the request that wanted it may have ended long before. */
const TUNNEL_DEADLINE_MS = 10_000;

/** Addresses of a host that are tried through a proxy, one after the other. */
const MAX_ADDRESSES = 4;

/** The way out, if not straight. */
export interface ProxyRoute {
  readonly through: Proxy;
  /** What is reached without it. */
  readonly isBypassed: (host: string, port: number) => boolean;
  readonly connectThrough: Network['connectThrough'];
}

/** What a config says of the way out. */
export interface ProxyOptions {
  /** Through which `fetch` goes; `connect` goes straight. */
  readonly proxy?: Proxy;
  /** What `fetch` reaches without it: see `createBypass`. */
  readonly noProxy?: readonly string[];
}

export function proxyRoute(
  { proxy, noProxy = [] }: ProxyOptions,
  connectThrough: Network['connectThrough'],
): ProxyRoute | undefined {
  return proxy === undefined ? undefined : { through: proxy, isBypassed: createBypass(noProxy), connectThrough };
}

export interface Agents {
  readonly direct: Agent;
  /** Opens a tunnel for each connection; absent without a proxy. */
  readonly tunnelled?: Agent;
}

/** Which way a request goes, and how it is written for that. */
export interface Route {
  readonly agent: Agent;
  readonly target: { readonly origin: string; readonly path: string };
  readonly headers: Readonly<Record<string, string>>;
  /** Who is asked in place of the host of the URL. */
  readonly proxy?: Proxy;
}

export async function routeOf(url: URL, { direct, tunnelled }: Agents, proxy: ProxyRoute | undefined): Promise<Route> {
  const target = { origin: url.origin, path: `${url.pathname}${url.search}` };
  if (proxy === undefined || tunnelled === undefined || proxy.isBypassed(url.hostname, portOf(url))) {
    return { agent: direct, target, headers: {} };
  }
  const { through } = proxy;
  // A proxy that is not to look names up is given an address, and that only a tunnel does.
  const needsTunnel = through.scheme !== 'http' || through.resolves === 'here' || url.protocol === 'https:';
  if (needsTunnel) return { agent: tunnelled, target, headers: {} };
  // RFC 9112 section 3.2.2: what needs no tunnel is asked of the proxy itself. Many refuse a tunnel to port 80.
  const credentials = await through.credentials?.();
  const host = through.host.includes(':') ? `[${through.host}]` : through.host;
  return {
    agent: direct,
    target: { origin: `http://${host}:${through.port}`, path: `${url.origin}${target.path}` },
    headers: {
      host: url.host,
      ...(credentials === undefined ? {} : { 'proxy-authorization': basicAuthorization(credentials) }),
    },
    proxy: through,
  };
}

/** Opens tunnels, and speaks TLS inside them where the URL wants it. */
export function tunnelConnector(
  { through, connectThrough }: ProxyRoute,
  resolver: Pick<NameResolver, 'resolve'>,
  upgrade: buildConnector.connector,
): buildConnector.connector {
  async function open(...[options, callback]: Parameters<buildConnector.connector>): Promise<void> {
    let socket: Socket;
    try {
      socket = await tunnel(options.hostname, portOf(options));
    } catch (error) {
      callback(error as Error, null);
      return;
    }
    if (options.protocol === 'https:') upgrade({ ...options, httpSocket: socket }, callback);
    else callback(null, socket);
  }

  async function tunnel(host: string, port: number): Promise<Socket> {
    using deadline = startDeadline(TUNNEL_DEADLINE_MS, new AbortController().signal);
    if (through.resolves === 'proxy') return await connectThrough(through, host, port, deadline.signal);
    let failure: unknown;
    for (const { address } of (await resolver.resolve(host, deadline.signal)).slice(0, MAX_ADDRESSES)) {
      try {
        return await connectThrough(through, address, port, deadline.signal);
      } catch (error) {
        failure ??= error;
        if (deadline.signal.aborted) break;
      }
    }
    throw failure;
  }

  return (...call) => void open(...call);
}

function portOf({ protocol, port }: { readonly protocol: string; readonly port: string }): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}
