import type { CertificateTime } from '../certificate/time.ts';
import type { KnownCertificate } from './model.ts';

/** A certificate in two short texts: what it shares with others of its issuer, and what is its own. */
export interface PackedCertificate {
  readonly profile: string;
  readonly own: string;
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

type Own = readonly [
  subject: string,
  serial: string,
  title: string | 0,
  names: readonly string[],
  nameCount: number,
  notBefore: number | CertificateTime,
  notAfter: number | CertificateTime,
  subjectKeyId: string | 0,
  problems: readonly string[],
  digests?: readonly [id: string, publicKey: string],
];

const DIGEST = /^[0-9a-f]{64}$/;
/** Two digests, half as long as in hex, stand before the rest. */
const DIGESTS_LENGTH = 64;
const WITH_DIGESTS = '+';
const WITHOUT_DIGESTS = '-';

/** About 250 bytes where the object takes 800: very many are held in memory. */
export function packCertificate(certificate: KnownCertificate): PackedCertificate {
  const { issuer, isCa, selfIssued, keyUsage, extendedKeyUsage, authorityKeyId, mustStaple } = certificate;
  const { keyAlgorithm, signatureAlgorithm, id, publicKey, title, names } = certificate;
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
  const areDigests = DIGEST.test(id) && DIGEST.test(publicKey);
  const own: Own = [
    certificate.subject,
    certificate.serial,
    title === names[0] ? 0 : title,
    names,
    certificate.nameCount,
    packTime(certificate.notBefore),
    packTime(certificate.notAfter),
    certificate.subjectKeyId ?? 0,
    certificate.problems,
    ...(areDigests ? ([] as const) : ([[id, publicKey]] as const)),
  ];
  const text = JSON.stringify(own).replace(/[\u0100-\uffff]/g, escape);
  const head = areDigests ? Buffer.from(id + publicKey, 'hex') : Buffer.alloc(0);
  const mark = areDigests ? WITH_DIGESTS : WITHOUT_DIGESTS;
  const bytes = Buffer.concat([Buffer.from(mark), head, Buffer.from(text, 'latin1')]);
  return { profile: JSON.stringify(profile), own: bytes.toString('latin1') };
}

export function unpackCertificate({ profile, own }: PackedCertificate): KnownCertificate {
  const areDigests = own.startsWith(WITH_DIGESTS);
  const head = Buffer.from(own.slice(1, 1 + DIGESTS_LENGTH), 'latin1');
  const rest = own.slice(areDigests ? 1 + DIGESTS_LENGTH : 1);
  const [subject, serial, title, names, nameCount, notBefore, notAfter, subjectKeyId, problems, digests] = JSON.parse(
    rest,
  ) as Own;
  const half = DIGESTS_LENGTH / 2;
  const [id, publicKey] = digests ?? [head.toString('hex', 0, half), head.toString('hex', half)];
  const shared = JSON.parse(profile) as Profile;
  return {
    kind: 'certificate',
    id,
    subject,
    serial,
    title: title === 0 ? (names[0] ?? '') : title,
    names,
    nameCount,
    notBefore: unpackTime(notBefore),
    notAfter: unpackTime(notAfter),
    ...(subjectKeyId === 0 ? {} : { subjectKeyId }),
    publicKey,
    problems,
    ...shared,
  };
}

/** The fingerprint alone. */
export function packedId({ own }: Pick<PackedCertificate, 'own'>): string {
  if (own.startsWith(WITH_DIGESTS)) return Buffer.from(own.slice(1, 1 + DIGESTS_LENGTH / 2), 'latin1').toString('hex');
  return (JSON.parse(own.slice(1)) as Own)[9]?.[0] ?? '';
}

function escape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function packTime(time: CertificateTime): number | CertificateTime {
  return time.status === 'known' && time.problem === undefined ? time.at : time;
}

function unpackTime(time: number | CertificateTime): CertificateTime {
  return typeof time === 'number' ? { status: 'known', at: time } : time;
}
