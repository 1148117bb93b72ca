import { createHash } from 'node:crypto';

import { beforeEach, describe, expect, it } from 'vitest';

import { azureApiManagement } from '../../../collectors/azure-api-management/index.ts';
import type { Collector } from '../../../src/plugin/collector.ts';
import { describeAzureList, resourceOf, useAzureStage } from '../../contract/azure-collector.ts';
import { armDenied } from '../../contract/rest-collector.ts';
import { armList, json, useMachineIdentity } from '../../helpers/fake-rest.ts';
import { createAuthority } from '../../helpers/pki.ts';

const collector = azureApiManagement as unknown as Collector;
useMachineIdentity();

const leaf = createAuthority({ name: 'Root' }).issue({ names: ['api.example.com'] });
const thumbprint = createHash('sha1').update(leaf.der).digest('hex');
const THUMBPRINT = thumbprint.toUpperCase();
const TYPE = 'Microsoft.ApiManagement/service';
const ID = resourceOf(TYPE, 'one');
const END = '2027-03-01T00:00:00Z';

describeAzureList(collector, TYPE, { below: ['certificates', 'workspaces'] });

describe('what it sees', () => {
  const { fake, look, setOne } = useAzureStage(collector, TYPE);

  const VAULT = 'https://v.vault.azure.net/secrets/backend';

  it('gives a service the certificates of its host names, its CAs, and what it logs in with, page by page', async () => {
    setOne({
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
    fake.routes.set(`${ID}/workspaces`, armList(fake, []));
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
      { sha1: 'cc', role: 'client', place: { key: 'backend/uploaded' }, renewal: { mode: 'manual' } },
      {
        sha1: 'dd',
        place: { key: 'backend/vault' },
        renewal: { mode: 'unknown', stuck: `API Management cannot read ${VAULT}: Forbidden no access` },
      },
    ]);
  });

  it('says of a host name that its certificate could not be taken', async () => {
    const certificate = { thumbprint: 'AA', expiry: END };
    setOne({
      hostnameConfigurations: [
        { hostName: 'a.example.com', keyVaultId: VAULT, certificateStatus: 'Failed', certificate },
        { hostName: 'b.example.com', keyVaultId: VAULT, certificateStatus: 'Completed', certificate },
        { hostName: 'c.example.com', keyVaultId: VAULT, certificateStatus: 'Tomorrow', certificate },
      ],
    });

    fake.routes.set(`${ID}/certificates`, armList(fake, []));
    fake.routes.set(`${ID}/workspaces`, armList(fake, []));
    expect((await look())[0]?.items.map(({ renewal }) => renewal)).toEqual([
      {
        mode: 'unknown',
        stuck: 'API Management could not take the certificate of a.example.com from where it comes from',
      },
      { mode: 'unknown' },
      { mode: 'unknown' },
    ]);
  });

  describe('workspaces', () => {
    const uploaded = { name: 'Uploaded', properties: { thumbprint: 'EE', expirationDate: END, subject: 'CN=orders' } };
    beforeEach(() => {
      setOne({});
      fake.routes.set(`${ID}/certificates`, armList(fake, []));
      fake.routes.set(`${ID}/workspaces`, armList(fake, [{ name: 'Orders' }, { name: 'billing' }, {}]));
      fake.routes.set(`${ID}/workspaces/Orders/certificates`, armList(fake, [uploaded, { name: 'none' }]));
      fake.routes.set(
        `${ID}/workspaces/billing/certificates`,
        armList(fake, [
          uploaded,
          {
            name: 'vault',
            properties: { thumbprint: 'FF', expirationDate: END, keyVault: { secretIdentifier: `${VAULT}/0123` } },
          },
        ]),
      );
    });

    it('have certificates of their own, which are read page by page', async () => {
      fake.pageSize = 1;

      const [seen] = await look();

      expect(seen?.problems).toEqual([]);
      expect(seen?.items).toMatchObject([
        {
          kind: 'described',
          sha1: 'ee',
          names: ['CN=orders'],
          notAfter: new Date(END),
          place: { key: 'workspace/orders/uploaded' },
          role: 'client',
          renewal: { mode: 'manual' },
          usedBy: [{ type: 'azure', id: `${ID}/workspaces/Orders` }],
        },
        { place: { key: 'workspace/billing/uploaded' } },
        {
          place: { key: 'workspace/billing/vault' },
          renewal: { mode: 'manual' },
          remarks: [expect.stringContaining('refers to a version of a secret')],
        },
      ]);
    });

    it('are none where the tier has none', async () => {
      fake.intercept = ({ path }) =>
        path.endsWith('/workspaces')
          ? json({ error: { code: 'MethodNotAllowedInPricingTier', message: 'Not allowed in Standard tier' } }, 400)
          : undefined;

      expect(await look()).toMatchObject([{ items: [], problems: [] }]);
    });

    it('are told each by itself when they may not be read', async () => {
      fake.intercept = ({ path }) =>
        path.endsWith('/Orders/certificates')
          ? armDenied('Microsoft.ApiManagement/service/workspaces/certificates/read')
          : undefined;

      const [seen] = await look();
      expect(seen?.items).toHaveLength(2);
      expect(seen?.problems).toMatchObject([
        {
          reason: 'permission_denied',
          place: 'workspace/orders',
          detail: expect.stringContaining('Assign the role Reader') as unknown,
        },
      ]);

      fake.intercept = ({ path }) => (path.endsWith('/workspaces') ? json({}, 403) : undefined);
      expect((await look())[0]?.problems).toMatchObject([{ reason: 'permission_denied', place: 'workspace' }]);
    });
  });

  it('keeps the rest when it may not ask for client certificates', async () => {
    setOne({ hostnameConfigurations: [{ hostName: 'a.example.com', certificate: { thumbprint: 'AA', expiry: END } }] });
    fake.routes.set(`${ID}/workspaces`, armList(fake, []));
    fake.intercept = ({ path }) => (path.endsWith('/one/certificates') ? json({}, 403) : undefined);

    const [seen] = await look();
    expect(seen?.items).toHaveLength(1);
    expect(seen?.problems).toMatchObject([{ reason: 'permission_denied', place: 'backend' }]);
  });
});
