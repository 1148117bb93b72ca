import { expect, test } from 'vitest';

import type { Fact } from '../../../src/inventory/fact.ts';
import {
  authority,
  DAY,
  endpointLocation,
  fileLocation,
  judged,
  judgedChain,
  leaf,
  NOW,
  showing,
  sighting,
  told,
  view,
} from '../places.ts';

const item = leaf();

function fact(facts: Partial<Extract<Fact, { kind: 'revocation' }>> = {}): Fact {
  return {
    kind: 'revocation',
    at: NOW,
    status: 'revoked',
    by: 'crl',
    url: 'http://crl.example/ca.crl',
    revokedAt: NOW - DAY,
    reason: 'keyCompromise',
    ...facts,
  };
}

function withFacts(id: string, ...facts: readonly Fact[]) {
  return { view: view({ facts: { [id]: facts } }) };
}

test.each([
  ['a good response', { status: 'good' }, []],
  ['no response', undefined, []],
  ['a revoked one', { status: 'revoked', revokedAt: NOW - DAY }, ['revoked critical']],
] as const)('%s', (_, staple, expected) => {
  expect(told(judgedChain({}, { endpoint: staple === undefined ? {} : { staple } }))).toEqual(expected);
});

test('the finding says since when', () => {
  const location = judgedChain({}, { endpoint: { staple: { status: 'revoked', revokedAt: NOW - DAY } } });
  expect(judged(location).findings).toMatchObject([
    {
      family: 'chain',
      cause: leaf().id,
      summary:
        'api.example.com (CN=api.example.com,O=Example) was revoked on 2026-01-31 12:00 UTC and is still served, at api.example.com:8443@10.0.0.7',
    },
  ]);
});

const above = authority();
const client = leaf('billing');
const served = endpointLocation([item, above]);
test.each([
  ['served', served, item.id, fact(), ['revoked critical']],
  ['served, by OCSP', served, item.id, fact({ by: 'ocsp' }), ['revoked critical']],
  ['an intermediate that is served', served, above.id, fact(), ['revoked critical']],
  ['shown by a client', showing(served, 'billing', [client]), client.id, fact(), ['revoked critical']],
  ['in a file', fileLocation([sighting(item)]), item.id, fact(), ['revoked warning']],
  [
    'twice in a file',
    fileLocation([sighting(item), sighting(item, { place: 'copy' })]),
    item.id,
    fact(),
    ['revoked warning'],
  ],
  ['good', served, item.id, fact({ status: 'good' }), []],
  ['unknown', served, item.id, fact({ status: 'unknown' }), []],
  ['another', served, leaf('other').id, fact(), []],
] as const)('by the word of the CA: %s', (_, location, id, word, expected) => {
  expect(told(location, 0, withFacts(id, word))).toEqual(expected);
});

test('the finding says why and by whom it is known', () => {
  expect(judged(fileLocation([sighting(item)]), 0, withFacts(item.id, fact())).findings).toMatchObject([
    {
      summary:
        'api.example.com (CN=api.example.com,O=Example) was revoked on 2026-01-31 12:00 UTC (keyCompromise) and is still in place, at /etc/ssl/api.pem',
      facts: expect.arrayContaining([
        { name: 'Revoked', value: 'on 2026-01-31 12:00 UTC, by the revocation list http://crl.example/ca.crl' },
      ]) as unknown,
    },
  ]);
});

test('what has ended was revoked for nothing', () => {
  const location = fileLocation([sighting(item)]);
  expect(told(location, 60 * DAY - 1, withFacts(item.id, fact()))).toContain('revoked warning');
  expect(told(location, 60 * DAY, withFacts(item.id, fact()))).not.toContain('revoked warning');
});
