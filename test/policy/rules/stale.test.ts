import { expect, test } from 'vitest';

import { DEFAULT_POLICY } from '../../../src/policy/policy.ts';
import { endpointLocation, HOUR, judged, leaf, MINUTE, NOW, told, view } from '../places.ts';

const hourly = { view: view({ intervalMs: HOUR }) };
const here = endpointLocation([leaf()]);

test('a location is stale when nobody looked for more than three intervals and five minutes', () => {
  const lastGood = 3 * HOUR + 5 * MINUTE;
  expect(judged(here, 0, hourly).nextAt).toBe(NOW + lastGood + 1);
  expect(told(here, lastGood, hourly)).toEqual([]);
  expect(told(here, lastGood + 1, hourly)).toEqual(['stale warning']);
});

test('failed looks are looks: a place that cannot be reached is not stale', () => {
  const failing = {
    ...here,
    lastLookAt: NOW,
    lastSuccessAt: NOW - 100 * HOUR,
    failures: 100,
    failure: { reason: 'timeout' as const, detail: 'x' },
  };
  expect(told(failing, HOUR, hourly)).toEqual(['unreachable warning']);
});

test('a source that is not running makes nothing stale', () => {
  expect(told(here, 24 * HOUR)).toEqual([]);
});

test('the policy may allow more intervals', () => {
  const policy = { ...DEFAULT_POLICY, settings: { ...DEFAULT_POLICY.settings, staleAfterIntervals: 10 } };
  expect(told(here, 9 * HOUR, { ...hourly, policy })).toEqual([]);
  expect(told(here, 11 * HOUR, { ...hourly, policy })).toEqual(['stale warning']);
});

test('the finding is about the target and says since when', () => {
  expect(judged(here, 30 * HOUR, hourly).findings).toMatchObject([
    {
      family: 'coverage',
      cause: 'target:partners/api.example.com:8443',
      summary:
        'api.example.com:8443 has not been looked at for 1 day, since 2026-02-01 12:00 UTC, though source partners looks every 1 hour, at api.example.com:8443@10.0.0.7',
    },
  ]);
});
