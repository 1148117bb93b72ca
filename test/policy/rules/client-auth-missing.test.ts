import { expect, test } from 'vitest';

import type { KnownCertificate, Location } from '../../../src/inventory/model.ts';
import {
  authority,
  DAY,
  endpointLocation,
  fileLocation,
  judged,
  leaf,
  showing,
  sighting,
  told,
  view,
} from '../places.ts';

const client = (extendedKeyUsage?: readonly string[], left = 60 * DAY): KnownCertificate =>
  leaf('billing', { left, ...(extendedKeyUsage === undefined ? {} : { extendedKeyUsage }) });
const at = (item: KnownCertificate, verdict?: Parameters<typeof showing>[3]): Location =>
  showing(endpointLocation([leaf()]), 'billing', [item], verdict);

test.each<[string, Location, readonly string[]]>([
  ['without the extension', at(client()), []],
  ['with clientAuth', at(client(['serverAuth', 'clientAuth'])), []],
  ['with any usage', at(client(['anyExtendedKeyUsage'])), []],
  ['with serverAuth alone', at(client(['serverAuth'])), ['client-auth-missing warning']],
  ['with an empty extension', at(client([])), ['client-auth-missing warning']],
  [
    'with serverAuth alone, and accepted',
    at(client(['serverAuth']), { status: 'accepted' }),
    ['client-auth-missing warning'],
  ],
  [
    'with serverAuth alone, and rejected',
    at(client(['serverAuth']), { status: 'rejected', reason: 'unsupported_certificate' }),
    ['client-auth-missing critical', 'client-rejected critical'],
  ],
  [
    'with serverAuth alone, and rejected since it has ended',
    at(client(['serverAuth'], -DAY), { status: 'rejected', reason: 'certificate_expired' }),
    ['client-auth-missing warning', 'client-rejected critical'],
  ],
  ['with serverAuth alone, in a file', fileLocation([sighting(client(['serverAuth']), { role: 'client' })]), []],
])('a client %s', (_, location, expected) => {
  expect(told(location)).toEqual(expected);
});

test('joins the alert of the rejection, and says which usages there are', () => {
  const { findings } = judged(
    at(client(['serverAuth', 'emailProtection']), { status: 'rejected', reason: 'unsupported_certificate' }),
  );
  expect(new Set(findings.map(({ family, cause }) => `${family} ${cause}`))).toEqual(
    new Set([`client ${leaf('billing').id}`]),
  );
  expect(findings.find(({ rule }) => rule === 'client-auth-missing')?.summary).toBe(
    'billing (CN=billing,O=Example) of client billing lacks clientAuth in its extended key usage (it allows serverAuth, emailProtection): the server rejects it (unsupported_certificate), at api.example.com:8443@10.0.0.7',
  );
});

test.each<[string, readonly string[] | undefined, readonly string[], readonly string[]]>([
  [
    'a public CA above its intermediate',
    ['serverAuth', 'clientAuth'],
    ['CN=Example Root,O=Example'],
    ['client-auth-missing warning'],
  ],
  ['a public CA right above it', ['clientAuth'], ['CN=Example Issuing CA,O=Example'], ['client-auth-missing warning']],
  ['a private CA', ['serverAuth', 'clientAuth'], ['CN=Other'], []],
  ['a public CA, which set no usage', undefined, ['CN=Example Root,O=Example'], []],
])('a client that may log in, with %s', (_, usages, publicIssuers, expected) => {
  const shown = showing(endpointLocation([leaf()]), 'billing', [client(usages), authority()], { status: 'accepted' });
  expect(told(shown, 0, { view: view({ publicIssuers }) })).toEqual(expected);
  const [finding] = judged(shown, 0, { view: view({ publicIssuers }) }).findings;
  expect(finding?.summary ?? 'its next renewal will lack clientAuth').toContain(
    'its next renewal will lack clientAuth',
  );
});
