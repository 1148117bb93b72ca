import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';

import {
  IdentityError,
  identityFromPem,
  identityFromPkcs12,
  type ClientIdentity,
} from '../../../src/tls/rehearse/identity.ts';
import { pem } from '../../helpers/der.ts';
import { pkcs12 } from '../../helpers/pkcs12.ts';
import { createAuthority, createCrl, type TestCertificate } from '../../helpers/pki.ts';

const never = new AbortController().signal;
const root = createAuthority({ name: 'Root' });
const upper = createAuthority({ name: 'Upper', parent: root });
const lower = createAuthority({ name: 'Lower', parent: upper });
const client = lower.issue({ commonName: 'client' });
const other = lower.issue({ commonName: 'other' });
const chain = [client, lower.certificate, upper.certificate];

function bytes(text: string): Uint8Array {
  return Buffer.from(text);
}

function fingerprints(certificates: readonly { readonly fingerprint: string }[]): readonly string[] {
  return certificates.map(({ fingerprint }) => fingerprint);
}

function encrypted(certificate: TestCertificate, type: 'pkcs8' | 'sec1'): string {
  return certificate.key.export({ type, format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' }).toString();
}

describe('an identity of PEM files', () => {
  test.each([
    ['PKCS#8', client.keyPem, []],
    ['SEC 1', client.key.export({ type: 'sec1', format: 'pem' }).toString(), []],
    ['PKCS#8 behind a password', encrypted(client, 'pkcs8'), ['wrong', 'secret']],
    ['a traditional encrypted key', encrypted(client, 'sec1'), ['secret']],
    ['a key with the certificate before it', client.pem + client.keyPem, []],
    ['a key without a password, though one is given', client.keyPem, ['secret']],
  ])('takes %s', (_what, key, passwords) => {
    const identity = identityFromPem(bytes(client.chainPem), bytes(key), passwords);
    expect(fingerprints(identity.chain)).toEqual(fingerprints(chain));
  });

  test('takes a certificate in DER, and sends what is in the file and nothing else', () => {
    expect(fingerprints(identityFromPem(client.der, bytes(client.keyPem)).chain)).toEqual([client.fingerprint]);
    const crowd = [client, other, root.certificate].map((certificate) => certificate.pem).join('');
    expect(identityFromPem(bytes(crowd), bytes(client.keyPem)).chain).toHaveLength(3);
  });

  test.each(['rsa', 'ed25519'] as const)('takes a key of type %s', (keyType) => {
    const certificate = lower.issue({ keyType });
    expect(identityFromPem(bytes(certificate.pem), bytes(certificate.keyPem)).chain).toHaveLength(1);
  });

  test.each<[string, string, string, readonly string[], Partial<IdentityError>]>([
    ['no certificate', '', client.keyPem, [], { reason: 'empty', part: 'certificate' }],
    ['a key in place of a certificate', client.keyPem, client.keyPem, [], { reason: 'empty', part: 'certificate' }],
    ['a CRL in place of a certificate', createCrl(root).pem, client.keyPem, [], { reason: 'empty' }],
    ['a damaged certificate', pem('CERTIFICATE', Buffer.from('no')), client.keyPem, [], { reason: 'malformed' }],
    [
      'a damaged intermediate',
      client.pem + pem('CERTIFICATE', Buffer.from('no')),
      client.keyPem,
      [],
      { part: 'certificate' },
    ],
    ['no key', client.pem, client.pem, [], { reason: 'malformed', part: 'key' }],
    [
      'a key that is cut off',
      client.pem,
      client.keyPem.replace(/\n.{30}/, '\n'),
      [],
      { reason: 'malformed', part: 'key' },
    ],
    ['the key of another', client.chainPem, other.keyPem, [], { reason: 'malformed', part: 'key' }],
    [
      'a key of another type',
      client.pem,
      generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      [],
      { reason: 'malformed', part: 'key' },
    ],
    [
      'the intermediate first',
      lower.certificate.pem + client.pem,
      client.keyPem,
      [],
      { reason: 'malformed', part: 'key' },
    ],
    ['no password', client.pem, encrypted(client, 'pkcs8'), [], { reason: 'wrong_password', part: 'key' }],
    ['a wrong password', client.pem, encrypted(client, 'pkcs8'), ['a', 'b'], { reason: 'wrong_password', part: 'key' }],
    [
      'a wrong password for a traditional key',
      client.pem,
      encrypted(client, 'sec1'),
      ['a'],
      { reason: 'wrong_password' },
    ],
  ])('refuses %s', (_what, certificates, key, passwords, expected) => {
    expect(() => identityFromPem(bytes(certificates), bytes(key), passwords)).toThrow(
      expect.objectContaining({ name: 'IdentityError', ...expected }),
    );
  });

  test('gives the certificates when only the key is at fault', () => {
    let thrown: unknown;
    try {
      identityFromPem(bytes(client.chainPem), bytes(other.keyPem));
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(IdentityError);
    expect(fingerprints((thrown as IdentityError).chain)).toEqual(fingerprints(chain));
  });
});

describe('an identity of a PKCS#12 keystore', () => {
  function open(store: Uint8Array, passwords: readonly string[] = ['secret']): Promise<ClientIdentity> {
    return identityFromPkcs12(store, passwords, never);
  }

  test.each(['ec', 'rsa', 'ed25519'] as const)(
    'holds the %s certificate and all that is sent behind it',
    async (keyType) => {
      const certificate = lower.issue({ commonName: 'stored', keyType });
      const sent = [certificate, lower.certificate, upper.certificate];
      const identity = await open(pkcs12(sent, certificate.key, 'secret'));
      expect(fingerprints(identity.chain)).toEqual(fingerprints(sent));
    },
  );

  test('holds the certificate that the key belongs to, wherever it stands', async () => {
    const identity = await open(pkcs12([lower.certificate, client], client.key, 'secret'));
    expect(fingerprints(identity.chain)).toEqual(fingerprints([client, lower.certificate]));
  });

  test('holds one that ended long ago', async () => {
    const old = lower.issue({ notAfter: new Date(Date.now() - 86_400_000), extendedKeyUsage: ['clientAuth'] });
    expect(fingerprints((await open(pkcs12([old], old.key, 'secret'))).chain)).toEqual([old.fingerprint]);
  });

  test('is opened by the first password that fits, and without one where none is needed', async () => {
    await expect(open(pkcs12(chain, client.key, 'secret'), ['wrong', 'secret'])).resolves.toBeDefined();
    await expect(open(pkcs12(chain, client.key, ''), [])).resolves.toBeDefined();
  });

  test.each<[string, Uint8Array, readonly string[], Partial<IdentityError>]>([
    ['a wrong password', pkcs12(chain, client.key, 'secret'), ['a', 'b'], { reason: 'wrong_password' }],
    ['no password', pkcs12(chain, client.key, 'secret'), [], { reason: 'wrong_password' }],
    ['a store without a key', pkcs12(chain, undefined, 'secret'), ['secret'], { reason: 'empty' }],
    ['something else', Buffer.from('hello'), ['secret'], { reason: 'malformed' }],
    ['an empty file', new Uint8Array(), ['secret'], { reason: 'malformed' }],
    [
      'a store that is cut off',
      pkcs12(chain, client.key, 'secret').subarray(0, 600),
      ['secret'],
      { reason: 'malformed' },
    ],
  ])('is refused for %s', async (_what, store, passwords, expected) => {
    await expect(open(store, passwords)).rejects.toMatchObject({
      name: 'IdentityError',
      part: 'keystore',
      ...expected,
    });
  });
});
