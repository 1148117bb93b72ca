import type { Location, Sighting } from '../inventory/model.ts';
import { quote } from '../text/shell.ts';
import { awsLook } from './aws-commands.ts';
import { azureLook } from './azure-commands.ts';
import { googleLook } from './google-commands.ts';

/** Where an endpoint is reached. */
export interface Reach {
  readonly host: string;
  readonly port: number;
  /** The protocol that is spoken before TLS. */
  readonly starttls?: string;
}

const TARGET =
  /^(?:(?<scheme>[a-z][a-z0-9+-]*):\/\/)?(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<host>[^\s/:[\]@-][^\s/:[\]@]*))(?::(?<port>\d{1,5}))?(?:\/.*)?$/;

/** Protocols that begin in the clear, and whether `openssl s_client -starttls` knows them; by the same names. */
const STARTTLS: ReadonlyMap<string, 'openssl' | 'notafter'> = new Map([
  ['ftp', 'openssl'],
  ['imap', 'openssl'],
  ['irc', 'openssl'],
  ['ldap', 'openssl'],
  ['lmtp', 'openssl'],
  ['mssql', 'notafter'],
  ['mysql', 'openssl'],
  ['nntp', 'openssl'],
  ['pop3', 'openssl'],
  ['postgres', 'openssl'],
  ['rdp', 'notafter'],
  ['sieve', 'openssl'],
  ['smtp', 'openssl'],
  ['xmpp', 'openssl'],
  ['xmpp-server', 'openssl'],
]);

/** Where the target is reached, if it is an endpoint whose name can be taken apart. */
export function reachOf(location: Location): Reach | undefined {
  if (location.type !== 'endpoint') return undefined;
  const parts = TARGET.exec(location.target)?.groups;
  const host = parts?.['v6'] ?? parts?.['host'];
  if (host === undefined) return undefined;
  const protocol = location.endpoint?.protocol ?? parts?.['scheme'];
  return {
    host,
    port: location.endpoint?.port ?? Number(parts?.['port'] ?? 443),
    ...(protocol !== undefined && STARTTLS.has(protocol) ? { starttls: protocol } : {}),
  };
}

/** Shows with the tools at hand what is at the location; `undefined` where there is no such command. */
export function lookCommand(location: Location): string | undefined {
  const reach = reachOf(location);
  if (reach !== undefined) return endpointCommand(location, reach);
  const { location: place } = location;
  const cloud = awsLook(place) ?? azureLook(place) ?? googleLook(place);
  if (cloud !== undefined) return cloud;
  return isPath(location) ? fileCommand(place) : undefined;
}

/**
 * Logs in at the endpoint with a client certificate, as notafter does. Where its files are is known by its key alone, so
 * `CLIENT.pem` stands for the certificate. `undefined` for what is no endpoint.
 */
export function rehearseCommand(location: Location, client: Pick<Sighting, 'key'>): string | undefined {
  if (reachOf(location) === undefined) return undefined;
  const key = client.key?.at;
  const files =
    key !== undefined && KEYSTORE.test(key)
      ? `--client-pkcs12 ${quote(key)}`
      : `--client-cert CLIENT.pem --client-key ${key === undefined ? 'CLIENT.key' : quote(key)}`;
  return `${check(location)} ${files}`;
}

const KEYSTORE = /\.(?:p12|pfx)$/i;

/** Looks at the place itself, as notafter does. `undefined` where only the daemon can look. */
export function checkCommand(location: Location): string | undefined {
  if (reachOf(location) !== undefined) return check(location);
  return isPath(location) ? `notafter check ${quote(location.location)}` : undefined;
}

/** The target of an endpoint, reached as the daemon does; a login at a proxy is left to be filled in. */
function check({ target, endpoint }: Location): string {
  return `notafter check ${quote(target)}${endpoint?.proxy === undefined ? '' : ` --proxy ${quote(endpoint.proxy)}`}`;
}

/** An HTTP proxy in the way; `undefined` where there is none, or one of another kind. */
function httpProxyOf({ endpoint }: Location): string | undefined {
  return endpoint?.proxy?.startsWith('http://') === true ? endpoint.proxy.slice('http://'.length) : undefined;
}

function isPath(location: Location): boolean {
  return location.type === 'file' && location.location.startsWith('/');
}

function endpointCommand(location: Location, reach: Reach): string {
  const { starttls } = reach;
  const proxy = httpProxyOf(location);
  const isBeyondOpenssl = proxy === undefined && location.endpoint?.proxy !== undefined;
  if (isBeyondOpenssl || (starttls !== undefined && STARTTLS.get(starttls) === 'notafter')) return check(location);
  const address = location.endpoint?.address ?? reach.host;
  const connect = `${address.includes(':') ? `[${address}]` : address}:${reach.port}`;
  const name = location.endpoint?.serverName;
  const isName = !address.includes(':') && !/^[\d.]+$/.test(address);
  const options = [
    `-connect ${quote(connect)}`,
    ...(proxy === undefined ? [] : [`-proxy ${quote(proxy)}`]),
    ...(name === undefined || name.startsWith('-') ? [] : [`-servername ${quote(name)}`]),
    // Of itself it asks for the name that it connects to.
    ...(name === undefined && isName && location.endpoint !== undefined ? ['-noservername'] : []),
    ...(starttls === undefined ? [] : [`-starttls ${starttls}`]),
    // The domain: without it a server is asked for its own address, and knows nothing of that.
    ...(starttls?.startsWith('xmpp') === true ? [`-xmpphost ${quote(name ?? reach.host)}`] : []),
  ];
  return `openssl s_client ${options.join(' ')} -showcerts </dev/null | openssl x509 -noout -subject -issuer -dates -fingerprint -sha256`;
}

function fileCommand(path: string): string {
  const extension = /\.([a-z0-9]+)$/i.exec(path)?.[1]?.toLowerCase();
  const file = quote(path);
  switch (extension) {
    case 'p12':
    case 'pfx':
      return `openssl pkcs12 -in ${file} -nokeys -info`;
    case 'jks':
    case 'jceks':
    case 'keystore':
    case 'ks':
    case 'truststore':
      return `keytool -list -v -keystore ${file}`;
    case 'crl':
      return `openssl crl -in ${file} -noout -issuer -lastupdate -nextupdate`;
    case 'der':
      return `openssl x509 -inform der -in ${file} -noout -subject -issuer -dates -fingerprint -sha256`;
    default:
      return `openssl crl2pkcs7 -nocrl -certfile ${file} | openssl pkcs7 -print_certs -noout -text | grep -E 'Subject:|Not After'`;
  }
}
