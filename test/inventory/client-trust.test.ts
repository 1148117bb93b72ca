import { expect, test } from 'vitest';

import { createClientTrust } from '../../src/inventory/client-trust.ts';
import type { KnownCertificate, Location } from '../../src/inventory/model.ts';
import { authority, endpointLocation, fileLocation, leaf, root, sighting } from '../policy/places.ts';

const here = endpointLocation([leaf()]);

function store(location: string, anchors: readonly KnownCertificate[], id = 'api.example.com:8443'): Location {
  const usedBy = [{ type: 'endpoint' as const, id }];
  return fileLocation(
    anchors.map((item) => sighting(item, { role: 'trust-anchor', usedBy })),
    { location },
  );
}

test('knows the authorities of all trust stores of an endpoint, each once, as they are now', () => {
  const [one, two] = [root('One'), root('Two')];
  const trust = createClientTrust([store('a', [one]), store('b', [one, two]), store('c', [root('X')], 'x:1')]);
  expect(trust.authoritiesAt(here)).toEqual([one, two]);
  trust.note(store('b', []));
  expect(trust.authoritiesAt(here)).toEqual([one]);
  trust.forget(store('a', []));
  expect(trust.authoritiesAt(here)).toEqual([]);
  expect(trust.authoritiesAt(fileLocation([]))).toEqual([]);
});

test('takes neither what a client sends nor what only passes by for a trust store', () => {
  const usedBy = [{ type: 'endpoint' as const, id: 'api.example.com:8443' }];
  const seen = [
    sighting(authority('Sent'), { role: 'intermediate', place: 'client/billing', usedBy }),
    sighting(leaf('billing'), { role: 'client', usedBy }),
    sighting(leaf('pinned'), { role: 'trust-anchor', usedBy }),
    sighting(root('Elsewhere'), { role: 'trust-anchor' }),
    sighting(root('Cloud'), { role: 'trust-anchor', usedBy: [{ type: 'aws', id: 'api.example.com:8443' }] }),
  ];
  expect(createClientTrust([fileLocation(seen)]).authoritiesAt(here)).toEqual([]);
});

test('says once that something is new for an endpoint', () => {
  const trust = createClientTrust();
  expect(trust.isNewsAt(here)).toBe(false);
  trust.note(store('a', [root('One')]));
  expect([trust.isNewsAt(here), trust.isNewsAt(here)]).toEqual([true, false]);
  trust.note(store('a', [root('Two')]));
  trust.note(here);
  expect([trust.isNewsAt(here), trust.isNewsAt(here)]).toEqual([true, false]);
  trust.forget(store('a', []));
  expect([trust.isNewsAt(here), trust.isNewsAt(here)]).toEqual([true, false]);
});
