import { isIP } from 'node:net';

import { z } from 'zod';

import { createBypass } from '../network/bypass.ts';
import type { NetworkOptions } from '../network/create-network.ts';
import type { DnsOptions } from '../network/resolver.ts';
import type { Context } from '../plugin/context.ts';
import { durationOption } from '../plugin/options.ts';
import { proxyOf, proxyOption, type ProxyOption } from '../plugin/proxy.ts';

/** What the config says of the way out of the process. */
export interface NetworkConfig {
  /** For everything that is fetched by HTTP; endpoint sources name their own. */
  readonly proxy?: ProxyOption;
  readonly noProxy: readonly string[];
  readonly dns: DnsOptions;
}

const bypassed = z.string().superRefine((entry, check) => {
  try {
    createBypass([entry]);
  } catch (error) {
    check.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
  }
});

const nameServer = z.string().refine((text) => {
  const [, six, four, port = '53'] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const isAddress = isIP(text) !== 0 || isIP(six ?? '') === 6 || isIP(four ?? '') === 4;
  return isAddress && Number(port) >= 1 && Number(port) <= 65_535;
}, 'an address, with a port if need be: 10.0.0.53, 10.0.0.53:5353 or [2001:db8::53]:53');

/** The `network:` section. */
export const networkSection = z
  .strictObject({
    proxy: proxyOption(
      'Through which everything is fetched by HTTP: channels, service discovery. Endpoint sources have their own.',
    ).optional(),
    no_proxy: z
      .array(bypassed)
      .default([])
      .describe(
        'What is reached without the proxy: names (and all below them), addresses, networks; * for everything. Loopback always is.',
      ),
    dns: z
      .strictObject({
        servers: z
          .array(nameServer)
          .min(1)
          .max(8)
          .optional()
          .describe('Name servers to ask in place of those of /etc/resolv.conf.'),
        timeout: durationOption('How long the first try of one query may take; there is a second.', '2s'),
        cache: z
          .strictObject({
            max_ttl: durationOption('No answer is kept longer, whatever it says.', '5m'),
            negative_ttl: durationOption('How long "no such name" is kept.', '5s'),
            size: z.int().min(0).max(1_000_000).default(20_000).describe('Answers kept; the oldest go first.'),
          })
          .optional()
          .describe('How long answers are kept. By default as long as they say, up to 5 minutes.'),
      })
      .optional()
      .describe('How names are looked up, behind the hosts file and along the search list.'),
  })
  .describe('The way out of the process.');

export function networkConfig(section: z.output<typeof networkSection> | undefined): NetworkConfig {
  const { proxy, no_proxy: noProxy = [], dns } = section ?? {};
  return {
    ...(proxy === undefined ? {} : { proxy }),
    noProxy,
    dns: {
      ...(dns?.servers === undefined ? {} : { nameServers: dns.servers }),
      ...(dns === undefined ? {} : { timeoutMs: dns.timeout }),
      ...(dns?.cache === undefined
        ? {}
        : { maxTtlMs: dns.cache.max_ttl, noneTtlMs: dns.cache.negative_ttl, cacheSize: dns.cache.size }),
    },
  };
}

/** The same for the room that makes connections; the password of the proxy is read at each use. */
export function networkOptions({ proxy, noProxy, dns }: NetworkConfig, secret: Context['secret']): NetworkOptions {
  return { ...dns, noProxy, ...(proxy === undefined ? {} : { proxy: proxyOf(proxy, secret) }) };
}
