import { readFile, stat } from 'node:fs/promises';

import { abortable, isTimeout } from './deadline.ts';
import { parseHost } from './host.ts';
import { parseHostsFile, type HostsFile } from './hosts-file.ts';
import { createNameServers, type Answer, type NameServers } from './name-servers.ts';
import { NetworkError, type Address, type ServiceAddress } from './network.ts';
import { candidates, parseResolvConf, type ResolvConf } from './resolv-conf.ts';

/** Addresses that a name gives at most. */
const MAX_ADDRESSES = 64;

/** Unless told otherwise, answers are kept as long as they say, up to this; "no such name" only briefly. */
const MAX_TTL_MS = 300_000;
const NONE_TTL_MS = 5_000;
/** Answers that want to be asked for every time are kept this long, so that one look asks once. */
const MIN_TTL_MS = 1_000;
const CACHE_SIZE = 20_000;

const TIMEOUT_MS = 2_000;

/**
 * When one address family answers and the other fails, what the other said within this time still counts: addresses do
 * not leave a name because a server was overloaded.
 */
const STALE_MS = 3_600_000;

/** How often the files are looked at for changes. */
const FILE_CHECK_MS = 5_000;

const MAX_FILE_BYTES = 16 * 1024 * 1024;

export interface DnsOptions {
  /** Asked in place of those of resolv.conf: `10.0.0.53`, `[2001:db8::53]:5353`. */
  readonly nameServers?: readonly string[];
  /** How long the first try of one query may take. Default 2 000. */
  readonly timeoutMs?: number;
  /** No answer is kept longer. Default 300 000. */
  readonly maxTtlMs?: number;
  /** How long "no such name" is kept. Default 5 000. */
  readonly noneTtlMs?: number;
  /** Answers kept, the oldest go first. Default 20 000. */
  readonly cacheSize?: number;
}

export interface ResolverOptions extends DnsOptions {
  readonly hostsFile: string;
  readonly resolvConf: string;
  /** Milliseconds; only differences matter. */
  readonly now: () => number;
}

export interface NameResolver {
  resolve(host: string, signal: AbortSignal): Promise<readonly Address[]>;
  resolveService(name: string, signal: AbortSignal): Promise<readonly ServiceAddress[]>;
}

interface Cached {
  readonly answer: Answer;
  readonly freshUntil: number;
  readonly staleUntil: number;
}

/** A resolver that looks into the hosts file, then walks the search list, asking name servers for both address families. */
export function createResolver(options: ResolverOptions): NameResolver {
  const {
    now,
    timeoutMs = TIMEOUT_MS,
    maxTtlMs = MAX_TTL_MS,
    noneTtlMs = NONE_TTL_MS,
    cacheSize = CACHE_SIZE,
  } = options;
  const hosts = watchedFile<HostsFile>(options.hostsFile, parseHostsFile, now);
  const conf = watchedFile<ResolvConf>(options.resolvConf, parseResolvConf, now);
  const cache = new Map<string, Cached>();
  const asking = new Map<string, Promise<Answer>>();
  let servers: { readonly key: string; readonly client: NameServers } | undefined;

  function client(current: ResolvConf): NameServers {
    const wanted = options.nameServers ?? current.servers;
    const key = wanted.join(' ');
    if (servers?.key !== key) {
      servers = { key, client: createNameServers(wanted, timeoutMs) };
      cache.clear();
    }
    return servers.client;
  }

  async function ask(from: NameServers, name: string, family: 4 | 6): Promise<Answer> {
    const key = `${family} ${name}`;
    const cached = cache.get(key);
    if (cached !== undefined && now() < cached.freshUntil) return cached.answer;

    let pending = asking.get(key);
    if (pending === undefined) {
      pending = from.query(name, family).finally(() => asking.delete(key));
      asking.set(key, pending);
    }
    const answer = await pending;
    if (answer.kind !== 'failed') remember(key, answer);
    return answer;
  }

  function remember(key: string, answer: Answer): void {
    const ttlMs = answer.kind === 'addresses' ? Math.min(Math.max(answer.ttlMs, MIN_TTL_MS), maxTtlMs) : noneTtlMs;
    cache.delete(key);
    cache.set(key, { answer, freshUntil: now() + ttlMs, staleUntil: now() + STALE_MS });
    if (cache.size > cacheSize) {
      for (const oldest of cache.keys()) {
        cache.delete(oldest);
        break;
      }
    }
  }

  function lastAddresses(name: string, family: 4 | 6): readonly Address[] {
    const cached = cache.get(`${family} ${name}`);
    if (cached === undefined || now() >= cached.staleUntil) return [];
    return cached.answer.kind === 'addresses' ? cached.answer.addresses : [];
  }

  /** Both families of one name; `undefined` when there is no such name. */
  async function lookUp(from: NameServers, name: string): Promise<readonly Address[] | Answer> {
    const [four, six] = await Promise.all([ask(from, name, 4), ask(from, name, 6)]);
    const found = [four, six].flatMap((answer) => (answer.kind === 'addresses' ? answer.addresses : []));
    if (found.length === 0) return four.kind === 'failed' ? four : six;
    return [
      ...(four.kind === 'failed' ? lastAddresses(name, 4) : []),
      ...found,
      ...(six.kind === 'failed' ? lastAddresses(name, 6) : []),
    ];
  }

  async function search(name: string, absolute: boolean): Promise<readonly Address[]> {
    const fromFile = (await hosts()).get(name);
    if (fromFile !== undefined) return ordered(fromFile);
    if (name === 'localhost' || name.endsWith('.localhost')) {
      // RFC 6761 section 6.3: never asked of a name server.
      return [{ address: '127.0.0.1', family: 4 }];
    }

    const current = await conf();
    const from = client(current);
    let failure: string | undefined;
    for (const candidate of candidates(name, absolute, current)) {
      const result = await lookUp(from, candidate);
      if (!('kind' in result)) return ordered(result);
      if (result.kind !== 'failed') continue;
      failure ??= result.text;
      if (result.final) break;
    }
    throw new NetworkError(
      'dns',
      failure === undefined
        ? `${name} could not be resolved: there is no such name, or it has no address; check its spelling`
        : `${name} could not be resolved: ${failure}; check the DNS of this machine`,
      { absent: failure === undefined },
    );
  }

  async function searchService(name: string): Promise<readonly ServiceAddress[]> {
    const answer = await client(await conf()).queryService(name);
    switch (answer.kind) {
      case 'services':
        return answer.services;
      case 'none':
        throw new NetworkError('dns', `${name} has no SRV record; check its spelling, and the zone`);
      case 'failed':
        throw new NetworkError('dns', `${name} could not be resolved: ${answer.text}; check the DNS of this machine`);
    }
  }

  return {
    async resolve(text, signal) {
      const host = parseHost(text);
      if (host.kind === 'address') return [{ address: host.address, family: host.family }];
      return inTime(search(host.name, host.absolute), host.name, signal);
    },
    async resolveService(text, signal) {
      const host = parseHost(text);
      if (host.kind === 'address') {
        throw new NetworkError('dns', `${text} is an address, and not the name of a service`);
      }
      return inTime(searchService(host.name), host.name, signal);
    },
  };
}

/** Settles like the lookup, unless the signal is faster. */
async function inTime<T>(lookup: Promise<T>, name: string, signal: AbortSignal): Promise<T> {
  try {
    return await abortable(lookup, signal);
  } catch (error) {
    if (error !== signal.reason || !isTimeout(signal)) throw error;
    throw new NetworkError(
      'dns',
      `${name} could not be resolved in time: the name servers did not answer; check the DNS of this machine`,
    );
  }
}

/** IPv4 first, no address twice, capped. */
function ordered(addresses: readonly Address[]): readonly Address[] {
  const seen = new Map<string, Address>();
  for (const family of [4, 6]) {
    for (const entry of addresses) {
      if (entry.family === family) seen.set(entry.address, entry);
    }
  }
  return [...seen.values()].slice(0, MAX_ADDRESSES);
}

/** The parsed content of a file, read again when the file changes; a file that is not there counts as empty. */
function watchedFile<T>(path: string, parse: (text: string) => T, now: () => number): () => Promise<T> {
  let content: T = parse('');
  let version = '';
  let checkedAt = Number.NEGATIVE_INFINITY;
  let checking: Promise<void> | undefined;

  async function check(): Promise<void> {
    const found = await stat(path).catch(() => undefined);
    const current =
      found?.isFile() === true && found.size <= MAX_FILE_BYTES ? `${found.mtimeMs} ${found.size} ${found.ino}` : '';
    if (current !== version) {
      content = parse(current === '' ? '' : await readFile(path, 'utf8').catch(() => ''));
      version = current;
    }
    checkedAt = now();
  }

  return async () => {
    if (now() - checkedAt >= FILE_CHECK_MS) {
      checking ??= check().finally(() => {
        checking = undefined;
      });
      await checking;
    }
    return content;
  };
}
