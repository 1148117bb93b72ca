import { isIP, type Socket } from 'node:net';

import { isTimeout, startDeadline } from './deadline.ts';
import { dial } from './dialer.ts';
import { askHttpConnect } from './http-connect.ts';
import { NetworkError, type Network, type Proxy, type ProxyCredentials } from './network.ts';
import type { NameResolver } from './resolver.ts';
import { askSocks5 } from './socks5.ts';

/** No tunnel is waited for longer than this, whatever the caller's signal says. */
const TUNNEL_CAP_MS = 30_000;

/** Addresses of the proxy itself that are tried, one after the other. */
const MAX_ADDRESSES = 4;

/** `http proxy proxy.example:3128`, as it stands in messages. */
export function proxyName({ scheme, host, port }: Proxy): string {
  return `the ${scheme} proxy ${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

/** Connects through proxies, which are found by this resolver. */
export function createTunnels(resolver: Pick<NameResolver, 'resolve'>): Network['connectThrough'] {
  /** A connection to the proxy itself. */
  async function reach(proxy: Proxy, signal: AbortSignal): Promise<Socket> {
    const addresses = await resolver.resolve(proxy.host, signal);
    let failure: unknown;
    for (const { address } of addresses.slice(0, MAX_ADDRESSES)) {
      try {
        return await dial(address, proxy.port, signal);
      } catch (error) {
        if (!(error instanceof NetworkError) || signal.aborted) throw error;
        failure ??= error;
      }
    }
    throw failure;
  }

  async function open(proxy: Proxy, host: string, port: number, signal: AbortSignal): Promise<Socket> {
    const name = proxyName(proxy);
    const credentials = await readCredentials(proxy, name);
    const socket = await reach(proxy, signal).catch((error: unknown) => {
      throw toldOf(error, `${name} cannot be reached:`);
    });
    try {
      const ask = proxy.scheme === 'http' ? askHttpConnect : askSocks5;
      await ask(socket, credentials, host, port, signal);
      return socket;
    } catch (error) {
      socket.destroy();
      throw toldOf(error, `${host} port ${port}: ${name}`);
    }
  }

  return async (proxy, host, port, signal) => {
    using deadline = startDeadline(TUNNEL_CAP_MS, signal);
    try {
      return await open(proxy, host, port, deadline.signal);
    } catch (error) {
      if (!deadline.signal.aborted || error instanceof NetworkError) throw error;
      if (!isTimeout(deadline.signal)) throw deadline.signal.reason;
      throw new NetworkError('timeout', `${host} port ${port}: ${proxyName(proxy)} made no connection in time`);
    }
  };
}

async function readCredentials(proxy: Proxy, name: string): Promise<ProxyCredentials | undefined> {
  try {
    return await proxy.credentials?.();
  } catch (error) {
    // What says that a secret cannot be read names the file or the variable, and nothing of its content.
    const why = error instanceof Error ? error.message : String(error);
    throw new NetworkError('authentication_failed', `${name}: ${why}`, { cause: error });
  }
}

/** The same failure, told of the proxy. */
export function toldOf(error: unknown, subject: string): unknown {
  return error instanceof NetworkError ? new NetworkError(error.reason, `${subject} ${error.message}`) : error;
}
