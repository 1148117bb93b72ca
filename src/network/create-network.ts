import { dial } from './dialer.ts';
import { createHttpClient } from './http.ts';
import type { Network } from './network.ts';
import { createResolver } from './resolver.ts';

export interface NetworkOptions {
  /** Sent with every HTTP request: `notafter/1.2.3`. Default `notafter`. */
  readonly userAgent?: string;
  /** Name servers to ask in place of those of resolv.conf: `10.0.0.53`, `[2001:db8::53]:5353`. */
  readonly nameServers?: readonly string[];
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
    ...(options.nameServers === undefined ? {} : { nameServers: options.nameServers }),
    hostsFile: options.hostsFile ?? '/etc/hosts',
    resolvConf: options.resolvConf ?? '/etc/resolv.conf',
    now: options.now ?? (() => performance.now()),
  });
  const http = createHttpClient({ resolver, userAgent: options.userAgent ?? 'notafter' });
  return {
    resolve: (host, signal) => resolver.resolve(host, signal),
    connect: dial,
    fetch: (url, request, signal) => http.fetch(url, request, signal),
  };
}
