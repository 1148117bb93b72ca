import { expect, test } from 'vitest';

import type { Reason } from '../../../src/plugin/reason.ts';
import { DAY, fileLocation, judged, leaf, sighting, told } from '../places.ts';

const REASONS = [
  'permission_denied',
  'authentication_failed',
  'throttled',
  'partial',
] as const satisfies readonly Reason[];

test.each(REASONS)('a part that notafter may not look at (%s) is a warning at once', (reason) => {
  expect(told(fileLocation([], { problems: [{ reason, place: 'secrets', detail: 'x' }] }))).toEqual([
    'not-covered warning',
  ]);
});

test.each(REASONS)(
  'a location that notafter may not look at (%s) is a note, then a warning, and critical with its expiry',
  (reason) => {
    const failure = { reason, detail: 'x' };
    expect(told(fileLocation([], { failure, failures: 1 }))).toEqual(['not-covered info']);
    expect(told(fileLocation([], { failure, failures: 3 }))).toEqual(['not-covered warning']);
    expect(told(fileLocation([sighting(leaf('x', { left: DAY }))], { failure, failures: 1 }))).toEqual([
      'expiring critical',
      'not-covered critical',
    ]);
  },
);

test('problems of several kinds are told of by their rules, once each', () => {
  const problems = [
    { reason: 'permission_denied', place: 'a', detail: 'x' },
    { reason: 'malformed', place: 'b', detail: 'x' },
    { reason: 'partial', place: 'c', detail: 'x' },
  ] as const;
  expect(told(fileLocation([], { problems }))).toEqual(['not-covered warning', 'unreadable warning']);
});

test('the finding says what may end unseen and which right is missing', () => {
  const here = fileLocation([], {
    problems: [{ reason: 'permission_denied', place: 'acm', detail: 'not allowed: acm:DescribeCertificate' }],
  });
  expect(judged(here).findings).toMatchObject([
    {
      family: 'coverage',
      cause: 'location:disk//etc/ssl/api.pem',
      summary: 'What is there may end unseen: notafter is not allowed to read it (acm), at /etc/ssl/api.pem',
      facts: [
        { name: 'acm', value: 'permission_denied: not allowed: acm:DescribeCertificate' },
        { name: 'Last success' },
      ],
    },
  ]);
});
