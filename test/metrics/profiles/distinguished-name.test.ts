import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';

import { expect, test } from 'vitest';

import { parseCertificate } from '../../../src/certificate/certificate.ts';
import { attributesIn, commonNameOf, goName } from '../../../src/metrics/profiles/distinguished-name.ts';

test.each([
  ['', ''],
  ['CN=a', 'CN=a'],
  ['O=Example,CN=a', 'CN=a,O=Example'],
  [
    'DC=example,emailAddress=a@b.example,serialNumber=77,CN=te\\,st,OU=Beta+OU=Alpha,O=Acme \\+ Co x,street=Foo 1,postalCode=80331,L=München,ST=Bayern,C=DE',
    'SERIALNUMBER=77,CN=te\\,st,OU=Beta+OU=Alpha,O=Acme \\+ Co x,POSTALCODE=80331,STREET=Foo 1,L=München,ST=Bayern,C=DE,0.9.2342.19200300.100.1.25=#13076578616d706c65,1.2.840.113549.1.9.1=#0c0b6140622e6578616d706c65',
  ],
  ['CN=a\\0Ab', 'CN=a\nb'],
  ['CN=\\#a\\ ', 'CN=\\#a\\ '],
  ['1.2.3.4=#0C0161,CN=a', 'CN=a,1.2.3.4=#130161'],
  ['1.2.3.4=#0203010001,CN=a', 'CN=a,1.2.3.4=#0203010001'],
])('%j is written by Go as %j', (name, expected) => {
  expect(goName(name)).toBe(expected);
});

test('attributes come in the order of the certificate', () => {
  expect(attributesIn('CN=b+OU=x\\+y,O=a\\\\,C=AT')).toEqual([
    { type: 'C', value: 'AT' },
    { type: 'O', value: 'a\\' },
    { type: 'CN', value: 'b' },
    { type: 'OU', value: 'x+y' },
  ]);
  expect(commonNameOf('CN=leaf,O=x,CN=root')).toBe('leaf');
});

test('what our parser writes of a real certificate is read back, value by value', () => {
  const subject = '/C=DE/ST=Bayern/O=A, B \\+ C="D"/OU=Ü #1/CN= x /emailAddress=a@b.example';
  const pem = execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      '/dev/null',
      '-utf8',
      '-subj',
      subject,
    ],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const { raw } = new X509Certificate(pem);
  expect(attributesIn(parseCertificate(raw).subject.text)).toEqual([
    { type: 'C', value: 'DE' },
    { type: 'ST', value: 'Bayern' },
    { type: 'O', value: 'A, B + C="D"' },
    { type: 'OU', value: 'Ü #1' },
    { type: 'CN', value: ' x ' },
    { type: 'emailAddress', value: 'a@b.example' },
  ]);
});
