import { BlockList, isIP } from 'node:net';

/**
 * Reads what is to be reached without the proxy: `example.com` (and every name below it), `.example.com` (only those
 * below), an address, a network (`10.0.0.0/8`), each with a port (`db.example.com:5432`) or without, or `*` for
 * everything. Loopback never goes through a proxy. Throws an Error that names the entry that is none.
 */
export function createBypass(entries: readonly string[]): (host: string, port: number) => boolean {
  const rules = entries.map(parseEntry);
  return (host, port) => {
    const name = host.toLowerCase().replace(/^\[|\]$|\.$/g, '');
    return LOOPBACK.matches(name) || rules.some((rule) => (rule.port ?? port) === port && rule.matches(name));
  };
}

interface Rule {
  readonly matches: (host: string) => boolean;
  readonly port?: number;
}

const LOOPBACK: Rule = {
  matches: either(inNetwork('127.0.0.0', 8), either(inNetwork('::1', 128), underName('localhost', true))),
};

const ENTRY = /^(?:\[([^\]]+)\]|([^:\s[\]]+))(?::(\d{1,5}))?$/;
const NAME = /^(?:\*?\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?$/i;

function parseEntry(entry: string): Rule {
  if (entry === '*') return { matches: () => true };
  const [, six, other, digits] = /:.*:/.test(entry) && !entry.startsWith('[') ? ['', entry] : (ENTRY.exec(entry) ?? []);
  const host = six ?? other ?? '';
  const port = digits === undefined ? undefined : Number(digits);
  const matches = matcherOf(host);
  if (matches === undefined || port === 0 || (port ?? 0) > 65_535) {
    throw new Error(`"${entry}" is no name, address or network such as example.com, 10.0.0.7 or 10.0.0.0/8`);
  }
  return port === undefined ? { matches } : { matches, port };
}

function matcherOf(host: string): Rule['matches'] | undefined {
  const [network = '', bits, ...rest] = host.split('/');
  const family = isIP(network);
  if (family !== 0) {
    const most = family === 4 ? 32 : 128;
    const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : most + 1;
    return rest.length > 0 || prefix > most ? undefined : inNetwork(network, prefix);
  }
  if (bits !== undefined || !NAME.test(host)) return undefined;
  const isBelowOnly = /^\*?\./.test(host);
  return underName(host.replace(/^\*?\./, '').toLowerCase(), !isBelowOnly);
}

function inNetwork(network: string, prefix: number): Rule['matches'] {
  const list = new BlockList();
  list.addSubnet(network, prefix, isIP(network) === 4 ? 'ipv4' : 'ipv6');
  return (host) => {
    const family = isIP(host);
    return family !== 0 && list.check(host, family === 4 ? 'ipv4' : 'ipv6');
  };
}

function underName(name: string, itself: boolean): Rule['matches'] {
  return (host) => (itself && host === name) || host.endsWith(`.${name}`);
}

function either(one: Rule['matches'], other: Rule['matches']): Rule['matches'] {
  return (host) => one(host) || other(host);
}
