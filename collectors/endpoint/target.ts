import { isIP } from 'node:net';

/** One host and port to look at. */
export interface Endpoint {
  /** Lower-case; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
}

const DEFAULT_PORT = 443;
const SCHEMES: ReadonlySet<string> = new Set(['https', 'tls']);
/** [IPv6] or a host, and perhaps a port. */
const AUTHORITY = /^(?:\[([^\]]+)\]|([^[\]:/@\s]+))(?::(\d{1,5}))?$/;
const FORMS = 'host, host:port, [IPv6]:port, https://host or tls://host:port';

/** Reads a target as a person writes it. Throws an Error that says what is wrong with it and what is allowed. */
export function parseEndpoint(text: string): Endpoint {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1];
  if (scheme !== undefined && !SCHEMES.has(scheme.toLowerCase())) {
    throw new Error(`${text}: the scheme ${scheme}:// is not supported; a target is ${FORMS}`);
  }
  // A certificate belongs to a host and a port: the path of a URL says nothing about it.
  const authority = (scheme === undefined ? text : text.slice(scheme.length + 3).replace(/[/?#].*$/s, '')).trim();

  // An IPv6 address may be written without brackets when no port follows.
  const match = isIP(authority) === 6 ? ['', authority] : AUTHORITY.exec(authority);
  const [, six, name, digits] = match ?? [];
  const host = six ?? name;
  const port = digits === undefined ? DEFAULT_PORT : Number(digits);
  if (host === undefined) throw new Error(`${text} is not a target; write ${FORMS}`);
  if (six !== undefined && isIP(six) !== 6) {
    throw new Error(`${text}: between brackets stands an IPv6 address, such as [2001:db8::1]:443`);
  }
  if (port < 1 || port > 65_535) throw new Error(`${text}: a port is a number from 1 to 65535`);
  return { host: host.toLowerCase(), port };
}

/** `host:port`, an IPv6 address in brackets. */
export function formatEndpoint({ host, port }: Endpoint): string {
  return `${bracketed(host)}:${port}`;
}

/** An address as it stands in a location. */
export function bracketed(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}
