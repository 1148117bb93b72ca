import { describe, expect, test } from 'vitest';

import { createInventoryIndex } from '../../../src/inventory/inventory-index.ts';
import type { KnownCertificate, Location } from '../../../src/inventory/model.ts';
import { DEFAULT_POLICY } from '../../../src/policy/policy.ts';
import { DAY, endpointLocation, HOUR, judged, leaf, MINUTE, NOW, told, view } from '../places.ts';

const before = leaf('api.example.com', { left: 40 * DAY, authorityKeyId: 'aa' });
const after = leaf('api.example.com', { id: 'bb'.repeat(32), left: 90 * DAY, authorityKeyId: 'aa' });

function node(id: number, served: KnownCertificate, sinceMs = 0, options: Partial<Location> = {}): Location {
  const location = endpointLocation([served], { id, location: `api.example.com:8443@10.0.0.${id}`, ...options });
  return {
    ...location,
    // Nothing is stale here.
    lastLookAt: NOW + DAY,
    sightings: location.sightings.map((seen) => ({ ...seen, firstSeenAt: NOW - sinceMs })),
  };
}

function toldAt(here: Location, others: readonly Location[], offset = 0, intervalMs = 15 * MINUTE): readonly string[] {
  const index = createInventoryIndex([here, ...others]);
  return told(here, offset, { view: view({ index, intervalMs }) });
}

describe('an address that serves the old certificate', () => {
  const old = node(1, before, 50 * DAY);

  test.each([
    ['while a roll-out takes 6 hours', 6 * HOUR, []],
    ['when it takes longer', 6 * HOUR + 21 * MINUTE, ['nodes-disagree warning']],
  ])('is told of %s', (_, sinceMs, expected) => {
    expect(toldAt(old, [node(2, after, sinceMs)])).toEqual(expected);
    expect(toldAt(node(2, after, sinceMs), [old])).toEqual([]);
  });

  test('is told of on time, from the first that was renewed on', () => {
    const others = [node(2, after, 2 * HOUR), node(3, after, HOUR), node(4, before, 50 * DAY)];
    const index = createInventoryIndex([old, ...others]);
    const { findings, nextAt } = judged(old, 0, { view: view({ index, intervalMs: HOUR }) });
    expect([findings, nextAt]).toEqual([[], NOW + 5 * HOUR + 5 * MINUTE]);
    expect(toldAt(old, others, 5 * HOUR + 5 * MINUTE, HOUR)).toEqual(['nodes-disagree warning']);
    expect(toldAt(old, others, 5 * HOUR + 5 * MINUTE - 1, HOUR)).toEqual([]);
  });

  test.each([
    ['out of sight itself', { ...old, failure: { reason: 'timeout' as const, detail: '' } }, node(2, after, DAY)],
    [
      'behind one that is out of sight',
      old,
      node(2, after, DAY, { failure: { reason: 'timeout' as const, detail: '' } }),
    ],
    ['of another target', old, node(2, after, DAY, { target: 'www.example.com' })],
    ['of another source', old, node(2, after, DAY, { source: 'others' })],
  ])('is left alone when %s', (_, here, other) => {
    expect(toldAt(here, [other])).not.toContain('nodes-disagree warning');
  });

  test('has the time that the config grants', () => {
    const index = createInventoryIndex([old, node(2, after, DAY)]);
    const policy = { ...DEFAULT_POLICY, sources: new Map([['partners', { rolloutGraceMs: 2 * DAY }]]) };
    expect(told(old, 0, { view: view({ index }), policy })).toEqual([]);
    expect(told(old, DAY + 6 * MINUTE, { view: view({ index }), policy })).toEqual(['nodes-disagree warning']);
  });
});

test('two providers behind one name are a note about the name', () => {
  const other = leaf('api.example.com', { id: 'cc', left: 90 * DAY, issuer: 'CN=E7,O=Other' });
  const index = createInventoryIndex([node(1, before, 5 * DAY), node(2, other, 5 * DAY)]);
  expect(judged(node(1, before, 5 * DAY), 0, { view: view({ index }) }).findings).toMatchObject([
    { rule: 'nodes-disagree', severity: 'info', cause: 'target:partners/api.example.com:8443' },
  ]);
});

test('the finding says who is ahead since when; its cause is the newer certificate', () => {
  const index = createInventoryIndex([node(1, before, 50 * DAY), node(2, after, DAY), node(3, after, 2 * DAY)]);
  const { findings } = judged(node(1, before, 50 * DAY), 0, { view: view({ index }) });
  expect(findings).toMatchObject([
    {
      family: 'deployment',
      cause: after.id,
      summary:
        'Behind api.example.com:8443, 2 other addresses serve a newer certificate than this one since 2026-01-30 12:00 UTC: clients meet api.example.com (CN=api.example.com,O=Example) still, at api.example.com:8443@10.0.0.1',
    },
  ]);
  expect(findings[0]?.facts[0]).toEqual({
    name: 'Newer at',
    value: 'api.example.com:8443@10.0.0.2, api.example.com:8443@10.0.0.3',
  });
});
