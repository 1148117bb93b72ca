import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { splitItems } from '../../../collectors/kubernetes/json-items.ts';

/** The same bytes in pieces of these lengths. */
async function* cut(bytes: Buffer, lengths: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let rank = 0; at < bytes.length; rank++) {
    const length = Math.max(1, lengths[rank % Math.max(1, lengths.length)] ?? bytes.length);
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

async function split(
  document: string,
  lengths: readonly number[],
): Promise<{ readonly items: unknown[]; readonly envelope: unknown }> {
  const parts = splitItems(cut(Buffer.from(document), lengths), 'list secrets');
  const items: unknown[] = [];
  for (;;) {
    const next = await parts.next();
    if (next.done === true) return { items, envelope: next.value };
    if (next.value.kind === 'item') items.push(JSON.parse(next.value.bytes.toString('utf8')));
  }
}

describe('splitItems', () => {
  it('gives every item and the envelope, wherever the pieces end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.dictionary(fc.string(), fc.jsonValue())),
        fc.dictionary(
          fc.string().filter((key) => key !== 'items' && key !== '__proto__'),
          fc.jsonValue(),
        ),
        fc.boolean(),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        async (items, around, isPretty, lengths) => {
          const list = JSON.parse(JSON.stringify({ ...around, items })) as { items: unknown[] };

          const found = await split(JSON.stringify(list, null, isPretty ? 2 : 0), lengths);

          expect(found).toEqual({ items: list.items, envelope: { ...list, items: [] } });
        },
      ),
      { numRuns: 100 },
    );
  });

  it.each([
    ['{"metadata":{},"items":null}', { metadata: {}, items: null }],
    ['{"items":[],"metadata":{"continue":"x"}}', { items: [], metadata: { continue: 'x' } }],
    ['{"nested":{"items":[{"a":1}]},"items":[]}', { nested: { items: [{ a: 1 }] }, items: [] }],
  ])('finds no item in %s', async (document, envelope) => {
    expect(await split(document, [7])).toEqual({ items: [], envelope });
  });

  it.each([
    ['cut off in an item', '{"items":[{"a":"b', 'closed'],
    ['cut off behind an item', '{"items":[{"a":1},', 'closed'],
    ['that is HTML', '<html><body>Sign in</body></html>', 'malformed'],
    ['that is empty', '', 'malformed'],
    ['whose envelope has no end', `{"metadata":"${'x'.repeat(300_000)}"}`, 'malformed'],
  ])('refuses an answer %s', async (_what, document, reason) => {
    await expect(split(document, [1000])).rejects.toMatchObject({ name: 'CollectError', reason });
  });

  it('passes an item by that is too long, with its beginning, and goes on behind it', async () => {
    const large = `{"metadata":{"name":"huge"},"data":"${'x'.repeat(9 * 1024 * 1024)}"}`;
    const parts = splitItems(cut(Buffer.from(`{"items":[${large},{"a":1}]}`), [65_536]), 'list configmaps');

    const found = await Array.fromAsync(parts);

    expect(found.map(({ kind }) => kind)).toEqual(['too-large', 'item']);
    expect(found[0]?.kind === 'too-large' && found[0].start.toString('utf8')).toContain('"name":"huge"');
  });
});
