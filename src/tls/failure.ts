import type { NetworkFailure } from '../network/network.ts';
import type { TlsAlert } from './alerts.ts';

/** Why a probe did not get through a handshake: each is also one of the plugin's reasons. */
export type ProbeFailureReason = NetworkFailure | 'tls_alert' | 'tls_error' | 'not_tls' | 'malformed';

export interface ProbeFailure {
  readonly reason: ProbeFailureReason;
  /** What failed, on which address and port, and what to do. Holds nothing that the server sent. */
  readonly detail: string;
  /** Set with reason `tls_alert`. */
  readonly alert?: TlsAlert;
}

/** First bytes by which common protocols without TLS are known. */
const PROTOCOLS: readonly (readonly [RegExp, string])[] = [
  [/^SSH-/, 'SSH'],
  [/^HTTP\//, 'plain HTTP'],
  [/^220[ -]/, 'SMTP or FTP (the TLS of which begins with STARTTLS)'],
  [/^\+OK/, 'POP3 (the TLS of which begins with STLS)'],
  [/^\* OK/, 'IMAP (the TLS of which begins with STARTTLS)'],
  [/^<\?xml|^<stream/, 'XMPP'],
  [/^RFB /, 'VNC'],
  [/^-(?:ERR|NOAUTH)/, 'Redis'],
  // A length of three octets, packet number 0, protocol version 10.
  [/^[^]{2}\0\0\n/, 'MySQL'],
];

/** What these bytes are the beginning of, in words; never the bytes themselves. */
export function protocolName(bytes: Buffer): string {
  const text = bytes.toString('latin1');
  return PROTOCOLS.find(([pattern]) => pattern.test(text))?.[1] ?? 'something else';
}
