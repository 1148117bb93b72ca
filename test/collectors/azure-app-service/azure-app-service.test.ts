import { createHash } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { azureAppService } from '../../../collectors/azure-app-service/index.ts';
import type { Collector } from '../../../src/plugin/collector.ts';
import { describeAzureList, listPath, resourceOf, useAzureStage } from '../../contract/azure-collector.ts';
import { armDenied, base64, itemsOf } from '../../contract/rest-collector.ts';
import { armList, json, useMachineIdentity } from '../../helpers/fake-rest.ts';
import { createAuthority } from '../../helpers/pki.ts';

const collector = azureAppService as unknown as Collector;
useMachineIdentity();

const leaf = createAuthority({ name: 'Root' }).issue({ names: ['api.example.com'] });
const thumbprint = createHash('sha1').update(leaf.der).digest('hex');
const THUMBPRINT = thumbprint.toUpperCase();
const TYPE = 'Microsoft.Web/certificates';
const ID = resourceOf(TYPE, 'one');
const END = '2027-03-01T00:00:00Z';

describeAzureList(collector, TYPE, { lists: ['Microsoft.Web/sites'] });

describe('what it sees', () => {
  const { fake, look, setOne } = useAzureStage(collector, TYPE);

  const SITE = resourceOf('Microsoft.Web/sites', 'shop');
  const sites = (): void => {
    fake.routes.set(
      listPath('Microsoft.Web/sites'),
      armList(fake, [
        {
          id: SITE.replace('shop', 'other'),
          properties: { hostNameSslStates: [{ name: 'shop.azurewebsites.net', sslState: 'Disabled' }] },
        },
        {
          id: SITE,
          properties: {
            hostNameSslStates: [null, { name: 'api.example.com', sslState: 'SniEnabled', thumbprint: THUMBPRINT }],
          },
        },
      ]),
    );
  };

  it('gives a certificate the host names and sites that are bound to it, page by page', async () => {
    sites();
    fake.pageSize = 1;
    setOne(
      {
        thumbprint: THUMBPRINT,
        hostNames: ['api.example.com'],
        issuer: 'Example CA',
        issueDate: '2026-03-01T00:00:00Z',
        expirationDate: END,
      },
      { tags: { owner: 'shop' } },
    );

    expect(await look()).toEqual([
      {
        location: ID,
        labels: { owner: 'shop' },
        problems: [],
        items: [
          {
            kind: 'described',
            place: { key: 'certificate' },
            sha1: thumbprint,
            issuer: 'Example CA',
            names: ['api.example.com'],
            notBefore: new Date('2026-03-01T00:00:00Z'),
            notAfter: new Date(END),
            role: 'server',
            renewal: { mode: 'manual' },
            usedBy: [
              { type: 'endpoint', id: 'api.example.com:443' },
              { type: 'azure', id: SITE },
            ],
          },
        ],
      },
    ]);
  });

  it('reads the certificate itself where App Service gives it', async () => {
    sites();
    setOne({ thumbprint: THUMBPRINT, cerBlob: base64(leaf), expirationDate: END });

    expect(itemsOf(await look())[ID]).toMatchObject([{ kind: 'certificate', der: base64(leaf), role: 'server' }]);
  });

  it.each([
    ['App Service itself', { canonicalName: 'api.example.com' }, { mode: 'automatic' }],
    [
      'a vault',
      { keyVaultId: '/v', keyVaultSecretName: 's', keyVaultSecretStatus: 'Initialized' },
      { mode: 'unknown' },
    ],
    [
      'a vault that it may not read',
      { keyVaultId: '/v', keyVaultSecretName: 's', keyVaultSecretStatus: 'OperationNotPermittedOnKeyVault' },
      { mode: 'unknown', stuck: 'App Service cannot take it from the Key Vault: OperationNotPermittedOnKeyVault' },
    ],
    [
      'a vault, in a state of tomorrow,',
      { keyVaultId: '/v', keyVaultSecretName: 's', keyVaultSecretStatus: 'Quantum' },
      { mode: 'unknown' },
    ],
    ['a person', {}, { mode: 'manual' }],
  ])('tells that %s renews it', async (_what, properties, renewal) => {
    sites();
    setOne({ thumbprint: THUMBPRINT, expirationDate: END, ...properties });

    expect((await look())[0]?.items[0]?.renewal).toEqual(renewal);
  });

  it('keeps what it sees and says what is missing when it may not ask for sites', async () => {
    setOne({ thumbprint: THUMBPRINT, expirationDate: END });
    fake.intercept = ({ path }) => (path.endsWith('/sites') ? armDenied('Microsoft.Web/sites/read') : undefined);

    const observations = await look();
    expect(observations[0]?.items).toHaveLength(1);
    expect(observations[1]?.problems).toMatchObject([
      { reason: 'permission_denied', detail: expect.stringContaining('Microsoft.Web/sites/read') as unknown },
    ]);
  });

  it('says of an end that it cannot read that it is not known', async () => {
    sites();
    setOne({ thumbprint: THUMBPRINT, expirationDate: 'tomorrow' });

    expect((await look())[0]?.items[0]).toMatchObject({ notAfter: 'unknown' });
    fake.intercept = () => json({}, 500);
    await expect(look()).rejects.toMatchObject({ reason: 'service_error' });
  });
});
