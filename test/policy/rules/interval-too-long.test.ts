import { expect, test } from 'vitest';

import { authority, DAY, fileLocation, HOUR, judged, leaf, NOW, root, sighting, told, view } from '../places.ts';

const short = leaf('short', { lives: 160 * HOUR, left: 100 * HOUR });

test.each([
  ['once in 3 hours, of 160', 3 * HOUR, [short], []],
  ['once in 4 hours, of 160', 4 * HOUR, [short], ['interval-too-long info']],
  ['once a day, of 160', 24 * HOUR, [short], ['interval-too-long warning']],
  ['once a day, of 90 days', 24 * HOUR, [leaf()], []],
  ['once a week, of 90 days', 7 * DAY, [leaf()], ['interval-too-long info']],
  ['once a day, of what has ended', 24 * HOUR, [leaf('old', { lives: DAY, left: -DAY })], ['expired critical']],
  ['once in 4 hours, of one that never ends', 4 * HOUR, [leaf('x', { notAfter: { status: 'never' } })], []],
  ['once in 4 hours, of a short-lived CA', 4 * HOUR, [authority('CA', { lives: 6 * DAY, left: 5 * DAY })], []],
  ['without an interval', undefined, [short], []],
] as const)('looked at %s', (_, intervalMs, items, expected) => {
  const location = fileLocation(items.map((item) => sighting(item, item.isCa ? { role: 'issuer' } : {})));
  const seen = intervalMs === undefined ? view() : view({ intervalMs });
  expect(told(location, 0, { view: seen })).toEqual(expected);
});

test('the finding is about the source, names the shortest life, and says what to set', () => {
  const location = fileLocation([sighting(leaf()), sighting(short), sighting(root(), { role: 'trust-anchor' })]);
  const { findings, nextAt } = judged(location, 0, { view: view({ intervalMs: 6 * HOUR }) });
  expect(findings).toMatchObject([
    {
      family: 'coverage',
      cause: 'source:disk',
      summary:
        'Source disk looks every 6 hours, but short (CN=short,O=Example) lives for 6 days only: it may end between two looks, at /etc/ssl/api.pem',
      actions: [
        'Set "every" of source disk to 3 hours or less',
        'Or give what lives so short a source of its own, with a shorter interval',
      ],
    },
  ]);
  expect(nextAt).toBeLessThanOrEqual(NOW + 100 * HOUR);
});
