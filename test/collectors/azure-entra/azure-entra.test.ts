import { createHash } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { azureEntra } from '../../../collectors/azure-entra/index.ts';
import type { Collector } from '../../../src/plugin/collector.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { describeRestList, knownOf, lookAt, NOW, permissionsOf } from '../../contract/rest-collector.ts';
import { NOTHING_KNOWN } from '../../contract/collector.ts';
import { graphList, json, startFakeRest, useFakeRest, useMachineIdentity } from '../../helpers/fake-rest.ts';
import { createAuthority } from '../../helpers/pki.ts';

const collector = azureEntra as unknown as Collector;
const DAY = 86_400_000;
const authority = createAuthority({ name: 'Issuing' });
const login = authority.issue({ commonName: 'billing', names: [], extendedKeyUsage: ['clientAuth'] });
const saml = authority.issue({ commonName: 'Microsoft Azure Federated SSO Certificate', names: [] });
const sha1 = (der: Uint8Array): Buffer => createHash('sha1').update(der).digest();
const at = (days: number): string => new Date(NOW + days * DAY).toISOString();

const machine = useMachineIdentity();

const denied = json(
  { error: { code: 'Authorization_RequestDenied', message: 'Insufficient privileges to complete the operation.' } },
  403,
);

function password(keyId: string, days: number, changes: object = {}): object {
  return { keyId, displayName: 'ci', startDateTime: at(-300), endDateTime: at(days), ...changes };
}

describe('failures', () => {
  for (const type of ['applications', 'servicePrincipals']) {
    describeRestList(
      collector,
      {},
      {
        target: `directory/${type}`,
        path: `/v1.0/${type}`,
        pageParameter: '$skiptoken',
        denied,
        remedy: 'Application.Read.All',
        fill: (fake) => {
          const entities = ['one', 'two', 'three'].map((id) => ({
            id,
            appId: id,
            passwordCredentials: [password(id, 300)],
          }));
          fake.routes.set(`/v1.0/${type}`, graphList(fake, entities));
          return [`entra:${type}/one`];
        },
      },
    );
  }
});

describe('what it sees', () => {
  const fake = useFakeRest();

  const look = (type: string, options: object = {}, known = NOTHING_KNOWN): Promise<Observation[]> =>
    lookAt(collector, { endpoint: fake.url, ...options }, { key: `directory/${type}` }, known);

  function application(changes: object = {}): object {
    return {
      id: 'object-1',
      appId: 'app-1',
      displayName: 'billing',
      keyCredentials: [
        {
          keyId: 'key-1',
          displayName: 'CN=billing',
          type: 'AsymmetricX509Cert',
          usage: 'Verify',
          customKeyIdentifier: sha1(login.der).toString('base64'),
          startDateTime: at(-300),
          endDateTime: at(60),
          key: null,
        },
      ],
      passwordCredentials: [password('secret-1', 5)],
      ...changes,
    };
  }

  /** As Graph lists the signing certificate of an enterprise application: three entries with one identifier. */
  function enterprise(changes: object = {}): object {
    const identifier = sha1(saml.der).toString('hex').toUpperCase();
    const key = (keyId: string, usage: string): object => ({
      keyId,
      usage,
      displayName: 'CN=Microsoft Azure Federated SSO Certificate',
      type: 'AsymmetricX509Cert',
      customKeyIdentifier: identifier,
      startDateTime: at(-1000),
      endDateTime: at(6),
    });
    return {
      id: 'sp-1',
      appId: 'app-2',
      displayName: 'Expenses',
      accountEnabled: true,
      preferredSingleSignOnMode: 'saml',
      preferredTokenSigningKeyThumbprint: identifier,
      keyCredentials: [key('verify-1', 'Verify'), key('sign-1', 'Sign')],
      passwordCredentials: [password('sign-1', 6, { customKeyIdentifier: identifier })],
      ...changes,
    };
  }

  const ofApp = (items: readonly object[]): void => {
    fake.routes.set('/v1.0/applications', graphList(fake, items));
  };

  it('gives an application the certificate and the client secret by which it logs in', async () => {
    ofApp([application(), { id: 'object-2', appId: 'app-9', displayName: 'none', keyCredentials: [] }]);
    fake.routes.set('/v1.0/applications/object-1', () => ({
      id: 'object-1',
      keyCredentials: [{ keyId: 'key-1', key: Buffer.from(login.der).toString('base64') }],
    }));

    const observations = await look('applications');

    const common = { role: 'client', renewal: { mode: 'manual' }, usedBy: [{ type: 'app', id: 'billing' }] };
    expect(observations).toMatchObject([
      {
        location: 'entra:applications/app-1',
        labels: { application: 'billing' },
        problems: [],
        items: [
          { kind: 'certificate', der: Buffer.from(login.der), place: { key: 'certificate/key-1' }, ...common },
          {
            kind: 'credential',
            id: 'secret-1',
            name: 'client secret ci of billing',
            notAfter: new Date(at(5)),
            place: { key: 'secret/secret-1' },
            ...common,
          },
        ],
      },
    ]);
    const [list, single] = fake.requests;
    expect(list?.query.get('$select')).toBe('id,appId,displayName,keyCredentials,passwordCredentials');
    expect(list?.query.get('$top')).toBe('999');
    expect(list?.headers['x-ms-throttle-priority']).toBe('low');
    expect(single?.query.get('$select')).toBe('id,keyCredentials');
    expect(fake.requests).toHaveLength(2);
    expect(machine.requests[0]?.query.get('resource')).toBe('https://graph.microsoft.com');
  });

  it('asks for a certificate once, and then only when something has changed', async () => {
    ofApp([application()]);
    fake.routes.set('/v1.0/applications/object-1', () => ({ keyCredentials: [] }));
    const first = await look('applications');
    fake.requests.splice(0);

    const second = await look('applications', {}, knownOf(first));
    expect(second).toMatchObject([{ location: 'entra:applications/app-1', unchanged: true }]);
    expect(fake.requests).toHaveLength(1);

    ofApp([application({ passwordCredentials: [password('secret-2', 300)] })]);
    const third = await look('applications', {}, knownOf(first));
    expect(third[0]?.items.map(({ place }) => place.key)).toEqual(['certificate/key-1', 'secret/secret-2']);
  });

  it('knows a certificate by its thumbprint and dates where it may not be read by itself', async () => {
    ofApp([application()]);
    fake.routes.set('/v1.0/applications/object-1', () => denied);

    const [seen] = await look('applications');

    expect(seen?.version).toBeUndefined();
    expect(seen?.items[0]).toMatchObject({
      kind: 'described',
      sha1: sha1(login.der).toString('hex'),
      names: ['CN=billing'],
      notAfter: new Date(at(60)),
    });
  });

  it('stops asking for certificates when it is throttled, and says so', async () => {
    ofApp([application(), application({ id: 'object-2', appId: 'app-2' })]);
    fake.intercept = ({ path }) => (path.startsWith('/v1.0/applications/') ? json({}, 429) : undefined);

    const observations = await look('applications');

    expect(observations.map(({ items }) => items.length)).toEqual([2, 2, 0]);
    expect(observations[2]).toMatchObject({
      location: 'entra:directory/applications',
      problems: [{ reason: 'throttled', detail: expect.stringContaining('not everything was looked at') as unknown }],
    });
    expect(fake.requests).toHaveLength(2);
  });

  it('gives an enterprise application its signing certificate once, and no password of it', async () => {
    fake.routes.set('/v1.0/servicePrincipals', graphList(fake, [enterprise()]));
    fake.routes.set('/v1.0/servicePrincipals/sp-1', () => ({
      keyCredentials: [{ keyId: 'verify-1', key: Buffer.from(saml.der).toString('base64') }],
    }));

    const [seen] = await look('servicePrincipals');

    expect(seen).toMatchObject({
      location: 'entra:servicePrincipals/sp-1',
      labels: { application: 'Expenses' },
      items: [
        {
          kind: 'certificate',
          place: { key: `signing/${sha1(saml.der).toString('hex')}` },
          role: 'signer',
          renewal: { mode: 'manual' },
          usedBy: [{ type: 'app', id: 'Expenses' }],
        },
      ],
    });
    expect(seen?.items).toHaveLength(1);
  });

  it('sees the end of a key of a kind and a use of tomorrow', async () => {
    const key = { keyId: 'key-9', type: 'QuantumKey', usage: 'Entangle', startDateTime: at(-1), endDateTime: at(9) };
    ofApp([application({ keyCredentials: [key, { usage: 'Verify' }, null], passwordCredentials: [] })]);

    expect((await look('applications'))[0]?.items).toMatchObject([
      { kind: 'credential', id: 'key-9', role: 'unknown', notAfter: new Date(at(9)) },
    ]);
  });

  it('says that an application is disabled', async () => {
    fake.routes.set('/v1.0/servicePrincipals', graphList(fake, [enterprise({ accountEnabled: false })]));

    expect((await look('servicePrincipals'))[0]?.labels).toEqual({ application: 'Expenses', enabled: 'false' });
  });

  it.each([
    ['another that is valid for longer', [password('a', 5), password('b', 300)], { a: 'secret/b', b: undefined }],
    [
      'another that begins later',
      [password('a', 5), password('b', 300, { startDateTime: at(1) })],
      { a: undefined, b: undefined },
    ],
    ['another that ends sooner', [password('a', 5), password('b', 3)], { a: undefined, b: 'secret/a' }],
  ])('takes %s for a successor', async (_what, passwordCredentials, expected) => {
    ofApp([application({ keyCredentials: [], passwordCredentials })]);

    const [seen] = await look('applications');
    expect(Object.fromEntries((seen?.items ?? []).map((item) => [item.place.key.slice(7), item.supersededBy]))).toEqual(
      expected,
    );

    const [all] = await look('applications', { superseded: 'alert' });
    expect(all?.items.filter(({ supersededBy }) => supersededBy !== undefined)).toEqual([]);
  });

  it('reads the owners of applications where it is asked to', async () => {
    ofApp([application({ keyCredentials: [], owners: [{ id: '1', userPrincipalName: 'ana@example.com' }] })]);

    const [seen] = await look('applications', { owners: true });

    expect(seen?.labels).toEqual({ application: 'billing', owner: 'ana@example.com' });
    expect(fake.requests[0]?.query.get('$expand')).toBe('owners($select=id,displayName,userPrincipalName)');
    expect(fake.requests[0]?.query.get('$top')).toBe('100');
  });

  it('does not take its token to another host that a page names as the next', async () => {
    const other = await startFakeRest();
    fake.routes.set('/v1.0/applications', () => ({
      value: [application({ keyCredentials: [] })],
      '@odata.nextLink': `${other.url}/v1.0/applications?$skiptoken=1`,
    }));

    const observations = await look('applications');
    await other[Symbol.asyncDispose]();

    expect(observations).toHaveLength(2);
    expect(observations[1]?.problems).toMatchObject([{ reason: 'partial' }]);
    expect(other.requests).toEqual([]);
  });

  it('tries what it may call', async () => {
    ofApp([application()]);
    fake.routes.set('/v1.0/applications/object-1', () => ({ keyCredentials: [] }));

    expect(await permissionsOf(collector, { endpoint: fake.url }, 'directory/applications')).toEqual([
      { action: 'Application.Read.All', on: 'Microsoft Graph', status: 'allowed' },
    ]);
    fake.intercept = () => denied;
    expect(await permissionsOf(collector, { endpoint: fake.url }, 'directory/applications')).toMatchObject([
      { status: 'denied', detail: expect.stringContaining('with admin consent') as unknown },
    ]);
  });
});
