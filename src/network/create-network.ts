import { dial } from './dialer.ts';
import { createHttpClient } from './http.ts';
import { proxyRoute, type ProxyOptions } from './http-route.ts';
import type { Network } from './network.ts';
import { createResolver, type DnsOptions } from './resolver.ts';
import { createTunnels } from './tunnel.ts';

export interface NetworkOptions extends DnsOptions, ProxyOptions {
  /** Sent with every HTTP request: `notafter/1.2.3`. Default `notafter`. */
  readonly userAgent?: string;
  /** Default `/etc/hosts`. */
  readonly hostsFile?: string;
  /** Default `/etc/resolv.conf`. */
  readonly resolvConf?: string;
  /** Milliseconds; only differences matter. Default a monotonic clock. */
  readonly now?: () => number;
}

/** The network of this machine. */
export function createNetwork(options: NetworkOptions = {}): Network {
  const resolver = createResolver({
    ...options,
    hostsFile: options.hostsFile ?? '/etc/hosts',
    resolvConf: options.resolvConf ?? '/etc/resolv.conf',
    now: options.now ?? (() => performance.now()),
  });
  const connectThrough = createTunnels(resolver);
  const proxy = proxyRoute(options, connectThrough);
  const http = createHttpClient({
    resolver,
    userAgent: options.userAgent ?? 'notafter',
    ...(proxy === undefined ? {} : { proxy }),
  });
  return {
    resolve: (host, signal) => resolver.resolve(host, signal),
    resolveService: (name, signal) => resolver.resolveService(name, signal),
    connect: dial,
    connectThrough,
    fetch: (url, request, signal) => http.fetch(url, request, signal),
    stream: (url, request, signal) => http.stream(url, request, signal),
  };
}
