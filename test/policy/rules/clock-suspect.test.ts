import { expect, test } from 'vitest';

import { CLOCK_SUBJECT } from '../../../src/plugin/fact-subject.ts';
import { fileLocation, HOUR, judged, leaf, MINUTE, NOW, sighting, told, view } from '../places.ts';

const here = fileLocation([sighting(leaf())], { id: 7 });
const elsewhere = fileLocation([sighting(leaf())], { id: 8 });

function clock(skewMs: number, hosts = 2) {
  return { view: view({ facts: { [CLOCK_SUBJECT]: [{ kind: 'clock', at: NOW, skewMs, hosts, location: 7 }] } }) };
}

test.each([
  [0, 2, []],
  [29_999, 2, []],
  [30_000, 2, ['clock-suspect info']],
  [-30_000, 2, ['clock-suspect info']],
  [5 * MINUTE - 1, 2, ['clock-suspect info']],
  [5 * MINUTE, 2, ['clock-suspect warning']],
  [-5 * MINUTE, 3, ['clock-suspect warning']],
  [24 * HOUR, 1, ['clock-suspect info']],
] as const)('a difference of %d ms to %d hosts', (skewMs, hosts, expected) => {
  expect(told(here, 0, clock(skewMs, hosts))).toEqual(expected);
});

test('it is told at one location alone', () => {
  expect(told(elsewhere, 0, clock(HOUR))).toEqual([]);
});

test('a comparison holds for three hours', () => {
  expect(judged(here, 0, clock(HOUR)).nextAt).toBe(NOW + 3 * HOUR);
  expect(told(here, 3 * HOUR, clock(HOUR))).toEqual([]);
});

test('the finding says which way', () => {
  expect(judged(here, 0, clock(-HOUR)).findings).toMatchObject([
    {
      family: 'clock',
      cause: 'clock',
      summary: expect.stringMatching(/is 1 hour ahead of the clocks of 2 hosts/) as string,
    },
  ]);
  expect(judged(here, 0, clock(45_000)).findings).toMatchObject([
    { summary: expect.stringMatching(/is 45 seconds behind the clocks/) as string },
  ]);
});
