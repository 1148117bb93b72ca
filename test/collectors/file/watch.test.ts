import { mkdirSync, renameSync, rmSync, symlinkSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { watchFolders } from '../../../collectors/file/watch.ts';
import { collect } from '../../contract/collector.ts';
import { createFileLook, type FileLook } from '../../helpers/file-look.ts';

let files: FileLook;
let controller: AbortController;
beforeEach(() => {
  files = createFileLook();
  controller = new AbortController();
});
afterEach(() => {
  controller.abort();
  files[Symbol.dispose]();
});

/** A watch over everything below the folder of the test, begun. */
async function begin(options: object = {}): Promise<AsyncIterator<void>> {
  const instance = await files.open({ watch: true, ...options });
  const [target] = await collect(instance.discover(controller.signal));
  if (target === undefined || instance.watch === undefined) throw new Error('there is nothing to watch');
  const changes = instance.watch(target, controller.signal)[Symbol.asyncIterator]();
  expect((await changes.next()).done).toBe(false);
  return changes;
}

function at(name: string): string {
  return join(files.folder, name);
}

describe('a change is told of', () => {
  test.each<[string, () => void]>([
    ['a new file', () => files.write('new.pem', 'new')],
    ['a file written in place', () => writeFileSync(at('a.pem'), 'other')],
    ['a file that is replaced', () => renameSync(files.write('.a.tmp', 'other'), at('a.pem'))],
    ['a file that goes', () => rmSync(at('a.pem'))],
    ['a file in a folder below', () => files.write('below/b.pem', 'other')],
    [
      'the data of a Kubernetes volume',
      () => {
        mkdirSync(at('volume/..2'));
        symlinkSync('..2', at('volume/..data_tmp'));
        renameSync(at('volume/..data_tmp'), at('volume/..data'));
      },
    ],
  ])('%s', async (_what, change) => {
    files.write('a.pem', 'one');
    files.write('below/b.pem', 'one');
    mkdirSync(at('volume/..1'), { recursive: true });
    symlinkSync('..1', at('volume/..data'));
    const changes = await begin();
    change();
    expect((await changes.next()).done).toBe(false);
  });

  test('also in a folder that is newer than the watch, and in one that took the place of another', async () => {
    mkdirSync(at('live'));
    const changes = await begin();
    mkdirSync(at('fresh'));
    renameSync(at('live'), at('old'));
    mkdirSync(at('live'));
    await changes.next();
    for (const name of ['fresh/a.pem', 'live/a.pem']) {
      files.write(name, 'one');
      expect((await changes.next()).done).toBe(false);
    }
  });

  test('where a file itself is the target', async () => {
    const path = files.write('a.pem', 'one');
    const changes = await begin({ paths: [path] });
    renameSync(files.write('b.pem', 'other'), path);
    expect((await changes.next()).done).toBe(false);
  });
});

test('what is stopped ends', async () => {
  const changes = await begin();
  const next = changes.next();
  controller.abort(new Error('stopped'));
  await expect(next).rejects.toThrow('stopped');
});

test('a watch over nothing ends, and is to be begun anew', async () => {
  const changes = await begin({ paths: [`${files.folder}/*/*.pem`] });
  rmSync(files.folder, { recursive: true });
  await changes.next();
  expect((await changes.next()).done).toBe(true);
  mkdirSync(files.folder);
});

test('a source does not watch unless it is told to', async () => {
  expect((await files.open()).watch).toBeUndefined();
});

test('more folders than are ever watched are named in one warning, and the others stay watched', async () => {
  const warnings: object[] = [];
  const log = { debug() {}, info() {}, warn: (fields: object) => void warnings.push(fields), error() {} };
  // Every name is another one, and all are the same folder.
  const names = [
    '',
    ...Array.from({ length: 10_001 }, (_, index) => `/${'./'.repeat(index % 200)}${'/'.repeat(index / 200)}`),
  ];
  const folders = new Set(names.map((name) => files.folder + name));
  const changes = watchFolders(() => folders, log, 'everything', controller.signal)[Symbol.asyncIterator]();
  await changes.next();
  expect(warnings).toEqual([
    { target: 'everything', folders: 10_000, unwatched: folders.size - 10_000, why: 'there are more than 10000' },
  ]);
  files.write('a.pem', 'one');
  expect((await changes.next()).done).toBe(false);
  expect(warnings).toHaveLength(1);
});

test('where the system allows no more watches that is said, with what to do, and the others stay watched', async () => {
  for (const name of ['one/a.pem', 'two/a.pem', 'three/a.pem']) files.write(name, 'one');
  const warnings: object[] = [];
  const log = { debug() {}, info() {}, warn: (fields: object) => void warnings.push(fields), error() {} };
  const folders = ['one', 'two', 'three'].map(at);
  let left = 2;
  const changes = watchFolders(
    () => folders,
    log,
    'disk',
    controller.signal,
    (...args) => {
      if (left-- > 0) return watch(...args);
      throw Object.assign(new Error('System limit for number of file watchers reached'), { code: 'ENOSPC' });
    },
  )[Symbol.asyncIterator]();
  await changes.next();
  expect(warnings).toEqual([
    { target: 'disk', folders: 2, unwatched: 1, why: expect.stringContaining('fs.inotify.max_user_watches') },
  ]);
  files.write('two/a.pem', 'other');
  expect((await changes.next()).done).toBe(false);
});
