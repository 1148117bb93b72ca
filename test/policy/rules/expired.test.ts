import { expect, test } from 'vitest';

import type { KnownItem } from '../../../src/inventory/model.ts';
import type { Role } from '../../../src/plugin/item.ts';
import {
  authority,
  credential,
  DAY,
  described,
  endpointLocation,
  fileLocation,
  judged,
  leaf,
  NOW,
  root,
  sighting,
  told,
  view,
} from '../places.ts';

test.each<[string, KnownItem, Role]>([
  ['a server certificate', leaf('x', { left: 0 }), 'server'],
  ['a client certificate', leaf('x', { left: -400 * DAY }), 'client'],
  ['a described certificate', described({ left: 0 }), 'client'],
  ['an intermediate', authority('x', { left: 0 }), 'intermediate'],
  ['a private trust anchor', root('x', { left: 0 }), 'trust-anchor'],
  ['a credential', credential({ left: 0 }), 'unknown'],
])('%s that has ended is critical', (_, item, role) => {
  expect(told(fileLocation([sighting(item, { role })]))).toEqual(['expired critical']);
});

test('it has ended at the very instant of notAfter, and not a moment before', () => {
  const here = endpointLocation([leaf('x', { left: 5 * DAY })]);
  expect(told(here, 5 * DAY - 1)).toEqual(['expiring critical']);
  expect(told(here, 5 * DAY)).toEqual(['expired critical']);
  expect(judged(here, 5 * DAY).nextAt).toBeUndefined();
});

test('the cause stays the same when an end passes, so that it is one alert that got worse', () => {
  const here = endpointLocation([leaf('x', { left: DAY })]);
  expect(judged(here, 2 * DAY).findings[0]?.cause).toBe(judged(here).findings[0]?.cause);
});

test('an ended intermediate is the cause at every endpoint that it limits', () => {
  const intermediate = authority('CA', { left: -DAY });
  const causes = ['a', 'b', 'c'].flatMap((name) =>
    judged(endpointLocation([leaf(name), intermediate])).findings.map((finding) => `${finding.rule} ${finding.cause}`),
  );
  expect(causes).toEqual(Array(3).fill(`expired ${intermediate.id}`));
});

test('an ended public root in a bundle is worth a note', () => {
  const old = root('Old Root', { left: -DAY });
  const bundle = fileLocation([sighting(old, { role: 'trust-anchor' })]);
  expect(told(bundle, 0, { view: view({ publicRoots: [old.id] }) })).toEqual(['expired info']);
});

test('the finding says since when, and how to be rid of what nobody uses', () => {
  const { findings } = judged(fileLocation([sighting(leaf('old.example.com', { left: -3 * DAY }))]));
  expect(findings[0]?.summary).toBe(
    'old.example.com (CN=old.example.com,O=Example) ended 3 days ago, 2026-01-29 12:00 UTC, at /etc/ssl/api.pem',
  );
  expect(findings[0]?.endsAt).toBe(NOW - 3 * DAY);
  expect(findings[0]?.actions).toContain(
    'If nothing uses it any more, remove it from /etc/ssl/api.pem: the alert ends when it is gone',
  );
});

test('an ended certificate beside its successor is a note, and an ending one is told of as any other', () => {
  const old = leaf('pay.example', { left: 2 * DAY });
  const location = fileLocation([sighting(old, { supersededBy: '/etc/tls/new.pem' })]);
  expect(told(location)).toEqual(['expiring critical']);
  expect(told(location, 2 * DAY - 1)).toEqual(['expiring critical']);
  expect(told(location, 2 * DAY)).toEqual(['expired info']);
  expect(judged(location, 2 * DAY).findings[0]?.facts).toContainEqual({ name: 'Successor', value: '/etc/tls/new.pem' });
});
