import { expect, it } from 'vitest';

import { type Listed, readPages, readTokens } from '../../src/cloud/paging.ts';
import { CollectError } from '../../src/plugin/error.ts';

/** Gives the pages one after the other; an error among them is thrown in its turn. */
function source(...pages: readonly (readonly number[] | Error)[]): () => Promise<readonly number[] | undefined> {
  let next = 0;
  return () => {
    const page = pages[next++];
    return page instanceof Error ? Promise.reject(page) : Promise.resolve(page);
  };
}

async function read(maxPages: number, ...pages: readonly (readonly number[] | Error)[]): Promise<Listed<number>[]> {
  const parts: Listed<number>[] = [];
  for await (const part of readPages('the list', maxPages, source(...pages))) parts.push(part);
  return parts;
}

const denied = new CollectError('permission_denied', 'no');

it('gives every page', async () => {
  expect(await read(10, [1, 2], [], [3])).toEqual([
    { kind: 'page', items: [1, 2] },
    { kind: 'page', items: [] },
    { kind: 'page', items: [3] },
  ]);
});

it('throws when the first page fails, because nothing was seen', async () => {
  await expect(read(10, denied, [1])).rejects.toBe(denied);
});

it('keeps what was read when a later page fails, and asks no further', async () => {
  expect(await read(10, [1], denied, [2])).toEqual([
    { kind: 'page', items: [1] },
    { kind: 'cut', error: denied },
  ]);
});

it('stops after the most pages it may read, and says so', async () => {
  const parts = await read(2, [1], [2], [3]);

  expect(parts.slice(0, 2)).toEqual([
    { kind: 'page', items: [1] },
    { kind: 'page', items: [2] },
  ]);
  expect(parts[2]).toMatchObject({
    kind: 'cut',
    error: { reason: 'partial', message: 'the list: only the first 2 pages were read' },
  });
  expect(parts).toHaveLength(3);
});

it('calls a list of exactly the most pages complete', async () => {
  expect(await read(2, [1], [2])).toHaveLength(2);
});

it('throws what is no failure of the other side', async () => {
  const bug = new TypeError('x is not a function');

  await expect(read(10, [1], bug)).rejects.toBe(bug);
});

it('follows the tokens until there is none, or an empty one', async () => {
  const asked: (string | undefined)[] = [];
  const parts: Listed<string>[] = [];
  for await (const part of readTokens('the list', 10, (token) => {
    asked.push(token);
    return Promise.resolve({
      items: token === 'b' ? undefined : [`after ${token}`],
      next: { a: 'b', b: '' }[token ?? ''] ?? (token === undefined ? 'a' : undefined),
    });
  })) {
    parts.push(part);
  }

  expect(asked).toEqual([undefined, 'a', 'b']);
  expect(parts.map((part) => part.kind === 'page' && part.items)).toEqual([['after undefined'], ['after a'], []]);
});

it('does not follow a token that leads back to itself', async () => {
  const parts: Listed<number>[] = [];
  for await (const part of readTokens('the list', 10, () => Promise.resolve({ items: [1], next: 'again' }))) {
    parts.push(part);
  }

  expect(parts).toMatchObject([{ kind: 'page' }, { kind: 'cut', error: { reason: 'service_error' } }]);
});
