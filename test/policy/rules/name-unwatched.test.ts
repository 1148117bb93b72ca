import { expect, test } from 'vitest';

import { createInventoryIndex } from '../../../src/inventory/inventory-index.ts';
import { DEFAULT_POLICY, type Policy } from '../../../src/policy/policy.ts';
import { DAY, endpointLocation, fileLocation, judged, leaf, NOW, sighting, told, view } from '../places.ts';

const index = createInventoryIndex([{ ...endpointLocation([leaf()]), id: 9 }]);
const on: Policy = { ...DEFAULT_POLICY, settings: { ...DEFAULT_POLICY.settings, nameUnwatched: 'info' } };

test.each([
  ['that is a target', ['api.example.com'], []],
  ['that is no target', ['api.example.com', 'www.example.com'], ['name-unwatched info']],
  ['with a wildcard above a target', ['*.example.com'], []],
  ['with a wildcard above nothing', ['*.example.org'], ['name-unwatched info']],
  ['of one label', ['localhost'], []],
  ['of a user', ['somebody@example.org'], []],
  ['that is a URI', ['spiffe://example.org/billing'], []],
])('a name %s', (_, names, expected) => {
  const location = fileLocation([sighting(leaf('x', { names }))]);
  expect(told(location, 0, { policy: on, view: view({ index }) })).toEqual(expected);
  expect(told(location, 0, { view: view({ index }) })).toEqual([]);
});

test('names of clients and of what has ended are nobody’s concern', () => {
  const names = ['www.example.org'];
  const location = fileLocation([
    sighting(leaf('a', { names }), { role: 'client' }),
    sighting(leaf('b', { names, left: -DAY })),
  ]);
  expect(told(location, 0, { policy: on, view: view({ index }) })).toEqual(['expired critical']);
});

test('the finding lists what is not looked at, and is asked again within a day', () => {
  const names = Array.from({ length: 13 }, (_, position) => `h${position}.example.org`);
  const { findings, nextAt } = judged(fileLocation([sighting(leaf('x', { names }))]), 0, {
    policy: on,
    view: view({ index }),
  });
  expect(findings).toMatchObject([
    {
      family: 'coverage',
      summary:
        'x (CN=x,O=Example) is for h0.example.org and 12 other names, at which nobody looks: what is served there is not known, at /etc/ssl/api.pem',
    },
  ]);
  expect(findings[0]?.facts[0]?.value).toMatch(/^h0.*h9\.example\.org and 3 others$/);
  expect(nextAt).toBe(NOW + DAY);
});
