import { DerError, DerReader } from '../certificate/der.ts';
import { readName } from '../certificate/name.ts';
import { Problems } from '../certificate/problems.ts';
import { cipherSuiteName } from './cipher-suites.ts';
import type { ProbeFailure } from './failure.ts';
import { VERSION, type CertificateList } from './handshake-messages.ts';

/**
 * How far a probe goes. `hello`: our own reader, which completes the handshake and closes it properly. `early`: the same,
 * but stops at the certificate. `full`: a complete handshake of the TLS library.
 */
export type Handshake = 'hello' | 'early' | 'full';

/** Why a target was looked at with `full` where `hello` or `early` was asked for. */
export type Obstacle =
  | `alert_${number}`
  | 'unsupported_version'
  | 'unsupported_suite'
  | 'unsupported_group'
  | 'unanswerable_retry'
  | 'undecryptable'
  | 'bad_finished'
  | 'malformed'
  | 'silent'
  | 'reset'
  | 'closed'
  /** The protocol wants a word inside TLS, which only the TLS library says. */
  | 'farewell';

/** What one address showed. Everything optional is absent when it was not seen. */
export interface ProbeResult {
  /** Which way gave this. */
  readonly handshake: Handshake;
  /** Why that is not the way that was asked for. */
  readonly fallback?: Obstacle;
  /** The served certificates, DER, byte for byte and in order; entries may be anything, also empty. */
  readonly chain: readonly Uint8Array[];
  /** How many certificates the server sent; more than `chain` holds when the list was cut. */
  readonly servedCount: number;
  /** The handshake was completed on our side; never with `early`. It does not say that the server accepted us. */
  readonly established: boolean;
  /** `1.0`, `1.1`, `1.2`, `1.3`. */
  readonly tlsVersion?: string;
  /** IANA's name. */
  readonly cipher?: string;
  readonly alpn?: string;
  readonly requestsClientCertificate?: boolean;
  /** RFC 4514 names, raw: hostile text. Empty when the server names none. */
  readonly acceptableIssuers: readonly string[];
  /** What client certificates may be signed with, numbers of RFC 8446 section 4.2.3; not with `full`. */
  readonly signatureSchemes?: readonly number[];
  /** The group of the key exchange: `X25519`, `P-256`, `X25519MLKEM768`; none where the key of the certificate does it. */
  readonly group?: string;
  /** The OCSP response that came with the certificate, DER; not with `full`. */
  readonly ocspStaple?: Uint8Array;
  /** Whether the server holds the key of its certificate; only when that was asked for and could be judged. */
  readonly possession?: 'proven' | 'failed';
  /** What passed on the wire, a line each, for people; only when that was asked for. May hold hostile text. */
  readonly transcript?: readonly string[];
  /** Why the handshake was not completed. The chain may be there all the same: a server that insists on a client certificate shows its own first. */
  readonly failure?: ProbeFailure;
}

const VERSIONS: ReadonlyMap<number, string> = new Map([
  [VERSION.tls10, '1.0'],
  [VERSION.tls11, '1.1'],
  [VERSION.tls12, '1.2'],
  [VERSION.tls13, '1.3'],
]);

/** What was read of a server's flight. */
export interface Seen {
  /** Wire version, once the ServerHello was seen. */
  readonly version: number | undefined;
  readonly suite: number | undefined;
  readonly alpn: string | undefined;
  readonly group: string | undefined;
  readonly certificates: CertificateList | undefined;
  /** DER names that a CertificateRequest held; undefined while none was seen. */
  readonly acceptableIssuers: readonly Buffer[] | undefined;
  /** Everything that a server says about itself was seen. */
  readonly complete: boolean;
}

export function summarize(
  flight: Seen,
  handshake: Handshake,
  established: boolean,
  failure: ProbeFailure | undefined,
): ProbeResult {
  const tlsVersion = flight.version === undefined ? undefined : VERSIONS.get(flight.version);
  const requested = flight.acceptableIssuers !== undefined || (flight.complete ? false : undefined);
  return {
    handshake,
    chain: flight.certificates?.certificates ?? [],
    servedCount: flight.certificates?.count ?? 0,
    established,
    ...(tlsVersion === undefined ? {} : { tlsVersion }),
    ...(flight.suite === undefined ? {} : { cipher: cipherSuiteName(flight.suite) }),
    ...(flight.alpn === undefined ? {} : { alpn: flight.alpn }),
    ...(flight.group === undefined ? {} : { group: flight.group }),
    ...(requested === undefined ? {} : { requestsClientCertificate: requested }),
    acceptableIssuers: (flight.acceptableIssuers ?? []).map(nameText),
    ...(failure === undefined ? {} : { failure }),
  };
}

/** A name as RFC 4514 text; one that cannot be read is given as `#` and hex, as RFC 4514 section 2.4 does for values. */
function nameText(der: Buffer): string {
  try {
    const reader = DerReader.over(der);
    reader.next();
    return readName(reader, 'issuer', new Problems()).text;
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    return `#${der.subarray(0, 64).toString('hex')}`;
  }
}
