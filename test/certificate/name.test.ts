import { describe, expect, test } from 'vitest';
import { parseCertificate } from '../../src/certificate/certificate.ts';
import { TAG, encode, oid, rdn, sequence, set } from '../helpers/der.ts';
import { rawCertificate } from '../helpers/pki.ts';

function textOf(...rdns: readonly Uint8Array[]): string {
  return parseCertificate(rawCertificate({ subject: sequence(...rdns) }).der).subject.text;
}

function attribute(type: string, value: string): Buffer {
  return sequence(oid(type), encode(TAG.utf8String, value));
}

describe('a distinguished name is written as RFC 4514 says, with the short names of OpenSSL', () => {
  test('most specific first', () => {
    expect(textOf(rdn('2.5.4.6', 'CH'), rdn('2.5.4.10', 'Example'), rdn('2.5.4.3', 'api'))).toBe(
      'CN=api,O=Example,C=CH',
    );
  });

  test.each([
    ['2.5.4.3', 'CN'],
    ['2.5.4.4', 'SN'],
    ['2.5.4.5', 'serialNumber'],
    ['2.5.4.7', 'L'],
    ['2.5.4.8', 'ST'],
    ['2.5.4.9', 'street'],
    ['2.5.4.11', 'OU'],
    ['2.5.4.97', 'organizationIdentifier'],
    ['0.9.2342.19200300.100.1.1', 'UID'],
    ['0.9.2342.19200300.100.1.25', 'DC'],
    ['1.2.840.113549.1.9.1', 'emailAddress'],
    ['1.3.6.1.4.1.311.60.2.1.3', 'jurisdictionC'],
  ])('%s is %s', (type, name) => {
    expect(textOf(rdn(type, 'x'))).toBe(`${name}=x`);
  });

  test('an unknown type is a number with the value in hex', () => {
    expect(textOf(rdn('1.2.3.4', 'abc'))).toBe('1.2.3.4=#0C03616263');
  });

  test('a value that is no text is in hex, and cut when it is long', () => {
    expect(textOf(rdn('2.5.4.3', Buffer.from([0, 1, 2]), TAG.bitString))).toBe('CN=#0303000102');
    expect(textOf(rdn('2.5.4.3', Buffer.alloc(300), TAG.bitString))).toMatch(/^CN=#03[0-9A-F]{510}…$/);
  });

  test.each([
    ['a,b', 'a\\,b'],
    ['a+b', 'a\\+b'],
    ['"a"', '\\"a\\"'],
    ['a\\b', 'a\\\\b'],
    ['<script>;', '\\<script\\>\\;'],
    ['#a', '\\#a'],
    ['#', '\\#'],
    ['a#b', 'a#b'],
    [' a ', '\\ a\\ '],
    [' ', '\\ '],
    ['  ', '\\ \\ '],
    ['a b', 'a b'],
    ['a=b', 'a=b'],
    ['a\nO=Trusted', 'a\\0AO=Trusted'],
    ['a\0b', 'a\\00b'],
    ['a\u007fb', 'a\\7Fb'],
  ])('%j is escaped to %s', (value, escaped) => {
    expect(textOf(rdn('2.5.4.3', Buffer.from(value, 'utf8')))).toBe(`CN=${escaped}`);
  });

  test('letters beyond ASCII stay as they are', () => {
    expect(textOf(rdn('2.5.4.10', 'Müller 株式会社'))).toBe('O=Müller 株式会社');
  });

  test('several attributes in one place are joined by a plus', () => {
    expect(textOf(set(attribute('2.5.4.3', 'a'), attribute('2.5.4.5', '1')))).toBe('CN=a+serialNumber=1');
  });

  test('of several common names the most specific is the common name', () => {
    const subject = sequence(rdn('2.5.4.3', 'general'), rdn('2.5.4.3', 'specific'));
    expect(parseCertificate(rawCertificate({ subject }).der).subject).toMatchObject({
      text: 'CN=specific,CN=general',
      commonName: 'specific',
    });
  });

  test('a name of very many attributes is cut, and said to be', () => {
    const subject = sequence(...Array.from({ length: 5000 }, (_, index) => rdn('2.5.4.11', String(index))));
    const certificate = parseCertificate(rawCertificate({ subject }).der);
    expect(certificate.subject.text.split(',')).toHaveLength(64);
    expect(certificate.problems).toEqual(['the subject has more than 64 attributes']);
  });
});
