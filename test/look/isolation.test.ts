import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { createIsolation, type Isolation } from '../../src/look/isolation.ts';
import { createParser } from '../../src/look/parse.ts';
import type { Limits } from '../../src/plugin/context.ts';
import type { Work } from '../fixtures/isolated/work.ts';
import { PASSWORD } from '../helpers/keystore-tools.ts';
import { certificateBag, keystore, lockedSafe, pbes2 } from '../helpers/odd-pkcs12.ts';
import { createAuthority } from '../helpers/pki.ts';

const WORK = new URL('../fixtures/isolated/work.ts', import.meta.url);
/** The test's own limit comes first: on a busy machine a process may need long to begin. */
const LIMITS: Limits = { timeMs: 60_000, memoryMb: 64 };
const SHORT: Limits = { timeMs: 300, memoryMb: 64 };

let isolation: Isolation;
beforeEach(() => {
  isolation = createIsolation(2);
});
afterEach(() => isolation.close());

async function run(work: Work, limits = LIMITS): Promise<unknown> {
  return isolation.isolate(WORK, work, limits);
}

describe('isolated work', () => {
  test('gives what the function gives, bytes and dates included', async () => {
    const value = { bytes: new Uint8Array([1, 2, 3]), at: new Date(0), list: [null, 'ä'] };
    expect(await run({ do: 'echo', value })).toEqual(value);
  });

  test('is done by the same process again, one thing at a time', async () => {
    const first = await run({ do: 'process' });
    expect(await run({ do: 'process' })).toBe(first);
  });

  test('that never ends is ended, and says so', async () => {
    await expect(run({ do: 'spin' }, SHORT)).rejects.toMatchObject({
      name: 'CollectError',
      reason: 'too_costly',
      message: 'it takes more than 0.3 s to read, and was given up; it may be made to take long',
    });
    expect(await run({ do: 'echo', value: 'still here' })).toBe('still here');
  });

  test('that takes ever more memory is ended, and says so', async () => {
    await expect(run({ do: 'hoard' })).rejects.toMatchObject({
      reason: 'too_costly',
      message: 'it takes more than 64 MiB of memory to read, and was given up; it may be made to take much',
    });
    expect(await run({ do: 'echo', value: 'still here' })).toBe('still here');
  });

  test.each<[Work, RegExp]>([
    [{ do: 'throw', message: 'a fault of the module' }, /^a fault of the module$/],
    [{ do: 'recurse' }, /call stack/],
    [{ do: 'exit' }, /ended/],
  ])('that fails as %j is a fault inside notafter', async (work, message) => {
    await expect(run(work)).rejects.toMatchObject({ reason: 'internal', message: expect.stringMatching(message) });
    expect(await run({ do: 'echo', value: 'still here' })).toBe('still here');
  });

  test('that is stuck does not stop other work', async () => {
    const stuck = Promise.allSettled([run({ do: 'spin' })]);
    const others = await Promise.all(Array.from({ length: 20 }, async (_, value) => run({ do: 'echo', value })));
    expect(others).toEqual(Array.from({ length: 20 }, (_, value) => value));
    await isolation.close();
    expect(await stuck).toMatchObject([{ status: 'rejected', reason: { reason: 'internal' } }]);
  });

  test('waits its turn when everybody is stuck, and is done all the same', async () => {
    const stuck = [run({ do: 'spin' }, SHORT), run({ do: 'spin' }, SHORT)];
    const settled = Promise.allSettled(stuck);
    expect(await run({ do: 'echo', value: 1 })).toBe(1);
    expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  test('with other limits gets another process', async () => {
    const processes = [await run({ do: 'process' }), await run({ do: 'process' }, { ...LIMITS, memoryMb: 32 })];
    expect(new Set(processes).size).toBe(2);
    expect(await run({ do: 'process' }, { ...LIMITS, memoryMb: 16 })).not.toBe(processes[0]);
  });

  test('sees nothing of the environment', async () => {
    expect(await run({ do: 'environment' })).toEqual({});
  });

  test('that cannot be sent is refused, and others are done', async () => {
    await expect(run({ do: 'echo', value: () => {} })).rejects.toThrow(/clone/);
    expect(await run({ do: 'echo', value: 1 })).toBe(1);
  });

  test('of a module that is not there is refused', async () => {
    await expect(isolation.isolate(new URL('./missing.ts', import.meta.url), 1, LIMITS)).rejects.toMatchObject({
      reason: 'internal',
    });
  });
});

describe('parsing', () => {
  const leaf = createAuthority().issue({ names: ['pay.example'] });

  test('is done on the spot where it is cheap', async () => {
    const parse = createParser(() => Promise.reject(new Error('no process is needed for that')));
    expect(await parse(Buffer.from(leaf.chainPem))).toMatchObject({ parts: [{ kind: 'certificate' }] });
  });

  test('of a keystore that takes long to open is done in a process of its own', async () => {
    const slow = readFileSync(new URL('../fixtures/keystores/openssl-600k.p12', import.meta.url));
    const here = createParser(() => Promise.reject(new Error('a process is needed for that')));
    await expect(here(slow, { passwords: [PASSWORD] })).rejects.toThrow('a process is needed');
    const { parts } = await createParser(isolation.isolate)(slow, { passwords: [PASSWORD] });
    expect(parts.map(({ kind }) => kind)).toEqual(['certificate', 'certificate', 'private-key']);
  });

  test('of a keystore that would take for ever ends at once', async () => {
    const lock = pbes2('x', { rounds: 10_000_000 });
    const parse = createParser(() => Promise.reject(new Error('no process is needed for that')));
    expect(await parse(keystore([lockedSafe(lock, certificateBag(leaf.der))]))).toMatchObject({
      parts: [{ kind: 'problem', problem: 'too_costly' }],
    });
  });

  test('of much is done in a process of its own, with the same result', async () => {
    const large = Buffer.concat([Buffer.from(leaf.pem), Buffer.alloc(2 * 1024 * 1024, 'garbage\n')]);
    expect(await createParser(isolation.isolate)(large)).toMatchObject({
      format: 'pem',
      parts: [{ kind: 'certificate', certificate: { fingerprint: leaf.fingerprint } }],
    });
  });
});
