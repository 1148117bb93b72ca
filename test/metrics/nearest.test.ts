import fc from 'fast-check';
import { expect, test } from 'vitest';

import { endOfRank, isWithin, LAST_RANK, nearest, NO_LIMIT, rankOf } from '../../src/metrics/nearest.ts';

const end = fc.oneof(
  fc.constant(undefined),
  fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }).map((seconds) => seconds * 1000),
  fc.integer({ min: 1_700_000_000, max: 1_700_000_009 }).map((seconds) => seconds * 1000),
);

test('what ends first is in, by its place where ends are the same, as far as the weights fit', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ end, weight: fc.integer({ min: 0, max: 9 }) }), { maxLength: 60 }),
      fc.integer({ min: 1, max: 150 }),
      (entries, budget) => {
        const ranks = Float64Array.from(entries, (entry) => rankOf(entry.end));
        const weights = Uint32Array.from(entries, ({ weight }) => weight);
        const limit = nearest(ranks, weights, entries.length, budget);

        let left = budget;
        const expected = new Set<number>();
        const order = [...entries.keys()].toSorted((a, b) => (ranks[a] ?? 0) - (ranks[b] ?? 0) || a - b);
        for (const place of order) {
          const weight = weights[place] ?? 0;
          if (weight > left) break;
          left -= weight;
          expected.add(place);
        }
        for (const place of entries.keys()) {
          // What weighs nothing has nothing to say, in or out.
          if ((weights[place] ?? 0) === 0) continue;
          expect(isWithin(limit, ranks[place] ?? 0, place)).toBe(expected.has(place));
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('everything is in where it fits', () => {
  expect(nearest(Float64Array.of(rankOf(0), LAST_RANK), Uint32Array.of(3, 4), 2, 7)).toBe(NO_LIMIT);
});

test.each([0, 1_750_000_000_000, -62_135_596_800_000, undefined])('the rank of %s tells the end', (endAt) => {
  expect(endOfRank(rankOf(endAt))).toBe(endAt === undefined ? undefined : endAt / 1000);
});
