import type { CertificateTime } from '../certificate/time.ts';
import type { KnownCertificate } from './model.ts';

/** A certificate in short: as text what it shares with others of its issuer, as bytes what is its own. */
export interface PackedCertificate {
  readonly profile: string;
  readonly own: Uint8Array;
}

/** What certificates of one kind from one issuer have in common. */
type Profile = Pick<
  KnownCertificate,
  | 'issuer'
  | 'isCa'
  | 'selfIssued'
  | 'keyUsage'
  | 'extendedKeyUsage'
  | 'authorityKeyId'
  | 'mustStaple'
  | 'keyAlgorithm'
  | 'signatureAlgorithm'
>;

/** Hex that stands as bytes before the text is absent here. */
type Own = readonly [
  subject: string,
  title: string | 0,
  names: readonly string[],
  nameCount: number,
  notBefore: number | CertificateTime,
  notAfter: number | CertificateTime,
  problems: readonly string[] | 0,
  id: string | 0,
  publicKey: string | 0,
  serial: string | 0,
  subjectKeyId: string | 0 | 1,
];

/** The fields that are hex as a rule: each has a byte with its length, and half as many bytes as digits. */
const LOWER = /^(?:[0-9a-f]{2})+$/;
const UPPER = /^(?:[0-9A-F]{2})+$/;
const MAX_HEX_BYTES = 64;
/** Of a field that stands in the text. */
const IN_TEXT = 0;

/** About 200 bytes where the object takes 800: very many are held in memory. */
export function packCertificate(certificate: KnownCertificate): PackedCertificate {
  const { issuer, isCa, selfIssued, keyUsage, extendedKeyUsage, authorityKeyId, mustStaple } = certificate;
  const { keyAlgorithm, signatureAlgorithm, title, names, problems } = certificate;
  const profile: Profile = {
    issuer,
    isCa,
    selfIssued,
    ...(keyUsage === undefined ? {} : { keyUsage }),
    ...(extendedKeyUsage === undefined ? {} : { extendedKeyUsage }),
    ...(authorityKeyId === undefined ? {} : { authorityKeyId }),
    ...(mustStaple === undefined ? {} : { mustStaple }),
    keyAlgorithm,
    signatureAlgorithm,
  };
  const id = hexBytes(certificate.id, LOWER);
  const publicKey = hexBytes(certificate.publicKey, LOWER);
  const serial = hexBytes(certificate.serial, UPPER);
  const subjectKeyId = hexBytes(certificate.subjectKeyId ?? '', LOWER);
  const own: Own = [
    certificate.subject,
    title === names[0] ? 0 : title,
    names,
    certificate.nameCount,
    packTime(certificate.notBefore),
    packTime(certificate.notAfter),
    problems.length === 0 ? 0 : problems,
    id.length > 0 ? 0 : certificate.id,
    publicKey.length > 0 ? 0 : certificate.publicKey,
    serial.length > 0 ? 0 : certificate.serial,
    subjectKeyId.length > 0 ? 0 : (certificate.subjectKeyId ?? 1),
  ];
  const text = JSON.stringify(own).replace(/[\u0100-\uffff]/g, escape);
  const hex = [id, publicKey, serial, subjectKeyId].flatMap((bytes) => [Buffer.from([bytes.length]), bytes]);
  return { profile: JSON.stringify(profile), own: Buffer.concat([...hex, Buffer.from(text, 'latin1')]) };
}

export function unpackCertificate({ profile, own }: PackedCertificate): KnownCertificate {
  const bytes = Buffer.from(own.buffer, own.byteOffset, own.byteLength);
  const hex: string[] = [];
  let at = 0;
  while (hex.length < 4) {
    const end = at + 1 + (bytes[at] ?? 0);
    hex.push(bytes.toString('hex', at + 1, end));
    at = end;
  }
  const [subject, title, names, nameCount, notBefore, notAfter, problems, id, publicKey, serial, subjectKeyId] =
    JSON.parse(bytes.toString('latin1', at)) as Own;
  const keyId = subjectKeyId === 0 ? hex[3] : subjectKeyId;
  return {
    kind: 'certificate',
    id: id === 0 ? (hex[0] ?? '') : id,
    subject,
    serial: serial === 0 ? (hex[2] ?? '').toUpperCase() : serial,
    title: title === 0 ? (names[0] ?? '') : title,
    names,
    nameCount,
    notBefore: unpackTime(notBefore),
    notAfter: unpackTime(notAfter),
    ...(keyId === 1 || keyId === undefined ? {} : { subjectKeyId: keyId }),
    publicKey: publicKey === 0 ? (hex[1] ?? '') : publicKey,
    problems: problems === 0 ? [] : problems,
    ...(JSON.parse(profile) as Profile),
  };
}

/** Whether this is the certificate of that fingerprint. */
export function isPackedId(own: Uint8Array, id: Uint8Array | string): boolean {
  const length = own[0] ?? IN_TEXT;
  if (typeof id === 'string') return length === IN_TEXT && unpackCertificate({ profile: '{}', own }).id === id;
  return length === id.length && Buffer.compare(own.subarray(1, 1 + length), id) === 0;
}

/** A fingerprint as it is packed: bytes where it is hex, else the text itself. */
export function packId(id: string): Uint8Array | string {
  const bytes = hexBytes(id, LOWER);
  return bytes.length === 0 ? id : bytes;
}

function hexBytes(text: string, form: RegExp): Buffer {
  return text.length <= 2 * MAX_HEX_BYTES && form.test(text) ? Buffer.from(text, 'hex') : Buffer.alloc(0);
}

function escape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** A time without a problem is its number alone. */
function packTime(time: CertificateTime): number | CertificateTime {
  return time.status === 'known' && time.problem === undefined && Number.isFinite(time.at) ? time.at : time;
}

function unpackTime(time: number | CertificateTime): CertificateTime {
  if (typeof time === 'number') return { status: 'known', at: time };
  // What is no number is null in JSON.
  return time.status === 'known' && !Number.isFinite(time.at) ? { ...time, at: Number.NaN } : time;
}
