import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { CertificateError } from '../../src/certificate/certificate.ts';
import { parseRevocationList } from '../../src/certificate/revocation-list.ts';
import { TAG, encode, integer, oid, sequence } from '../helpers/der.ts';
import { createAuthority, createCrl, extension } from '../helpers/pki.ts';

const authority = createAuthority({ name: 'Root', organization: 'Example' });
const thisUpdate = new Date('2026-11-01T00:00:00Z');
const nextUpdate = new Date('2026-11-08T00:00:00Z');

test('a list is read as its authority wrote it', () => {
  const { der } = createCrl(authority, {
    thisUpdate,
    nextUpdate,
    number: 4711,
    revoked: [Buffer.from([1]), Buffer.from([2])],
  });
  expect(parseRevocationList(der)).toEqual({
    fingerprint: createHash('sha256').update(der).digest('hex'),
    der,
    issuer: { der: expect.any(Uint8Array), text: 'CN=Root,O=Example', commonName: 'Root' },
    thisUpdate: { status: 'known', at: thisUpdate.getTime() },
    nextUpdate: { status: 'known', at: nextUpdate.getTime() },
    number: '4711',
    authorityKeyId: Buffer.from(authority.subjectKeyId ?? []).toString('hex'),
  });
});

test('a list without nextUpdate, entries and number says so', () => {
  const anonymous = createAuthority({ name: 'Root', subjectKeyId: null });
  const list = parseRevocationList(createCrl(anonymous, { thisUpdate, nextUpdate: null, number: null }).der);
  expect(list.thisUpdate).toEqual({ status: 'known', at: thisUpdate.getTime() });
  expect(list).not.toHaveProperty('nextUpdate');
  expect(list).not.toHaveProperty('number');
  expect(list).not.toHaveProperty('authorityKeyId');
});

test('a date that cannot be read does not hide the list', () => {
  const { der } = createCrl(authority, { nextUpdate: { tag: 0x17, text: '270230000000Z' } });
  expect(parseRevocationList(der).nextUpdate).toMatchObject({ status: 'unreadable', text: '270230000000Z' });
});

describe('cRLNumber', () => {
  function withNumber(value: Uint8Array): Uint8Array {
    const tbs = sequence(
      integer(1),
      sequence(oid('1.2.840.10045.4.3.2')),
      sequence(),
      encode(TAG.utcTime, '261101000000Z'),
      encode(0xa0, sequence(extension('2.5.29.20', value))),
    );
    return sequence(tbs, sequence(oid('1.2.840.10045.4.3.2')), encode(TAG.bitString, Buffer.from([0])));
  }
  test.each([
    ['20 octets', encode(TAG.integer, Buffer.alloc(20, 0x7f)), BigInt(`0x${'7f'.repeat(20)}`).toString()],
    ['a negative one', encode(TAG.integer, Buffer.from([0xff])), '-1'],
    ['zero', encode(TAG.integer, Buffer.from([0])), '0'],
    ['a thousand octets', encode(TAG.integer, Buffer.alloc(1000, 0x7f)), undefined],
    ['an empty one', encode(TAG.integer), undefined],
    ['text', encode(TAG.utf8String, '7'), undefined],
  ])('%s', (_, value, expected) => {
    expect(parseRevocationList(withNumber(value)).number).toBe(expected);
  });
});

test('the time does not grow with the entries', () => {
  const revoked = Array.from({ length: 50_000 }, (_, index) =>
    Buffer.from([1, index >> 16, (index >> 8) & 255, index & 255]),
  );
  const { der } = createCrl(authority, { revoked });
  const measured = [1, 2, 3].map(() => {
    const started = performance.now();
    parseRevocationList(der);
    return performance.now() - started;
  });
  // Hashing 2 MB is all of it.
  expect(Math.min(...measured)).toBeLessThan(50);
});

describe('what is no list', () => {
  const { der } = createCrl(authority);
  test.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['a certificate', authority.certificate.der],
    ['the first half of a list', der.subarray(0, der.length / 2)],
    ['text', Buffer.from('-----BEGIN X509 CRL-----')],
  ])('%s throws a CertificateError', (_, bytes) => {
    expect(() => parseRevocationList(bytes)).toThrow(CertificateError);
    expect(() => parseRevocationList(bytes)).toThrow(/^not a revocation list: /);
  });

  test('a large list is read in DER alone: anything else would have to be gone through octet by octet', () => {
    const serials = (count: number): readonly Buffer[] =>
      Array.from({ length: count }, (_, index) => Buffer.from([1, index >> 16, (index >> 8) & 255, index & 255]));
    // The same in a sequence of indefinite length; the header of what is this long has 4 or 5 octets.
    const indefinite = (list: Uint8Array): Buffer =>
      Buffer.concat([Buffer.of(TAG.sequence, 0x80), list.subarray(list[1] === 0x82 ? 4 : 5), Buffer.alloc(2)]);
    const [small, large] = [10, 50_000].map((count) => createCrl(authority, { revoked: serials(count) }).der);
    for (const list of [small, large, indefinite(small ?? der)]) {
      expect(parseRevocationList(list ?? der).issuer.text).toBe('CN=Root,O=Example');
    }
    expect(() => parseRevocationList(indefinite(large ?? der))).toThrow(CertificateError);
  });

  test('nor does any single changed byte crash the parser', () => {
    for (let at = 0; at < der.length; at++) {
      for (const octet of [0x00, 0x7f, 0x80, 0xff]) {
        const changed = Uint8Array.from(der);
        changed[at] = octet;
        try {
          parseRevocationList(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(CertificateError);
        }
      }
    }
  });
});
