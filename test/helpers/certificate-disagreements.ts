import type { CertificateView } from './certificate-agreement.ts';

/** The other readers: Node's X509Certificate, and the program `openssl x509`. */
export type OtherReader = 'Node' | 'openssl';

/** Where another reader says something else about one of the odd certificates, and why both are as they are. */
export interface Disagreement {
  /** Name of the odd certificate. */
  readonly certificate: string;
  readonly readers: readonly OtherReader[];
  /** What differs; `refused`: the other reads nothing of it. */
  readonly what: keyof CertificateView | 'refused';
  readonly why: string;
}

const BOTH = ['Node', 'openssl'] as const;
const NO_DATE =
  'The time breaks the form of a UTCTime. Certificates like this exist; what else they say is read, and the date is told as broken.';
const SERIAL = 'The INTEGER breaks DER. The rest is sound and is read, with the fault named.';
const BAD_NAME =
  'The text breaks its own encoding. It is read as far as it goes, with the fault named: the date counts.';
const OCTETS =
  'The identity of a certificate is the digest of the octets as they were found, which is what a server sends; OpenSSL encodes anew and digests that.';

/** All of them: a test fails when there is another, or when one of these is gone. */
export const DISAGREEMENTS: readonly Disagreement[] = [
  {
    certificate: 'notAfter in the year 0',
    readers: BOTH,
    what: 'notAfter',
    why: 'The calendar that people go by has no year 0: no end is meant by it, and it is told as unreadable.',
  },
  { certificate: 'notAfter without seconds', readers: ['Node'], what: 'refused', why: NO_DATE },
  { certificate: 'notAfter without a zone', readers: ['Node'], what: 'refused', why: NO_DATE },
  { certificate: 'notAfter that is empty', readers: ['Node'], what: 'refused', why: NO_DATE },
  { certificate: 'serial number that is not minimal', readers: BOTH, what: 'refused', why: SERIAL },
  { certificate: 'serial number that is empty', readers: BOTH, what: 'refused', why: SERIAL },
  { certificate: 'common name that is not UTF-8', readers: BOTH, what: 'refused', why: BAD_NAME },
  { certificate: 'common name as BMPString of odd length', readers: BOTH, what: 'refused', why: BAD_NAME },
  {
    certificate: 'attributes in one RDN',
    readers: ['openssl'],
    what: 'subject',
    why: 'The attributes of one RDN have no order. We keep that of the encoding; openssl turns it around with the rest of the name.',
  },
  {
    certificate: 'attribute that nobody knows',
    readers: ['Node'],
    what: 'subject',
    why: 'RFC 4514 wants the value of an unknown attribute as hex digits of its encoding, as openssl has it, too; Node shows the text.',
  },
  {
    certificate: 'names: an address of 3 octets',
    readers: BOTH,
    what: 'names',
    why: 'It is no address. It is left out and told as a fault; OpenSSL puts a remark in its place.',
  },
  {
    certificate: 'names: Latin-1',
    readers: ['openssl'],
    what: 'names',
    why: 'The octet is no character of an IA5String. We read it as Latin-1, openssl writes it out as it is.',
  },
  {
    certificate: 'names: a NUL',
    readers: ['openssl'],
    what: 'names',
    why: 'The text that openssl prints for people cannot tell it; the name is kept whole, and made harmless where it is shown.',
  },
  {
    certificate: 'names: a line break',
    readers: ['openssl'],
    what: 'names',
    why: 'The text that openssl prints for people cannot tell it from the end of the line.',
  },
  {
    certificate: 'names: a comma and what looks like another',
    readers: ['openssl'],
    what: 'names',
    why: 'The text that openssl prints for people cannot tell it from two names. It is one.',
  },
  { certificate: 'bytes behind the certificate', readers: BOTH, what: 'sha256', why: OCTETS },
  { certificate: 'BER, of indefinite length', readers: BOTH, what: 'sha256', why: OCTETS },
  { certificate: 'BER, with a length that is not minimal', readers: BOTH, what: 'sha256', why: OCTETS },
];

/** What `reader` is known to say differently about an odd certificate. */
export function knownDisagreements(certificate: string, reader: OtherReader): readonly string[] {
  return DISAGREEMENTS.filter((each) => each.certificate === certificate && each.readers.includes(reader)).map(
    ({ what }) => what,
  );
}
