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

test('says for which endpoints something else decides now', () => {
  const trust = createClientTrust();
  const name = 'api.example.com:8443';
  expect(trust.note(here)).toEqual([]);
  expect(trust.note(store('a', [root('One')]))).toEqual([name]);
  expect(trust.note(store('a', [root('One')]))).toEqual([]);
  expect(trust.note(store('a', [root('Two')]))).toEqual([name]);
  expect(trust.note(store('a', [root('Two')], 'other:1')).toSorted()).toEqual([name, 'other:1']);
  expect(trust.forget(store('a', []))).toEqual(['other:1']);
  expect(trust.forget(store('a', []))).toEqual([]);
});
