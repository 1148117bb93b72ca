import { isIP } from 'node:net';

/** What of resolv.conf(5) matters here. */
export interface ResolvConf {
  /** Name servers as `dns.Resolver#setServers` takes them; may be empty. */
  readonly servers: readonly string[];
  readonly search: readonly string[];
  /** A name with at least this many dots is tried as it is before the search list. */
  readonly dots: number;
}

/** The limits of the C library: MAXNS, and a bound on what is otherwise unlimited. */
const MAX_SERVERS = 3;
const MAX_SEARCH = 8;
const MAX_DOTS = 15;

/** Reads resolv.conf; unknown words are skipped. */
export function parseResolvConf(text: string): ResolvConf {
  const servers: string[] = [];
  let search: string[] = [];
  let dots = 1;
  for (const line of text.split('\n', 1000)) {
    const [keyword = '', ...values] = line.trim().split(/\s+/);
    switch (keyword) {
      case 'nameserver':
        if (values[0] !== undefined && isIP(values[0]) !== 0) servers.push(values[0]);
        break;
      case 'domain':
      case 'search':
        // The last of them wins.
        search = values.map((value) => value.toLowerCase().replace(/\.$/, '')).filter((value) => value !== '');
        break;
      case 'options':
        for (const value of values) {
          const match = /^ndots:(\d+)$/.exec(value);
          if (match !== null) dots = Math.min(Number(match[1]), MAX_DOTS);
        }
        break;
    }
  }
  return { servers: servers.slice(0, MAX_SERVERS), search: search.slice(0, MAX_SEARCH), dots };
}

/** The names to ask for, in order, when a person writes `name`. */
export function candidates(name: string, absolute: boolean, conf: ResolvConf): readonly string[] {
  if (absolute) return [name];
  const searched = conf.search.map((domain) => `${name}.${domain}`);
  const dots = name.split('.').length - 1;
  return dots >= conf.dots ? [name, ...searched] : [...searched, name];
}
