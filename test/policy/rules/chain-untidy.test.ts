import { expect, test } from 'vitest';

import type { ServedList } from '../../../src/certificate/served-list.ts';
import { authority, judged, judgedChain, told } from '../places.ts';

const TIDY: ServedList = { isOutOfOrder: false, repeated: [], alternates: [], unrelated: [] };
const NOTE = ['chain-untidy info'];

test.each([
  ['in order', TIDY, []],
  ['with a cross-sign beside', { ...TIDY, alternates: ['x'] }, []],
  ['out of order', { ...TIDY, isOutOfOrder: true }, NOTE],
  ['with a repeat', { ...TIDY, repeated: ['x'] }, NOTE],
  ['with something unrelated', { ...TIDY, unrelated: ['x'] }, NOTE],
])('a list %s', (_, list, expected) => {
  expect(told(judgedChain({ list }))).toEqual(expected);
});

test('all that is wrong is said in one sentence, by name', () => {
  const strangers = Array.from({ length: 7 }, (_, index) => `unknown ${index}`);
  const list = { isOutOfOrder: true, repeated: [authority().id], alternates: [], unrelated: strangers };
  expect(judged(judgedChain({ list })).findings[0]?.summary).toBe(
    'The chain of api.example.com (CN=api.example.com,O=Example) is not as it should be sent: it is out of order; sent more than once: Example Issuing CA; sent for no reason: unknown 0, unknown 1, unknown 2, unknown 3, unknown 4 and 2 others, at api.example.com:8443@10.0.0.7',
  );
});
