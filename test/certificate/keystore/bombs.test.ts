import { describe, expect, test } from 'vitest';

import { readContainer } from '../../../src/certificate/container.ts';
import { briefly } from '../../helpers/container-text.ts';
import { encode, integer, oid, pem, sequence, TAG } from '../../helpers/der.ts';
import {
  bag,
  certificateBag,
  classicMac,
  clearSafe,
  keystore,
  lockedKey,
  lockedSafe,
  octets,
  pbe3des,
  pbes2,
  scryptPbes2,
  type Locked,
} from '../../helpers/odd-pkcs12.ts';
import { createAuthority } from '../../helpers/pki.ts';

const leaf = createAuthority().issue({ commonName: 'leaf' });
const NEVER = /^too_costly: .*more than 5000000 are never done$/;

/** What is read, and the time of the processor that it took: other tests may run beside this one. */
function timed(bytes: Uint8Array, maxCostMs?: number): { readonly texts: readonly string[]; readonly cpuMs: number } {
  const before = process.cpuUsage();
  const { parts } = readContainer(bytes, { passwords: ['a', 'b'], ...(maxCostMs === undefined ? {} : { maxCostMs }) });
  const { user, system } = process.cpuUsage(before);
  return { texts: parts.map(briefly), cpuMs: (user + system) / 1000 };
}

function java(number: number): Buffer {
  const octetsOfNumber = Buffer.alloc(4);
  octetsOfNumber.writeUInt32BE(number);
  return octetsOfNumber;
}

function utf(text: string): Buffer {
  return Buffer.concat([java(text.length).subarray(2), Buffer.from(text)]);
}

/** A JKS keystore of so many times the same entry. */
function jks(count: number, entry: Uint8Array): Buffer {
  const head = Buffer.concat([Buffer.from('feedfeed', 'hex'), java(2), java(count)]);
  return Buffer.concat([head, Buffer.alloc(count * entry.length, entry), Buffer.alloc(20)]);
}

function jksKey(key: Uint8Array): Buffer {
  return Buffer.concat([java(1), utf('k'), Buffer.alloc(8), java(key.length), key, java(0)]);
}

describe('ten million rounds of key derivation are never done', () => {
  const key = leaf.key.export({ type: 'pkcs8', format: 'der' });
  const rounds = 10_000_000;
  const md5: Locked = {
    algorithm: sequence(oid('1.3.6.1.4.1.42.2.19.1'), sequence(octets('12345678'), integer(rounds))),
    encrypt: (plain) => plain,
  };

  test.each<[string, Uint8Array]>([
    ['in PBES2', keystore([lockedSafe(pbes2('a', { rounds }), certificateBag(leaf.der))])],
    ['in PBES1', keystore([lockedSafe(pbe3des(Buffer.from('\0a\0\0'), rounds), certificateBag(leaf.der))])],
  ])('%s, whatever time there is', (_, bytes) => {
    const { texts, cpuMs } = timed(bytes, Number.POSITIVE_INFINITY);
    expect(texts).toEqual([expect.stringMatching(NEVER)]);
    expect(cpuMs).toBeLessThan(100);
    expect(readContainer(bytes).parts[0]).not.toHaveProperty('costMs');
  });

  test.each<[string, Uint8Array, string[]]>([
    [
      'a key in PEM',
      Buffer.from(pem('ENCRYPTED PRIVATE KEY', lockedKey(pbes2('a', { rounds }), key))),
      ['key, encrypted'],
    ],
    [
      'a key in JCEKS',
      jks(1, jksKey(lockedKey(md5, key))),
      ['key (k), encrypted', 'wrong_password: no password fits the Java keystore, though its certificates need none'],
    ],
    ['a key in PKCS#12', keystore([clearSafe(bag(2, lockedKey(pbes2('a', { rounds }), key)))]), ['key, encrypted']],
    [
      'the MAC of PKCS#12',
      keystore([clearSafe(certificateBag(leaf.der))], classicMac('a', rounds)),
      ['certificate leaf'],
    ],
  ])('for %s: it stays closed', (_, bytes, expected) => {
    const { texts, cpuMs } = timed(bytes, Number.POSITIVE_INFINITY);
    expect(texts).toEqual(expected);
    expect(cpuMs).toBeLessThan(100);
  });

  test('nor is more memory given to scrypt than 256 MiB', () => {
    const { texts, cpuMs } = timed(keystore([lockedSafe(scryptPbes2('a', 2 ** 30), certificateBag(leaf.der))]), 1e9);
    expect(texts).toEqual([expect.stringMatching(/^too_costly: .*memory for scrypt/)]);
    expect(cpuMs).toBeLessThan(100);
  });
});

describe('what costs more than is allowed', () => {
  const slow = keystore([lockedSafe(pbes2('a', { rounds: 4_000_000 }), certificateBag(leaf.der))]);

  test('is told with its price, and not tried', () => {
    const before = process.cpuUsage().user;
    const [part] = readContainer(slow, { passwords: ['a'] }).parts;
    expect(part).toMatchObject({ kind: 'problem', problem: 'too_costly', costMs: expect.closeTo(800, -2) });
    expect(process.cpuUsage().user - before).toBeLessThan(100_000);
  });

  test('in many safes together is told once, and the rest is read', () => {
    const lock = pbes2('a', { rounds: 400_000 });
    const safes = Array.from({ length: 500 }, () => lockedSafe(lock, certificateBag(leaf.der)));
    const { texts, cpuMs } = timed(keystore([...safes, clearSafe(certificateBag(leaf.der))]));
    expect(texts).toEqual(['certificate leaf', expect.stringMatching(/^too_costly: /)]);
    expect(cpuMs).toBeLessThan(1000);
  });

  test('with many passwords ends after as many as there is time for', () => {
    const store = keystore([lockedSafe(pbes2('x', { rounds: 100_000 }), certificateBag(leaf.der))]);
    const passwords = Array.from({ length: 10_000 }, (_, index) => `wrong ${index}`);
    expect(readContainer(store, { passwords }).parts.map(briefly)).toEqual([expect.stringMatching(/^too_costly: /)]);
  });
});

describe('sizes that nobody has', () => {
  const certificate = Buffer.concat([utf('X.509'), java(leaf.der.length), leaf.der]);
  const trusted = Buffer.concat([java(2), utf('t'), Buffer.alloc(8), certificate]);

  test('a keystore of a million entries is read up to a limit', () => {
    const small = Buffer.concat([java(2), utf('t'), Buffer.alloc(8), utf('X.509'), java(1), Buffer.from([0x30])]);
    const { texts, cpuMs } = timed(jks(1_000_000, small));
    expect(texts.at(-1)).toBe(
      'too_large: there are more than 10000 certificates in the Java keystore; the rest was not read',
    );
    expect(texts).toHaveLength(10_001);
    expect(cpuMs).toBeLessThan(2000);
  });

  test.each<[string, Uint8Array, RegExp]>([
    [
      'a number of entries that is not true',
      Buffer.concat([jks(1, trusted).subarray(0, 8), java(0x7fffffff), jks(1, trusted).subarray(12)]),
      /malformed: the Java keystore/,
    ],
    [
      'a negative length',
      Buffer.concat([jks(0, trusted).subarray(0, 8), java(1), java(1), utf('k'), Buffer.alloc(8), java(0xffffffff)]),
      /a length is negative/,
    ],
    [
      'a length beyond the end',
      Buffer.concat([jks(0, trusted).subarray(0, 8), java(1), java(1), utf('k'), Buffer.alloc(8), java(0x7fffffff)]),
      /the data ends inside an entry/,
    ],
    [
      'a secret that is no object',
      Buffer.concat([Buffer.from('cececece', 'hex'), java(2), java(1), java(3), utf('s'), Buffer.alloc(100)]),
      /a serialized object is expected/,
    ],
    [
      'a version that does not exist',
      Buffer.concat([Buffer.from('feedfeed', 'hex'), java(3), java(0), Buffer.alloc(20)]),
      /there is no version 3/,
    ],
  ])('%s is told', (_, bytes, expected) => {
    expect(timed(bytes).texts.at(-1)).toMatch(expected);
  });

  test.each<[string, () => Buffer]>([
    [
      'nested indefinite lengths',
      () => Buffer.concat([PKCS12_HEAD, Buffer.alloc(4_000_000, Buffer.from([0x30, 0x80]))]),
    ],
    [
      'a million empty elements of indefinite length',
      () => Buffer.concat([PKCS12_HEAD, Buffer.alloc(8_000_000, Buffer.from([0x30, 0x80, 0, 0]))]),
    ],
    ['millions of tiny elements', () => Buffer.concat([PKCS12_HEAD, Buffer.alloc(8_000_000, Buffer.from([5, 0]))])],
    [
      'an OCTET STRING in millions of pieces',
      () =>
        Buffer.concat([PKCS12_HEAD, Buffer.from([0x24, 0x80]), Buffer.alloc(8_000_000, Buffer.from([4, 1, 65, 4, 0]))]),
    ],
    ['zeros', () => Buffer.alloc(100_000_000)],
    ['dashes', () => Buffer.alloc(8_000_000, '-')],
    ['markers that begin and never end', () => Buffer.alloc(4_000_000, '-----BEGIN CERTIFICATE-----\n')],
    ['base64 without end', () => Buffer.alloc(8_000_000, 'MIIB')],
  ])('%s take a time in proportion', (_, make) => {
    const { texts, cpuMs } = timed(make());
    expect(texts.length).toBeLessThanOrEqual(10_001);
    expect(cpuMs).toBeLessThan(3000);
  });
});

/** What makes a file PKCS#12, in BER. */
const PKCS12_HEAD = Buffer.concat([
  Buffer.from([0x30, 0x80]),
  integer(3),
  Buffer.from([0x30, 0x80]),
  oid('1.2.840.113549.1.7.1'),
  Buffer.from([0xa0, 0x80]),
  encode(TAG.octetString),
]);
