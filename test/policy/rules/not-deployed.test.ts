import { describe, expect, test } from 'vitest';

import { createInventoryIndex } from '../../../src/inventory/inventory-index.ts';
import type { KnownCertificate, Location } from '../../../src/inventory/model.ts';
import {
  DAY,
  endpointLocation,
  fileLocation,
  HOUR,
  judged,
  leaf,
  MINUTE,
  NOW,
  sighting,
  told,
  view,
} from '../places.ts';

const served = leaf('api.example.com', { left: 60 * DAY, authorityKeyId: 'aa', keyAlgorithm: 'ec P-256' });
const renewal = leaf('api.example.com', { id: 'bb'.repeat(32), left: 89 * DAY, authorityKeyId: 'aa' });
// Nothing is stale here.
const endpoint = endpointLocation([served], { lastLookAt: NOW + DAY });

function store(items: readonly KnownCertificate[], options: Partial<Location> = {}, sinceMs = 10 * HOUR): Location {
  const seen = items.map((item) => sighting(item, { firstSeenAt: NOW - sinceMs }));
  return fileLocation(seen, { id: 2, location: '/etc/ssl/api.pem', ...options });
}

function toldWith(others: readonly Location[], offset = 0, here: Location = endpoint): readonly string[] {
  const index = createInventoryIndex([here, ...others]);
  return told(here, offset, { view: view({ index, intervalMs: 15 * MINUTE }) });
}

test.each([
  ['for 6 hours', 6 * HOUR, []],
  ['for 6 hours and a look more', 6 * HOUR + 20 * MINUTE, ['not-deployed warning']],
])('a store holds the renewal %s', (_, sinceMs, expected) => {
  expect(toldWith([store([renewal], {}, sinceMs)])).toEqual(expected);
});

describe('what lies in a store', () => {
  const day = DAY;
  test.each<[string, KnownCertificate, readonly string[]]>([
    ['the same', served, []],
    ['an older one', leaf('api.example.com', { id: 'cc', left: 10 * DAY, authorityKeyId: 'aa' }), ['expiring warning']],
    ['one for other names', { ...renewal, names: ['api.example.com', 'www.example.com'] }, []],
    ['one of another CA', { ...renewal, issuer: 'CN=E7,O=Other', authorityKeyId: 'bb' }, []],
    [
      'one of another intermediate of the same CA',
      { ...renewal, issuer: 'CN=E7,O=Example', authorityKeyId: 'bb' },
      ['!'],
    ],
    ['one with another kind of key', { ...renewal, keyAlgorithm: 'rsa 2048' }, []],
    ['a self-signed one', { ...renewal, selfIssued: true }, []],
    [
      'one that is not valid yet',
      { ...renewal, notBefore: { status: 'known', at: NOW + HOUR } },
      ['not-yet-valid info'],
    ],
    ['the renewal', renewal, ['!']],
  ])('%s', (_, item, expected) => {
    const here = toldWith([store([item], {}, day)]);
    expect(here).toEqual(expected[0] === '!' ? ['not-deployed warning'] : []);
  });
});

describe('several certificates of one name are no drift', () => {
  test('where what is served lies in a store of its own', () => {
    expect(toldWith([store([renewal]), store([served], { id: 3, location: '/etc/mail/api.pem' })])).toEqual([]);
  });

  test('but what took the place of the served one is', () => {
    const index = createInventoryIndex([endpoint, store([served], { id: 3, location: '/etc/mail/api.pem' })]);
    index.note(store([served]));
    index.note(store([{ ...renewal, keyAlgorithm: 'rsa 2048' }]));
    expect(told(endpoint, 0, { view: view({ index }) })).toEqual(['not-deployed warning']);
  });

  test('nor is what the store says is used here', () => {
    const usedBy = [{ type: 'endpoint' as const, id: 'https://api.example.com:8443/' }];
    const secret = fileLocation([sighting({ ...renewal, issuer: 'CN=X', authorityKeyId: 'x' }, { usedBy })], { id: 2 });
    expect(toldWith([secret, store([served], { id: 3, location: '/etc/mail/api.pem' })])).toEqual([
      'not-deployed warning',
    ]);
  });

  test('nor what clients and other endpoints hold', () => {
    const client = fileLocation([sighting(renewal, { role: 'client', firstSeenAt: NOW - DAY })], { id: 2 });
    const other = { ...endpointLocation([renewal], { target: 'x', location: 'x' }), id: 3 };
    expect(toldWith([client, other])).toEqual([]);
  });

  test('nor is it told of an endpoint that is out of sight', () => {
    const lost = { ...endpoint, failure: { reason: 'timeout' as const, detail: '' } };
    expect(toldWith([store([renewal])], 0, lost)).toEqual(['unreachable info']);
  });
});

test('the finding names the stores, since when, and what ends; its cause is the renewal', () => {
  const index = createInventoryIndex([
    endpoint,
    store([renewal], {}, DAY),
    store([renewal], { id: 3, location: '/b' }),
  ]);
  const { findings, nextAt } = judged(endpoint, 0, { view: view({ index }) });
  expect(findings).toMatchObject([
    {
      family: 'deployment',
      severity: 'warning',
      cause: renewal.id,
      summary:
        'A newer certificate lies at /b since 2026-01-31 12:00 UTC, and api.example.com (CN=api.example.com,O=Example), which ends in 60 days, 2026-04-02 12:00 UTC, is still served, at api.example.com:8443@10.0.0.7',
    },
  ]);
  expect(findings[0]?.facts[0]).toEqual({ name: 'Newer at', value: '/b, /etc/ssl/api.pem' });
  expect(nextAt).toBeGreaterThan(NOW);
});

test('until the grace is over, it is known when it will be', () => {
  const index = createInventoryIndex([endpoint, store([renewal], {}, HOUR)]);
  expect(judged(endpoint, 0, { view: view({ index, intervalMs: HOUR }) })).toEqual({
    findings: [],
    nextAt: NOW + 6 * HOUR + 5 * MINUTE,
  });
});

test('a renewal that is valid from a day to come is told from then on, after the grace', () => {
  const startsIn = 2 * DAY;
  const coming = { ...renewal, notBefore: { status: 'known' as const, at: NOW + startsIn } };
  const lateAfter = startsIn + 6 * HOUR + 20 * MINUTE;
  const here = { ...endpoint, lastLookAt: NOW + 30 * DAY };
  const index = createInventoryIndex([here, store([coming])]);
  const options = { view: view({ index, intervalMs: 15 * MINUTE }) };
  expect([told(here, lateAfter - 1, options), told(here, lateAfter, options)]).toEqual([[], ['not-deployed warning']]);
  expect(judged(here, 0, options).nextAt).toBe(NOW + lateAfter);
});
