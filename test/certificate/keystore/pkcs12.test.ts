import { createSecureContext } from 'node:tls';
import { describe, expect, test } from 'vitest';

import { readContainer, type ReadOptions } from '../../../src/certificate/container.ts';
import { briefly } from '../../helpers/container-text.ts';
import { encode, explicit, integer, oid, pem, sequence, TAG } from '../../helpers/der.ts';
import {
  asBer,
  attribute,
  bag,
  certificateBag,
  classicMac,
  clearSafe,
  crlBag,
  friendlyName,
  keystore,
  localKeyId,
  lockedKey,
  lockedSafe,
  octets,
  pbe3des,
  pbes2,
  pbmac1,
  scryptPbes2,
  type Locked,
} from '../../helpers/odd-pkcs12.ts';
import { createAuthority, createCrl } from '../../helpers/pki.ts';

const authority = createAuthority({ name: 'ca' });
const leaf = authority.issue({ commonName: 'leaf' });
const other = authority.issue({ commonName: 'other' });
const crl = createCrl(authority);
const leafKey = leaf.key.export({ type: 'pkcs8', format: 'der' });
const PASSWORD = 'pässwörd€';

function read(bytes: Uint8Array, options: ReadOptions = {}): readonly string[] {
  return readContainer(bytes, options).parts.map(briefly);
}

/** The usual keystore under whatever lock. */
function lockedBy(lock: Locked): Buffer {
  return keystore([
    lockedSafe(lock, certificateBag(leaf.der, localKeyId('1'), friendlyName('mine'))),
    clearSafe(bag(2, lockedKey(lock, leafKey), localKeyId('1'))),
  ]);
}

const OPENED = ['identity leaf (mine), key yes', 'key'];

describe('a safe is opened', () => {
  test.each<[string, Locked]>([
    ['PBKDF2 with SHA-1, which is not named', pbes2(PASSWORD, { prf: 'sha1' })],
    ['PBKDF2 with SHA-224', pbes2(PASSWORD, { prf: 'sha224' })],
    ['PBKDF2 with SHA-384', pbes2(PASSWORD, { prf: 'sha384' })],
    ['PBKDF2 with SHA-512', pbes2(PASSWORD, { prf: 'sha512' })],
    ['PBKDF2 with SHA-512/256', pbes2(PASSWORD, { prf: 'sha512-256' })],
    ['PBKDF2 with SHA-3', pbes2(PASSWORD, { prf: 'sha3-256' })],
    ['PBKDF2 that names the length of the key', pbes2(PASSWORD, { withKeyLength: true })],
    ['scrypt', scryptPbes2(PASSWORD)],
    ['a password in Latin-1 where UTF-8 should be', pbes2(Buffer.from('pässwörd', 'latin1'))],
    ['a password in UTF-16 where UTF-8 should be', pbes2(Buffer.from(`${PASSWORD}\0`, 'utf16le').swap16())],
    ['PBES1', pbe3des(Buffer.from(`${PASSWORD}\0`, 'utf16le').swap16())],
    [
      'a character for each octet of UTF-8, as OpenSSL did before 1.1.0',
      pbe3des(Buffer.from(`${Buffer.from(PASSWORD).toString('latin1')}\0`, 'utf16le').swap16()),
    ],
    ['no password at all', pbe3des(new Uint8Array())],
    ['an empty password', pbe3des(Buffer.alloc(2))],
    ["Java's usual password, though it is not given", pbes2('changeit')],
  ])('%s', (_, lock) => {
    expect(read(lockedBy(lock), { passwords: ['wrong', 'pässwörd', PASSWORD] })).toEqual(OPENED);
  });

  test('with the first password that fits, wherever it stands in the list', () => {
    const many = Array.from({ length: 40 }, (_, index) => `wrong ${index}`);
    expect(read(lockedBy(pbes2('x')), { passwords: [...many, 'x'] })).toEqual(OPENED);
  });

  test('and every safe with its own password', () => {
    const store = keystore([
      lockedSafe(pbes2('one'), certificateBag(leaf.der)),
      lockedSafe(pbes2('two'), certificateBag(other.der)),
    ]);
    expect(read(store, { passwords: ['one', 'two'] })).toEqual(['certificate leaf', 'certificate other']);
    expect(read(store, { passwords: ['two'] })).toEqual([
      'certificate other',
      'wrong_password: no password opens the PKCS#12 keystore, or it is damaged',
    ]);
  });
});

describe('BER is read like DER', () => {
  const der = keystore(
    [
      clearSafe(bag(1, leafKey, localKeyId('1'))),
      clearSafe(certificateBag(leaf.der, localKeyId('1'), friendlyName('mine'))),
    ],
    classicMac(PASSWORD, 1),
  );
  const locked = lockedBy(pbes2(PASSWORD));

  test.each([1, 2, 100, 5000])('indefinite lengths and octets in pieces of %i', (pieceLength) => {
    expect(read(asBer(der, pieceLength))).toEqual(read(der));
    expect(read(asBer(locked, pieceLength), { passwords: [PASSWORD] })).toEqual(OPENED);
  });

  test('and OpenSSL reads the same', () => {
    // It takes the MAC over the octets that it finds, which are not those of the DER.
    const store = keystore([clearSafe(bag(1, leafKey)), clearSafe(certificateBag(leaf.der))], classicMac('x', 1));
    expect(() => createSecureContext({ pfx: store, passphrase: 'x' })).not.toThrow();
    expect(() => createSecureContext({ pfx: asBer(locked), passphrase: PASSWORD })).not.toThrow();
  });
});

describe('the integrity tells of a wrong password where nothing is encrypted', () => {
  const safes = [clearSafe(certificateBag(leaf.der)), clearSafe(bag(1, leafKey))];
  const WRONG = 'wrong_password: no password fits the PKCS#12 keystore, though its certificates need none';

  test.each<[string, (content: Uint8Array) => Uint8Array]>([
    ['PBMAC1 with SHA-1', pbmac1(PASSWORD, 'sha1', 20)],
    ['PBMAC1 with SHA-256', pbmac1(PASSWORD, 'sha256')],
    ['PBMAC1 with SHA-512', pbmac1(PASSWORD, 'sha512', 64)],
    ['the derivation of PKCS#12', classicMac(PASSWORD, 1000)],
  ])('%s', (_, mac) => {
    const store = keystore(safes, mac);
    expect(read(store, { passwords: [PASSWORD] })).not.toContain(WRONG);
    expect(read(store, { passwords: ['wrong'] })).toContain(WRONG);
    expect(read(store)).not.toContain(WRONG);
    // The library that reads it for a living agrees.
    expect(() => createSecureContext({ pfx: store, passphrase: PASSWORD })).not.toThrow();
    expect(() => createSecureContext({ pfx: store, passphrase: 'wrong' })).toThrow('mac verify failure');
  });

  test('but not for want of time, and not where there is none', () => {
    expect(read(keystore(safes, classicMac(PASSWORD, 4_000_000)), { passwords: ['wrong'] })).not.toContain(WRONG);
    expect(read(keystore(safes), { passwords: ['wrong'] })).not.toContain(WRONG);
  });
});

describe('odd contents', () => {
  const nested = bag(6, sequence(certificateBag(leaf.der), bag(6, sequence(certificateBag(other.der)))));
  const sdsi = bag(3, sequence(oid('1.2.840.113549.1.9.22.2'), explicit(0, encode(0x16, 'x'))));

  test.each<[string, Uint8Array, string[]]>([
    ['bags in bags', clearSafe(nested), ['certificate leaf', 'certificate other']],
    ['a revocation list', clearSafe(crlBag(crl.der)), ['crl ca']],
    ['a secret', clearSafe(bag(5, sequence(oid('1.2.3'))), certificateBag(leaf.der)), ['certificate leaf']],
    ['a bag that is not known', clearSafe(bag(9, integer(1)), certificateBag(leaf.der)), ['certificate leaf']],
    ['a certificate that is not X.509', clearSafe(sdsi, certificateBag(leaf.der)), ['certificate leaf']],
    [
      'a certificate that is broken',
      clearSafe(certificateBag(Buffer.from('hello')), certificateBag(leaf.der)),
      [
        'malformed: in the PKCS#12 keystore: not a certificate: the certificate has the wrong type (byte 0)',
        'certificate leaf',
      ],
    ],
    [
      'attributes of other kinds, twice, empty and of the wrong type',
      clearSafe(
        certificateBag(
          leaf.der,
          attribute('1.3.6.1.4.1.311.17.1', encode(TAG.bmpString, '\0M')),
          attribute('1.2.840.113549.1.9.20'),
          attribute('1.2.840.113549.1.9.21', integer(1)),
          friendlyName('first'),
          friendlyName('second'),
        ),
      ),
      ['certificate leaf (second)'],
    ],
    [
      'a name of an odd number of octets',
      clearSafe(certificateBag(leaf.der, attribute('1.2.840.113549.1.9.20', encode(TAG.bmpString, '\0a\0')))),
      ['certificate leaf (a)'],
    ],
    [
      'a key beside the certificate of another',
      clearSafe(bag(1, leafKey, localKeyId('1')), certificateBag(other.der, localKeyId('1'))),
      ['key', 'identity other, key no'],
    ],
    [
      'a key without an id',
      clearSafe(bag(1, leafKey), certificateBag(leaf.der), certificateBag(other.der)),
      ['key', 'identity leaf, key yes', 'chain other'],
    ],
    [
      'a safe for a public key',
      sequence(oid('1.2.840.113549.1.7.3'), explicit(0, sequence(integer(0)))),
      ['unsupported: PKCS#12 that is encrypted for a public key'],
    ],
    [
      'an encryption that is not known',
      lockedSafe({ algorithm: sequence(oid('1.2.643.7.1.1.5.1.1'), sequence()), encrypt: (plain) => plain }),
      ['unsupported: PKCS#12 that is encrypted with 1.2.643.7.1.1.5.1.1'],
    ],
    [
      'a PRF that is not known',
      lockedSafe({ ...pbes2('x', { prf: 'sha256' }), algorithm: pbes2Unknown() }),
      ['unsupported: PKCS#12 that is encrypted with 1.2.643.7.1.1.4.2'],
    ],
  ])('%s', (_, safe, expected) => {
    expect(read(keystore([safe]))).toEqual(expected);
  });

  function pbes2Unknown(): Buffer {
    const derivation = sequence(octets('12345678'), integer(1000), sequence(oid('1.2.643.7.1.1.4.2')));
    return sequence(
      oid('1.2.840.113549.1.5.13'),
      sequence(sequence(oid('1.2.840.113549.1.5.12'), derivation), sequence()),
    );
  }

  test('one safe that cannot be opened does not hide the others', () => {
    const store = keystore([lockedSafe(pbes2('x'), certificateBag(other.der)), clearSafe(certificateBag(leaf.der))]);
    expect(read(store)).toEqual([
      'certificate leaf',
      'wrong_password: the PKCS#12 keystore needs a password and none is given',
    ]);
  });

  test('a keystore that is cut off gives what was before', () => {
    const whole = keystore([clearSafe(certificateBag(leaf.der))]);
    for (let length = 0; length < whole.length; length += 7) {
      const parts = read(whole.subarray(0, length));
      expect(parts.length).toBeLessThanOrEqual(1);
    }
    const signed = sequence(integer(3), sequence(oid('1.2.840.113549.1.7.2'), explicit(0, sequence(integer(1)))));
    expect(read(signed)).toEqual(['unsupported: PKCS#12 that is signed with a public key']);
  });
});

describe('an encrypted key outside of a keystore', () => {
  test.each(['PEM', 'DER'])('in %s is opened with the password, and matched', (form) => {
    const der = lockedKey(pbes2(PASSWORD), leafKey);
    const bytes = form === 'DER' ? der : Buffer.from(pem('ENCRYPTED PRIVATE KEY', der));
    expect(readContainer(bytes, { passwords: [PASSWORD] }).parts).toEqual([
      { kind: 'private-key', encrypted: false, keyId: expect.stringMatching(/^[0-9a-f]{64}$/), index: 0 },
    ]);
    expect(readContainer(bytes, { passwords: ['wrong'] }).parts).toEqual([
      { kind: 'private-key', encrypted: true, index: 0 },
    ]);
  });

  test('has its own rank, however many there are', () => {
    const locked = pem('ENCRYPTED PRIVATE KEY', lockedKey(pbes2(PASSWORD), leafKey));
    const { parts } = readContainer(Buffer.from(locked.repeat(3)));
    expect(parts.map(({ index }) => index)).toEqual([0, 1, 2]);
  });

  test('is never part of a result, and neither is a password', () => {
    const secret = leaf.key.export({ format: 'jwk' }).d ?? '';
    const needles = [PASSWORD, Buffer.from(secret, 'base64url').toString('hex'), secret];
    const bytes = lockedBy(pbes2(PASSWORD));
    const text = JSON.stringify(readContainer(bytes, { passwords: [PASSWORD] }), (_key, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
    );
    for (const needle of needles) expect(text).not.toContain(needle);
  });
});
