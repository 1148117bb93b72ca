import { createHash } from 'node:crypto';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { azureApiManagement } from '../../../collectors/azure-api-management/index.ts';
import type { Collector } from '../../../src/plugin/collector.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { armDenied, describeRestList, lookAt } from '../../contract/rest-collector.ts';
import { armList, type FakeRest, json, startFakeRest, useMachineIdentity } from '../../helpers/fake-rest.ts';
import { createAuthority } from '../../helpers/pki.ts';

const collector = azureApiManagement as unknown as Collector;
useMachineIdentity();

const leaf = createAuthority({ name: 'Root' }).issue({ names: ['api.example.com'] });
const thumbprint = createHash('sha1').update(leaf.der).digest('hex');
const THUMBPRINT = thumbprint.toUpperCase();
const SUBSCRIPTION = '0f1e2d3c-0000-4000-8000-000000000001';
const PROVIDERS = `/subscriptions/${SUBSCRIPTION}/providers`;
const PATH = `${PROVIDERS}/Microsoft.ApiManagement/service`;
const ID = `/subscriptions/${SUBSCRIPTION}/resourceGroups/web/providers/Microsoft.ApiManagement/service/one`;
const END = '2027-03-01T00:00:00Z';

describeRestList(
  collector,
  { subscriptions: [SUBSCRIPTION] },
  {
    target: SUBSCRIPTION,
    path: PATH,
    pageParameter: '$skiptoken',
    denied: armDenied('Microsoft.ApiManagement/service/read'),
    remedy: 'Microsoft.ApiManagement/service/read over /subscriptions/1 is missing. Assign the role Reader',
    fill: (fake) => {
      fake.routes.set(
        PATH,
        armList(
          fake,
          ['', '-2', '-3'].map((end) => ({
            id: `${ID}${end}`,
            name: `one${end}`,
            properties: { thumbprint: THUMBPRINT },
          })),
        ),
      );
      for (const end of ['', '-2', '-3']) fake.routes.set(`${ID}${end}/certificates`, armList(fake, []));
      return [ID];
    },
  },
);

describe('what it sees', () => {
  let fake: FakeRest;
  beforeEach(async () => {
    fake = await startFakeRest();
  });
  afterEach(async () => {
    await fake[Symbol.asyncDispose]();
  });
  const look = (): Promise<Observation[]> =>
    lookAt(collector, { subscriptions: [SUBSCRIPTION], endpoint: fake.url }, { key: SUBSCRIPTION });
  const set = (properties: object, more: object = {}): void => {
    fake.routes.set(PATH, armList(fake, [{ id: ID, name: 'one', properties, ...more }]));
  };

  const VAULT = 'https://v.vault.azure.net/secrets/backend';

  it('gives a service the certificates of its host names, its CAs, and what it logs in with, page by page', async () => {
    set({
      hostnameConfigurations: [
        {
          hostName: 'API.example.com',
          negotiateClientCertificate: true,
          certificateSource: 'KeyVault',
          keyVaultId: `${VAULT}/0123`,
          certificate: { thumbprint: THUMBPRINT, expiry: END, subject: 'CN=api.example.com' },
        },
        { hostName: 'one.azure-api.net', certificateSource: 'BuiltIn' },
        {
          hostName: 'managed.example.com',
          certificateSource: 'Managed',
          certificate: { thumbprint: 'AA', expiry: END },
        },
      ],
      certificates: [{ storeName: 'Root', certificate: { thumbprint: 'BB', expiry: END, subject: 'CN=Partner CA' } }],
    });
    fake.pageSize = 1;
    fake.routes.set(
      `${ID}/certificates`,
      armList(fake, [
        { name: 'uploaded', properties: { thumbprint: 'CC', expirationDate: END, subject: 'CN=backend' } },
        {
          name: 'vault',
          properties: {
            thumbprint: 'DD',
            expirationDate: END,
            keyVault: { secretIdentifier: VAULT, lastStatus: { code: 'Forbidden', message: 'no access' } },
          },
        },
      ]),
    );

    const [seen] = await look();

    expect(seen?.problems).toEqual([]);
    expect(seen?.items).toMatchObject([
      {
        kind: 'described',
        sha1: thumbprint,
        names: ['CN=api.example.com'],
        place: { key: 'host/api.example.com' },
        role: 'server',
        notAfter: new Date(END),
        renewal: { mode: 'manual' },
        remarks: [expect.stringContaining('refers to a version of a secret')],
        usedBy: [{ type: 'endpoint', id: 'API.example.com:443' }],
      },
      { place: { key: 'host/managed.example.com' }, renewal: { mode: 'automatic' } },
      {
        sha1: 'bb',
        role: 'trust-anchor',
        place: { key: 'ca', index: 0 },
        usedBy: [
          { type: 'endpoint', id: 'API.example.com:443' },
          { type: 'azure', id: ID },
        ],
      },
      { sha1: 'cc', role: 'client', place: { key: 'client/uploaded' }, renewal: { mode: 'manual' } },
      {
        sha1: 'dd',
        place: { key: 'client/vault' },
        renewal: { mode: 'unknown', stuck: `API Management cannot read ${VAULT}: Forbidden no access` },
      },
    ]);
  });

  it('keeps the rest when it may not ask for client certificates', async () => {
    set({ hostnameConfigurations: [{ hostName: 'a.example.com', certificate: { thumbprint: 'AA', expiry: END } }] });
    fake.intercept = ({ path }) => (path.endsWith('/one/certificates') ? json({}, 403) : undefined);

    const [seen] = await look();
    expect(seen?.items).toHaveLength(1);
    expect(seen?.problems).toMatchObject([{ reason: 'permission_denied', place: 'client' }]);
  });
});
