import { meaningOf } from '../network/failure.ts';
import type { NetworkFailure } from '../network/network.ts';
import { adviceFor, type TlsAlert } from './alerts.ts';
import type { DialogueFailure } from './starttls/dialogue-error.ts';

/** Why a probe did not get through a handshake: each is also one of the plugin's reasons. */
export type ProbeFailureReason = NetworkFailure | DialogueFailure | 'tls_alert' | 'tls_error' | 'not_tls' | 'malformed';

export interface ProbeFailure {
  readonly reason: ProbeFailureReason;
  /** What failed, on which address and port, and what to do. Holds nothing that the server sent. */
  readonly detail: string;
  /** Set with reason `tls_alert`. */
  readonly alert?: TlsAlert;
}

/** Why a flight cannot be read to its end, as far as the server alone is to blame. */
export type FlightFault = 'not_tls' | 'too_large' | 'malformed';

/** What of a handshake its failures are told with. */
export interface Attempt {
  readonly address: string;
  readonly port: number;
  readonly serverName?: string;
  readonly timeoutMs: number;
}

function where({ address, port }: Attempt): string {
  return `${address} port ${port}`;
}

/** The server ended the handshake; `asked`: it had asked for a client certificate before. */
export function alertFailure(attempt: Attempt, alert: TlsAlert, asked: boolean): ProbeFailure {
  const advice = asked ? 'it asked for a client certificate and got none' : adviceFor(alert);
  const detail = `${where(attempt)} ended the handshake with alert ${alert.number} (${alert.name}): ${advice}`;
  return { reason: 'tls_alert', detail, alert };
}

/** `firstBytes`: what the server said first, when that was no TLS. */
export function faultFailure(attempt: Attempt, fault: FlightFault, firstBytes: Buffer): ProbeFailure {
  switch (fault) {
    case 'not_tls':
      return {
        reason: fault,
        detail: `${where(attempt)} answered with ${protocolName(firstBytes)} instead of TLS; check the port`,
      };
    case 'too_large':
      return { reason: fault, detail: `${where(attempt)} sent more in its handshake than notafter reads` };
    case 'malformed':
      return { reason: fault, detail: `${where(attempt)} sent a handshake message that contradicts itself` };
  }
}

/** The deadline passed; `silent`: without a single byte from the server. */
export function timeoutFailure(attempt: Attempt, silent: boolean): ProbeFailure {
  const seen = silent ? 'accepted the connection and then sent nothing' : 'stalled in the handshake';
  return { reason: 'timeout', detail: `${where(attempt)} ${seen} until the deadline of ${attempt.timeoutMs} ms` };
}

/** The connection broke. */
export function socketFailure(attempt: Attempt, error: Error): ProbeFailure {
  const meaning = meaningOf(error);
  return meaning === undefined
    ? { reason: 'closed', detail: `${where(attempt)} lost the connection during the handshake` }
    : { reason: meaning.reason, detail: `${where(attempt)} ${meaning.text}` };
}

/** The server closed the connection without a word. */
export function closedFailure(attempt: Attempt): ProbeFailure {
  const advice = attempt.serverName === undefined ? 'it may need a name: set server_name' : 'its log may say why';
  return {
    reason: 'closed',
    detail: `${where(attempt)} closed the connection before the handshake was complete; ${advice}`,
  };
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
