import { isIP } from 'node:net';

import { namedScheme, SCHEMES } from './scheme.ts';

/** One host and port to look at. */
export interface Endpoint {
  /** Lower-case; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  /** As written, a name in `SCHEMES`. */
  readonly scheme?: string;
}

const DEFAULT_PORT = 443;
/** [IPv6] or a host, and perhaps a port. */
const AUTHORITY = /^(?:\[([^\]]+)\]|([^[\]:/@\s]+))(?::(\d{1,5}))?$/;
const FORMS = 'host, host:port, [IPv6]:port, or one of these with a scheme such as https://, smtp:// or postgres://';
const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i;

/** A target that cannot be looked at: `unsupported` means that it is well written. The text never holds a password. */
export class TargetError extends Error {
  override readonly name = 'TargetError';
  readonly reason: 'malformed' | 'unsupported';

  constructor(reason: TargetError['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

/** Reads a target as a person writes it. Throws a TargetError that says what is wrong with it and what is allowed. */
export function parseEndpoint(text: string): Endpoint {
  const scheme = SCHEME.exec(text)?.[1]?.toLowerCase();
  const shown = withoutUserinfo(text);
  const meaning = scheme === undefined ? undefined : SCHEMES.get(scheme);
  if (scheme !== undefined && meaning === undefined) {
    const known = [...SCHEMES.keys()].map((name) => `${name}://`).join(', ');
    throw new TargetError('unsupported', `${shown}: the scheme ${scheme}:// is not supported; there are ${known}`);
  }
  // A certificate belongs to a host and a port: the path of a URL says nothing about it.
  const authority = (scheme === undefined ? text : text.slice(scheme.length + 3).replace(/[/?#].*$/s, '')).trim();

  // An IPv6 address may be written without brackets when no port follows.
  const match = isIP(authority) === 6 ? ['', authority] : AUTHORITY.exec(authority);
  const [, six, name, digits] = match ?? [];
  const host = six ?? name;
  const port = digits === undefined ? (meaning?.port ?? DEFAULT_PORT) : Number(digits);
  if (host === undefined) {
    const why = shown === text ? '' : ' with a user name or password in front';
    throw new TargetError('malformed', `"${shown}" is not a target${why}; write ${FORMS}`);
  }
  if (six !== undefined && isIP(six) !== 6) {
    throw new TargetError('malformed', `${shown}: between brackets stands an IPv6 address, such as [2001:db8::1]:443`);
  }
  if (port < 1 || port > 65_535) throw new TargetError('malformed', `${shown}: a port is a number from 1 to 65535`);
  return { host: host.toLowerCase(), port, ...(scheme === undefined ? {} : { scheme }) };
}

/** A target without the user name and password that URLs may have (RFC 3986 section 3.2.1): they are nobody's business. */
export function withoutUserinfo(text: string): string {
  const start = SCHEME.exec(text)?.[0] ?? '';
  const rest = text.slice(start.length).replace(/^[^/?#]*@/, '');
  // Where no host and port stands before the path, a password with a bare slash in it was taken for both.
  const isSplit = rest.includes('@') && !AUTHORITY.test(rest.replace(/[/?#].*$/s, ''));
  return start + (isSplit ? rest.slice(rest.lastIndexOf('@') + 1) : rest);
}

/** `host:port`, or `scheme://host:port` where the scheme changes what is spoken; an IPv6 address in brackets. */
export function formatEndpoint({ host, port, scheme }: Endpoint): string {
  const named = scheme === undefined ? undefined : namedScheme(scheme);
  return `${named === undefined ? '' : `${named}://`}${bracketed(host)}:${port}`;
}

/** An address as it stands in a location. */
export function bracketed(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}
