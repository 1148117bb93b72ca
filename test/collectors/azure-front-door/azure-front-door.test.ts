import { createHash } from 'node:crypto';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { azureFrontDoor } from '../../../collectors/azure-front-door/index.ts';
import type { Collector } from '../../../src/plugin/collector.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { armDenied, describeRestList, lookAt } from '../../contract/rest-collector.ts';
import { armList, type FakeRest, json, startFakeRest, useMachineIdentity } from '../../helpers/fake-rest.ts';
import { createAuthority } from '../../helpers/pki.ts';

const collector = azureFrontDoor as unknown as Collector;
useMachineIdentity();

const leaf = createAuthority({ name: 'Root' }).issue({ names: ['api.example.com'] });
const thumbprint = createHash('sha1').update(leaf.der).digest('hex');
const THUMBPRINT = thumbprint.toUpperCase();
const SUBSCRIPTION = '0f1e2d3c-0000-4000-8000-000000000001';
const PROVIDERS = `/subscriptions/${SUBSCRIPTION}/providers`;
const PATH = `${PROVIDERS}/Microsoft.Cdn/profiles`;
const ID = `/subscriptions/${SUBSCRIPTION}/resourceGroups/web/providers/Microsoft.Cdn/profiles/one`;
const END = '2027-03-01T00:00:00Z';

describeRestList(
  collector,
  { subscriptions: [SUBSCRIPTION] },
  {
    target: SUBSCRIPTION,
    path: PATH,
    pageParameter: '$skiptoken',
    denied: armDenied('Microsoft.Cdn/profiles/read'),
    remedy: 'Microsoft.Cdn/profiles/read over /subscriptions/1 is missing. Assign the role Reader',
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
      for (const end of ['', '-2', '-3']) {
        fake.routes.set(`${ID}${end}/secrets`, armList(fake, []));
        fake.routes.set(`${ID}${end}/customDomains`, armList(fake, []));
      }
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

  const VAULT = '/subscriptions/s/resourceGroups/v/providers/Microsoft.KeyVault/vaults/v/secrets/web';
  const secret = (name: string, parameters: object): object => ({ name, properties: { parameters } });
  const domain = (hostName: string, of: string, properties: object = {}): object => ({
    properties: { hostName, tlsSettings: { secret: { id: `${ID}/secrets/${of}` } }, ...properties },
  });
  function serve(secrets: readonly object[], domains: readonly object[]): void {
    set({}, { sku: { name: 'Premium_AzureFrontDoor' } });
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

  it('looks at no profile of another kind', async () => {
    set({}, { sku: { name: 'Standard_Microsoft' } });

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
