import { expect, test } from 'vitest';

import { createInventoryIndex } from '../../src/inventory/inventory-index.ts';
import type { KnownCertificate, Location } from '../../src/inventory/model.ts';
import { DAY, endpointLocation, fileLocation, leaf, NOW, root, sighting } from '../policy/places.ts';

const before = leaf();
const after = leaf('api.example.com', { id: 'bb', left: 150 * DAY });

function node(id: number, served: KnownCertificate, options: Partial<Location> = {}): Location {
  return {
    ...endpointLocation([served]),
    id,
    location: `api.example.com:8443@10.0.0.${id}`,
    ...options,
  };
}

test('the addresses of one target know each other, and hear of what changes at one of them', () => {
  const index = createInventoryIndex([node(1, before), node(2, before), node(3, leaf('b'), { target: 'other' })]);
  expect(index.nodesBeside(node(1, before))).toMatchObject([{ locationId: 2, isOutOfSight: false }]);
  expect([...index.note(node(2, before))]).toEqual([]);
  expect(index.note(node(2, after))).toEqual(new Set([1]));
  expect([...index.note(node(2, after, { failure: { reason: 'timeout', detail: '' } }))]).toEqual([1]);
  expect(index.nodesBeside(node(1, before))).toMatchObject([{ leaf: { id: 'bb' }, isOutOfSight: true }]);
  expect([...index.forget(node(2, after))]).toContain(1);
  expect(index.nodesBeside(node(1, before))).toEqual([]);
});

test('an endpoint hears of the trust store that decides about its clients', () => {
  const index = createInventoryIndex([node(1, before), node(2, before, { target: 'other:1' })]);
  const usedBy = [{ type: 'endpoint' as const, id: 'api.example.com:8443' }];
  const store = fileLocation([sighting(root(), { role: 'trust-anchor', usedBy })], { id: 9 });
  expect(index.note(store)).toEqual(new Set([1, 2]));
  expect(index.clientAuthorities(node(1, before))).toEqual([root()]);
  expect(index.forget(store)).toEqual(new Set([1, 2]));
});

test.each([
  ['api.example.com', true],
  ['API.Example.COM', true],
  ['www.example.com', false],
  ['*.example.com', true],
  ['*.com', false],
  ['10.0.0.7', true],
])('%s is looked at: %s', (name, expected) => {
  const index = createInventoryIndex([node(1, before)]);
  expect(index.isWatched(name)).toBe(expected);
  index.forget(node(1, before));
  expect(index.isWatched(name)).toBe(false);
});

test('a renewal at one place concerns the endpoint that still serves the old one', () => {
  const index = createInventoryIndex([node(1, before)]);
  const file = fileLocation([sighting(after)], { id: 2, lastLookAt: NOW });
  expect([...index.note(file)]).toEqual([1]);
});
