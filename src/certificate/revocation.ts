import type { CertificateTime } from './time.ts';

/** Why a certificate was revoked (RFC 5280 5.3.1), by number; 7 is not used. */
const REASONS: readonly (string | undefined)[] = [
  'unspecified',
  'keyCompromise',
  'cACompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
  undefined,
  'removeFromCRL',
  'privilegeWithdrawn',
  'aACompromise',
];

/** The name of a CRLReason; `undefined` for a number that has none. */
export function revocationReason(code: number): string | undefined {
  return REASONS[code];
}

/** A serial number as it can be compared: upper-case hex of its content octets, without leading zero octets. */
export function serialKey(serial: string): string {
  const key = serial.toUpperCase().replace(/^(?:00)+/, '');
  return key === '' ? '00' : key;
}

/** Milliseconds since the epoch; `undefined` for what is no instant. */
export function instantOf(time: CertificateTime | undefined): number | undefined {
  return time?.status === 'known' ? time.at : undefined;
}
