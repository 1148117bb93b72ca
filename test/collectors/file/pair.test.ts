import { utimesSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { certificateStem, keyStem } from '../../../collectors/file/pair.ts';
import { createFileLook, knowing, lookOnce, type FileLook } from '../../helpers/file-look.ts';
import { pkcs12 } from '../../helpers/pkcs12.ts';
import { createAuthority, createKey } from '../../helpers/pki.ts';

const HOUR_MS = 3_600_000;
const authority = createAuthority({ name: 'CA' });
const pay = authority.issue({ names: ['pay.example'] });
const other = authority.issue({ names: ['other.example'] });
const encrypted = pay.key
  .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open sesame' })
  .toString();

let files: FileLook;
beforeEach(() => {
  files = createFileLook();
  // What was written just now might still be half of a pair.
  files.now = Date.now() + HOUR_MS;
});
afterEach(() => files[Symbol.dispose]());

/** What is said of keys, by the name of the file. */
async function matches(options?: object): Promise<Readonly<Record<string, string | undefined>>> {
  const observations = await files.look(options);
  return Object.fromEntries(
    observations.map(({ location, items }) => {
      const said = items.map(({ key }) => key && `${key.match} ${key.at.slice(files.folder.length + 1)}`);
      return [location.slice(files.folder.length + 1), said.find((text) => text !== undefined)];
    }),
  );
}

describe('names of a pair', () => {
  test.each([
    ['tls.crt', 'tls.key'],
    ['server.pem', 'server.key'],
    ['x.pem', 'x-key.pem'],
    ['x.cert.pem', 'x.key.pem'],
    ['client-cert.pem', 'client-key.pem'],
    ['cert.pem', 'key.pem'],
    ['cert.pem', 'privkey.pem'],
    ['fullchain.pem', 'privkey.pem'],
    ['fullchain3.pem', 'privkey3.pem'],
    ['api.fullchain.cer', 'api.key'],
    ['Server.CRT', 'server.Key'],
    ['pay.der', 'pay.key'],
  ])('%s and %s belong together', (certificate, key) => {
    expect(certificateStem(certificate)).toBe(keyStem(key));
    expect(keyStem(key)).toBeDefined();
  });

  test.each([
    ['chain.pem', 'privkey.pem'],
    ['chain1.pem', 'privkey1.pem'],
    ['fullchain1.pem', 'privkey2.pem'],
    ['other.crt', 'tls.key'],
    ['monkey.pem', 'monkey.pem'],
    ['tls.csr', 'tls.key'],
    ['tls.crt', 'tls.txt'],
  ])('%s and %s do not', (certificate, key) => {
    const stem = certificateStem(certificate);
    expect(stem !== undefined && stem === keyStem(key)).toBe(false);
  });
});

describe('a key beside a certificate', () => {
  test.each([
    ['fits', pay.keyPem, 'yes tls.key'],
    ['is another one', other.keyPem, 'no tls.key'],
    ['is encrypted', encrypted, 'encrypted tls.key'],
    ['is of another kind', createKey('rsa').export({ type: 'pkcs1', format: 'pem' }).toString(), 'no tls.key'],
    ['is DER', pay.key.export({ type: 'sec1', format: 'der' }), 'yes tls.key'],
    ['is no key', 'nonsense', undefined],
    ['is a public key', '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n', undefined],
  ])('that %s is told of', async (_what, key, expected) => {
    files.write('tls.crt', pay.chainPem);
    files.write('tls.key', key);
    expect(await matches()).toEqual({ 'tls.crt': expected });
  });

  test('that is encrypted is compared with the help of its password', async () => {
    files.write('tls.crt', pay.pem);
    files.write('tls.key', encrypted);
    files.secrets.set('/run/secrets/key', 'wrong\nopen sesame');
    const passwords = [{ match: '*.key', password_file: '/run/secrets/key' }];
    expect(await matches({ passwords })).toEqual({ 'tls.crt': 'yes tls.key' });
  });

  test('is compared with every certificate of a file, and missed at the first', async () => {
    files.write('fits.pem', authority.certificate.pem + pay.pem);
    files.write('fits.key', pay.keyPem);
    files.write('misses.pem', pay.pem + authority.certificate.pem);
    files.write('misses.key', other.keyPem);
    const [fits, misses] = await files.look();
    expect(fits?.items.map(({ key }) => key?.match)).toEqual([undefined, 'yes']);
    expect(misses?.items.map(({ key }) => key?.match)).toEqual(['no', undefined]);
  });

  test('is not mixed up with the key of another certificate that is looked at meanwhile', async () => {
    files.write('pay.crt', pay.pem);
    files.write('pay.key', pay.keyPem);
    files.write('other.crt', other.pem);
    files.write('other.key', other.keyPem);
    const looks = ['pay.crt', 'other.crt'].map((name) => files.look({ paths: [`${files.folder}/${name}`] }));
    const observations = (await Promise.all(looks)).flat();
    expect(observations.map(({ items }) => items[0]?.key?.match)).toEqual(['yes', 'yes']);
  });

  test('is no mismatch where it might be meant for another certificate', async () => {
    files.write('tls.crt', pay.pem);
    files.write('tls.pem', other.pem);
    files.write('tls.key', other.keyPem);
    expect(await matches()).toEqual({ 'tls.crt': undefined, 'tls.pem': 'yes tls.key' });
  });

  test('of what certbot keeps is compared with both of its certificates, and not with the chain', async () => {
    files.write('cert.pem', pay.pem);
    files.write('chain.pem', authority.certificate.pem);
    files.write('fullchain.pem', pay.chainPem);
    files.write('privkey.pem', other.keyPem);
    expect(await matches()).toEqual({
      'cert.pem': 'no privkey.pem',
      'chain.pem': undefined,
      'fullchain.pem': 'no privkey.pem',
    });
  });

  test('is told of when it changes, though the certificate does not', async () => {
    const certificate = files.write('tls.crt', pay.pem);
    const key = files.write('tls.key', pay.keyPem);
    const instance = await files.open();
    const first = await lookOnce(instance);
    expect(first[0]?.items[0]?.key?.match).toBe('yes');
    expect(await lookOnce(instance, knowing(first))).toMatchObject([{ location: certificate, unchanged: true }]);
    files.write('tls.key', other.keyPem);
    utimesSync(key, 1, 1);
    const second = await lookOnce(instance, knowing(first));
    expect(second[0]?.items[0]?.key?.match).toBe('no');
  });

  test('is compared anew where it was replaced while the certificate was read', async () => {
    files.write('tls.crt', pay.pem);
    files.write('tls.key', pay.keyPem);
    const context = files.context();
    let isReplaced = false;
    const instance = await files.open(
      {},
      {
        ...context,
        async parse(...call) {
          const parsed = await context.parse(...call);
          if (!isReplaced) files.write('tls.key', other.keyPem);
          isReplaced = true;
          return parsed;
        },
      },
    );
    const first = await lookOnce(instance);
    expect(first[0]?.items[0]?.key?.match).toBe('yes');
    const second = await lookOnce(instance, knowing(first));
    expect(second[0]?.items[0]?.key?.match).toBe('no');
  });

  test('is left alone while a pair is being replaced, and looked at again', async () => {
    files.write('tls.crt', pay.pem);
    files.write('tls.key', other.keyPem);
    files.now = Date.now() + 5_000;
    const [early] = await files.look();
    expect(early?.items[0]?.key).toBeUndefined();
    expect(early?.version).toBeUndefined();
    files.now += 60_000;
    const [late] = await files.look();
    expect(late?.items[0]?.key?.match).toBe('no');
    expect(late?.version).toBeDefined();
  });

  test('makes an authority an issuer', async () => {
    files.write('ca.crt', authority.certificate.pem);
    files.write('ca.key', authority.key.export({ type: 'pkcs8', format: 'pem' }).toString());
    const [observation] = await files.look();
    expect(observation?.items[0]?.role).toBe('issuer');
  });

  test('never appears in what is told', async () => {
    files.write('tls.crt', pay.pem + pay.keyPem);
    files.write('tls.key', pay.keyPem);
    const [, base64 = ''] = pay.keyPem.split('\n');
    expect(JSON.stringify(await files.look())).not.toContain(base64);
  });
});

describe('a key in the same file', () => {
  test.each([
    ['before the certificates', pay.keyPem + pay.chainPem, 'yes both.pem'],
    ['behind them', pay.chainPem + pay.keyPem, 'yes both.pem'],
    ['of another certificate', pay.chainPem + other.keyPem, 'no both.pem'],
    ['that is encrypted', pay.chainPem + encrypted, 'encrypted both.pem'],
  ])('%s is compared', async (_what, text, expected) => {
    files.write('both.pem', text);
    expect(await matches()).toEqual({ 'both.pem': expected });
  });

  test('of a keystore is compared when its password is known', async () => {
    files.write('store.p12', pkcs12([pay, authority.certificate], pay.key, 'sesame'));
    files.secrets.set('/p', 'sesame\n');
    const passwords = [{ match: '*.p12', password_file: '/p' }];
    expect(await matches({ passwords })).toEqual({ 'store.p12': 'yes store.p12' });
  });
});
