import { Resolver } from 'node:dns/promises';

import pLimit from 'p-limit';

import { codeOf } from './failure.ts';
import type { Address, ServiceAddress } from './network.ts';

/** c-ares loses answers and stalls for seconds when far more queries than this are under way. */
const MAX_QUERIES = 128;

const TRIES = 2;

/** Addresses that one answer may hold before the rest is left out. */
const MAX_RECORDS = 64;

/** What the name servers said about one name and one address family. */
export type Answer =
  | { readonly kind: 'addresses'; readonly addresses: readonly Address[]; readonly ttlMs: number }
  /** The name, or an address of this family for it, does not exist: said by the servers themselves. */
  | { readonly kind: 'none' }
  /** No usable answer: what went wrong, as the end of a sentence. `final`: asking for another name will not help. */
  | { readonly kind: 'failed'; readonly text: string; readonly final: boolean };

/** What they said about the places of a service. */
export type ServiceAnswer =
  | { readonly kind: 'services'; readonly services: readonly ServiceAddress[] }
  | Extract<Answer, { readonly kind: 'none' | 'failed' }>;

/** Asks name servers, in the background of the process's own resolver. */
export interface NameServers {
  query(name: string, family: 4 | 6): Promise<Answer>;
  /** The preferred first (RFC 2782). */
  queryService(name: string): Promise<ServiceAnswer>;
}

/**
 * A client of these name servers; with none given, those that c-ares finds by itself. A query is asked twice at most, and
 * the second time waits longer than `timeoutMs`.
 */
export function createNameServers(servers: readonly string[], timeoutMs: number): NameServers {
  const resolver = new Resolver({ timeout: timeoutMs, tries: TRIES });
  if (servers.length > 0) resolver.setServers(servers);
  const limit = pLimit(MAX_QUERIES);

  async function ask(name: string, family: 4 | 6): Promise<Answer> {
    try {
      const records =
        family === 4 ? await resolver.resolve4(name, { ttl: true }) : await resolver.resolve6(name, { ttl: true });
      if (records.length === 0) return { kind: 'none' };
      const kept = records.slice(0, MAX_RECORDS);
      return {
        kind: 'addresses',
        addresses: kept.map(({ address }) => ({ address, family })),
        ttlMs: Math.min(...kept.map(({ ttl }) => ttl)) * 1000,
      };
    } catch (error) {
      return failure(error);
    }
  }

  async function askService(name: string): Promise<ServiceAnswer> {
    try {
      const records = await resolver.resolveSrv(name);
      const services = records
        .toSorted((one, other) => one.priority - other.priority || other.weight - one.weight)
        .map((record) => ({ host: record.name.replace(/\.$/, '').toLowerCase(), port: record.port }))
        // A lone root label says that the service is decidedly not available.
        .filter(({ host }) => host !== '')
        .slice(0, MAX_RECORDS);
      return { kind: 'services', services };
    } catch (error) {
      return failure(error);
    }
  }

  return {
    query: (name, family) => limit(ask, name, family),
    queryService: (name) => limit(askService, name),
  };
}

/** https://nodejs.org/api/dns.html#error-codes */
function failure(error: unknown): Extract<Answer, { readonly kind: 'none' | 'failed' }> {
  const code = codeOf(error);
  switch (code) {
    case 'ENOTFOUND':
    case 'ENODATA':
      return { kind: 'none' };
    case 'ETIMEOUT':
      return { kind: 'failed', text: 'the name servers did not answer', final: true };
    case 'ECONNREFUSED':
      return { kind: 'failed', text: 'the name servers could not be contacted', final: true };
    case 'ESERVFAIL':
      return { kind: 'failed', text: 'the name servers failed (SERVFAIL)', final: false };
    case 'EREFUSED':
      return { kind: 'failed', text: 'the name servers refused to answer (REFUSED)', final: false };
    default:
      return {
        kind: 'failed',
        text: `the name servers gave no usable answer (${code ?? 'unknown error'})`,
        final: false,
      };
  }
}
