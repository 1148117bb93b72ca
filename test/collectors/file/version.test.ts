import { statSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { createFileLook, knowing, lookOnce, type FileLook } from '../../helpers/file-look.ts';
import { selfSigned } from '../../helpers/pki.ts';

let files: FileLook;
beforeEach(() => {
  files = createFileLook();
});
afterEach(() => files[Symbol.dispose]());

/** Versions and items of two looks, the second with what the first has told, so long after the file was written. */
async function lookTwice(ageMs: number): Promise<readonly (readonly [boolean, number])[]> {
  files.now = statSync(files.write('a.pem', selfSigned().pem)).ctimeMs + ageMs;
  const instance = await files.open();
  const first = await lookOnce(instance);
  const second = await lookOnce(instance, knowing(first));
  return [...first, ...second].map(({ version, items }) => [version !== undefined, items.length] as const);
}

test.each([0, 19])(
  'what was written %i ms ago has no version and is read again: the same time may cover another content',
  async (ageMs) => {
    expect(await lookTwice(ageMs)).toEqual([
      [false, 1],
      [false, 1],
    ]);
  },
);

// A clock behind that of the file system must not keep a file from ever having a version.
test.each([20, 60_000, -1])('what was written %i ms ago has one, and is not read again', async (ageMs) => {
  expect(await lookTwice(ageMs)).toEqual([
    [true, 1],
    [true, 0],
  ]);
});

test('what is rewritten in place within the same tick of the clock is seen', async () => {
  const path = files.write('a.pem', selfSigned().pem);
  files.now = statSync(path).ctimeMs + 1;
  const instance = await files.open();
  const first = await lookOnce(instance);
  const next = selfSigned();
  files.write('a.pem', next.pem);
  const second = await lookOnce(instance, knowing(first));
  expect(second[0]?.items.map((item) => item.kind === 'certificate' && Buffer.from(item.der))).toEqual([
    Buffer.from(next.der),
  ]);
});
