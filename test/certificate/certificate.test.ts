import { X509Certificate, createHash, createPublicKey } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CertificateError, MAX_NAMES, parseCertificate } from '../../src/certificate/certificate.ts';
import { TAG, bitString, encode, explicit, implicit, integer, oid, rdn, sequence } from '../helpers/der.ts';
import {
  createAuthority,
  createKey,
  extension,
  generalName,
  rawCertificate,
  selfSigned,
  type IssueOptions,
} from '../helpers/pki.ts';

const EMPTY = { problems: [] };

describe('a certificate as a CA issues it', () => {
  const root = createAuthority({ name: 'Root', organization: 'Example', days: 3650 });
  const issuing = createAuthority({ name: 'Issuing', organization: 'Example', parent: root, pathLength: 0 });
  const leaf = issuing.issue({
    commonName: 'api.example.com',
    names: ['api.example.com', '*.example.com', '192.0.2.7', '2001:db8::1:0:0:7'],
    notBefore: new Date('2026-11-01T10:20:30Z'),
    notAfter: new Date('2027-01-30T10:20:29Z'),
    serial: Buffer.from('0087654321', 'hex'),
    ocspUrls: ['http://ocsp.example.com/'],
    issuerUrls: ['http://ca.example.com/issuing.der'],
    crlUrls: ['http://ca.example.com/issuing.crl'],
    mustStaple: true,
    extendedKeyUsage: ['serverAuth', '1.3.6.1.4.1.311.20.2.2'],
  });

  test('is read in every field', () => {
    const certificate = parseCertificate(leaf.der);
    expect(certificate).toMatchObject({
      fingerprint: leaf.fingerprint,
      version: 3,
      serial: '0087654321',
      subject: { text: 'CN=api.example.com', commonName: 'api.example.com' },
      issuer: { text: 'CN=Issuing,O=Example', commonName: 'Issuing' },
      notBefore: { status: 'known', at: Date.UTC(2026, 10, 1, 10, 20, 30) },
      notAfter: { status: 'known', at: Date.UTC(2027, 0, 30, 10, 20, 29) },
      names: ['api.example.com', '*.example.com', '192.0.2.7', '2001:db8::1:0:0:7'],
      nameCount: 4,
      keyUsage: ['digitalSignature', 'keyEncipherment'],
      extendedKeyUsage: ['serverAuth', '1.3.6.1.4.1.311.20.2.2'],
      isCa: false,
      ocspUrls: ['http://ocsp.example.com/'],
      issuerUrls: ['http://ca.example.com/issuing.der'],
      crlUrls: ['http://ca.example.com/issuing.crl'],
      sctCount: 0,
      mustStaple: true,
      signatureAlgorithm: 'ecdsa-with-SHA256',
      problems: [],
    });
    expect(certificate.der).toBe(leaf.der);
    expect(certificate).not.toHaveProperty('pathLength');
    expect(certificate.authorityKeyId).toBe(Buffer.from(issuing.subjectKeyId ?? []).toString('hex'));
    const spki = createPublicKey(leaf.key).export({ type: 'spki', format: 'der' });
    expect(certificate.publicKey).toEqual({
      algorithm: 'ec',
      oid: '1.2.840.10045.2.1',
      curve: 'P-256',
      bits: 256,
      sha256: createHash('sha256').update(spki).digest('hex'),
    });
    expect(certificate.subjectKeyId).toBe(createHash('sha1').update(spki).digest('hex'));
  });

  test('tells a CA, the length of its paths and its usage', () => {
    expect(parseCertificate(issuing.certificate.der)).toMatchObject({
      isCa: true,
      pathLength: 0,
      keyUsage: ['keyCertSign', 'cRLSign'],
      ...EMPTY,
    });
    expect(parseCertificate(issuing.certificate.der)).not.toHaveProperty('extendedKeyUsage');
    expect(parseCertificate(root.certificate.der)).toMatchObject({ isCa: true, names: [], nameCount: 0, ...EMPTY });
  });

  test.each([
    ['rsa', { algorithm: 'rsa', bits: 2048, oid: '1.2.840.113549.1.1.1' }, 'sha256WithRSAEncryption'],
    ['ed25519', { algorithm: 'ed25519', oid: '1.3.101.112' }, 'Ed25519'],
  ] as const)('knows the key type %s', (keyType, publicKey, signatureAlgorithm) => {
    const certificate = parseCertificate(selfSigned({ keyType }).der);
    expect(certificate).toMatchObject({ publicKey, signatureAlgorithm, ...EMPTY });
  });

  test('counts embedded SCTs', () => {
    const entry = Buffer.concat([Buffer.from([0, 3]), Buffer.from('abc')]);
    const list = Buffer.concat([Buffer.from([0, 2 * entry.length]), entry, entry]);
    const scts = extension('1.3.6.1.4.1.11129.2.4.2', encode(TAG.octetString, list));
    expect(parseCertificate(issuing.issue({ extraExtensions: [scts] }).der)).toMatchObject({ sctCount: 2, ...EMPTY });
  });

  test('has every key usage that its bits say', () => {
    const usage = extension('2.5.29.15', bitString(Buffer.from([0xff, 0x80]), 7), true);
    expect(parseCertificate(issuing.issue({ extensions: [usage] }).der).keyUsage).toEqual([
      'digitalSignature',
      'nonRepudiation',
      'keyEncipherment',
      'dataEncipherment',
      'keyAgreement',
      'keyCertSign',
      'cRLSign',
      'encipherOnly',
      'decipherOnly',
    ]);
  });
});

describe('dates, as they occur', () => {
  test.each([
    ['na_99991231', 0x18, '99991231235959Z', { status: 'never' }],
    ['na_utc_49', 0x17, '491231235959Z', { status: 'known', at: Date.UTC(2049, 11, 31, 23, 59, 59) }],
    ['na_utc_50', 0x17, '500101000000Z', { status: 'known', at: Date.UTC(1950, 0, 1) }],
    ['na_gen_before2050', 0x18, '20270101000000Z', { status: 'known', at: Date.UTC(2027, 0, 1) }],
    ['na_before_nb', 0x17, '240101000000Z', { status: 'known', at: Date.UTC(2024, 0, 1) }],
  ])('%s is no problem', (_, tag, text, expected) => {
    const certificate = parseCertificate(rawCertificate({ notAfter: { tag, text } }).der);
    expect(certificate.notAfter).toEqual(expected);
    expect(certificate.problems).toEqual([]);
  });

  test.each([
    ['na_gen_fraction', 0x18, '20270101000000.5Z', Date.UTC(2027, 0, 1) + 500],
    ['na_gen_offset', 0x18, '20270101000000+0100', Date.UTC(2026, 11, 31, 23)],
    ['na_utc_offset', 0x17, '270101000000+0100', Date.UTC(2026, 11, 31, 23)],
    ['na_utc_nosec', 0x17, '2701010000Z', Date.UTC(2027, 0, 1)],
  ])('%s is read with a problem', (_, tag, text, at) => {
    const certificate = parseCertificate(rawCertificate({ notAfter: { tag, text } }).der);
    expect(certificate.notAfter).toMatchObject({ status: 'known', at });
    expect(certificate.problems).toEqual([expect.stringContaining('notAfter breaks DER')]);
  });

  test.each([
    ['na_utc_noZ', 0x17, '270101000000'],
    ['na_empty', 0x17, ''],
    ['na_feb30', 0x17, '270230000000Z'],
    ['na_feb29_2023', 0x17, '230229000000Z'],
    ['na_sec60', 0x17, '270101000060Z'],
    ['na_year0000', 0x18, '00000101000000Z'],
  ])('%s cannot be read, and the certificate can', (_, tag, text) => {
    const certificate = parseCertificate(rawCertificate({ notAfter: { tag, text } }).der);
    expect(certificate.notAfter).toMatchObject({ status: 'unreadable', text });
    expect(certificate.subject.commonName).toBe('odd');
    expect(certificate.problems).toEqual([expect.stringContaining('notAfter cannot be read')]);
  });

  test('notBefore is read by the same rules', () => {
    const certificate = parseCertificate(rawCertificate({ notBefore: { tag: 0x17, text: 'nonsense' } }).der);
    expect(certificate.notBefore.status).toBe('unreadable');
    expect(certificate.notAfter.status).toBe('known');
    expect(certificate.problems).toEqual([expect.stringContaining('notBefore cannot be read')]);
  });

  test('a validity that is no TIME at all cannot be read', () => {
    const certificate = parseCertificate(rawCertificate({ notAfter: { tag: 0x0c, text: '270101000000Z' } }).der);
    expect(certificate.notAfter.status).toBe('unreadable');
  });
});

function nameWith(value: Uint8Array | string, tag: number): Buffer {
  return sequence(rdn('2.5.4.3', value, tag));
}

function withNames(...rawNames: readonly Uint8Array[]): IssueOptions {
  return { rawNames };
}

describe('encodings that break a rule are read, and the rule is named', () => {
  const wide = [Buffer.from([0x7f, ...Array<number>(20).fill(0xaa)]), Buffer.alloc(1024, 0x7f)];
  test.each<[string, IssueOptions, object, string]>([
    ['serial_neg', { serial: Buffer.from([0xff]) }, { serial: 'FF' }, 'negative'],
    ['serial_zero', { serial: Buffer.from([0]) }, { serial: '00' }, 'zero'],
    ['serial_21', { serial: wide[0] as Buffer }, { serial: `7F${'AA'.repeat(20)}` }, '20 bytes'],
    ['serial_1k', { serial: wide[1] as Buffer }, { serial: '7F'.repeat(1024) }, '20 bytes'],
    ['serial_nonminimal', { serial: Buffer.from([0, 0, 1]) }, { serial: '000001' }, 'not minimal'],
    ['serial_empty', { serial: Buffer.alloc(0) }, { serial: '' }, 'empty'],
    [
      'cn_bad_utf8',
      { subject: nameWith(Buffer.from([0xff, 0xfe, 0x80]), TAG.utf8String) },
      { subject: expect.objectContaining({ commonName: 'ÿþ\u0080' }) },
      'not UTF-8',
    ],
    [
      'cn_bmp_odd',
      { subject: nameWith(Buffer.from([0x00, 0x68, 0x00]), TAG.bmpString) },
      { subject: expect.objectContaining({ commonName: 'h' }) },
      'BMPString',
    ],
    [
      'a BMPString with half a pair',
      { subject: nameWith(Buffer.from([0xd8, 0x00]), TAG.bmpString) },
      { subject: expect.objectContaining({ commonName: '\ufffd' }) },
      'BMPString',
    ],
    [
      'a UniversalString beyond Unicode',
      { subject: nameWith(Buffer.from([0x00, 0x11, 0x00, 0x00, 0, 0, 0, 0x41]), TAG.universalString) },
      { subject: expect.objectContaining({ commonName: '\ufffdA' }) },
      'UniversalString',
    ],
    [
      'cn_printable_bad',
      { subject: nameWith('a@b*_', TAG.printableString) },
      { subject: expect.objectContaining({ commonName: 'a@b*_' }) },
      'PrintableString',
    ],
    ['san_empty', withNames(), { names: [], nameCount: 0 }, 'empty'],
    ['san_ip_3bytes', withNames(implicit(7, Buffer.from([1, 2, 3]))), { names: [], nameCount: 1 }, '3 bytes'],
    ['san_latin1', withNames(implicit(2, '\u00e9.example')), { names: ['é.example'] }, 'characters'],
    [
      'san_nul',
      withNames(implicit(2, 'good.example\0.evil.example')),
      { names: ['good.example\0.evil.example'] },
      'char',
    ],
    ['san_newline', withNames(implicit(2, 'a.example\nX: y')), { names: ['a.example\nX: y'] }, 'characters'],
    [
      'san_comma_inject',
      withNames(implicit(2, 'a.example, DNS:admin.example')),
      { names: ['a.example, DNS:admin.example'], nameCount: 1 },
      'characters',
    ],
    ['an empty DNS name', withNames(implicit(2, '')), { names: [''], nameCount: 1 }, 'empty'],
    ['trailing', { trailing: Buffer.from([0, 0]) }, {}, '2 bytes follow'],
    [
      'dup_ext',
      { extraExtensions: [extension('2.5.29.17', sequence(generalName('second.example')))] },
      { names: ['localhost', '127.0.0.1'] },
      'subject alternative name occurs twice',
    ],
    ['v4', { version: 3 }, { version: 4 }, 'no version 4'],
    ['v1_withext', { version: null }, { version: 1, names: ['localhost', '127.0.0.1'] }, 'version 1'],
    [
      'alg_mismatch',
      { outerAlgorithm: sequence(oid('1.2.840.113549.1.1.11'), encode(TAG.null)) },
      { signatureAlgorithm: 'ecdsa-with-SHA256' },
      'differ',
    ],
    [
      'an extension that is not DER',
      { extraExtensions: [extension('2.5.29.31', Buffer.from([0x30, 0x05, 0x01]))] },
      { crlUrls: [] },
      'CRL distribution points is malformed',
    ],
    [
      'a malformed subject alternative name',
      { rawNames: [Buffer.from([0x82, 0x7f, 0x61])] },
      { names: [], extendedKeyUsage: ['serverAuth', 'clientAuth'] },
      'subject alternative name is malformed',
    ],
    [
      'a malformed list of extensions',
      { extensions: [Buffer.from([0x05, 0x00])] },
      { names: [] },
      'list of extensions is malformed',
    ],
    [
      'a subject that is no list of attributes',
      { subject: sequence(encode(TAG.null)) },
      { subject: expect.objectContaining({ text: '' }) },
      'subject is malformed',
    ],
    [
      'a subject that is not marked as constructed',
      { subject: encode(0x10, rdn('2.5.4.3', 'odd')) },
      { subject: expect.objectContaining({ text: 'CN=odd' }) },
      'constructed',
    ],
    [
      'an RSA key that is none',
      {
        publicKeyInfo: sequence(
          sequence(oid('1.2.840.113549.1.1.1'), encode(TAG.null)),
          bitString(Buffer.from([0x05, 0x00])),
        ),
      },
      { publicKey: expect.objectContaining({ algorithm: 'rsa' }) },
      'public key is malformed',
    ],
  ])('%s', (_, options, expected, problem) => {
    const made = rawCertificate(options);
    const certificate = parseCertificate(made.der);
    expect(certificate).toMatchObject(expected);
    expect(certificate.fingerprint).toBe(made.fingerprint);
    expect(certificate.problems).toEqual([expect.stringContaining(problem)]);
  });
});

describe('encodings that are odd and break no rule', () => {
  test.each<[string, IssueOptions, object]>([
    ['cn_bmp', { subject: nameWith(Buffer.from([0, 0x68, 0, 0xe9]), TAG.bmpString) }, { commonName: 'hé' }],
    ['cn_t61', { subject: nameWith(Buffer.from([0x63, 0x61, 0x66, 0xe9]), TAG.t61String) }, { commonName: 'café' }],
    ['cn_universal', { subject: nameWith(Buffer.from([0, 1, 0xf6, 0]), TAG.universalString) }, { commonName: '😀' }],
    ['cn_64k', { subject: nameWith('A'.repeat(65_536), TAG.utf8String) }, { commonName: 'A'.repeat(65_536) }],
    ['subj_empty', { subject: sequence() }, { text: '' }],
  ])('%s', (_, options, subject) => {
    expect(parseCertificate(rawCertificate(options).der)).toMatchObject({ subject, ...EMPTY });
  });

  test('a version 1 certificate without extensions', () => {
    const certificate = parseCertificate(rawCertificate({ version: null, extensions: null }).der);
    expect(certificate).toMatchObject({ version: 1, names: [], isCa: false, ...EMPTY });
    expect(certificate).not.toHaveProperty('keyUsage');
  });

  test('an unknown public key has an algorithm number and an identity', () => {
    const publicKeyInfo = sequence(sequence(oid('1.2.3.4.5')), bitString(Buffer.from([1, 2, 3])));
    const { publicKey } = parseCertificate(rawCertificate({ publicKeyInfo }).der);
    expect(publicKey).toEqual({
      algorithm: 'unknown',
      oid: '1.2.3.4.5',
      sha256: createHash('sha256').update(publicKeyInfo).digest('hex'),
    });
  });

  test('an EC key on a curve without a name that we know', () => {
    const publicKeyInfo = sequence(
      sequence(oid('1.2.840.10045.2.1'), oid('1.3.132.0.1')),
      bitString(Buffer.from([4, 1, 2])),
    );
    expect(parseCertificate(rawCertificate({ publicKeyInfo }).der).publicKey).toMatchObject({
      algorithm: 'ec',
      curve: '1.3.132.0.1',
    });
  });

  test('names of kinds that are no text are counted and left out', () => {
    const directory = explicit(4, sequence(rdn('2.5.4.3', 'x')));
    const user = encode(0xa0, oid('1.3.6.1.4.1.311.20.2.3'), explicit(0, encode(TAG.utf8String, 'me@example')));
    const rawNames = [
      directory,
      generalName('a.example'),
      user,
      implicit(1, 'me@a.example'),
      implicit(6, 'spiffe://a/b'),
    ];
    expect(parseCertificate(rawCertificate({ rawNames }).der)).toMatchObject({
      names: ['a.example', 'me@a.example', 'spiffe://a/b'],
      nameCount: 5,
      ...EMPTY,
    });
  });

  test('an object identifier with a 128-bit arc is written out', () => {
    const uuid = Buffer.from('8180c0a0ffffffffffffffffffffffffff7f', 'hex');
    const usage = extension('2.5.29.37', sequence(encode(TAG.oid, Buffer.from([0x69]), uuid)));
    const [first] = parseCertificate(rawCertificate({ extensions: [usage] }).der).extendedKeyUsage ?? [];
    let arc = 0n;
    for (const octet of uuid) arc = arc * 128n + BigInt(octet & 0x7f);
    expect(first).toBe(`2.25.${arc}`);
  });
});

/** The least of three measurements: the machine may be busy with other things, and the input is the same. */
function leastMs(run: () => unknown): number {
  const measured = [1, 2, 3].map(() => {
    const started = performance.now();
    run();
    return performance.now() - started;
  });
  return Math.min(...measured);
}

describe('very many names', () => {
  test.each([10_000, 100_000])('%i names are counted, and the first 2000 are kept', (count) => {
    const rawNames = Array.from({ length: count }, (_, index) => implicit(2, `n${index}.example.com`));
    const { der } = rawCertificate({ rawNames });
    const certificate = parseCertificate(der);
    expect(leastMs(() => parseCertificate(der))).toBeLessThan(100);
    expect(certificate.nameCount).toBe(count);
    expect(certificate.names).toHaveLength(MAX_NAMES);
    expect(certificate.names.at(-1)).toBe('n1999.example.com');
  });

  test('problems do not pile up', () => {
    const twice = Array.from({ length: 50 }, (_, index) => extension('2.5.29.17', integer(index)));
    const certificate = parseCertificate(rawCertificate({ extensions: twice }).der);
    expect(certificate.problems.length).toBeLessThanOrEqual(16);
  });
});

describe('BER', () => {
  /** The elements inside `der`, whose length has the form 82 xx xx. */
  function contentOf(der: Uint8Array): Uint8Array {
    expect(der[1]).toBe(0x82);
    return der.subarray(4);
  }

  test('an indefinite length around everything is read', () => {
    const der = Buffer.concat([Buffer.from([0x30, 0x80]), contentOf(rawCertificate().der), Buffer.from([0, 0])]);
    const certificate = parseCertificate(der);
    expect(certificate).toMatchObject({ subject: { commonName: 'odd' }, serial: '010203' });
    expect(certificate.fingerprint).toBe(createHash('sha256').update(der).digest('hex'));
    expect(certificate.der).toBe(der);
    expect(certificate.problems).toEqual([expect.stringContaining('BER')]);
  });

  test('a length that is too long is read', () => {
    const content = contentOf(rawCertificate().der);
    const der = Buffer.concat([Buffer.from([0x30, 0x83, 0, content.length >> 8, content.length & 0xff]), content]);
    expect(parseCertificate(der).problems).toEqual([expect.stringContaining('not minimal')]);
  });
});

describe('what is no certificate', () => {
  const good = rawCertificate().der;
  function nested(depth: number): Buffer {
    let inner: Buffer = Buffer.alloc(0);
    for (let level = 0; level < depth; level++) inner = sequence(inner);
    return inner;
  }
  test.each<[string, Uint8Array, string]>([
    ['truncated', good.subarray(0, -20), 'longer than what holds it'],
    ['len_lie', Buffer.concat([Buffer.from([0x30, 0x84, 0x7f, 0xff, 0xff, 0xff]), good.subarray(4)]), 'longer'],
    ['a length of 126 octets', Buffer.from([0x30, 0xfe, 1, 2, 3]), 'too large'],
    ['empty', new Uint8Array(), 'missing'],
    ['one byte', Uint8Array.of(0x30), 'ends inside'],
    ['deep_nest', nested(5000), ''],
    ['an endless indefinite length', Buffer.alloc(10_000, Buffer.from([0x30, 0x80])), 'indefinite'],
    ['text', Buffer.from('-----BEGIN CERTIFICATE-----'), 'wrong type'],
    ['a public key', createPublicKey(createKey()).export({ type: 'spki', format: 'der' }), ''],
    ['a certificate without its signature', sequence(sequence(integer(1))), ''],
  ])('%s throws a CertificateError', (_, bytes, reason) => {
    expect(() => parseCertificate(bytes)).toThrow(CertificateError);
    expect(() => parseCertificate(bytes)).toThrow(/^not a certificate: /);
    expect(() => parseCertificate(bytes)).toThrow(reason);
  });
});

test('agrees with OpenSSL on random certificates', () => {
  // OpenSSL forgets to escape a # that stands alone.
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((value) => value !== '#');
  const root = createAuthority({ name: 'Root, "quoted" + more', organization: '#Example Ü' });
  const options = fc.record({
    subject: fc
      .array(
        fc.record({
          type: fc.constantFrom('2.5.4.3', '2.5.4.10', '2.5.4.11', '2.5.4.6', '2.5.4.5', '0.9.2342.19200300.100.1.25'),
          value: text,
        }),
        { maxLength: 5 },
      )
      .map((parts) => sequence(...parts.map(({ type, value }) => rdn(type, value)))),
    serial: fc.uint8Array({ minLength: 1, maxLength: 19 }).map((octets) => Buffer.from([0x01, ...octets])),
    names: fc.array(
      fc.oneof(
        fc.domain(),
        fc.ipV4(),
        fc.ipV6().filter((address) => !address.includes('.')),
      ),
      {
        minLength: 1,
        maxLength: 8,
      },
    ),
    notBefore: fc.date({ min: new Date('1950-01-01'), max: new Date('2049-01-01'), noInvalidDate: true }),
    notAfter: fc.date({ min: new Date('1950-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
  });
  fc.assert(
    fc.property(options, (chosen) => {
      const { der } = root.issue(chosen);
      const ours = parseCertificate(der);
      const theirs = new X509Certificate(der);
      expect(ours.problems).toEqual([]);
      expect(ours.fingerprint).toBe(theirs.fingerprint256.replaceAll(':', '').toLowerCase());
      expect(ours.serial).toBe(theirs.serialNumber);
      expect(ours.notBefore).toEqual({ status: 'known', at: theirs.validFromDate.getTime() });
      expect(ours.notAfter).toEqual({ status: 'known', at: theirs.validToDate.getTime() });
      expect(ours.subject.text).toBe(rfc4514(theirs.subject));
      expect(ours.issuer.text).toBe(rfc4514(theirs.issuer));
      expect(ours.isCa).toBe(theirs.ca);
      for (const name of chosen.names) {
        const found = name.includes(':') || /^[\d.]+$/.test(name) ? theirs.checkIP(name) : name;
        expect(found).toBeDefined();
      }
      expect(ours.names).toHaveLength(chosen.names.length);
      expect(theirs.subjectAltName?.toLowerCase()).toBe(asOpenSsl(ours.names).toLowerCase());
    }),
    { numRuns: 300 },
  );
});

test('agrees with OpenSSL on every root that Node ships', () => {
  expect(rootCertificates.length).toBeGreaterThan(50);
  for (const root of rootCertificates) {
    const theirs = new X509Certificate(root);
    const ours = parseCertificate(theirs.raw);
    expect({
      fingerprint: ours.fingerprint,
      serial: BigInt(`0x${ours.serial}`),
      subject: ours.subject.text,
      issuer: ours.issuer.text,
      notAfter: ours.notAfter,
      isCa: ours.isCa,
    }).toEqual({
      fingerprint: theirs.fingerprint256.replaceAll(':', '').toLowerCase(),
      serial: BigInt(`0x${theirs.serialNumber}`),
      subject: rfc4514(theirs.subject),
      issuer: rfc4514(theirs.issuer),
      notAfter: { status: 'known', at: theirs.validToDate.getTime() },
      isCa: theirs.ca,
    });
    // Some old roots have the serial number 0.
    expect(ours.problems.filter((problem) => problem !== 'the serial number is zero')).toEqual([]);
    expect(ours.publicKey.bits).toBe(
      theirs.publicKey.asymmetricKeyDetails?.modulusLength ??
        { prime256v1: 256, secp384r1: 384, secp521r1: 521 }[theirs.publicKey.asymmetricKeyDetails?.namedCurve ?? ''],
    );
  }
});

/** OpenSSL's lines, least specific first. */
function rfc4514(lines: string | undefined): string {
  return (lines ?? '').split('\n').toReversed().join(',');
}

function asOpenSsl(names: readonly string[]): string {
  return names.map((name) => (isAddress(name) ? `IP Address:${longForm(name)}` : `DNS:${name}`)).join(', ');
}

function isAddress(name: string): boolean {
  return name.includes(':') || /^\d+\.\d+\.\d+\.\d+$/.test(name);
}

/** OpenSSL writes all eight groups. */
function longForm(address: string): string {
  if (!address.includes('::')) return address;
  const [left = '', right = ''] = address.split('::').map((part) => part.split(':').filter(Boolean).length);
  const zeros = Array<string>(8 - Number(left) - Number(right))
    .fill('0')
    .join(':');
  return address.replace('::', `:${zeros}:`).replace(/^:|:$/g, '');
}

describe('mutated certificates', () => {
  const root = createAuthority({ name: 'Root' });
  const seeds = [
    root.issue({ ocspUrls: ['http://o/'], crlUrls: ['http://c/'], issuerUrls: ['http://i/'], mustStaple: true }).der,
    root.certificate.der,
    selfSigned({ keyType: 'rsa' }).der,
    rawCertificate({ subject: nameWith(Buffer.from([0, 0x68, 0, 0xe9]), TAG.bmpString) }).der,
    rawCertificate({ notAfter: { tag: 0x18, text: '20270101000000.5+0100' } }).der,
  ];

  /** A small generator of pseudo-random numbers (mulberry32), so that a failure can be repeated. */
  function numbersFrom(seed: number): (below: number) => number {
    let state = seed;
    return (below) => {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
    };
  }

  function mutate(der: Uint8Array, random: (below: number) => number): Uint8Array {
    let bytes = Buffer.from(der);
    for (let left = 1 + random(4); left > 0; left--) {
      const at = random(Math.max(1, bytes.length));
      switch (random(5)) {
        case 0:
          bytes[at] = random(256);
          break;
        case 1:
          bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
          break;
        case 2:
          bytes = bytes.subarray(0, at);
          break;
        case 3:
          bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + 1 + random(20)), bytes.subarray(at)]);
          break;
        default:
          bytes[at] = [0x00, 0x7f, 0x80, 0xff, 0x84][random(5)] as number;
      }
    }
    return bytes;
  }

  test('20 000 of them give a certificate or a CertificateError, each in less than 100 ms', () => {
    const random = numbersFrom(20_261_123);
    let parsed = 0;
    let slowest = 0;
    for (let round = 0; round < 20_000; round++) {
      const bytes = mutate(seeds[round % seeds.length] as Uint8Array, random);
      const started = performance.now();
      try {
        const certificate = parseCertificate(bytes);
        parsed += 1;
        for (const time of [certificate.notBefore, certificate.notAfter]) {
          expect(time.status !== 'known' || Number.isSafeInteger(time.at)).toBe(true);
        }
      } catch (error) {
        expect(error).toBeInstanceOf(CertificateError);
      }
      const ms = performance.now() - started;
      slowest = Math.max(slowest, ms < 100 ? ms : leastMs(() => outcomeOf(bytes)));
    }
    expect(slowest).toBeLessThan(100);
    // The mutations must be neither all harmless nor all deadly, or this says nothing.
    expect(parsed).toBeGreaterThan(4000);
    expect(parsed).toBeLessThan(19_000);
  });

  function outcomeOf(bytes: Uint8Array): unknown {
    try {
      return parseCertificate(bytes);
    } catch (error) {
      return error;
    }
  }

  test('what OpenSSL still reads we read too, and the date is the same', () => {
    const random = numbersFrom(7);
    let compared = 0;
    for (let round = 0; round < 5000; round++) {
      const bytes = mutate(seeds[round % seeds.length] as Uint8Array, random);
      const certificate = openSslRead(bytes);
      if (certificate === undefined) continue;
      // What Node calls the time of an illegal date is left over in memory; its text is honest.
      const theirs = certificate.validTo === 'Bad time value' ? undefined : certificate.validToDate.getTime();
      const { notAfter } = parseCertificate(bytes);
      compared += 1;
      switch (notAfter.status) {
        case 'known':
          // OpenSSL drops the fraction, and refuses some forms that break DER but name an instant.
          if (theirs === undefined) expect(notAfter.problem).toBeDefined();
          else expect(Math.floor(notAfter.at / 1000) * 1000).toBe(theirs);
          break;
        case 'never':
          expect(theirs).toBe(Date.UTC(9999, 11, 31, 23, 59, 59));
          break;
        case 'unreadable':
          expect(theirs).toBeUndefined();
      }
    }
    expect(compared).toBeGreaterThan(500);
  });

  function openSslRead(bytes: Uint8Array): X509Certificate | undefined {
    try {
      return new X509Certificate(bytes);
    } catch {
      return undefined;
    }
  }
});
