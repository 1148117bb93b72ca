import { bitString, encode, explicit, implicit, integer, oid, pem, rdn, sequence, set, TAG } from './der.ts';
import { extension, generalName, rawCertificate, type IssueOptions } from './pki.ts';

/** Certificates that break a rule, or keep one that is rarely met: where readers differ, they differ here. */
export interface OddCertificate {
  readonly name: string;
  readonly der: Uint8Array;
  readonly pem: string;
}

function ending(tag: number, text: string): IssueOptions {
  return { notAfter: { tag, text } };
}

function named(value: Uint8Array | string, tag: number = TAG.utf8String): IssueOptions {
  return { subject: sequence(rdn('2.5.4.3', value, tag)) };
}

function withNames(...rawNames: readonly Uint8Array[]): IssueOptions {
  return { rawNames };
}

const UTC = TAG.utcTime;
const GENERALIZED = TAG.generalizedTime;

const ODD: Readonly<Record<string, IssueOptions>> = {
  usual: {},
  'notAfter 99991231235959Z': ending(GENERALIZED, '99991231235959Z'),
  'notAfter in 2049, UTCTime': ending(UTC, '491231235959Z'),
  'notAfter in 1950, UTCTime': ending(UTC, '500101000000Z'),
  'notAfter before 2050 as GeneralizedTime': ending(GENERALIZED, '20270101000000Z'),
  'notAfter in the year 1': ending(GENERALIZED, '00010101000000Z'),
  'notAfter in the year 0': ending(GENERALIZED, '00000101000000Z'),
  'notAfter with a fraction': ending(GENERALIZED, '20270101000000.5Z'),
  'notAfter with an offset, GeneralizedTime': ending(GENERALIZED, '20270101000000+0100'),
  'notAfter with an offset, UTCTime': ending(UTC, '270101000000+0100'),
  'notAfter without seconds': ending(UTC, '2701010000Z'),
  'notAfter without a zone': ending(UTC, '270101000000'),
  'notAfter that is empty': ending(UTC, ''),
  'notAfter on 30 February': ending(UTC, '270230000000Z'),
  'notAfter on 29 February of a year without one': ending(UTC, '230229000000Z'),
  'notAfter on 29 February 2000': ending(UTC, '000229000000Z'),
  'notAfter on 29 February 2100': ending(GENERALIZED, '21000229000000Z'),
  'notAfter at the second 60': ending(UTC, '270101000060Z'),
  'notAfter at the hour 24': ending(UTC, '270101240000Z'),
  'notAfter before notBefore': ending(UTC, '240101000000Z'),
  'negative serial number': { serial: Buffer.from([0xff]) },
  'serial number 0': { serial: Buffer.from([0]) },
  'serial number of 20 octets': { serial: Buffer.concat([Buffer.from([0x7f]), Buffer.alloc(19, 0xaa)]) },
  'serial number of 21 octets': { serial: Buffer.concat([Buffer.from([0x7f]), Buffer.alloc(20, 0xaa)]) },
  'serial number of 1024 octets': { serial: Buffer.alloc(1024, 0x7f) },
  'serial number with the highest bit': { serial: Buffer.from([0, 0x80, 1]) },
  'serial number that is not minimal': { serial: Buffer.from([0, 0, 1]) },
  'serial number that is empty': { serial: Buffer.alloc(0) },
  'subject that is empty': { subject: sequence() },
  'common name as BMPString': named(Buffer.from([0, 0x68, 0, 0xe9]), TAG.bmpString),
  'common name as T61String': named(Buffer.from([0x63, 0x61, 0x66, 0xe9]), TAG.t61String),
  'common name as UniversalString': named(Buffer.from([0, 1, 0xf6, 0]), TAG.universalString),
  'common name in UTF-8': named('bücher.example 書'),
  'common name with what must be escaped': named('#a, "b" + <c>; d=e\\ '),
  'common name with a line break': named('a\nb'),
  'common name with a NUL': named('good.example\0.evil.example'),
  'common name that is not UTF-8': named(Buffer.from([0xff, 0xfe, 0x80])),
  'common name as BMPString of odd length': named(Buffer.from([0, 0x68, 0]), TAG.bmpString),
  'common name as PrintableString with other characters': named('a@b*_', TAG.printableString),
  'attributes in one RDN': {
    subject: sequence(
      rdn('2.5.4.6', 'DE', TAG.printableString),
      set(
        sequence(oid('2.5.4.3'), encode(TAG.utf8String, 'a')),
        sequence(oid('2.5.4.5'), encode(TAG.printableString, '1')),
      ),
    ),
  },
  'attribute that nobody knows': { subject: sequence(rdn('1.2.3.4.5', 'x'), rdn('2.5.4.3', 'a')) },
  'attributes of many kinds': {
    subject: sequence(
      rdn('0.9.2342.19200300.100.1.25', 'example', TAG.ia5String),
      rdn('2.5.4.10', 'Example, Inc.'),
      rdn('2.5.4.97', 'VATDE-123'),
      rdn('1.3.6.1.4.1.311.60.2.1.3', 'DE', TAG.printableString),
      rdn('2.5.4.15', 'Private Organization'),
      rdn('1.2.840.113549.1.9.1', 'a@example.com', TAG.ia5String),
      rdn('2.5.4.3', 'a'),
    ),
  },
  'names of every kind': withNames(
    generalName('a.example'),
    generalName('192.0.2.1'),
    generalName('2001:db8::1'),
    implicit(1, 'me@a.example'),
    implicit(6, 'spiffe://a/b'),
    implicit(8, Buffer.from([0x2a, 3])),
    explicit(4, sequence(rdn('2.5.4.3', 'x'))),
    explicit(0, oid('1.2.3'), explicit(0, encode(TAG.utf8String, 'other'))),
  ),
  'names: none': withNames(),
  'names: an address of 3 octets': withNames(implicit(7, Buffer.from([1, 2, 3]))),
  'names: Latin-1': withNames(implicit(2, 'é.example')),
  'names: a NUL': withNames(implicit(2, 'good.example\0.evil.example')),
  'names: a line break': withNames(implicit(2, 'a.example\nX: y')),
  'names: a comma and what looks like another': withNames(implicit(2, 'a.example, DNS:admin.example')),
  'names: an empty one': withNames(implicit(2, '')),
  'names: a wildcard': withNames(generalName('*.a.example')),
  'names: IPv4 in IPv6': withNames(implicit(7, Buffer.from('00000000000000000000ffffc0000201', 'hex'))),
  'version 4': { version: 3 },
  'version 1': { version: null, extensions: null },
  'version 1 with extensions': { version: null },
  'bytes behind the certificate': { trailing: Buffer.from([0, 0]) },
  'two extensions of one kind': {
    extensions: [
      extension('2.5.29.17', sequence(generalName('a.example'))),
      extension('2.5.29.17', sequence(generalName('b.example'))),
    ],
  },
  'algorithms that differ': { outerAlgorithm: sequence(oid('1.2.840.113549.1.1.11'), encode(TAG.null)) },
  'a public key of an unknown kind': {
    publicKeyInfo: sequence(sequence(oid('1.2.3.4.5')), bitString(Buffer.from([1, 2, 3]))),
  },
  'an extension that nobody knows, critical': { extraExtensions: [extension('1.2.3.4', integer(1), true)] },
};

export function oddCertificates(): readonly OddCertificate[] {
  const odd = Object.entries(ODD).map(([name, options]) => ({ name, der: rawCertificate(options).der }));
  const whole = rawCertificate().der;
  // The header of the outer SEQUENCE has four octets.
  const indefinite = Buffer.concat([Buffer.from([0x30, 0x80]), whole.subarray(4), Buffer.alloc(2)]);
  const long = Buffer.concat([Buffer.from([0x30, 0x83, 0]), whole.subarray(2)]);
  return [
    ...odd,
    { name: 'BER, of indefinite length', der: indefinite },
    { name: 'BER, with a length that is not minimal', der: long },
  ].map((each) => ({ ...each, pem: pem('CERTIFICATE', each.der) }));
}
