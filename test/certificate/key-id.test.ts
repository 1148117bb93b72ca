import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, test } from 'vitest';

import { readContainer } from '../../src/certificate/container.ts';
import { keyIdOf, keyIdOfPrivateKey, keyMatchOf } from '../../src/certificate/key-id.ts';
import { bitString, encode, integer, oid, sequence, TAG } from '../helpers/der.ts';
import { createAuthority } from '../helpers/pki.ts';

const authority = createAuthority();

/** A certificate for a key of whatever kind. */
function certificateOf(key: KeyObject): { readonly der: Uint8Array } {
  const publicKeyInfo = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return authority.issue({ names: ['a.example'], publicKeyInfo });
}

const KEYS: readonly (readonly [string, () => KeyObject])[] = [
  ['RSA', () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey],
  ['RSA-PSS', () => generateKeyPairSync('rsa-pss', { modulusLength: 2048, hashAlgorithm: 'sha256' }).privateKey],
  ['P-256', () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey],
  ['P-521', () => generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey],
  ['secp256k1', () => generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey],
  ['P-256 with explicit parameters', () => explicitKey()],
  ['Ed25519', () => generateKeyPairSync('ed25519').privateKey],
  ['Ed448', () => generateKeyPairSync('ed448').privateKey],
  ['DSA', () => generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 }).privateKey],
  ['ML-DSA-65', () => generateKeyPairSync('ml-dsa-65').privateKey],
];

function explicitKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' }).privateKey;
}

describe.each(KEYS)('a key pair of the kind %s', (_, create) => {
  const key = create();
  const certificate = certificateOf(key);
  const other = certificateOf(create());

  test('is the same in the certificate and in every form of its private key', () => {
    const id = keyIdOf(certificate);
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(keyIdOf(other)).not.toBe(id);
    const forms = [key.export({ type: 'pkcs8', format: 'der' })];
    if (key.asymmetricKeyType === 'rsa') forms.push(key.export({ type: 'pkcs1', format: 'der' }));
    if (key.asymmetricKeyType === 'ec') forms.push(key.export({ type: 'sec1', format: 'der' }));
    for (const form of forms) expect(keyIdOfPrivateKey(form)).toBe(id);
  });

  test('is told of the key in a file, in PEM and in DER', () => {
    const keyId = keyIdOf(certificate);
    for (const content of [
      Buffer.from(key.export({ type: 'pkcs8', format: 'pem' })),
      key.export({ type: 'pkcs8', format: 'der' }),
    ]) {
      expect(readContainer(content).parts).toEqual([{ kind: 'private-key', encrypted: false, keyId, index: 0 }]);
    }
  });

  test('matches its own certificate and no other', () => {
    const [part] = readContainer(key.export({ type: 'pkcs8', format: 'der' })).parts;
    if (part?.kind !== 'private-key') throw new Error('a key is expected');
    expect(keyMatchOf(part, certificate)).toBe('yes');
    expect(keyMatchOf(part, other)).toBe('no');
  });
});

describe('other spellings of one public key', () => {
  test('a point that is compressed is the same key', () => {
    const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const { x = '', y = '' } = key.export({ format: 'jwk' });
    const parity = (Buffer.from(y, 'base64url').at(-1) ?? 0) & 1;
    const publicKeyInfo = sequence(
      sequence(oid('1.2.840.10045.2.1'), oid('1.2.840.10045.3.1.7')),
      bitString(Buffer.concat([Buffer.from([2 | parity]), Buffer.from(x, 'base64url')])),
    );
    expect(keyIdOf(authority.issue({ publicKeyInfo }))).toBe(keyIdOf(certificateOf(key)));
  });

  test('an RSA key that certificates restrict to PSS is the same key', () => {
    const key = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
    const publicKeyInfo = sequence(
      sequence(oid('1.2.840.113549.1.1.10')),
      bitString(createPublicKey(key).export({ type: 'pkcs1', format: 'der' })),
    );
    expect(keyIdOf(authority.issue({ publicKeyInfo }))).toBe(keyIdOf(certificateOf(key)));
  });

  test('an EC key without its public half is computed', () => {
    const key = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
    const { d = '' } = key.export({ format: 'jwk' });
    const inner = sequence(integer(1), encode(TAG.octetString, Buffer.from(d, 'base64url')));
    const pkcs8 = sequence(
      integer(0),
      sequence(oid('1.2.840.10045.2.1'), oid('1.3.132.0.34')),
      encode(TAG.octetString, inner),
    );
    expect(keyIdOfPrivateKey(pkcs8)).toBe(keyIdOf(certificateOf(key)));
  });
});

describe('a key that tells nothing', () => {
  const dh = sequence(
    integer(0),
    sequence(oid('1.2.840.113549.1.3.1'), sequence(integer(23), integer(5))),
    encode(TAG.octetString, integer(6)),
  );
  test.each([
    ['a DH key, which no certificate has', dh],
    ['an X25519 key', generateKeyPairSync('x25519').privateKey.export({ type: 'pkcs8', format: 'der' })],
    ['a key that is cut off', dh.subarray(0, 20)],
    ['a key of more than 64 KiB', sequence(integer(0), encode(TAG.integer, Buffer.alloc(70_000, 1)))],
    ['no key at all', Buffer.from('hello')],
  ])('%s is noticed all the same', (_, der) => {
    expect(keyIdOfPrivateKey(der)).toBeUndefined();
    expect(keyMatchOf({ encrypted: false }, authority.certificate)).toBeUndefined();
  });

  test('one that nothing opens is encrypted, for whatever certificate', () => {
    expect(keyMatchOf({ encrypted: true }, authority.certificate)).toBe('encrypted');
  });
});
