import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { createFileLook, knowing, lookOnce, type FileLook } from '../../helpers/file-look.ts';
import { createAuthority, type IssueOptions } from '../../helpers/pki.ts';

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 10, 23);
const authority = createAuthority({ name: 'CA' });

/** A certificate by the days of its life, counted from now. */
function issued(from: number, to: number, options: IssueOptions = {}): string {
  return authority.issue({
    names: ['pay.example', 'www.pay.example'],
    notBefore: new Date(NOW + from * DAY_MS),
    notAfter: new Date(NOW + to * DAY_MS),
    ...options,
  }).pem;
}

const old = issued(-90, -1);
const current = issued(-10, 80);

let files: FileLook;
beforeEach(() => {
  files = createFileLook();
  files.now = NOW;
});
afterEach(() => files[Symbol.dispose]());

async function successorsOf(name: string): Promise<readonly (string | undefined)[]> {
  const observation = (await files.look()).find(({ location }) => location === `${files.folder}/${name}`);
  return observation?.items.map(({ supersededBy }) => supersededBy?.slice(files.folder.length + 1)) ?? [];
}

describe('an ended certificate', () => {
  test.each<[string, Record<string, string>, (string | undefined)[]]>([
    ['beside its successor', { 'new.pem': current }, ['new.pem']],
    [
      'beside a chain that begins with its successor',
      { 'chain.fullchain.pem': current + authority.certificate.pem },
      ['chain.fullchain.pem'],
    ],
    ['with its successor behind it', { 'old.pem': old + current }, ['old.pem', undefined]],
    ['alone', {}, [undefined]],
    ['beside a certificate for other names', { 'new.pem': issued(-1, 90, { names: ['pay.example'] }) }, [undefined]],
    ['beside one that has ended as well', { 'new.pem': issued(-50, -0.5) }, [undefined]],
    ['beside one that is not valid yet', { 'new.pem': issued(1, 90) }, [undefined]],
    ['with its successor in another folder', { 'live/new.pem': current }, [undefined]],
    ['beside a file that cannot be read', { 'new.pem': 'nonsense' }, [undefined]],
    [
      'beside the same names in another order',
      { 'new.pem': issued(-1, 90, { names: ['www.pay.example', 'pay.example'] }) },
      ['new.pem'],
    ],
  ])('%s', async (_what, others, expected) => {
    files.write('old.pem', old);
    for (const [name, text] of Object.entries(others)) files.write(name, text);
    expect(await successorsOf('old.pem')).toEqual(expected);
  });

  test('that has no names is known by its subject', async () => {
    files.write('old.pem', issued(-90, -1, { names: [], commonName: 'billing' }));
    files.write('new.pem', issued(-1, 90, { names: [], commonName: 'billing' }));
    expect(await successorsOf('old.pem')).toEqual(['new.pem']);
  });

  test('is looked at anew when its successor comes and when it goes', async () => {
    const path = files.write('old.pem', issued(-90, 5));
    const instance = await files.open({ paths: [path] });
    const first = await lookOnce(instance);
    files.write('new.pem', current);
    expect(await lookOnce(instance, knowing(first))).toMatchObject([{ unchanged: true }]);
    files.now = NOW + 6 * DAY_MS;
    const second = await lookOnce(instance, knowing(first));
    expect(second[0]?.items[0]?.supersededBy).toBe(`${files.folder}/new.pem`);
    files.write('new.pem', 'gone');
    const third = await lookOnce(instance, knowing(second));
    expect(third[0]?.items[0]?.supersededBy).toBeUndefined();
  });
});
