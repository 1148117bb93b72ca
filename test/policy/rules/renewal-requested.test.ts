import { expect, test } from 'vitest';

import type { Fact } from '../../../src/inventory/fact.ts';
import { CLOCK_SUBJECT } from '../../../src/plugin/fact-subject.ts';
import {
  authority,
  DAY,
  endpointLocation,
  fileLocation,
  HOUR,
  judged,
  leaf,
  NOW,
  sighting,
  told,
  view,
} from '../places.ts';

/** 90 days of which 60 are left: the usual window lies around the 60th day. */
const item = leaf();
const here = endpointLocation([item, authority()]);

function window(from: number, to: number, more: { explanationUrl?: string } = {}, skewMs = 0) {
  const renewal: Fact = { kind: 'renewal', at: NOW, startAt: NOW + from, endAt: NOW + to, ...more };
  const clock: Fact = { kind: 'clock', at: NOW, skewMs, hosts: 3, location: 99 };
  return { view: view({ facts: { [item.id]: [renewal], [CLOCK_SUBJECT]: [clock] } }) };
}

const why = { explanationUrl: 'https://ca.example/incident' };
test.each([
  ['the usual window to come', window(29 * DAY, 31 * DAY), []],
  ['a window that was moved into the past', window(-HOUR, -HOUR / 2), ['renewal-requested warning']],
  ['one that was moved to now', window(-HOUR, HOUR), ['renewal-requested info']],
  ['one that was moved and is still to come', window(HOUR, 2 * HOUR), []],
  ['one of the usual time that is explained', window(-2 * DAY, -DAY, why), ['renewal-requested warning']],
  ['one that our clock alone sees as passed', window(-HOUR, -HOUR / 2, {}, -2 * HOUR), []],
  [
    'one that our clock does not yet see as passed',
    window(HOUR, 2 * HOUR, {}, 3 * HOUR),
    ['renewal-requested warning'],
  ],
] as const)('%s', (_, options, expected) => {
  expect(told(here, 0, options)).toEqual(expected);
});

test('the usual window that has passed is no request', () => {
  expect(told(here, 35 * DAY, window(29 * DAY, 31 * DAY))).not.toContain('renewal-requested warning');
});

test('it changes with the window', () => {
  const options = window(HOUR, 2 * HOUR);
  expect(judged(here, 0, options).nextAt).toBe(NOW + HOUR);
  expect(told(here, HOUR, options)).toEqual(['renewal-requested info']);
  expect(judged(here, HOUR, options).nextAt).toBe(NOW + 2 * HOUR);
  expect(told(here, 2 * HOUR, options)).toEqual(['renewal-requested warning']);
});

test('by a clock that is behind it changes sooner', () => {
  expect(judged(here, 0, window(HOUR, 2 * HOUR, {}, 600_000)).nextAt).toBe(NOW + HOUR - 600_000);
});

test('the finding says until when, and why', () => {
  expect(judged(fileLocation([sighting(item)]), 0, window(-2 * HOUR, -HOUR, why)).findings).toMatchObject([
    {
      family: 'renewal',
      cause: item.id,
      summary:
        'The CA asks to renew api.example.com (CN=api.example.com,O=Example) ahead of time, its window ended 1 hour ago, 2026-02-01 11:00 UTC, at /etc/ssl/api.pem',
      actions: expect.arrayContaining(['Read why: https://ca.example/incident']) as unknown,
    },
  ]);
});

test('what has ended needs no renewal ahead of time', () => {
  expect(told(here, 61 * DAY, window(-HOUR, -HOUR / 2))).not.toContain('renewal-requested warning');
});
