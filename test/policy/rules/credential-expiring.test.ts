import { expect, test } from 'vitest';

import { DEFAULT_POLICY } from '../../../src/policy/policy.ts';
import { parseThreshold } from '../../../src/policy/threshold.ts';
import { credential, DAY, fileLocation, judged, sighting, told } from '../places.ts';

const here = (left: number) =>
  fileLocation([sighting(credential({ left }), { role: 'client', place: 'secret' })], {
    type: 'azure-key-vault',
    location: 'https://v.vault.azure.net/secrets/billing',
  });

test.each<[number, readonly string[]]>([
  [31 * DAY, []],
  [30 * DAY, ['credential-expiring warning']],
  [7 * DAY, ['credential-expiring critical']],
  [1, ['credential-expiring critical']],
  [0, ['expired critical']],
])('a credential with %s ms left', (left, expected) => {
  expect(told(here(left))).toEqual(expected);
});

test('credentials have thresholds of their own', () => {
  const thresholds = { leaf: { warning: null }, credential: { warning: parseThreshold('90d') } };
  const policy = { ...DEFAULT_POLICY, sources: new Map([['disk', { thresholds }]]) };
  expect(told(here(60 * DAY), 0, { policy })).toEqual(['credential-expiring warning']);
});

test('a credential without an end is quiet', () => {
  expect(judged(fileLocation([sighting(credential({ notAfter: { status: 'never' } }))]))).toEqual({ findings: [] });
});

test('the finding is about the credential, and says how to change it without an outage', () => {
  const { findings } = judged(here(3 * DAY));
  expect(findings).toMatchObject([{ cause: 'app-1/secret-7', title: 'billing-secret', family: 'expiry' }]);
  expect(findings[0]?.actions).toEqual([
    'See it: az keyvault secret show --id https://v.vault.azure.net/secrets/billing --query attributes',
    'Renew billing-secret: add a second one at https://v.vault.azure.net/secrets/billing while billing-secret still works',
    'Give the new one to every application that uses the old one, see that they log in with it, then delete the old one',
    'Prove it: the next looks at https://v.vault.azure.net/secrets/billing must find it good; the alert resolves by itself then',
  ]);
});

test('one whose successor the store knows is a note, before its end and after it', () => {
  const location = fileLocation(
    [sighting(credential({ left: 3 * DAY }), { role: 'client', place: 'secret/a', supersededBy: 'secret/b' })],
    { type: 'azure-entra', location: 'entra:applications/1' },
  );
  expect(told(location)).toEqual(['credential-expiring info']);
  expect(told(location, 3 * DAY)).toEqual(['expired info']);
});
