import { expect, test } from 'vitest';

import { createClockSamples } from '../../src/enrich/clock.ts';

const NOW = Date.UTC(2026, 10, 23, 12);
const dated = (ms: number, more: Readonly<Record<string, string>> = {}): ReadonlyMap<string, string> =>
  new Map([['date', new Date(NOW + ms).toUTCString()], ...Object.entries(more)]);

test('the skew is the median over the hosts, each by its last answer', () => {
  const samples = createClockSamples();
  samples.note('a', NOW, NOW, dated(3_600_000));
  samples.note('a', NOW - 500, NOW + 500, dated(120_000));
  samples.note('b', NOW, NOW, dated(122_000));
  expect(samples.skew(NOW)).toEqual({ skewMs: 121_500, hosts: 2 });
  samples.note('c', NOW, NOW, dated(-9_000_000));
  expect(samples.skew(NOW)).toEqual({ skewMs: 120_500, hosts: 3 });
});

test.each([
  ['no date', new Map<string, string>()],
  ['a date that is none', new Map([['date', 'yesterday']])],
  ['a date in another form', new Map([['date', '2026-11-23T12:00:00Z']])],
  ['the answer of a cache', dated(99_000, { age: '99' })],
])('%s says nothing', (_, headers) => {
  const samples = createClockSamples();
  samples.note('a', NOW, NOW, headers);
  expect(samples.skew(NOW)).toBeUndefined();
});

test('a slow answer and an old one say nothing', () => {
  const samples = createClockSamples();
  samples.note('a', NOW, NOW + 20_000, dated(0));
  samples.note('b', NOW, NOW - 1, dated(0));
  expect(samples.skew(NOW)).toBeUndefined();
  samples.note('c', NOW, NOW, dated(0));
  expect([samples.skew(NOW)?.hosts, samples.skew(NOW + 25 * 3_600_000)]).toEqual([1, undefined]);
});
