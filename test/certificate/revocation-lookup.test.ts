import { describe, expect, test } from 'vitest';

import { parseCertificate } from '../../src/certificate/certificate.ts';
import { lookUpRevocation, whyNotSignedBy } from '../../src/certificate/revocation-lookup.ts';
import { parseRevocationList } from '../../src/certificate/revocation-list.ts';
import { TAG, encode, explicit, implicit, integer, integerOctets, sequence, time } from '../helpers/der.ts';
import { createAuthority, createCrl, extension, type CrlOptions, type IssueOptions } from '../helpers/pki.ts';

const URL_A = 'http://crl.example.com/a.crl';
const URL_B = 'http://crl.example.com/b.crl';
const SERIAL = Buffer.from([0x12, 0x34, 0x56, 0x78, 0x9a]);
const authority = createAuthority({ name: 'Issuing CA' });
const thisUpdate = new Date('2026-11-01T00:00:00Z');

function look(crl: CrlOptions, certificate: IssueOptions = {}) {
  const list = parseRevocationList(createCrl(authority, { thisUpdate, ...crl }).der);
  const leaf = parseCertificate(authority.issue({ serial: SERIAL, crlUrls: [URL_A], ...certificate }).der);
  return lookUpRevocation(list, [leaf])[0];
}

const TRUE = Buffer.from([0xff]);
const scope = (...fields: readonly Uint8Array[]): Buffer => extension('2.5.29.28', sequence(...fields), true);
const at = (url: string): Buffer => explicit(0, explicit(0, implicit(6, url)));
const reason = (code: number): Buffer => extension('2.5.29.21', encode(TAG.enumerated, Buffer.from([code])));
const revoked = [SERIAL];

describe('what a list says of a certificate', () => {
  test.each<[string, CrlOptions, IssueOptions, object]>([
    ['nothing on it: good', {}, {}, { status: 'good' }],
    [
      'others on it: good',
      { revoked: [Buffer.from([1]), Buffer.from([0x99, 0x34, 0x56, 0x78, 0x9a])] },
      {},
      { status: 'good' },
    ],
    [
      'it is on it',
      { revoked: [Buffer.from([1]), SERIAL] },
      {},
      { status: 'revoked', revokedAt: thisUpdate.getTime() },
    ],
    [
      'it is on it, and why',
      { revoked, entryExtensions: [reason(4)] },
      {},
      { status: 'revoked', revokedAt: thisUpdate.getTime(), reason: 'superseded' },
    ],
    ['its serial has a leading zero there', { revoked: [Buffer.from([0, ...SERIAL])] }, {}, { status: 'revoked' }],
    ['its serial is short', { revoked: [Buffer.from([7])] }, { serial: Buffer.from([7]) }, { status: 'revoked' }],
    [
      'its serial is of 130 octets',
      { revoked: [Buffer.alloc(130, 7)] },
      { serial: Buffer.alloc(130, 7) },
      { status: 'revoked' },
    ],
    ['a list for its own point', { revoked, extraExtensions: [scope(at(URL_A))] }, {}, { status: 'revoked' }],
    [
      'a list for another point, and it is not on it',
      { extraExtensions: [scope(at(URL_B))] },
      {},
      { status: 'unknown' },
    ],
    [
      'a list for another point, and it is on it',
      { revoked, extraExtensions: [scope(at(URL_B))] },
      {},
      { status: 'unknown' },
    ],
    ['a list for leaves', { extraExtensions: [scope(implicit(1, TRUE))] }, {}, { status: 'good' }],
    [
      'a list for leaves, of an authority',
      { extraExtensions: [scope(implicit(1, TRUE))] },
      { ca: true },
      { status: 'unknown' },
    ],
    ['a list for authorities, of a leaf', { extraExtensions: [scope(implicit(2, TRUE))] }, {}, { status: 'unknown' }],
    [
      'a list for authorities, of one',
      { extraExtensions: [scope(implicit(2, TRUE))] },
      { ca: true },
      { status: 'good' },
    ],
    [
      'a list for some reasons alone',
      { extraExtensions: [scope(implicit(3, Buffer.from([6, 0x40])))] },
      {},
      { status: 'unknown' },
    ],
    [
      'a list for some reasons, and it is on it',
      { revoked, extraExtensions: [scope(implicit(3, Buffer.from([6, 0x40])))] },
      {},
      { status: 'revoked' },
    ],
    ['an indirect list', { revoked, extraExtensions: [scope(implicit(4, TRUE))] }, {}, { status: 'unknown' }],
    ['a list for attribute certificates', { extraExtensions: [scope(implicit(5, TRUE))] }, {}, { status: 'unknown' }],
    ['a delta list', { extraExtensions: [extension('2.5.29.27', integer(1), true)] }, {}, { status: 'unknown' }],
    [
      'a strange critical extension',
      { revoked, extraExtensions: [extension('1.2.3', integer(1), true)] },
      {},
      { status: 'unknown' },
    ],
    [
      'a strange extension that is not critical',
      { revoked, extraExtensions: [extension('1.2.3', integer(1))] },
      {},
      { status: 'revoked' },
    ],
    [
      'an entry with a strange critical extension',
      { revoked, entryExtensions: [extension('2.5.29.29', sequence(), true)] },
      {},
      { status: 'unknown' },
    ],
  ])('%s', (_, crl, certificate, expected) => {
    expect(look(crl, certificate)).toMatchObject(expected);
  });
});

describe('who signed a list', () => {
  const list = parseRevocationList(createCrl(authority).der);
  test.each([
    ['its issuer', authority.certificate.der, undefined],
    ['another authority of that name', createAuthority({ name: 'Issuing CA' }).certificate.der, /signature/],
    ['another authority', createAuthority({ name: 'Other CA' }).certificate.der, /another issuer/],
    [
      'one that may not sign lists',
      createAuthority({
        name: 'Issuing CA',
        key: authority.key,
        extensions: [extension('2.5.29.15', encode(TAG.bitString, Buffer.from([2, 0x04])), true)],
      }).certificate.der,
      /does not allow/,
    ],
  ] as const)('%s', (_, der, problem) => {
    const why = whyNotSignedBy(list, parseCertificate(der));
    if (problem === undefined) expect(why).toBeUndefined();
    else expect(why).toMatch(problem);
  });

  test.each(['rsa', 'ed25519'] as const)('with a key of type %s', (keyType) => {
    const signer = createAuthority({ keyType });
    const { der } = createCrl(signer);
    expect(whyNotSignedBy(parseRevocationList(der), parseCertificate(signer.certificate.der))).toBeUndefined();
    const changed = Uint8Array.from(der);
    changed[40] = (changed[40] ?? 0) ^ 1;
    expect(whyNotSignedBy(parseRevocationList(changed), parseCertificate(signer.certificate.der))).toBeDefined();
  });
});

test('fifty certificates are found in a list of 10 MB within a fraction of a second', () => {
  const entry = sequence(integerOctets(Buffer.alloc(16, 0x41)), time(thisUpdate));
  const serials = Array.from({ length: 50 }, (_, index) => Buffer.from([0x41, index, index, index, index]));
  const { der } = createCrl(authority, { rawEntries: Buffer.concat(Array(300_000).fill(entry)), revoked: serials });
  expect(der.length).toBeGreaterThan(10_000_000);
  const list = parseRevocationList(der);
  const certificates = serials.map((serial) => parseCertificate(authority.issue({ serial }).der));
  const times = [1, 2, 3].map(() => {
    const startedAt = performance.now();
    const found = lookUpRevocation(list, certificates);
    expect(found.every(({ status }) => status === 'revoked')).toBe(true);
    return performance.now() - startedAt;
  });
  expect(Math.min(...times)).toBeLessThan(500);
});

test('of 20 000 mutations none crashes the look-up', () => {
  const { der } = createCrl(authority, {
    revoked: [Buffer.from([1]), SERIAL],
    entryExtensions: [reason(1)],
    extraExtensions: [scope(at(URL_A), implicit(1, TRUE))],
  });
  const leaf = parseCertificate(authority.issue({ serial: SERIAL, crlUrls: [URL_A] }).der);
  const honest = parseRevocationList(der);
  let seed = 7;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  for (let round = 0; round < 20_000; round++) {
    const changed = Uint8Array.from(der);
    for (let left = 1 + random(3); left > 0; left--) changed[random(changed.length)] = random(256);
    const [statement] = lookUpRevocation({ ...honest, der: changed }, [leaf]);
    expect(['good', 'revoked', 'unknown']).toContain(statement?.status);
  }
});
