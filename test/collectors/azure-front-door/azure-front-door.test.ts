import { createHash } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { azureFrontDoor } from '../../../collectors/azure-front-door/index.ts';
import type { Collector } from '../../../src/plugin/collector.ts';
import { describeAzureList, resourceOf, useAzureStage } from '../../contract/azure-collector.ts';
import { armList, json, useMachineIdentity } from '../../helpers/fake-rest.ts';
import { createAuthority } from '../../helpers/pki.ts';

const collector = azureFrontDoor as unknown as Collector;
useMachineIdentity();

const leaf = createAuthority({ name: 'Root' }).issue({ names: ['api.example.com'] });
const thumbprint = createHash('sha1').update(leaf.der).digest('hex');
const THUMBPRINT = thumbprint.toUpperCase();
const TYPE = 'Microsoft.Cdn/profiles';
const ID = resourceOf(TYPE, 'one');
const END = '2027-03-01T00:00:00Z';

describeAzureList(collector, TYPE, { below: ['secrets', 'customDomains'] });

const CLASSIC = 'Microsoft.Network/frontDoors';
describeAzureList(collector, CLASSIC, { part: '/classic' });

describe('what it sees', () => {
  const { fake, look, setOne } = useAzureStage(collector, TYPE);

  const VAULT = '/subscriptions/s/resourceGroups/v/providers/Microsoft.KeyVault/vaults/v/secrets/web';
  const secret = (name: string, parameters: object): object => ({ name, properties: { parameters } });
  const domain = (hostName: string, of: string, properties: object = {}): object => ({
    properties: { hostName, tlsSettings: { secret: { id: `${ID}/secrets/${of}` } }, ...properties },
  });
  function serve(secrets: readonly object[], domains: readonly object[]): void {
    setOne({}, { sku: { name: 'Premium_AzureFrontDoor' } });
    fake.pageSize = 1;
    fake.routes.set(`${ID}/secrets`, armList(fake, secrets));
    fake.routes.set(`${ID}/customDomains`, armList(fake, domains));
  }

  it('gives a profile its certificates, with the domains that use them, page by page', async () => {
    serve(
      [
        secret('own', {
          type: 'CustomerCertificate',
          thumbprint: THUMBPRINT,
          expirationDate: END,
          subjectAlternativeNames: ['api.example.com'],
          certificateAuthority: 'Example CA',
          secretSource: { id: VAULT },
          useLatestVersion: false,
        }),
        secret('latest', {
          type: 'CustomerCertificate',
          expirationDate: END,
          secretSource: { id: VAULT },
          useLatestVersion: true,
        }),
        secret('managed', { type: 'ManagedCertificate', subject: 'CN=www.example.com', expirationDate: END }),
        secret('signing', { type: 'UrlSigningKey', keyId: '1' }),
      ],
      [
        domain('api.example.com', 'OWN'),
        domain('www.example.com', 'managed', {
          domainValidationState: 'PendingRevalidation',
          validationProperties: { validationToken: 'abc123' },
        }),
      ],
    );

    expect(await look()).toMatchObject([
      {
        location: ID,
        problems: [],
        items: [
          {
            kind: 'described',
            sha1: thumbprint,
            issuer: 'Example CA',
            names: ['api.example.com'],
            notAfter: new Date(END),
            place: { key: 'secret/own' },
            role: 'server',
            renewal: { mode: 'manual' },
            remarks: [expect.stringContaining('refers to a version of a secret')],
            usedBy: [{ type: 'endpoint', id: 'api.example.com:443' }],
          },
          { place: { key: 'secret/latest' }, renewal: { mode: 'unknown' }, labels: { key_vault_secret: VAULT } },
          {
            place: { key: 'secret/managed' },
            names: ['www.example.com'],
            renewal: {
              mode: 'automatic',
              stuck:
                'the validation of www.example.com is PendingRevalidation: set the TXT record _dnsauth.www.example.com to abc123',
            },
          },
        ],
      },
    ]);
  });

  it.each(['Approved', 'Submitting', 'RefreshingValidationToken', 'Tomorrow', ''])(
    'asks for nothing where a validation is %j',
    async (domainValidationState) => {
      serve(
        [secret('managed', { type: 'ManagedCertificate', subject: 'CN=www.example.com', expirationDate: END })],
        [domain('www.example.com', 'managed', { domainValidationState })],
      );

      expect((await look())[0]?.items[0]?.renewal).toEqual({ mode: 'automatic' });
    },
  );

  it('takes a secret of a kind of tomorrow for a certificate when it ends', async () => {
    serve([secret('new', { type: 'Quantum', expirationDate: END }), secret('other', { type: 'Quantum' })], []);

    expect((await look())[0]?.items).toMatchObject([{ place: { key: 'secret/new' }, notAfter: new Date(END) }]);
  });

  it('looks at no profile of another kind', async () => {
    setOne({}, { sku: { name: 'Standard_Microsoft' } });

    expect(await look()).toEqual([{ location: ID, items: [], problems: [] }]);
    expect(fake.requests).toHaveLength(1);
  });

  it('keeps what it sees when it may not ask for domains', async () => {
    serve([secret('managed', { type: 'ManagedCertificate', subject: 'CN=www.example.com', expirationDate: END })], []);
    fake.intercept = ({ path }) => (path.endsWith('/customDomains') ? json({}, 403) : undefined);

    const [seen] = await look();
    expect(seen?.items).toHaveLength(1);
    expect(seen?.problems).toMatchObject([{ reason: 'permission_denied', place: 'domains' }]);
  });
});

describe('what it sees of classic ones', () => {
  const { fake, look, setOne } = useAzureStage(collector, CLASSIC, '/classic');
  const VAULT = '/subscriptions/s/resourcegroups/v/providers/Microsoft.KeyVault/vaults/v';
  const frontend = (hostName: string, configuration: object | null, more: object = {}): object => ({
    name: hostName.replaceAll('.', '-'),
    properties: { hostName, customHttpsConfiguration: configuration, ...more },
  });
  const fromVault = (secretVersion?: string): object => ({
    certificateSource: 'AzureKeyVault',
    keyVaultCertificateSourceParameters: { vault: { id: VAULT }, secretName: 'web', secretVersion },
  });

  it('gives each domain that speaks TLS where its certificate comes from, and who renews it', async () => {
    setOne(
      {
        frontendEndpoints: [
          frontend('one.azurefd.net', null),
          frontend('Pinned.example.com', fromVault('0123')),
          frontend('latest.example.com', fromVault('Latest')),
          frontend('managed.example.com', { certificateSource: 'FrontDoor' }),
          frontend('tomorrow.example.com', { certificateSource: 'Quantum' }),
        ],
      },
      { tags: { owner: 'shop' } },
    );

    const secret = '/subscriptions/s/resourceGroups/v/providers/Microsoft.KeyVault/vaults/v/secrets/web';
    expect(await look()).toMatchObject([
      {
        location: resourceOf(CLASSIC, 'one'),
        labels: { owner: 'shop' },
        problems: [],
        items: [
          {
            kind: 'described',
            names: ['pinned.example.com'],
            notAfter: 'unknown',
            place: { key: 'frontend/pinned.example.com' },
            role: 'server',
            renewal: { mode: 'manual' },
            labels: { key_vault_secret: secret },
            remarks: [expect.stringContaining('refers to a version of a secret')],
            usedBy: [{ type: 'endpoint', id: 'pinned.example.com:443' }],
          },
          { place: { key: 'frontend/latest.example.com' }, renewal: { mode: 'unknown' } },
          {
            place: { key: 'frontend/managed.example.com' },
            renewal: { mode: 'manual' },
            remarks: [expect.stringContaining('has renewed no managed certificate since 15 August 2025')],
          },
          { place: { key: 'frontend/tomorrow.example.com' }, renewal: { mode: 'manual' } },
        ],
      },
    ]);
    expect(fake.requests[0]?.query.get('api-version')).toBe('2021-06-01');
  });

  it.each([
    ['Failed', 'DomainControlValidationRequestTimedOut', 'Failed, DomainControlValidationRequestTimedOut'],
    [
      'Enabling',
      'PendingDomainControlValidationREquestApproval',
      'Enabling, PendingDomainControlValidationREquestApproval',
    ],
    ['Failed', undefined, 'Failed'],
    ['Enabled', 'CertificateDeployed', undefined],
    ['Enabling', 'DeployingCertificate', undefined],
    ['Tomorrow', 'Quantum', undefined],
  ])('knows whether it goes on by itself in %s, %s', async (state, substate, said) => {
    setOne({
      frontendEndpoints: [
        frontend('a.example.com', fromVault(), {
          customHttpsProvisioningState: state,
          customHttpsProvisioningSubstate: substate,
        }),
      ],
    });

    expect((await look())[0]?.items[0]?.renewal).toEqual({
      mode: 'unknown',
      ...(said === undefined ? {} : { stuck: `Front Door cannot bring out the certificate of a.example.com: ${said}` }),
    });
  });
});
