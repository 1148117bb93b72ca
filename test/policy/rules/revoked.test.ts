import { expect, test } from 'vitest';

import { judged, judgedChain, leaf, NOW, told, DAY } from '../places.ts';

test.each([
  ['a good response', { status: 'good' }, []],
  ['no response', undefined, []],
  ['a revoked one', { status: 'revoked', revokedAt: NOW - DAY }, ['revoked critical']],
] as const)('%s', (_, staple, expected) => {
  expect(told(judgedChain({}, { endpoint: staple === undefined ? {} : { staple } }))).toEqual(expected);
});

test('the finding says since when', () => {
  const location = judgedChain({}, { endpoint: { staple: { status: 'revoked', revokedAt: NOW - DAY } } });
  expect(judged(location).findings).toMatchObject([
    {
      family: 'chain',
      cause: leaf().id,
      summary:
        'api.example.com (CN=api.example.com,O=Example) was revoked on 2026-01-31 12:00 UTC and is still served, at api.example.com:8443@10.0.0.7',
    },
  ]);
});
