import { spawnSync } from 'node:child_process';
import type { X509Certificate } from 'node:crypto';

import type { Certificate } from '../../src/certificate/certificate.ts';
import type { CertificateTime } from '../../src/certificate/time.ts';

/** What two readers of one certificate can be compared by. */
export interface CertificateView {
  /** Lower-case hex. */
  readonly sha256: string;
  /** As a number, decimal. */
  readonly serial: string;
  /** ISO 8601, without fractions of seconds. */
  readonly notBefore: string;
  readonly notAfter: string;
  /** RFC 4514. */
  readonly subject: string;
  /** DNS names, addresses, e-mail addresses and URIs, in order. */
  readonly names: string;
}

const FIELDS = ['sha256', 'serial', 'notBefore', 'notAfter', 'subject', 'names'] as const;

export function ourView(certificate: Certificate): CertificateView {
  const { fingerprint, serial, notBefore, notAfter, subject, names } = certificate;
  const signed = serial === '' ? '' : BigInt.asIntN(serial.length * 4, BigInt(`0x${serial}`)).toString();
  return {
    sha256: fingerprint,
    serial: signed,
    notBefore: timeText(notBefore),
    notAfter: timeText(notAfter),
    subject: subject.text,
    names: names.join(', '),
  };
}

function timeText(time: CertificateTime): string {
  switch (time.status) {
    case 'known':
      return isoText(new Date(time.at));
    case 'never':
      return '9999-12-31T23:59:59Z';
    case 'unreadable':
      return 'unreadable';
  }
}

/** Without fractions; the only years are those of four digits. */
export function isoText(date: Date): string {
  return Number.isNaN(date.getTime()) ? 'unreadable' : date.toISOString().replace(/\.\d+Z$/, 'Z');
}

const BAD_TIME = 'Bad time value';

export function nodeView(certificate: X509Certificate): CertificateView {
  const { serialNumber, validFrom, validFromDate, validTo, validToDate, subject, subjectAltName } = certificate;
  const negative = serialNumber.startsWith('-');
  const magnitude = BigInt(`0x${serialNumber.replace('-', '') || '0'}`);
  return {
    sha256: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    serial: (negative ? -magnitude : magnitude).toString(),
    // Of a text that is no date, the date is whatever lay in memory.
    notBefore: validFrom === BAD_TIME ? 'unreadable' : isoText(validFromDate),
    notAfter: validTo === BAD_TIME ? 'unreadable' : isoText(validToDate),
    // The least specific first, one in a line; there is no subject where it is empty.
    subject: (subject ?? '').split('\n').toReversed().join(',').replaceAll(' + ', '+'),
    names: namesOf(subjectAltName ?? ''),
  };
}

/** What `openssl x509` says of the certificates in PEM; `undefined` where it refuses one. */
export function opensslView(pem: string): CertificateView | undefined {
  const { status, stdout } = spawnSync('openssl', OPENSSL_ARGUMENTS, { input: pem, encoding: 'utf8' });
  if (status !== 0) return undefined;
  const valueOf = (label: string): string => new RegExp(`^${label}=(.*)$`, 'm').exec(stdout)?.[1] ?? '';
  // A long one goes on in further lines.
  const serial = /^serial=((?:.*\\\n)*.*)$/m.exec(stdout)?.[1]?.replaceAll('\\\n', '') ?? '';
  const negative = serial.startsWith('-');
  const magnitude = BigInt(`0x${serial.replace('-', '') || '0'}`);
  return {
    sha256: valueOf('sha256 Fingerprint').replaceAll(':', '').toLowerCase(),
    serial: (negative ? -magnitude : magnitude).toString(),
    notBefore: opensslTime(valueOf('notBefore')),
    notAfter: opensslTime(valueOf('notAfter')),
    subject: valueOf('subject'),
    names: namesOf(/Subject Alternative Name:.*\n\s*(.*)/.exec(stdout)?.[1] ?? ''),
  };
}

const OPENSSL_ARGUMENTS = [
  'x509',
  '-noout',
  '-serial',
  '-fingerprint',
  '-sha256',
  '-startdate',
  '-enddate',
  '-dateopt',
  'iso_8601',
  '-subject',
  '-nameopt',
  'RFC2253,utf8,-esc_msb',
  '-ext',
  'subjectAltName',
];

/** `2027-01-01 00:00:00Z`, the year without leading zeros, the seconds with their fraction. */
function opensslTime(text: string): string {
  const match = /^ *(\d{1,4})-(\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d+)?Z$/.exec(text);
  return match === null ? 'unreadable' : `${match[1]?.padStart(4, '0')}-${match[2]}T${match[3]}Z`;
}

/** The names that OpenSSL lists with their kinds; Node quotes those that could be mistaken for several. */
export function namesOf(text: string): string {
  const names: string[] = [];
  for (const match of text.matchAll(/(DNS|IP Address|email|URI):("(?:[^"\\]|\\.)*"|[^,]*)/g)) {
    const [, kind, raw = ''] = match;
    const value = raw.startsWith('"') ? (JSON.parse(raw) as string) : raw.trim();
    names.push(kind === 'IP Address' ? addressText(value) : value);
  }
  return names.join(', ');
}

/** OpenSSL writes all eight groups of an IPv6 address; we, as RFC 5952 wants it. */
function addressText(text: string): string {
  return text.includes(':') ? new URL(`http://[${text}]/`).hostname.slice(1, -1) : text;
}

/** In which fields two views differ; `refused` where the other reader gave none. */
export function differences(ours: CertificateView, other: CertificateView | undefined): readonly string[] {
  return other === undefined ? ['refused'] : FIELDS.filter((field) => ours[field] !== other[field]);
}
