import { expect, test } from 'vitest';

import { DEFAULT_POLICY, type Policy } from '../../../src/policy/policy.ts';
import { fileLocation, judged, leaf, sighting, told } from '../places.ts';

function policy(unowned: 'off' | 'info' | 'warning'): Policy {
  return { ...DEFAULT_POLICY, settings: { ...DEFAULT_POLICY.settings, unowned } };
}

const owned = { labels: { owner: 'payments' } };

test.each([
  ['nobody', 'off', {}, {}, []],
  ['nobody', 'info', {}, {}, ['unowned info']],
  ['nobody', 'warning', {}, {}, ['unowned warning']],
  ['somebody, by the source', 'warning', owned, {}, []],
  ['somebody, by the item', 'warning', {}, owned, []],
] as const)('owned by %s where the rule is %s', (_, level, location, item, expected) => {
  expect(told(fileLocation([sighting(leaf(), item)], location), 0, { policy: policy(level) })).toEqual(expected);
});

test('what is empty needs no owner, and one of two without is told', () => {
  expect(told(fileLocation([]), 0, { policy: policy('info') })).toEqual([]);
  const two = fileLocation([sighting(leaf(), owned), sighting(leaf('other'))]);
  expect(judged(two, 0, { policy: policy('info') }).findings).toMatchObject([
    { family: 'coverage', cause: 'source:disk', title: 'source disk' },
  ]);
});
