import { expect, test } from 'vitest';

import { groupFindings } from '../../src/policy/group.ts';
import { authority, DAY, endpointLocation, fileLocation, judged, leaf, NOW, sighting } from './places.ts';
import type { Location } from '../../src/inventory/model.ts';

const entry = (location: Location) => ({ location, findings: judged(location).findings });

test('500 leaves under one ending intermediate are one group with 500 locations', () => {
  const intermediate = authority('Shared CA', { left: 10 * DAY });
  const entries = Array.from({ length: 500 }, (_, index) =>
    entry(endpointLocation([leaf(`leaf ${index}`), intermediate], { location: `h${index}:443@10.0.0.1` })),
  );
  const groups = groupFindings(entries);
  expect(groups).toHaveLength(1);
  expect(groups[0]).toMatchObject({
    rule: 'expiring',
    family: 'expiry',
    severity: 'critical',
    cause: intermediate.id,
    title: 'Shared CA',
    endsAt: NOW + 10 * DAY,
  });
  expect(groups[0]?.locations).toHaveLength(500);
  expect(groups[0]?.locations.slice(0, 3)).toEqual(['h0:443@10.0.0.1', 'h100:443@10.0.0.1', 'h101:443@10.0.0.1']);
  expect(groups[0]?.summary).toMatch(/, at h0:443@10\.0\.0\.1 and 499 more$/);
});

test('the worst place speaks for a group, and the worst group comes first', () => {
  const shared = leaf('shared', { left: 6 * DAY });
  const short = { ...shared, notBefore: { status: 'known' as const, at: NOW - 1 * DAY } };
  const groups = groupFindings([
    entry(fileLocation([sighting(short)], { location: '/a/mild.pem' })),
    entry(fileLocation([sighting(leaf('soon', { left: 20 * DAY }))], { location: '/b.pem' })),
    entry(fileLocation([sighting(shared)], { location: '/z/bad.pem' })),
    entry(fileLocation([sighting(leaf('gone', { left: -1 * DAY }))], { location: '/c.pem' })),
  ]);
  expect(
    groups.map(({ rule, severity, title, locations }) => `${severity} ${rule} ${title} ${locations.join()}`),
  ).toEqual(['critical expired gone /c.pem', 'critical expiring shared /z/bad.pem', 'warning expiring soon /b.pem']);
});

test('the severity of a group is the worst of its places, and each location counts once', () => {
  const item = leaf('shared', { left: 5 * DAY });
  const beside = entry(endpointLocation([leaf('x'), item], { path: [leaf('x')], location: 'x:443@10.0.0.1' }));
  const groups = groupFindings([beside, beside, entry(fileLocation([sighting(item)]))]);
  expect(groups).toHaveLength(1);
  expect(groups[0]).toMatchObject({ severity: 'critical', locations: ['/etc/ssl/api.pem', 'x:443@10.0.0.1'] });
  expect(groups[0]?.summary).toMatch(/at \/etc\/ssl\/api\.pem and 1 more$/);
});

test('very many places make one group', () => {
  const one = entry(fileLocation([sighting(leaf('shared', { left: 5 * DAY }))]));
  const groups = groupFindings(Array.from({ length: 200_000 }, () => one));
  expect(groups.map(({ endsAt }) => endsAt)).toEqual([NOW + 5 * DAY]);
});

test('nothing gives no groups', () => {
  expect(groupFindings([])).toEqual([]);
});
