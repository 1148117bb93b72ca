import { expect, test } from 'vitest';

import { createInventoryIndex } from '../../../src/inventory/inventory-index.ts';
import { DAY, endpointLocation, fileLocation, judged, leaf, NOW, sighting, told, view } from '../places.ts';

const file = fileLocation([sighting(leaf())], { id: 2 });
const withTarget = { ...file, gone: { at: NOW, with: 'target' as const } };
const alone = { ...file, gone: { at: NOW, with: 'location' as const } };
const endpoint = endpointLocation([leaf()], { id: 3 });
const copy = fileLocation([sighting(leaf())], { id: 4, location: '/etc/copy.pem' });

test.each([
  ['with its target', withTarget, [], ['gone info']],
  ['alone', alone, [], []],
  ['with its target, as the only place of what is served', withTarget, [endpoint], ['gone warning']],
  ['alone, as the only place of what is served', alone, [endpoint], ['gone warning']],
  ['alone, and a copy lies elsewhere', alone, [endpoint, copy], []],
] as const)('a file that goes %s', (_, location, others, expected) => {
  const index = createInventoryIndex([...others]);
  expect(told(location, 0, { view: view({ index }) })).toEqual(expected);
});

test('what held nothing alive goes without a word, and no other rule speaks of what is gone', () => {
  const over = { ...fileLocation([sighting(leaf('x', { left: -DAY }))]), gone: withTarget.gone };
  expect(told(over)).toEqual([]);
  expect(told({ ...withTarget, failures: 5, failure: { reason: 'timeout', detail: '' } })).toEqual(['gone info']);
});

test('it is told of for a week, at the target', () => {
  const { findings, nextAt } = judged(withTarget);
  expect(findings).toMatchObject([
    {
      family: 'coverage',
      cause: 'target:disk//etc/ssl',
      summary: '/etc/ssl/api.pem is no more since 2026-02-01 12:00 UTC; it held 1 item that has not ended',
    },
  ]);
  expect(nextAt).toBe(NOW + 7 * DAY);
  expect(told(withTarget, 7 * DAY)).toEqual([]);
});
