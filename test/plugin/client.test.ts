import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  acceptanceOf,
  clientNameOf,
  clientPlace,
  MAX_ACCEPTABLE_ISSUERS,
  presentedBy,
  verdictOn,
} from '../../src/plugin/client.ts';
import type { Verdict } from '../../src/plugin/observation.ts';

describe('the place of a client', () => {
  test('names the client, whatever it is called', () => {
    fc.assert(
      fc.property(fc.string(), (name) => {
        expect(clientNameOf(clientPlace(name))).toBe(name);
      }),
    );
  });

  test.each(['chain', 'chain/0', 'client', 'clients/x', ''])('is not %j', (place) => {
    expect(clientNameOf(place)).toBeUndefined();
  });

  test('holds what is presented there, in the order in which it is sent', () => {
    const at = (place: string, index: number): { place: string; index: number } => ({ place, index });
    const presented = presentedBy([at('client/b', 1), at('chain', 0), at('client/a', 0), at('client/b', 0)]);
    expect([...presented]).toEqual([
      ['b', [at('client/b', 0), at('client/b', 1)]],
      ['a', [at('client/a', 0)]],
    ]);
  });
});

describe('the verdict on a client', () => {
  const verdict = (name: string | null, status: Verdict['status']): Verdict => ({
    client: name === null ? null : 'aa',
    name,
    status,
    reason: null,
    evidence: '',
  });

  test.each<[string, readonly Verdict[], Verdict['status'] | undefined]>([
    ['is not there', [verdict('b', 'accepted'), verdict(null, 'accepted')], undefined],
    [
      'is its own, whoever else has the same certificate',
      [verdict('b', 'accepted'), verdict('a', 'rejected')],
      'rejected',
    ],
  ])('%s', (_, verdicts, expected) => {
    expect(verdictOn(verdicts, 'a')?.status).toBe(expected);
  });

  test('on nobody is that without a name', () => {
    expect(verdictOn([verdict('a', 'accepted'), verdict(null, 'rejected')], null)?.status).toBe('rejected');
  });
});

test.each<[string, readonly string[], readonly string[], string]>([
  ['none is named', ['CN=A'], [], 'unspecified'],
  ['its own is named', ['CN=A', 'CN=Root'], ['CN=B', 'CN=Root'], 'named'],
  ['it is written in another way', ['CN=Some  CA,O=x'], ['cn=some ca,o=X'], 'named'],
  ['others are named', ['CN=A'], ['CN=AB'], 'not-named'],
  [
    'so many are named that some may be missing',
    ['CN=A'],
    Array<string>(MAX_ACCEPTABLE_ISSUERS).fill('CN=B'),
    'unspecified',
  ],
])('where %s, the acceptance says so', (_, issuers, acceptable, expected) => {
  expect(acceptanceOf(issuers, acceptable)).toBe(expected);
});
