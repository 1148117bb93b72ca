import { createBypass } from './bypass.ts';
import { dial } from './dialer.ts';
import { createHttpClient } from './http.ts';
import type { Network, Proxy } from './network.ts';
import { createResolver, type DnsOptions } from './resolver.ts';
import { createTunnels } from './tunnel.ts';

export interface NetworkOptions extends DnsOptions {
  /** Sent with every HTTP request: `notafter/1.2.3`. Default `notafter`. */
  readonly userAgent?: string;
  /** Through which `fetch` goes; `connect` goes straight. */
  readonly proxy?: Proxy;
  /** What `fetch` reaches without it: see `createBypass`. */
  readonly noProxy?: readonly string[];
  /** Default `/etc/hosts`. */
  readonly hostsFile?: string;
  /** Default `/etc/resolv.conf`. */
  readonly resolvConf?: string;
  /** Milliseconds; only differences matter. Default a monotonic clock. */
  readonly now?: () => number;
}

/** The network of this machine. */
export function createNetwork(options: NetworkOptions = {}): Network {
  const { userAgent, proxy, noProxy, ...rest } = options;
  const resolver = createResolver({
    ...rest,
    hostsFile: options.hostsFile ?? '/etc/hosts',
    resolvConf: options.resolvConf ?? '/etc/resolv.conf',
    now: options.now ?? (() => performance.now()),
  });
  const connectThrough = createTunnels(resolver);
  const http = createHttpClient({
    resolver,
    userAgent: userAgent ?? 'notafter',
    ...(proxy === undefined
      ? {}
      : { proxy: { through: proxy, isBypassed: createBypass(noProxy ?? []), connectThrough } }),
  });
  return {
    resolve: (host, signal) => resolver.resolve(host, signal),
    resolveService: (name, signal) => resolver.resolveService(name, signal),
    connect: dial,
    connectThrough,
    fetch: (url, request, signal) => http.fetch(url, request, signal),
  };
}
