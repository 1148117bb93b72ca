import { expect, test } from 'vitest';

import type { Sighting } from '../../../src/inventory/model.ts';
import { authority, DAY, fileLocation, judged, leaf, sighting, told } from '../places.ts';

const paid = leaf('pay.example');

function withKey(match: NonNullable<Sighting['key']>['match'], at = '/etc/tls/pay.key'): Sighting {
  return sighting(paid, { key: { at, match } });
}

test.each([
  ['that belongs to another certificate is critical', withKey('no'), ['key-mismatch critical']],
  ['that fits is nothing', withKey('yes'), []],
  ['that is encrypted is nothing', withKey('encrypted'), []],
  ['that was not found is nothing', sighting(paid), []],
  [
    'of an authority that belongs to another one is critical as well',
    sighting(authority(), { role: 'issuer', key: { at: '/ca.key', match: 'no' } }),
    ['key-mismatch critical'],
  ],
] as const)('a key %s', (_, seen, expected) => {
  expect(told(fileLocation([seen]))).toEqual(expected);
});

test('the finding says which key it is, what will happen and how to prove it', () => {
  const [finding] = judged(fileLocation([withKey('no')])).findings;
  expect(finding).toMatchObject({
    family: 'deployment',
    cause: paid.id,
    title: 'pay.example',
    summary: expect.stringMatching(
      /^The private key at \/etc\/tls\/pay\.key does not belong to pay\.example \(.*\): what loads the two fails at its next start or reload, at \//,
    ),
  });
  expect(finding?.actions.join('\n')).toContain('openssl pkey -in /etc/tls/pay.key -pubout');
});

test('a certificate that ends with a key of its own is told of both ways', () => {
  const ending = leaf('pay.example', { left: 3 * DAY });
  expect(told(fileLocation([sighting(ending, { key: { at: '/k', match: 'no' } })]))).toEqual([
    'expiring critical',
    'key-mismatch critical',
  ]);
});
