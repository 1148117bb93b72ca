import { describe, expect, test } from 'vitest';

import { createInventoryIndex } from '../../../src/inventory/inventory-index.ts';
import type { KnownCertificate, Location } from '../../../src/inventory/model.ts';
import { DEFAULT_POLICY } from '../../../src/policy/policy.ts';
import { DAY, endpointLocation, fileLocation, judged, leaf, NOW, showing, sighting, told, view } from '../places.ts';

const names = ['api.example.com', 'www.example.com'];
const before = leaf('api.example.com', { names, nameCount: 2, extendedKeyUsage: ['serverAuth', 'clientAuth'] });
const plain: KnownCertificate = {
  ...before,
  id: 'bb'.repeat(32),
  notBefore: { status: 'known', at: NOW - DAY },
  notAfter: { status: 'known', at: NOW + 89 * DAY },
};
const server = endpointLocation([before], { id: 1 });
const bare = endpointLocation([leaf('server.example')], { id: 1 });
const client = showing(bare, 'billing', [before], { status: 'accepted' });

/** Told at the place of the old one, while the new one lies in a file. */
function ahead(
  here: Location,
  after: Partial<KnownCertificate>,
  options: Parameters<typeof told>[2] = {},
): readonly string[] {
  const file = fileLocation([sighting({ ...plain, ...after })], { id: 2, location: '/etc/new.pem' });
  const index = createInventoryIndex([here, file]);
  return told(here, 0, { view: view({ index }), ...options }).filter((line) => line.startsWith('renewal-reg'));
}

describe('before a server gets its renewal', () => {
  test.each<[string, Partial<KnownCertificate>, readonly string[]]>([
    ['the same', {}, []],
    ['one without clientAuth, which no server needs', { extendedKeyUsage: ['serverAuth'] }, []],
    ['one without serverAuth', { extendedKeyUsage: ['clientAuth'] }, ['renewal-regression warning']],
    ['one for any usage', { extendedKeyUsage: ['anyExtendedKeyUsage'] }, []],
    ['one with another subject', { subject: 'CN=other' }, []],
    ['one with another kind of key', { keyAlgorithm: 'rsa 2048' }, []],
    // A title may have several certificates, each for other names.
    ['one that lost a name', { names: ['api.example.com'], nameCount: 1 }, ['renewal-regression info']],
    ['one that has a wildcard instead', { names: ['*.example.com', 'api.example.com'], nameCount: 2 }, []],
    [
      'one from another authority that lost a name',
      { names: ['api.example.com'], nameCount: 1, issuer: 'CN=X,O=Y' },
      [],
    ],
    ['one of which not all names are known', { names: ['api.example.com'], nameCount: 2_000 }, []],
    ['one that has ended', { extendedKeyUsage: [], notAfter: { status: 'known', at: NOW } }, []],
  ])('%s', (_, after, expected) => {
    expect(ahead(server, after)).toEqual(expected);
  });

  test('who pins knows it by more', () => {
    const policy = { ...DEFAULT_POLICY, sources: new Map([['partners', { pins: { issuers: [before.issuer] } }]]) };
    expect(ahead(server, { subject: 'CN=other' }, { policy })).toEqual(['renewal-regression warning']);
    expect(ahead(server, { keyAlgorithm: 'rsa 2048' }, { policy })).toEqual(['renewal-regression warning']);
  });
});

describe('before a client gets its renewal', () => {
  test.each<[string, Partial<KnownCertificate>, readonly string[]]>([
    ['the same', {}, []],
    ['one without clientAuth', { extendedKeyUsage: ['serverAuth'] }, ['renewal-regression warning']],
    ['one with another subject', { subject: 'CN=other' }, ['renewal-regression warning']],
    ['one with the same subject written otherwise', { subject: 'cn=API.example.com,o=example' }, []],
    ['one with another kind of key', { keyAlgorithm: 'rsa 2048' }, ['renewal-regression info']],
  ])('%s', (_, after, expected) => {
    expect(ahead(client, after)).toEqual(expected);
  });

  test('an issuer that the server does not name', () => {
    const choosy = { ...client, endpoint: { ...client.endpoint, acceptableIssuers: [before.issuer] } };
    expect(ahead(choosy, { issuer: 'CN=Next CA,O=Example' })).toEqual(['renewal-regression warning']);
    expect(ahead(choosy, {})).toEqual([]);
    expect(ahead(client, { issuer: 'CN=Next CA,O=Example' })).toEqual([]);
  });
});

describe('where the new one has taken the place of the old', () => {
  const after = { ...plain, names: ['api.example.com'], nameCount: 1 };
  const file = (item: KnownCertificate): Location => fileLocation([sighting(item, { firstSeenAt: NOW })], { id: 3 });

  test('it is told for two weeks', () => {
    const index = createInventoryIndex([file(before)]);
    index.note(file(after));
    const here = { view: view({ index }) };
    expect(told(file(after), 0, here)).toEqual(['renewal-regression warning']);
    expect(told(file(after), 14 * DAY - 1, here)).toEqual(['renewal-regression warning']);
    expect(told(file(after), 14 * DAY, here)).toEqual([]);
    expect(judged(file(after), 0, here).nextAt).toBeLessThanOrEqual(NOW + 14 * DAY);
  });

  test('it is a warning at the endpoint that serves the old one still', () => {
    const index = createInventoryIndex([server, file(before)]);
    index.note(file(after));
    const { findings } = judged(server, 0, { view: view({ index }) });
    expect(findings.find(({ rule }) => rule === 'renewal-regression')).toMatchObject({
      family: 'renewal',
      severity: 'warning',
      cause: after.id,
      summary:
        'The renewal of api.example.com (CN=api.example.com,O=Example) lost something: it is no longer for www.example.com; the old one is still in use, at api.example.com:8443@10.0.0.7',
    });
  });
});
