import type { Socket } from 'node:net';

/** A literal address. */
export interface Address {
  readonly address: string;
  readonly family: 4 | 6;
}

/**
 * A failure on the way, with a reason that is also one of the plugin's. `tls_error` comes from `fetch` alone: the
 * receiver's certificate or handshake. `authentication_failed` and `malformed` come from proxies alone.
 */
export type NetworkFailure =
  | 'dns'
  | 'refused'
  | 'unreachable'
  | 'reset'
  | 'closed'
  | 'timeout'
  | 'tls_error'
  | 'too_large'
  | 'permission_denied'
  | 'authentication_failed'
  | 'malformed';

export class NetworkError extends Error {
  override readonly name = 'NetworkError';
  readonly reason: NetworkFailure;
  /** Of `dns`: the name servers have answered, and there is no such name or it has no address. */
  readonly absent: boolean;

  constructor(reason: NetworkFailure, detail: string, options: ErrorOptions & { readonly absent?: boolean } = {}) {
    super(detail, options);
    this.reason = reason;
    this.absent = options.absent ?? false;
  }
}

/** A server that makes connections for others: HTTP CONNECT (RFC 9110 section 9.3.6) or SOCKS5 (RFC 1928). */
export interface Proxy {
  readonly scheme: 'http' | 'socks5';
  /** A name or a literal address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** Who turns the names of targets into addresses. */
  readonly resolves: 'here' | 'proxy';
  /** Read anew for each connection; absent where the proxy asks for none. */
  readonly credentials?: () => Promise<ProxyCredentials>;
}

export interface ProxyCredentials {
  readonly username: string;
  readonly password: string;
}

/** Where a service is, by a SRV record (RFC 2782). */
export interface ServiceAddress {
  /** Lower-case, without a trailing dot. */
  readonly host: string;
  readonly port: number;
}

/** How TLS is spoken to a receiver that needs something of its own: an API server with a private CA. PEM throughout. */
export interface TlsSettings {
  /** Trusted in place of the usual roots. */
  readonly ca?: string;
  /** What to log in with. */
  readonly cert?: string;
  readonly key?: string;
  /** The name to ask for and to verify, where it is not the host of the URL. */
  readonly serverName?: string;
  /** False: the receiver may be anybody. Default true. */
  readonly verify?: boolean;
}

export interface HttpRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Absolute deadline over everything, milliseconds. Default 10 000. */
  readonly deadlineMs?: number;
  /** The answer's body may be at most this long. Default 1 MiB. */
  readonly maxBytes?: number;
  readonly tls?: TlsSettings;
}

/** As `HttpRequest`; the deadline is for the last byte, and the length of the body is for who reads it to bound. */
export type HttpStreamRequest = Omit<HttpRequest, 'maxBytes'> & { readonly deadlineMs: number };

/** An answer whose body is read as it arrives. Dispose it: whatever is left of the body is not waited for. */
export interface HttpStream extends Disposable {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  /** The body in pieces, once. Throws NetworkError. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface HttpResponse {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** The way out of the process. Every call ends by its deadline or its signal. */
export interface Network {
  /** Every address of a name, IPv4 first; a literal address gives itself. Hosts file, search list, then DNS. Throws NetworkError. */
  resolve(host: string, signal: AbortSignal): Promise<readonly Address[]>;
  /**
   * A connected TCP socket to a literal address; the caller destroys it. Throws NetworkError.
   *
   * `receive` is an offer to do without 'data' events: it is called with every piece that arrives, perhaps before the
   * promise settles, and the piece is valid within the call alone. That spares a stream its work. Who wraps a connection
   * may leave it out.
   */
  connect(address: string, port: number, signal: AbortSignal, receive?: (bytes: Buffer) => void): Promise<Socket>;
  /**
   * A connected TCP socket to a host and port through a proxy; the caller destroys it. `host` is a literal address, or a
   * name for the proxy to look up. What the other side has sent by then is still to be read. Throws NetworkError, whose
   * text names the proxy and never its credentials.
   */
  connectThrough(proxy: Proxy, host: string, port: number, signal: AbortSignal): Promise<Socket>;
  /** Where a service is (`_ldaps._tcp.example.com`), the preferred first; empty when the record says that there is none (a lone root label). DNS alone. Throws NetworkError. */
  resolveService(name: string, signal: AbortSignal): Promise<readonly ServiceAddress[]>;
  /** One HTTP request. No redirects are followed: a 3xx is an answer. Throws NetworkError, whose text never holds the URL's path or query. */
  fetch(url: string, request: HttpRequest, signal: AbortSignal): Promise<HttpResponse>;
  /** One HTTP request whose answer may be longer than is kept. No redirects are followed. Throws NetworkError as `fetch` does. */
  stream(url: string, request: HttpStreamRequest, signal: AbortSignal): Promise<HttpStream>;
}
