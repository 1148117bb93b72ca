import { describe, expect, it } from 'vitest';

import { azureAppGateway } from '../../../collectors/azure-app-gateway/index.ts';
import type { Collector } from '../../../src/plugin/collector.ts';
import { describeAzureList, resourceOf, SUBSCRIPTION, useAzureStage } from '../../contract/azure-collector.ts';
import { collect } from '../../contract/collector.ts';
import { armDenied, base64, itemsOf, permissionsOf, restContext } from '../../contract/rest-collector.ts';
import { json, useMachineIdentity } from '../../helpers/fake-rest.ts';
import { createAuthority } from '../../helpers/pki.ts';

const collector = azureAppGateway as unknown as Collector;
useMachineIdentity();

const root = createAuthority({ name: 'Root' });
const partners = createAuthority({ name: 'Partner CA', parent: root });
const leaf = root.issue({ names: ['api.example.com'] });

const TYPE = 'Microsoft.Network/applicationGateways';
const GATEWAY = resourceOf(TYPE, 'edge');
const text = (pem: string): string => Buffer.from(pem).toString('base64');

describeAzureList(collector, TYPE);

describe('what it sees', () => {
  const { fake, look, set } = useAzureStage(collector, TYPE);
  const part = (kind: string, name: string, properties: object = {}): object => ({
    id: `${GATEWAY}/${kind}/${name}`,
    name,
    properties,
  });
  const ref = (kind: string, name: string): object => ({
    id: `${GATEWAY.replace('resourceGroups', 'resourcegroups')}/${kind}/${name}`,
  });

  function gateway(properties: object = {}): object {
    return {
      id: GATEWAY.replace('resourceGroups', 'resourcegroups'),
      tags: { Owner: 'payments', env: 'prod' },
      properties: {
        frontendPorts: [part('frontendPorts', 'tls', { port: 8443 })],
        httpListeners: [
          part('httpListeners', 'api', {
            frontendPort: ref('frontendPorts', 'tls'),
            hostNames: ['api.example.com', '*.example.org'],
            sslCertificate: ref('sslCertificates', 'WEB'),
            sslProfile: ref('sslProfiles', 'strict'),
          }),
        ],
        sslCertificates: [part('sslCertificates', 'web', { publicCertData: text(leaf.pem + root.certificate.pem) })],
        sslProfiles: [
          part('sslProfiles', 'strict', {
            trustedClientCertificates: [ref('trustedClientCertificates', 'partners')],
            clientAuthConfiguration: { verifyClientAuthMode: 'Strict' },
          }),
        ],
        trustedClientCertificates: [
          part('trustedClientCertificates', 'partners', {
            data: text(partners.certificate.pem + root.certificate.pem),
          }),
        ],
        ...properties,
      },
    };
  }

  const LISTENER = { type: 'azure', id: `${GATEWAY}/httpListeners/api` };
  const usedBy = [{ type: 'endpoint', id: 'api.example.com:8443' }, LISTENER];

  it('gives a gateway its certificates and the CAs by which listeners judge their clients', async () => {
    set(gateway());

    const observations = await look();

    const trusted = { kind: 'certificate', role: 'trust-anchor', renewal: { mode: 'manual' }, usedBy };
    expect(itemsOf(observations)).toEqual({
      [GATEWAY]: [
        {
          kind: 'certificate',
          der: base64(leaf),
          place: { key: 'ssl/web/certificate' },
          role: 'server',
          renewal: { mode: 'manual' },
          usedBy,
        },
        {
          kind: 'certificate',
          der: base64(root.certificate),
          place: { key: 'ssl/web/chain', index: 0 },
          role: 'trust-anchor',
        },
        { ...trusted, der: base64(partners.certificate), place: { key: 'trusted-client/partners', index: 0 } },
        { ...trusted, der: base64(root.certificate), place: { key: 'trusted-client/partners', index: 1 } },
      ],
    });
    expect(observations[0]).toMatchObject({ labels: { owner: 'payments' }, problems: [] });
    expect(fake.requests[0]?.query.get('api-version')).toBe('2025-05-01');
  });

  it.each([
    ['decides about nobody in pass-through', 'Passthrough', [LISTENER]],
    ['decides in a mode of tomorrow, to be on the safe side', 'Quantum', usedBy],
  ])('%s', async (_what, verifyClientAuthMode, expected) => {
    const profile = part('sslProfiles', 'strict', {
      trustedClientCertificates: [ref('trustedClientCertificates', 'partners')],
      clientAuthConfiguration: { verifyClientAuthMode },
    });
    set(gateway({ sslProfiles: [profile] }));

    const trusted = (await look())[0]?.items.find(({ place }) => place.key === 'trusted-client/partners');
    expect(trusted?.usedBy).toEqual(expected);
  });

  it.each([
    ['follows a vault', 'https://v.vault.azure.net/secrets/web', { mode: 'unknown' }, 0],
    ['stays with one version of a secret', 'https://v.vault.azure.net/secrets/web/0123', { mode: 'manual' }, 1],
  ])('tells that a certificate %s', async (_what, keyVaultSecretId, renewal, remarks) => {
    set(
      gateway({
        sslCertificates: [part('sslCertificates', 'web', { publicCertData: text(leaf.pem), keyVaultSecretId })],
      }),
    );

    const [item] = (await look())[0]?.items ?? [];
    expect(item).toMatchObject({ renewal, labels: { key_vault_secret: keyVaultSecretId } });
    expect(item?.remarks ?? []).toHaveLength(remarks);
  });

  it('says that a certificate cannot be seen, and sees the rest', async () => {
    set(
      gateway({
        sslCertificates: [
          part('sslCertificates', 'web', { keyVaultSecretId: 'https://v.vault.azure.net/secrets/web' }),
        ],
      }),
    );

    const [seen] = await look();
    expect(seen?.problems).toMatchObject([{ reason: 'empty', place: 'ssl/web/certificate' }]);
    expect(seen?.items).toHaveLength(2);
  });

  it('reads what it trusts at backends, of both generations', async () => {
    set(
      gateway({
        trustedRootCertificates: [part('trustedRootCertificates', 'backends', { data: text(root.certificate.pem) })],
        authenticationCertificates: [
          part('authenticationCertificates', 'old', { data: Buffer.from(leaf.der).toString('base64') }),
        ],
        backendHttpSettingsCollection: [
          part('backendHttpSettingsCollection', 'orders', {
            trustedRootCertificates: [ref('trustedRootCertificates', 'backends')],
          }),
        ],
      }),
    );

    const items = itemsOf(await look())[GATEWAY] ?? [];
    expect(items.slice(4)).toMatchObject([
      {
        der: base64(root.certificate),
        place: { key: 'trusted-root/backends' },
        usedBy: [{ type: 'azure', id: `${GATEWAY}/backendHttpSettingsCollection/orders` }],
      },
      { der: base64(leaf), place: { key: 'authentication/old' } },
    ]);
  });

  it('finds every subscription by Resource Graph, page by page, and looks at those that it found', async () => {
    const asked: unknown[] = [];
    const url = '/providers/Microsoft.ResourceGraph/resources';
    fake.routes.set(url, ({ body }) => {
      asked.push(body);
      return (body as { options: { $skipToken?: string } }).options.$skipToken === undefined
        ? { data: [{ subscriptionId: SUBSCRIPTION.toUpperCase(), name: 'Payments' }], $skipToken: 'next' }
        : { data: [{ subscriptionId: '0f1e2d3c-0000-4000-8000-000000000002', name: 'Orders' }, {}] };
    });
    set(gateway());
    const instance = await collector.create(
      collector.options.parse({ endpoint: fake.url, management_groups: ['prod'] }),
      restContext(),
    );

    const signal = new AbortController().signal;
    const targets = await collect(instance.discover(signal));
    expect(targets).toEqual([
      {
        key: SUBSCRIPTION,
        labels: { azure_subscription: 'Payments' },
        data: { subscription: SUBSCRIPTION, name: 'Payments' },
      },
      {
        key: '0f1e2d3c-0000-4000-8000-000000000002',
        labels: { azure_subscription: 'Orders' },
        data: { subscription: '0f1e2d3c-0000-4000-8000-000000000002', name: 'Orders' },
      },
    ]);
    expect(asked).toHaveLength(2);
    expect(asked[0]).toMatchObject({ managementGroups: ['prod'], options: { $top: 1000 } });
    const [target] = targets;
    const seen =
      target === undefined
        ? []
        : await collect(instance.observe(target, { version: () => undefined, checkpoint: undefined }, signal));
    expect(seen).toHaveLength(1);

    fake.routes.set(url, () => ({ data: [] }));
    await expect(collect(instance.discover(signal))).rejects.toMatchObject({ reason: 'permission_denied' });
    fake.routes.set(url, () => ({ data: [], $skipToken: 'again' }));
    await expect(collect(instance.discover(signal))).rejects.toMatchObject({ reason: 'service_error' });
  });

  it('finds nothing in a subscription in which the provider was never registered', async () => {
    fake.intercept = () => json({ error: { code: 'MissingSubscriptionRegistration', message: 'not registered' } }, 409);

    expect(await look()).toEqual([]);
  });

  it('tries what it may call', async () => {
    set(gateway());
    const options = { subscriptions: [SUBSCRIPTION], endpoint: fake.url };

    expect(await permissionsOf(collector, options, SUBSCRIPTION)).toMatchObject([
      { action: `${TYPE}/read`, status: 'allowed' },
    ]);
    fake.intercept = () => armDenied(`${TYPE}/read`);
    expect(await permissionsOf(collector, options, SUBSCRIPTION)).toMatchObject([
      { action: `${TYPE}/read`, status: 'denied' },
    ]);
  });
});
