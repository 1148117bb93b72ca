import { DerError, DerReader } from '../certificate/der.ts';
import { readName } from '../certificate/name.ts';
import { Problems } from '../certificate/problems.ts';
import { cipherSuiteName } from './cipher-suites.ts';
import type { ProbeFailure } from './failure.ts';
import { VERSION } from './handshake-messages.ts';
import type { ServerFlight } from './server-flight.ts';

/** What one address showed. Everything optional is absent when it was not seen. */
export interface ProbeResult {
  /** The served certificates, DER, byte for byte and in order; entries may be anything, also empty. */
  readonly chain: readonly Uint8Array[];
  /** How many certificates the server sent; more than `chain` holds when the list was cut. */
  readonly servedCount: number;
  /** The handshake was completed on our side. It does not say that the server accepted us. */
  readonly established: boolean;
  /** `1.0`, `1.1`, `1.2`, `1.3`. */
  readonly tlsVersion?: string;
  /** IANA's name. */
  readonly cipher?: string;
  readonly alpn?: string;
  readonly requestsClientCertificate?: boolean;
  /** RFC 4514 names, raw: hostile text. Empty when the server names none. */
  readonly acceptableIssuers: readonly string[];
  /** Why the handshake was not completed. The chain may be there all the same: a server that insists on a client certificate shows its own first. */
  readonly failure?: ProbeFailure;
}

const VERSIONS: ReadonlyMap<number, string> = new Map([
  [VERSION.tls10, '1.0'],
  [VERSION.tls11, '1.1'],
  [VERSION.tls12, '1.2'],
  [VERSION.tls13, '1.3'],
]);

export function summarize(flight: ServerFlight, established: boolean, failure: ProbeFailure | undefined): ProbeResult {
  const tlsVersion = flight.version === undefined ? undefined : VERSIONS.get(flight.version);
  const requested = flight.acceptableIssuers !== undefined || (flight.complete ? false : undefined);
  return {
    chain: flight.certificates?.certificates ?? [],
    servedCount: flight.certificates?.count ?? 0,
    established,
    ...(tlsVersion === undefined ? {} : { tlsVersion }),
    ...(flight.suite === undefined ? {} : { cipher: cipherSuiteName(flight.suite) }),
    ...(flight.alpn === undefined ? {} : { alpn: flight.alpn }),
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
