import { describe, expect, test } from 'vitest';

import { addressOctets } from '../../src/certificate/address.ts';
import { parseCertificate } from '../../src/certificate/certificate.ts';
import { matchHost } from '../../src/certificate/hostname.ts';
import { implicit } from '../helpers/der.ts';
import { selfSigned, type IssueOptions } from '../helpers/pki.ts';

function match(names: readonly string[], host: string, options: IssueOptions = {}): string {
  return matchHost(parseCertificate(selfSigned({ names, ...options }).der), host);
}

describe('a host is judged by the alternative names', () => {
  test.each([
    ['the very name', ['api.example.com'], 'api.example.com', 'yes'],
    ['without regard to case', ['API.Example.com'], 'api.EXAMPLE.com', 'yes'],
    ['with a dot at the end', ['api.example.com'], 'api.example.com.', 'yes'],
    ['any of several', ['a.example.com', 'b.example.com'], 'b.example.com', 'yes'],
    ['another name', ['api.example.com'], 'www.example.com', 'no'],
    ['a name below', ['example.com'], 'api.example.com', 'no'],
    ['a wildcard for one label', ['*.example.com'], 'api.example.com', 'yes'],
    ['a wildcard for two labels', ['*.example.com'], 'a.b.example.com', 'no'],
    ['a wildcard for no label', ['*.example.com'], 'example.com', 'no'],
    ['a wildcard for an empty label', ['*.example.com'], '.example.com', 'no'],
    ['a wildcard over a whole top-level domain', ['*.com'], 'example.com', 'no'],
    ['a wildcard that is a part of a label', ['a*.example.com'], 'api.example.com', 'no'],
    ['a wildcard in the middle', ['api.*.example.com'], 'api.eu.example.com', 'no'],
    ['two wildcards', ['*.*.example.com'], 'a.b.example.com', 'no'],
    ['a bare asterisk', ['*'], 'localhost', 'no'],
    ['a name in the letters of its language', ['xn--bcher-kva.example'], 'bücher.example', 'yes'],
    ['a name in its A-labels', ['xn--bcher-kva.example'], 'XN--BCHER-KVA.example', 'yes'],
    ['a wildcard for an A-label', ['*.example.com'], 'xn--bcher-kva.example.com', 'yes'],
    ['an address', ['10.0.0.7'], '10.0.0.7', 'yes'],
    ['another address', ['10.0.0.7'], '10.0.0.8', 'no'],
    ['an IPv6 address however it is written', ['2001:db8::7'], '2001:0DB8:0:0:0:0:0:7', 'yes'],
    ['an IPv4 address is no mapped one', ['10.0.0.7'], '::ffff:10.0.0.7', 'no'],
    ['a single label', ['localhost'], 'localhost', 'yes'],
    ['nothing at all', [], 'api.example.com', 'no'],
  ] as const)('%s', (_, names, host, expected) => {
    expect(match(names, host)).toBe(expected);
  });

  test('an address that is written as a DNS name is no address', () => {
    expect(match([], '10.0.0.7', { rawNames: [implicit(2, '10.0.0.7')] })).toBe('no');
  });

  test('a URI or a mailbox is no host', () => {
    const rawNames = [implicit(6, 'api.example.com'), implicit(1, 'api.example.com')];
    expect(match([], 'api.example.com', { rawNames })).toBe('no');
  });

  test('the common name counts for nothing', () => {
    expect(match([], 'api.example.com', { commonName: 'api.example.com' })).toBe('no');
  });

  test('a zero octet ends no name', () => {
    expect(match([], 'api.example.com', { rawNames: [implicit(2, 'api.example.com\0.evil.example')] })).toBe('no');
  });

  test('of more names than are kept, one that does not fit proves nothing', () => {
    const rawNames = Array.from({ length: 2_001 }, (_, index) => implicit(2, `n${index}.example.com`));
    expect(match([], 'n1999.example.com', { rawNames })).toBe('yes');
    expect(match([], 'n2000.example.com', { rawNames })).toBe('unknown');
  });
});

describe('the octets of an address', () => {
  test.each([
    ['10.0.0.7', '0a000007'],
    ['::', '00'.repeat(16)],
    ['::1', `${'00'.repeat(15)}01`],
    ['2001:db8::7', `20010db8${'00'.repeat(11)}07`],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['::ffff:10.0.0.7', `${'00'.repeat(10)}ffff0a000007`],
    ['fe80::1%eth0', `fe80${'00'.repeat(13)}01`],
  ])('of %s', (text, hex) => {
    expect(Buffer.from(addressOctets(text) ?? []).toString('hex')).toBe(hex);
  });

  test.each([
    '',
    '10.0.0',
    '10.0.0.256',
    '10.0.0.0.7',
    '010.0.0.1234',
    'a.b.c.d',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    '12345::',
    'g::',
    '::10.0.0',
    '10.0.0.7::',
    'localhost',
  ])('of %j there are none', (text) => {
    expect(addressOctets(text)).toBeUndefined();
  });
});
