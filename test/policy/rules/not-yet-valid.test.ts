import { expect, test } from 'vitest';

import { authority, DAY, endpointLocation, fileLocation, HOUR, judged, leaf, NOW, sighting, told } from '../places.ts';

const future = leaf('api.example.com', { lives: 90 * DAY, left: 90 * DAY + 2 * HOUR });

test.each([
  ['is critical when an endpoint serves it', endpointLocation([future, authority()]), ['not-yet-valid critical']],
  ['is critical when an endpoint serves it without a chain to judge', withoutChain(), ['not-yet-valid critical']],
  ['is a note in a file', fileLocation([sighting(future)]), ['not-yet-valid info']],
  [
    'is told of once when a file holds it twice',
    fileLocation([sighting(future), sighting(future, { place: 'copy' })]),
    ['not-yet-valid info'],
  ],
  [
    'is no matter for an authority in a file',
    fileLocation([sighting(authority('CA', { lives: DAY, left: 2 * DAY }), { role: 'intermediate' })]),
    [],
  ],
] as const)('a certificate that is not valid yet %s', (_, location, expected) => {
  expect(told(location)).toEqual(expected);
});

function withoutChain() {
  const { chain: _, ...location } = endpointLocation([future]);
  return location;
}

test('it is valid from the very instant of notBefore', () => {
  const here = endpointLocation([future]);
  expect(judged(here).nextAt).toBe(NOW + 2 * HOUR);
  expect(told(here, 2 * HOUR - 1)).toEqual(['not-yet-valid critical']);
  expect(told(here, 2 * HOUR)).toEqual([]);
});

test('the finding is of the family chain and says from when on it is valid', () => {
  expect(judged(endpointLocation([future])).findings).toMatchObject([
    {
      family: 'chain',
      cause: future.id,
      summary:
        'api.example.com (CN=api.example.com,O=Example) becomes valid only in 2 hours, 2026-02-01 14:00 UTC, at api.example.com:8443@10.0.0.7',
    },
  ]);
});

test('an intermediate that an endpoint serves before its time is none of its concern', () => {
  expect(told(endpointLocation([leaf(), authority('CA', { lives: 3650 * DAY, left: 3651 * DAY })]))).toEqual([]);
});
