import { expect, test } from 'vitest';

import type { Pins } from '../../../src/plugin/demands.ts';
import { DEFAULT_POLICY, type Policy } from '../../../src/policy/policy.ts';
import { DAY, fileLocation, judged, judgedChain, leaf, NOW, sighting, successor, told, view } from '../places.ts';

const own = leaf();
const next = leaf('api.example.com', {
  id: 'ee'.repeat(32),
  serial: '00FF',
  publicKey: 'dd'.repeat(32),
  left: 150 * DAY,
});

function policy(pins: Pins, source = 'partners'): Policy {
  return { ...DEFAULT_POLICY, sources: new Map([[source, { pins }]]) };
}

test.each([
  ['the fingerprint', { fingerprints: ['00', own.id] }, []],
  ['another fingerprint', { fingerprints: ['00'] }, ['pin-mismatch critical']],
  ['the serial with its issuer', { serials: [{ serial: 'A1B', issuer: 'cn=example issuing ca,o=example' }] }, []],
  ['the serial of another issuer', { serials: [{ serial: 'A1B', issuer: 'CN=Other CA' }] }, ['pin-mismatch critical']],
  ['another serial', { serials: [{ serial: 'A1C', issuer: own.issuer }] }, ['pin-mismatch critical']],
  ['the public key', { publicKeys: [own.publicKey] }, []],
  ['another public key', { publicKeys: [next.publicKey] }, ['pin-mismatch critical']],
  ['the issuer', { issuers: ['CN=Other CA', 'CN=EXAMPLE Issuing CA,O=Example'] }, []],
  ['another issuer', { issuers: ['CN=Other CA'] }, ['pin-mismatch critical']],
  [
    'one kind that fits and one that does not',
    { issuers: [own.issuer], publicKeys: ['00'] },
    ['pin-mismatch critical'],
  ],
] as const)('%s is pinned', (_, pins, expected) => {
  expect(told(judgedChain(), 0, { policy: policy(pins) })).toEqual(expected);
});

test('pins of another source, and of what serves nothing, say nothing', () => {
  expect(told(judgedChain(), 0, { policy: policy({ fingerprints: ['00'] }, 'others') })).toEqual([]);
  expect(told(fileLocation([sighting(own)]), 0, { policy: policy({ fingerprints: ['00'] }, 'disk') })).toEqual([]);
});

test.each([
  ['will fit by its issuer', { issuers: [own.issuer] }, next, []],
  ['will not fit by its key', { publicKeys: [own.publicKey] }, next, ['pin-mismatch warning']],
  ['is allowed already', { publicKeys: [own.publicKey, next.publicKey] }, next, []],
  ['has ended itself', { publicKeys: [own.publicKey] }, { ...next, notAfter: { status: 'known', at: NOW } }, []],
] as const)('a known successor that %s', (_, pins, item, expected) => {
  const seen = view({ successors: [successor(item, ['/etc/ssl/new.pem'])] });
  expect(told(judgedChain(), 0, { policy: policy(pins), view: seen })).toEqual(expected);
});

test('the findings name what does not fit, what would, and where the successor was seen', () => {
  const seen = view({ successors: [successor(next, ['d', 'b', 'c', 'a'])] });
  const pins = { publicKeys: ['00'], issuers: ['CN=Other CA'] };
  const { findings, nextAt } = judged(judgedChain(), 0, { policy: policy(pins), view: seen });
  expect(findings).toMatchObject([
    {
      family: 'deployment',
      cause: own.id,
      summary:
        'api.example.com (CN=api.example.com,O=Example) is not what is pinned (its public key, its issuer): clients that pin refuse it, at api.example.com:8443@10.0.0.7',
    },
    {
      family: 'deployment',
      cause: next.id,
      summary:
        'The successor of api.example.com (CN=api.example.com,O=Example), valid from 2026-04-02 12:00 UTC, is not what is pinned (its public key, its issuer): clients that pin will refuse it once it is served at api.example.com:8443@10.0.0.7',
    },
  ]);
  expect(findings[1]?.facts.slice(0, 2)).toEqual([
    { name: 'Seen at', value: 'a, b, c and 1 more' },
    { name: 'Would fit', value: `public key ${next.publicKey}, issuer ${next.issuer}` },
  ]);
  // Long before the successor ends, the renewal of the leaf is due.
  expect(nextAt).toBe(NOW + 34.5 * DAY);
});
