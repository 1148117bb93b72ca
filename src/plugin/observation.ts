import type { Labels } from '../label/labels.ts';
import type { Item } from './item.ts';
import type { Json } from './json.ts';
import type { Reason } from './reason.ts';

/**
 * A part that could not be read. With a `place` only that part failed, and what was last known of it stays; without one
 * the whole location could not be looked at, and everything last known of it stays.
 */
export interface Problem {
  readonly reason: Reason;
  /** The place key that failed; absent when the location as a whole failed. */
  readonly place?: string;
  /** What failed, on what, what to do. Never a secret. May hold hostile text. */
  readonly detail: string;
}

/** A server's judgement of one client identity, learned by a rehearsal. */
export interface Verdict {
  /** Fingerprint of the client certificate, `null` for none. */
  readonly client: string | null;
  /**
   * What the config calls the identity, `null` for nobody. Two identities may have one certificate, and differ in the
   * key or in what is sent behind it: each has a verdict of its own.
   */
  readonly name: string | null;
  readonly status: 'accepted' | 'rejected' | 'unknown';
  /** An alert name of RFC 8446, `http_<status>`, `closed`, …; `null` when accepted. */
  readonly reason: string | null;
  readonly evidence: string;
}

/** What the wire showed at one address. Everything optional is absent when it was not seen. */
export interface EndpointFacts {
  /** A literal address; the name of the host where a proxy looks it up. */
  readonly address: string;
  readonly port: number;
  /** What the connection was made through, without its login: `socks5://proxy.example:1080`. */
  readonly proxy?: string;
  /** The name that was asked for (SNI); absent where none was sent. */
  readonly serverName?: string;
  readonly handshake: 'hello' | 'early' | 'full';
  /** `1.0`, `1.1`, `1.2`, `1.3`. */
  readonly tlsVersion?: string;
  readonly cipher?: string;
  readonly alpn?: string;
  readonly requestsClientCertificate?: boolean;
  /** SHA-256 fingerprints of the certificates exactly as served, in order, repeated ones included. */
  readonly chain: readonly string[];
  /** RFC 4514 names; empty when the server names none. */
  readonly acceptableIssuers: readonly string[];
  readonly verdicts: readonly Verdict[];
  /** The group of the key exchange: `X25519`, `P-256`, `X25519MLKEM768`. */
  readonly group?: string;
  /** Whether the server holds the key of its certificate; only where the source asked for that. */
  readonly possession?: 'proven' | 'failed';
  /** Why it was looked at another way than the source asks for. */
  readonly fallback?: string;
  /** What was spoken before TLS (`smtp`, `postgres`, …); absent where TLS came first. */
  readonly protocol?: string;
  /** The OCSP response that came with the certificate, judged at the time of the look. */
  readonly staple?: Staple;
  /** What passed on the wire, a line each, for people. May hold hostile text. */
  readonly transcript?: readonly string[];
}

/** What an OCSP response says of the certificate that it came with. Times are milliseconds since the epoch. */
export interface Staple {
  /**
   * `unknown`: the responder does not know the certificate, or nobody can judge what it says (`problem` says why).
   * `invalid`: it could not be read, is about another certificate, or nobody entitled to has signed it.
   */
  readonly status: 'good' | 'revoked' | 'unknown' | 'invalid';
  readonly thisUpdateAt?: number;
  readonly nextUpdateAt?: number;
  readonly revokedAt?: number;
  /** Why it is invalid, or cannot be judged. */
  readonly problem?: string;
}

/** What one look gave for one location. */
export interface Observation {
  /** Stable over time: `api.example.com:8443@10.0.0.7`, an absolute path, an ARN. */
  readonly location: string;
  /** What the collector wants to be told next time to recognise an unchanged location. */
  readonly version?: string;
  /** The version is the known one: nothing else is given, only last-seen moves. */
  readonly unchanged?: true;
  /** The collector's own evidence that the location is no more (ENOENT, a DELETED event). */
  readonly gone?: true;
  readonly items: readonly Item[];
  readonly problems: readonly Problem[];
  readonly labels?: Labels;
  readonly endpoint?: EndpointFacts;
  readonly checkpoint?: Json;
  /** What the collector wants to find again beside this location: see `Known.remembered`. Absent keeps the last one. */
  readonly memory?: Json;
}
