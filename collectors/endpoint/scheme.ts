import type { Protocol } from '../../src/tls/starttls/dialogues.ts';

/** What the scheme of a target says. */
export interface Scheme {
  /** Where it is spoken when a target names no port. */
  readonly port: number;
  /** What is spoken in the clear up to where TLS begins; absent where TLS comes first. */
  readonly protocol?: Protocol;
  /** Application protocols to offer (ALPN) in place of those of the source. */
  readonly alpn?: readonly string[];
  /** What the target is called by, when it has other names. */
  readonly name?: string;
}

/** TLS comes first, and no web server is on the other side. */
function direct(port: number): Scheme {
  return { port, alpn: [] };
}

/** Ports and schemes of https://www.iana.org/assignments/service-names-port-numbers, and of custom where there are none. */
export const SCHEMES: ReadonlyMap<string, Scheme> = new Map<string, Scheme>([
  ['https', { port: 443 }],
  ['tls', { port: 443 }],
  ['wss', { port: 443 }],

  ['ftp', { port: 21, protocol: 'ftp' }],
  ['imap', { port: 143, protocol: 'imap' }],
  ['irc', { port: 6667, protocol: 'irc' }],
  ['ldap', { port: 389, protocol: 'ldap' }],
  ['lmtp', { port: 24, protocol: 'lmtp' }],
  ['mariadb', { port: 3306, protocol: 'mysql', name: 'mysql' }],
  ['mssql', { port: 1433, protocol: 'mssql' }],
  ['mysql', { port: 3306, protocol: 'mysql' }],
  ['nntp', { port: 119, protocol: 'nntp' }],
  ['pop3', { port: 110, protocol: 'pop3' }],
  // Servers from version 17 on want to be told in either way that it is PostgreSQL, or nothing.
  ['postgres', { port: 5432, protocol: 'postgres', alpn: ['postgresql'] }],
  ['postgresql', { port: 5432, protocol: 'postgres', alpn: ['postgresql'], name: 'postgres' }],
  ['rdp', { port: 3389, protocol: 'rdp' }],
  ['sieve', { port: 4190, protocol: 'sieve' }],
  ['smtp', { port: 25, protocol: 'smtp' }],
  ['submission', { port: 587, protocol: 'smtp', name: 'smtp' }],
  ['xmpp', { port: 5222, protocol: 'xmpp' }],
  ['xmpp-server', { port: 5269, protocol: 'xmpp-server' }],

  ['amqps', direct(5671)],
  ['ftps', direct(990)],
  ['imaps', direct(993)],
  ['ircs', direct(6697)],
  ['ldaps', direct(636)],
  ['mqtts', direct(8883)],
  ['nntps', direct(563)],
  ['pop3s', direct(995)],
  ['rediss', direct(6379)],
  ['sips', direct(5061)],
  ['smtps', direct(465)],
  ['submissions', direct(465)],
  // What these speak is told by ALPN: XEP-0368, PostgreSQL 17, TDS 8.0.
  ['xmpps', { port: 5223, alpn: ['xmpp-client'], name: 'xmpps' }],
  ['xmpps-server', { port: 5270, alpn: ['xmpp-server'], name: 'xmpps-server' }],
  ['postgres+tls', { port: 5432, alpn: ['postgresql'], name: 'postgres+tls' }],
  ['mssql+tls', { port: 1433, alpn: ['tds/8.0'], name: 'mssql+tls' }],
]);

/** The scheme in the name of a target: there where it changes what is spoken, and not only the port. */
export function namedScheme(text: string): string | undefined {
  const scheme = SCHEMES.get(text);
  return scheme?.name ?? (scheme?.protocol === undefined ? undefined : text);
}
