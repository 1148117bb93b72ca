import { describe, expect, test } from 'vitest';

import { CertificateError, parseCertificate } from '../../src/certificate/certificate.ts';
import { knowCertificate, knowItem } from '../../src/inventory/known.ts';
import type { Item } from '../../src/plugin/item.ts';
import { createAuthority, createCrl, selfSigned, type IssueOptions } from '../helpers/pki.ts';

const PLACE = { place: { key: 'p' }, role: 'client' } as const;
const DAY = 86_400_000;

const know = (options: IssueOptions) => knowCertificate(parseCertificate(selfSigned(options).der));

describe('a certificate', () => {
  test('is kept with what tells it from others, and its lifetime', () => {
    const authority = createAuthority({ name: 'Issuing CA' });
    const notBefore = new Date('2026-01-01T00:00:00Z');
    const notAfter = new Date('2026-03-01T12:00:00Z');
    const leaf = authority.issue({
      commonName: 'api.example.com',
      names: ['api.example.com', '10.0.0.7'],
      notBefore,
      notAfter,
      serial: Buffer.from('0A0B', 'hex'),
    });
    expect(knowCertificate(parseCertificate(leaf.der))).toMatchObject({
      kind: 'certificate',
      id: leaf.fingerprint,
      subject: 'CN=api.example.com',
      issuer: 'CN=Issuing CA',
      serial: '0A0B',
      title: 'api.example.com',
      names: ['api.example.com', '10.0.0.7'],
      nameCount: 2,
      notBefore: { status: 'known', at: notBefore.getTime() },
      notAfter: { status: 'known', at: notAfter.getTime() },
      isCa: false,
      selfIssued: false,
      keyAlgorithm: 'ec P-256',
      problems: [],
    });
    expect(knowCertificate(parseCertificate(authority.certificate.der))).toMatchObject({
      isCa: true,
      selfIssued: true,
    });
  });

  test.each<[string, IssueOptions, string]>([
    ['its common name', { commonName: 'web', names: ['a.example.com'] }, 'web'],
    [
      'its first name when it has no common name',
      { subject: Buffer.from('3000', 'hex'), names: ['a.example.com', 'b.example.com'] },
      'a.example.com',
    ],
    [
      'its first name when the common name is blank',
      { commonName: ' \u200b ', names: ['a.example.com'] },
      'a.example.com',
    ],
  ])('is called by %s', (_, options, title) => {
    expect(know(options).title).toBe(title);
  });

  test('without any name is called by its fingerprint', () => {
    const nameless = selfSigned({ subject: Buffer.from('3000', 'hex'), names: [] });
    expect(knowCertificate(parseCertificate(nameless.der)).title).toBe(nameless.fingerprint);
  });

  test('has no text that steers what shows it', () => {
    const known = know({
      commonName: 'evil\r\nBcc: x\u001b[31m\u202egnp',
      organization: 'A'.repeat(5000),
      names: ['a\u0000b.example', 'c\nd.example'],
    });
    // eslint-disable-next-line no-control-regex
    expect(JSON.stringify(known)).not.toMatch(/\\[nrt]|\\u00|\u202e|[\u0000-\u001f]/);
    expect(known.title).toBe('evil Bcc: x[31mgnp');
    expect(known.subject.length).toBeLessThanOrEqual(1024);
  });

  test('keeps an end that cannot be read and one that never comes as such', () => {
    expect(know({ notAfter: { tag: 0x17, text: '270230000000Z' } }).notAfter).toMatchObject({
      status: 'unreadable',
      text: '270230000000Z',
    });
    expect(know({ notAfter: { tag: 0x18, text: '99991231235959Z' } }).notAfter).toEqual({ status: 'never' });
  });
});

test('a CRL is kept with its issuer, number and period', () => {
  const authority = createAuthority({ name: 'CRL CA' });
  const thisUpdate = new Date('2026-01-01T00:00:00Z');
  const nextUpdate = new Date('2026-01-08T00:00:00Z');
  const { known, der } = knowItem(
    { ...PLACE, kind: 'crl', der: createCrl(authority, { thisUpdate, nextUpdate, number: 42 }).der },
    'l',
  );
  expect(known).toMatchObject({
    kind: 'crl',
    issuer: 'CN=CRL CA',
    number: '42',
    thisUpdate: { at: thisUpdate.getTime() },
    nextUpdate: { at: nextUpdate.getTime() },
  });
  expect(der).toBeDefined();
  expect(
    knowItem({ ...PLACE, kind: 'crl', der: createCrl(authority, { nextUpdate: null }).der }, 'l').known,
  ).not.toHaveProperty('nextUpdate');
});

test.each(['certificate', 'crl'] as const)('a %s that cannot be parsed is an error', (kind) => {
  expect(() => knowItem({ ...PLACE, kind, der: new Uint8Array([1, 2, 3]) }, 'l')).toThrow(CertificateError);
});

describe('a certificate known by description', () => {
  const describe_ = (item: Partial<Extract<Item, { kind: 'described' }>>, location = 'l') =>
    knowItem({ ...PLACE, kind: 'described', notAfter: new Date(DAY), ...item }, location).known;

  test('is the certificate itself where its SHA-256 is known', () => {
    const { fingerprint, der } = selfSigned();
    expect(describe_({ sha256: fingerprint.toUpperCase() }).id).toBe(fingerprint);
    expect(knowItem({ ...PLACE, kind: 'certificate', der }, 'l').known.id).toBe(fingerprint);
  });

  test.each<[string, object, object, boolean]>([
    ['the same SHA-1', { sha1: 'AB', names: ['a'] }, { sha1: 'ab', names: ['b'] }, true],
    ['another SHA-1', { sha1: 'ab' }, { sha1: 'cd' }, false],
    [
      'the same issuer and serial',
      { issuer: 'CN=A', serial: '0a', names: ['x'] },
      { issuer: 'CN=A', serial: '0A', names: ['y'] },
      true,
    ],
    ['the same serial of another issuer', { issuer: 'CN=A', serial: '0a' }, { issuer: 'CN=B', serial: '0a' }, false],
    ['the same names in another order', { names: ['x', 'y'] }, { names: ['y', 'x'] }, true],
    ['other names', { names: ['x'] }, { names: ['y'] }, false],
    ['nothing but the place', {}, {}, true],
    ['nothing but another place', { place: { key: 'a' } }, { place: { key: 'b' } }, false],
  ])('with %s is recognised accordingly', (_, a, b, isSame) => {
    expect(describe_(a).id === describe_(b).id).toBe(isSame);
  });

  test('with nothing but its place is another one at another location', () => {
    expect(describe_({}, 'one').id).not.toBe(describe_({}, 'two').id);
  });

  test.each([
    [new Date(5 * DAY), { status: 'known', at: 5 * DAY }],
    [new Date('9999-12-31T23:59:59Z'), { status: 'never' }],
    [new Date(Number.NaN), { status: 'unreadable', text: '', problem: 'it is not a date' }],
    ['unknown' as const, { status: 'unknown' }],
  ])('that ends %s ends %o', (notAfter, end) => {
    expect(describe_({ notAfter })).toMatchObject({ notAfter: end });
  });
});

test('a credential is known by the id of its store', () => {
  const item = { ...PLACE, kind: 'credential', id: 'app/1', name: '', notAfter: new Date(DAY) } as const;
  expect(knowItem(item, 'l').known).toEqual({
    kind: 'credential',
    id: 'app/1',
    name: 'app/1',
    notAfter: { status: 'known', at: DAY },
  });
});
