import fc from 'fast-check';
import { expect, test } from 'vitest';

import { ChunkTable } from '../../src/metrics/chunk-table.ts';

function textOf(table: ChunkTable): string {
  return Buffer.concat(Array.from(table.pieces(), ({ bytes }) => bytes)).toString();
}

test('holds what was put at each place last, in the order of the places, whatever happened before', () => {
  const step = fc.record({
    place: fc.integer({ min: 0, max: 700 }),
    text: fc.constantFrom('', 'a 1\n', 'longer{x="ü"} 2\n', 'b 1\nb 2\n'),
    value: fc.option(fc.integer({ min: 0, max: 1e6 })),
    isRead: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const table = new ChunkTable();
      const expected = new Map<number, string>();
      for (const { place, text, value, isRead } of steps) {
        const known = expected.get(place) ?? '';
        const lines = known.split('\n').length - 1;
        if (value !== null && lines <= 1) {
          table.setValue(place, value);
          if (lines === 1) expected.set(place, `${known.slice(0, known.lastIndexOf(' '))} ${value}\n`);
        } else {
          table.set(place, text);
          expected.set(place, text);
        }
        if (isRead) textOf(table);
      }
      const inOrder = [...expected].toSorted(([a], [b]) => a - b).map(([, text]) => text);
      expect(textOf(table)).toBe(inOrder.join(''));
    }),
  );
});

test('what did not change is the same bytes as before', () => {
  const table = new ChunkTable();
  for (let place = 0; place < 1_000; place++) table.set(place, `series{n="${place}"} 1\n`);
  const before = [...table.pieces()];
  table.set(300, 'series{n="300"} 1\n');
  expect([...table.pieces()]).toEqual(before);
  table.set(300, 'series{n="300"} 2\n');

  const after = [...table.pieces()];

  expect(after).toHaveLength(before.length);
  expect(after.filter((piece, index) => piece !== before[index])).toHaveLength(1);
});

test('bytes that were given away stay as they are', () => {
  const table = new ChunkTable();
  table.set(0, 'a 1\n');
  const [piece] = table.pieces();
  table.setValue(0, 25);
  expect(textOf(table)).toBe('a 25\n');

  expect(Buffer.from(piece?.bytes ?? []).toString()).toBe('a 1\n');
});
