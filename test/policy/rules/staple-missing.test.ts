import { expect, test } from 'vitest';

import type { EndpointFacts } from '../../../src/plugin/observation.ts';
import { HOUR, judged, judgedChain, leaf, NOW, told } from '../places.ts';

const demanding = leaf('api.example.com', { mustStaple: true });
const MISSING = ['staple-missing warning'];

test.each([
  ['no response that nobody demands', leaf(), {}, []],
  ['no response to a demand', demanding, {}, MISSING],
  [
    'no response to a demand, by a look that ended early in TLS 1.3',
    demanding,
    { handshake: 'early', tlsVersion: '1.3' },
    MISSING,
  ],
  ['no response seen by a look that ended too early for one', demanding, { handshake: 'early', tlsVersion: '1.2' }, []],
  ['no response seen by a look that does not ask for one', demanding, { handshake: 'full', tlsVersion: '1.3' }, []],
  ['a good response', demanding, { staple: { status: 'good', nextUpdateAt: NOW + HOUR } }, []],
  ['a good response without an end', demanding, { staple: { status: 'good' } }, []],
  ['a response that has ended', leaf(), { staple: { status: 'good', nextUpdateAt: NOW } }, MISSING],
  ['a response that does not know it', leaf(), { staple: { status: 'unknown' } }, MISSING],
  ['a response that nobody can judge', leaf(), { staple: { status: 'unknown', problem: 'no issuer was sent' } }, []],
  ['a response of somebody else', leaf(), { staple: { status: 'invalid', problem: 'signed by nobody' } }, MISSING],
  ['a revoked one, told by another rule', demanding, { staple: { status: 'revoked' } }, ['revoked critical']],
] as const satisfies readonly (readonly [string, unknown, Partial<EndpointFacts>, readonly string[]])[])(
  '%s',
  (_, own, endpoint, expected) => {
    expect(told(judgedChain({}, { leaf: own, endpoint }))).toEqual(expected);
  },
);

test('the finding says what is wrong with the response', () => {
  const staple = { status: 'invalid', problem: 'signed by nobody' } as const;
  expect(judged(judgedChain({}, { endpoint: { staple } })).findings[0]?.summary).toContain(
    'is served with an OCSP response that is no proof (signed by nobody)',
  );
});
