import { createPublicKey } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readContainer } from '../../src/certificate/container.ts';
import type { ContainerPart } from '../../src/certificate/part.ts';
import { TAG, encode, explicit, integer, oid, pem, sequence, set } from '../helpers/der.ts';
import { createAuthority, createCrl, createKey, rawCertificate } from '../helpers/pki.ts';

const authority = createAuthority({ name: 'Root' });
const one = authority.issue({ commonName: 'one' });
const two = authority.issue({ commonName: 'two' });
const crl = createCrl(authority, { number: 7 });

/** What matters of a part, short. */
function brief(part: ContainerPart): string {
  switch (part.kind) {
    case 'certificate':
      return `certificate ${part.certificate.subject.text}${part.mended === undefined ? '' : ` (${part.mended})`}`;
    case 'crl':
      return `crl ${part.crl.number}`;
    case 'private-key':
      return part.encrypted ? 'encrypted key' : 'key';
    case 'problem':
      return `${part.problem}: ${part.detail}`;
  }
}

function read(content: Uint8Array | string): string[] {
  return readContainer(typeof content === 'string' ? Buffer.from(content) : content).parts.map(brief);
}

const BASE64 = Buffer.from(one.der).toString('base64');
const PKCS7_DATA = oid('1.2.840.113549.1.7.1');
const PKCS7 = sequence(
  oid('1.2.840.113549.1.7.2'),
  explicit(
    0,
    sequence(integer(1), set(), sequence(PKCS7_DATA), explicit(0, one.der, two.der), explicit(1, crl.der), set()),
  ),
);

describe('a file is read by its content', () => {
  test.each<[string, Uint8Array | string, string[]]>([
    ['PEM', one.pem, ['certificate CN=one']],
    ['a chain with its key', one.keyPem + one.chainPem + two.pem, ['key', 'certificate CN=one', 'certificate CN=two']],
    ['PEM with a CRL', `${one.pem}${crl.pem}`, ['certificate CN=one', 'crl 7']],
    ['DER', one.der, ['certificate CN=one']],
    ['a DER CRL', crl.der, ['crl 7']],
    ['a version 1 certificate', rawCertificate({ version: null, extensions: null }).der, ['certificate CN=odd']],
    ['DER with a line break behind it', Buffer.concat([one.der, Buffer.from('\r\n')]), ['certificate CN=one']],
    [
      'DER behind DER',
      Buffer.concat([one.der, crl.der, two.der]),
      ['certificate CN=one', 'crl 7', 'certificate CN=two'],
    ],
    ['bare base64', BASE64, ['certificate CN=one']],
    ['bare base64 in lines', BASE64.replace(/.{64}/g, '$&\r\n'), ['certificate CN=one']],
    ['bare base64 of a CRL', Buffer.from(crl.der).toString('base64'), ['crl 7']],
    ['base64 of PEM', Buffer.from(one.pem).toString('base64'), ['certificate CN=one']],
    [
      'base64 of base64 of PEM',
      Buffer.from(Buffer.from(one.pem).toString('base64')).toString('base64'),
      ['certificate CN=one'],
    ],
    [
      'TRUSTED CERTIFICATE with what OpenSSL appends',
      pem('TRUSTED CERTIFICATE', Buffer.concat([one.der, sequence(sequence(oid('1.3.6.1.5.5.7.3.1')))])),
      ['certificate CN=one'],
    ],
    ['X509 CERTIFICATE', one.pem.replaceAll('CERTIFICATE', 'X509 CERTIFICATE'), ['certificate CN=one']],
    [
      'a certificate with bytes behind it',
      pem('CERTIFICATE', Buffer.concat([one.der, Buffer.from([0, 0])])),
      ['certificate CN=one (bytes follow the structure)'],
    ],
    ['PKCS#7', PKCS7, ['certificate CN=one', 'certificate CN=two', 'crl 7']],
    ['PKCS#7 in PEM', pem('PKCS7', PKCS7), ['certificate CN=one', 'certificate CN=two', 'crl 7']],
    [
      'PKCS#7 under the label of a certificate',
      pem('CERTIFICATE', PKCS7),
      ['certificate CN=one', 'certificate CN=two', 'crl 7'],
    ],
    ['bare base64 of PKCS#7', PKCS7.toString('base64'), ['certificate CN=one', 'certificate CN=two', 'crl 7']],
    ['an indented paste', one.pem.replace(/^/gm, '  '), ['certificate CN=one (the lines are indented)']],
    ['a key', one.keyPem, ['key']],
    ['a DER key, PKCS#8', one.key.export({ type: 'pkcs8', format: 'der' }), ['key']],
    ['a DER key, SEC 1', one.key.export({ type: 'sec1', format: 'der' }), ['key']],
    ['a DER key, PKCS#1', createKey('rsa').export({ type: 'pkcs1', format: 'der' }), ['key']],
    [
      'a DER key, encrypted',
      one.key.export({ type: 'pkcs8', format: 'der', cipher: 'aes-256-cbc', passphrase: 'x' }),
      ['encrypted key'],
    ],
  ])('%s', (_, content, expected) => {
    expect(read(content)).toEqual(expected);
  });
});

describe('what cannot be read is reported', () => {
  test.each<[string, Uint8Array | string, string]>([
    ['no bytes', new Uint8Array(), 'empty: the file is empty'],
    ['white space', ' \r\n\t\0', 'empty: the file is empty'],
    [
      'an empty block',
      '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----',
      'empty: CERTIFICATE in line 1: the block is empty',
    ],
    ['a truncated file', one.der.subarray(0, -20), 'malformed: not a certificate: an element is longer'],
    ['a truncated CRL', crl.der.subarray(0, -20), 'malformed: not a revocation list: an element is longer'],
    [
      'a lying length',
      Buffer.concat([Buffer.from([0x30, 0x84, 0x7f, 0xff, 0xff, 0xff]), one.der.subarray(4)]),
      'malformed: not a',
    ],
    [
      'a block of something else',
      pem('CERTIFICATE', Buffer.from('hello')),
      'malformed: CERTIFICATE in line 1: not a certificate',
    ],
    [
      'a broken block',
      `\n${one.pem.replace('\nM', '\n?')}`,
      'malformed: CERTIFICATE in line 2: the contents are not base64',
    ],
    ['a CRL that is none', pem('X509 CRL', one.der), 'malformed: X509 CRL in line 1: not a revocation list'],
    [
      'PKCS#12 of nonsense',
      sequence(integer(3), sequence(PKCS7_DATA, explicit(0, encode(TAG.octetString, 'x')))),
      'malformed: the PKCS#12 keystore is cut off or damaged',
    ],
    [
      'PKCS#12 that is cut off, in BER',
      Buffer.from('3080020103308006092a864886f70d010701a080', 'hex'),
      'malformed: the PKCS#12 keystore is cut off or damaged',
    ],
    [
      'PKCS#7 that is cut off',
      PKCS7.subarray(0, -20),
      'malformed: the PKCS#7 bundle is cut off or damaged: an element',
    ],
    [
      'PKCS#7 in PEM that is cut off',
      pem('PKCS7', PKCS7.subarray(0, -20)),
      'malformed: PKCS7 in line 1: the PKCS#7 bundle is cut off',
    ],
    ['PKCS#7 of another kind', sequence(PKCS7_DATA, explicit(0, encode(TAG.octetString, 'x'))), 'unsupported: PKCS#7'],
    [
      'JKS that is cut off',
      Buffer.from('feedfeed0000000200000001', 'hex'),
      'malformed: the Java keystore is cut off or damaged: the data ends',
    ],
    [
      'JCEKS that is cut off',
      Buffer.from('cececece0000000200000001', 'hex'),
      'malformed: the Java keystore is cut off or damaged: the data ends',
    ],
  ])('%s', (_, content, expected) => {
    const parts = read(content);
    expect(parts).toHaveLength(1);
    expect(parts[0]).toMatch(expected);
  });

  test('bytes behind a certificate that are no certificate', () => {
    expect(read(Buffer.concat([one.der, Buffer.from('rest')]))).toEqual([
      'certificate CN=one',
      'malformed: 4 bytes behind the last structure are not understood',
    ]);
  });

  test('a broken block stands at its rank among the others', () => {
    const { parts } = readContainer(Buffer.from(`${one.pem}${pem('CERTIFICATE', Buffer.from('x'))}${two.pem}`));
    expect(parts.map(({ kind, index }) => [kind, index])).toEqual([
      ['certificate', 0],
      ['problem', 1],
      ['certificate', 2],
    ]);
  });
});

describe('what is not ours gives nothing', () => {
  test.each<[string, Uint8Array | string]>([
    ['text', 'hello world\n'],
    ['text that begins with a zero', '0.1.2\n'],
    ['text that begins with 0 and a byte above it', '0x30 is a tag\n'],
    ['a program', Buffer.from('7f454c460201010000000000', 'hex')],
    ['a public key', createPublicKey(one.key).export({ type: 'spki', format: 'der' })],
    ['a public key in PEM', String(createPublicKey(one.key).export({ type: 'spki', format: 'pem' }))],
    ['DH parameters', pem('DH PARAMETERS', sequence(integer(23), integer(5)))],
    ['a request', pem('CERTIFICATE REQUEST', sequence(integer(0)))],
    ['base64 of something else', Buffer.from('just some text that is long enough').toString('base64')],
    [
      'base64 of base64 of base64 of PEM',
      Buffer.from(Buffer.from(Buffer.from(one.pem).toString('base64')).toString('base64')).toString('base64'),
    ],
  ])('%s', (_, content) => {
    expect(read(content)).toEqual([]);
  });
});

test('a certificate in a file is the one that was served, whatever is around it', () => {
  for (const content of [
    one.der,
    Buffer.from(one.pem),
    Buffer.from(BASE64),
    Buffer.concat([one.der, Buffer.alloc(3)]),
  ]) {
    const [part] = readContainer(content).parts;
    expect(part).toMatchObject({ kind: 'certificate', certificate: { fingerprint: one.fingerprint, problems: [] } });
  }
});

test('never throws, whatever the bytes', () => {
  const cut = fc.tuple(fc.constantFrom<Uint8Array>(one.der, crl.der, Buffer.from(one.pem)), fc.nat({ max: 400 }));
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    cut.map(([bytes, length]) => bytes.subarray(0, length)),
    fc.tuple(cut, fc.nat(), fc.nat({ max: 255 })).map(([[bytes], at, octet]) => {
      const changed = Uint8Array.from(bytes);
      changed[at % changed.length] = octet;
      return changed;
    }),
  );
  fc.assert(
    fc.property(anything, (bytes) => {
      expect(Array.isArray(readContainer(bytes).parts)).toBe(true);
    }),
    { numRuns: 3000 },
  );
});
