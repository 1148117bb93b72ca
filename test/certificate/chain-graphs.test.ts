import { expect, test } from 'vitest';

import { randomGraph } from '../helpers/chain-graphs.ts';
import { tryGraph, type Outcome } from '../helpers/chain-oracle.ts';

const COUNT = 2_000;

test(`on ${COUNT} random PKIs the search finds what trying every path finds`, () => {
  const outcomes = new Map<Outcome, number>();
  for (let seed = 0; seed < COUNT; seed++) {
    try {
      const outcome = tryGraph(randomGraph(seed));
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    } catch (error) {
      throw new Error(`graph ${seed}`, { cause: error });
    }
  }
  // Each way in which a graph can come out must have been tried, and few may be too much for the caps.
  const share = (outcome: Outcome): number => (outcomes.get(outcome) ?? 0) / COUNT;
  for (const outcome of ['trusted', 'expired', 'breach', 'unknown-issuer', 'unknown-root'] as const) {
    expect(share(outcome), outcome).toBeGreaterThan(0.02);
  }
  expect(share('exhausted')).toBeLessThan(0.02);
});
