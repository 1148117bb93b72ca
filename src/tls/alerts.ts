/** A TLS alert as a server sent it. */
export interface TlsAlert {
  readonly number: number;
  /** RFC 8446's name (`handshake_failure`), or `alert_<number>`. */
  readonly name: string;
}

/** RFC 8446 section 6, with the retired numbers of RFC 5246 and RFC 2246 that old servers still send. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [0, 'close_notify'],
  [10, 'unexpected_message'],
  [20, 'bad_record_mac'],
  [21, 'decryption_failed'],
  [22, 'record_overflow'],
  [30, 'decompression_failure'],
  [40, 'handshake_failure'],
  [41, 'no_certificate'],
  [42, 'bad_certificate'],
  [43, 'unsupported_certificate'],
  [44, 'certificate_revoked'],
  [45, 'certificate_expired'],
  [46, 'certificate_unknown'],
  [47, 'illegal_parameter'],
  [48, 'unknown_ca'],
  [49, 'access_denied'],
  [50, 'decode_error'],
  [51, 'decrypt_error'],
  [60, 'export_restriction'],
  [70, 'protocol_version'],
  [71, 'insufficient_security'],
  [80, 'internal_error'],
  [86, 'inappropriate_fallback'],
  [90, 'user_canceled'],
  [100, 'no_renegotiation'],
  [109, 'missing_extension'],
  [110, 'unsupported_extension'],
  [111, 'certificate_unobtainable'],
  [112, 'unrecognized_name'],
  [113, 'bad_certificate_status_response'],
  [114, 'bad_certificate_hash_value'],
  [115, 'unknown_psk_identity'],
  [116, 'certificate_required'],
  [120, 'no_application_protocol'],
]);

/** The server knows none of the application protocols that it was offered (RFC 7301 section 3.2). */
export const NO_APPLICATION_PROTOCOL = 120;

/** Nothing that was offered suits the server (RFC 8446 section 6.2). */
export const HANDSHAKE_FAILURE = 40;

/** The server does not know the name that it was asked for (RFC 6066 section 3). */
export const UNRECOGNIZED_NAME = 112;

/** Not a failure by itself: the sender is done writing. */
export const CLOSE_NOTIFY = 0;

export function alertOf(number: number): TlsAlert {
  return { number, name: NAMES.get(number) ?? `alert_${number}` };
}

/** What a person can do about an alert that came before the server's certificate. */
export function adviceFor(alert: TlsAlert): string {
  switch (alert.number) {
    case 40:
    case 71:
      return 'it shares no cipher, group or signature algorithm with notafter, or it has no certificate for this name';
    case 47:
    case 50:
    case 109:
    case 110:
      return 'it does not accept the hello; its TLS library may be very old or a middlebox stands in between';
    case 70:
      return 'it speaks none of TLS 1.0 to 1.3';
    case 80:
      return 'the fault is on the server; its log says more';
    case 112:
      return 'it does not know the requested name; set server_name to one that it serves';
    case 120:
      return 'it speaks none of the offered application protocols; set alpn to what it speaks';
    default:
      return 'the log of the server says why';
  }
}
