import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { createFileLook, knowing, lookOnce, type FileLook } from '../../helpers/file-look.ts';
import { createAuthority } from '../../helpers/pki.ts';

const authority = createAuthority({ name: 'CA' });
const pay = authority.issue({ names: ['pay.example'] });

let files: FileLook;
beforeEach(() => {
  files = createFileLook();
  files.now = Date.now() + 3_600_000;
});
afterEach(() => files[Symbol.dispose]());

/** A PKCS#12 keystore as OpenSSL makes it: all of it encrypted. */
function openSslStore(name: string, password: string, ...more: readonly string[]): string {
  const key = files.write('temporary/in.key', pay.keyPem);
  const certificate = files.write('temporary/in.pem', pay.chainPem);
  const path = files.write(name, '');
  const pass = `pass:${password}`;
  execFileSync('openssl', [
    'pkcs12',
    '-export',
    '-inkey',
    key,
    '-in',
    certificate,
    '-name',
    'pay',
    '-out',
    path,
    '-passout',
    pass,
    ...more,
  ]);
  return path;
}

function pattern(match: string, password_file: string): object {
  return { match, password_file };
}

describe('a keystore', () => {
  test('is opened with the first password that fits, by pattern', async () => {
    openSslStore('a/store.p12', 'alpha');
    openSslStore('b/store.p12', 'beta');
    files.secrets.set('/a', 'wrong\nalpha\nbeta');
    files.secrets.set('/b', 'beta');
    const exclude = ['temporary'];
    const passwords = [
      pattern(`${files.folder}/a/*`, '/a'),
      pattern('*.jks', '/a'),
      pattern(`${files.folder}/b/**`, '/b'),
    ];
    const observations = await files.look({ exclude, passwords });
    expect(observations.map(({ items, problems }) => [items.length, problems])).toEqual([
      [1, []],
      [1, []],
    ]);
    expect(observations[0]?.items[0]).toMatchObject({
      role: 'server',
      place: { key: 'pay' },
      key: { match: 'yes' },
    });
  });

  test('is opened without any password when it has the empty one', async () => {
    openSslStore('store.p12', '');
    expect((await files.look({ exclude: ['temporary'] }))[0]?.items).toHaveLength(1);
  });

  test('that no password opens is told of, whatever it is called, and read again at each look', async () => {
    const path = openSslStore('backup.bin', 'alpha');
    const instance = await files.open({ exclude: ['temporary'], passwords: [pattern('*', '/secret')] });
    files.secrets.set('/secret', 'wrong');
    const first = await lookOnce(instance);
    expect(first).toEqual([
      {
        location: path,
        items: [],
        problems: [
          {
            reason: 'wrong_password',
            detail: expect.stringMatching(
              /; give its password \(passwords in the config, --password-file on the command line\)$/,
            ),
          },
        ],
      },
    ]);
    files.secrets.set('/secret', 'alpha');
    expect((await lookOnce(instance, knowing(first)))[0]?.items).toHaveLength(1);
  });

  test('whose password cannot be had says why, and never what the passwords are', async () => {
    openSslStore('store.p12', 'alpha');
    files.secrets.set('/other', 'canary-password');
    const passwords = [pattern('*', '/missing'), pattern('*', '/other')];
    const told = JSON.stringify(await files.look({ exclude: ['temporary'], passwords }));
    expect(told).toMatch(/wrong_password.*the secret .*missing.* cannot be read/);
    expect(told).not.toContain('canary');
  });

  test('made to take for ever is given up, and the next one is read', async () => {
    const path = openSslStore('a-bomb.p12', 'alpha', '-iter', '66051');
    // 01 02 03 rounds become 7f ff ff.
    writeFileSync(path, readFileSync(path).toString('hex').replaceAll('0203010203', '02037fffff'), 'hex');
    openSslStore('b.p12', '');
    files.secrets.set('/secret', 'alpha');
    const [bomb, good] = await files.look({ exclude: ['temporary'], passwords: [pattern('a-*', '/secret')] });
    expect(bomb?.problems).toMatchObject([{ reason: 'too_costly', detail: expect.stringContaining('a-bomb.p12') }]);
    expect(good?.items).toHaveLength(1);
  });
});
