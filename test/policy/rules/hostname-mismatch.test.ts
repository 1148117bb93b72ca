import { expect, test } from 'vitest';

import type { HostFact } from '../../../src/inventory/model.ts';
import { judged, judgedChain, leaf, told } from '../places.ts';

const name: HostFact = { name: 'other.example.com', form: 'name', match: 'no' };
const address: HostFact = { name: '10.0.0.7', form: 'address', match: 'no' };
const distrust = { why: 'incomplete', top: 'x', issuer: 'CN=CA', isPublic: false } as const;

test.each([
  ['the right name', { host: { ...name, match: 'yes' } }, {}, []],
  ['one of more names than are kept', { host: { ...name, match: 'unknown' } }, {}, []],
  ['no name that was asked for', {}, {}, []],
  ['another name, trusted', { host: name }, {}, ['hostname-mismatch critical']],
  ['another name, trusted by nobody', { host: name }, { untrusted: true }, ['hostname-mismatch info']],
  [
    'another name, publicly issued',
    { host: name, distrust: { ...distrust, why: 'unknown-root', isPublic: true } },
    { untrusted: true },
    ['hostname-mismatch critical', 'untrusted warning'],
  ],
  ['an address that is not named', { host: address }, {}, ['hostname-mismatch info']],
] as const)('%s', (_, chain, options, expected) => {
  expect(told(judgedChain(chain, options))).toEqual(expected);
});

test('the finding says what was asked for', () => {
  expect(judged(judgedChain({ host: name })).findings).toMatchObject([
    {
      family: 'chain',
      cause: leaf().id,
      summary:
        'api.example.com (CN=api.example.com,O=Example) is not for other.example.com: clients that connect by that name refuse it, at api.example.com:8443@10.0.0.7',
    },
  ]);
  expect(judged(judgedChain({ host: address })).findings[0]?.summary).toContain('is not for the address 10.0.0.7');
});
