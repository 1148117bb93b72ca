import { describe, expect, it } from 'vitest';

import type { KnownItem, Sighting } from '../../src/inventory/model.ts';
import { azureLook } from '../../src/policy/azure-commands.ts';
import { googleLook } from '../../src/policy/google-commands.ts';
import { authority, described, leaf } from '../policy/places.ts';
import { commandsAt, runbookAt } from './commands.ts';

const GROUP = '/subscriptions/s-1/resourceGroups/web/providers';
const CERTIFICATE = `${GROUP}/Microsoft.Web/certificates/shop`;
const SITE = `${GROUP}/Microsoft.Web/sites/shop`;
const SERVICE = `${GROUP}/Microsoft.ApiManagement/service/apis`;
const PROFILE = `${GROUP}/Microsoft.Cdn/profiles/edge`;
const CLASSIC = `${GROUP}/Microsoft.Network/frontDoors/old`;
const VAULT = `${GROUP}/Microsoft.KeyVault/vaults/v`;
const POOL = 'projects/p-1/locations/europe-west1/caPools/clients';
const ACCOUNT = 'projects/p-1/serviceAccounts/robot@p-1.iam.gserviceaccount.com';
const MANAGED = 'projects/p-1/locations/global/certificates/web';

const web = leaf('api.example.com');
const only = described({ names: ['api.example.com'] });
const key: KnownItem = {
  kind: 'credential',
  id: `${ACCOUNT}/keys/k1`,
  name: 'key k1 of robot',
  notAfter: { status: 'known', at: Date.UTC(2026, 2, 1) },
};
const manual = { mode: 'manual' } as const;

describe('the runbook of something in Azure or at Google', () => {
  const cases: readonly (readonly [string, string, KnownItem, Partial<Sighting>, readonly string[]])[] = [
    [
      'a certificate of App Service',
      CERTIFICATE,
      only,
      { renewal: manual, usedBy: [{ type: 'azure', id: SITE }] },
      [
        `az resource show --ids ${CERTIFICATE} > "$WORK/old-1.json"`,
        'openssl pkcs12 -export -in "$WORK/new.pem"',
        'THUMBPRINT=$(az webapp config ssl upload --subscription s-1 --resource-group web --name shop --certificate-file "$WORK/new.pfx"',
        'az webapp config ssl bind --subscription s-1 --resource-group web --name shop --certificate-thumbprint "$THUMBPRINT" --ssl-type SNI',
        'rm -f "$WORK/new.pfx"',
      ],
    ],
    [
      'a certificate of App Service from a vault',
      CERTIFICATE,
      only,
      { labels: { key_vault_secret: `${VAULT}/secrets/web` }, renewal: { mode: 'unknown' } },
      [
        ': "${SITE:?set SITE to the name of the site that shows it}"',
        `az webapp config ssl import --resource-group "$GROUP" --name "$SITE" --key-vault ${VAULT} --key-vault-certificate-name web`,
      ],
    ],
    [
      'a client certificate of API Management',
      SERVICE,
      only,
      { place: 'backend/orders', role: 'client', renewal: manual },
      [
        `az rest --method put --url '${SERVICE}/certificates/orders?api-version=2024-05-01'`,
        '--body @"$WORK/body.json"',
        'rm -f "$WORK/new.pfx" "$WORK/pfx-password" "$WORK/body.json"',
      ],
    ],
    [
      'one of a workspace, pinned to a version',
      SERVICE,
      only,
      {
        place: 'workspace/orders/backend',
        role: 'client',
        renewal: manual,
        labels: { key_vault_secret: 'https://v.vault.azure.net/secrets/backend/0123' },
      },
      [
        `az rest --method put --url '${SERVICE}/workspaces/orders/certificates/backend?api-version=2024-05-01'`,
        `'{"properties":{"keyVault":{"secretIdentifier":"https://v.vault.azure.net/secrets/backend"}}}'`,
      ],
    ],
    [
      'a host name of API Management',
      SERVICE,
      only,
      { place: 'host/api.example.com', role: 'server', renewal: manual },
      [`az resource show --ids ${SERVICE} --query properties.hostnameConfigurations`],
    ],
    [
      'a CA in API Management',
      SERVICE,
      only,
      { place: 'ca', role: 'trust-anchor', renewal: manual },
      [`az resource show --ids ${SERVICE} --query properties.certificates`],
    ],
    [
      'what Front Door manages',
      PROFILE,
      only,
      { place: 'secret/managed', renewal: { mode: 'automatic', stuck: 'set the TXT record' } },
      [
        'az afd custom-domain list --subscription s-1 --resource-group web --profile-name edge',
        'az afd custom-domain regenerate-validation-token --subscription s-1 --resource-group web --profile-name edge --custom-domain-name "$DOMAIN"',
      ],
    ],
    [
      'what Front Door takes from a vault',
      PROFILE,
      only,
      { place: 'secret/own', renewal: manual, labels: { key_vault_secret: `${VAULT}/secrets/web` } },
      [
        `az rest --method put --url '${PROFILE}/secrets/own?api-version=2025-04-15'`,
        `"secretSource":{"id":"${VAULT}/secrets/web"},"useLatestVersion":true`,
      ],
    ],
    [
      'a domain of Front Door (classic)',
      CLASSIC,
      only,
      { place: 'frontend/api.example.com', renewal: manual, labels: { key_vault_secret: `${VAULT}/secrets/web` } },
      [
        `az rest --method post --url ${CLASSIC}"/frontendEndpoints/$FRONTEND/enableHttps?api-version=2021-06-01"`,
        `"vault":{"id":"${VAULT}"},"secretName":"web","secretVersion":"Latest"`,
      ],
    ],
    [
      'a certificate that was deleted',
      'https://v.vault.azure.net/deletedcertificates/web',
      only,
      { renewal: manual },
      [
        'az keyvault certificate show-deleted --vault-name v --name web',
        'az keyvault certificate recover --vault-name v --name web',
      ],
    ],
    [
      'a root of Certificate Authority Service',
      `${POOL}/certificateAuthorities/root`,
      { ...authority('Root'), selfIssued: true },
      { role: 'issuer', place: 'certificate', renewal: manual },
      [
        'gcloud privateca roots create root-next --project=p-1 --location=europe-west1 --pool=clients --from-ca=root',
        'gcloud privateca roots enable root-next',
        'gcloud privateca roots disable root --project=p-1',
      ],
    ],
    [
      'an authority below a root',
      `${POOL}/certificateAuthorities/issuing`,
      { ...authority('Issuing'), selfIssued: false },
      { role: 'issuer', place: 'certificate', renewal: manual },
      [
        'gcloud privateca subordinates create issuing-next --project=p-1 --location=europe-west1 --pool=clients --from-ca=issuing --issuer-pool="$ISSUER_POOL"',
      ],
    ],
    [
      'what a pool has issued',
      `${POOL}/certificates/web-1`,
      web,
      { renewal: { mode: 'unknown' } },
      [
        `gcloud privateca certificates describe web-1 --project=p-1 --issuer-location=europe-west1 --issuer-pool=clients --format='value(pemCertificate)' > "$WORK/old.pem"`,
        'gcloud privateca certificates create web-1-next --project=p-1 --issuer-location=europe-west1 --issuer-pool=clients --csr="$CSR"',
      ],
    ],
    [
      'a key of a service account',
      ACCOUNT,
      key,
      { place: 'key/k1', role: 'client', renewal: manual },
      [
        'gcloud iam service-accounts keys list --iam-account=robot@p-1.iam.gserviceaccount.com --project=p-1',
        'gcloud iam service-accounts keys create "$WORK/key-1.json" --iam-account=robot@p-1.iam.gserviceaccount.com --project=p-1',
        'gcloud iam service-accounts keys disable k1 --iam-account',
        'gcloud iam service-accounts keys enable k1 --iam-account',
      ],
    ],
    [
      'an uploaded key of a service account',
      ACCOUNT,
      web,
      { place: 'key/up/certificate', role: 'client', renewal: manual },
      ['gcloud iam service-accounts keys upload "$WORK/new.pem" --iam-account', 'keys disable up --iam-account'],
    ],
    [
      'a managed certificate whose domain fails',
      MANAGED,
      web,
      { renewal: { mode: 'automatic', stuck: 'set the DNS record _acme-challenge.api.example.com. CNAME x.' } },
      [
        'gcloud certificate-manager certificates describe web --project=p-1 --location=global',
        'gcloud certificate-manager dns-authorizations list --project=p-1 --location=global',
      ],
    ],
  ];

  it.each(cases)('is for %s', (_what, location, item, options, expected) => {
    const commands = commandsAt(location, item, options);

    for (const command of expected) expect(commands).toContain(command);
  });

  it('says why a renewal is stuck, with the record that is missing', () => {
    const stuck = 'set the DNS record _acme-challenge.api.example.com. CNAME x.';
    const { phases } = runbookAt(MANAGED, web, { renewal: { mode: 'automatic', stuck } });

    expect(phases.successor.flatMap(({ text }) => text).join('\n')).toContain(stuck);
  });

  it.each([
    [CERTIFICATE, {}],
    [PROFILE, { place: 'secret/managed' }],
  ])('asks for nothing to be installed where Azure renews: %s', (location, options) => {
    const commands = commandsAt(location, only, { ...options, renewal: { mode: 'automatic' } });

    expect(commands).not.toMatch(/ssl (?:upload|bind)|--method put/);
  });

  it('keeps names of others from being typed as commands', () => {
    const commands = commandsAt(`${GROUP}/Microsoft.Web/certificates/a;reboot`, only, { renewal: manual });

    expect(commands).toContain("certificates/a;reboot'");
    expect(commands).not.toMatch(/;reboot(?!')/);
  });
});

describe('a look', () => {
  it.each([
    ['https://v.vault.azure.net/certificates/web', 'az keyvault certificate show --id'],
    ['https://v.vault.azure.net/deletedcertificates/web', 'az keyvault certificate show-deleted --vault-name v'],
    ['https://v.vault.azure.net/secrets/web', '--query attributes'],
    ['entra:applications/app-1', 'az ad app credential list --id app-1'],
    ['entra:servicePrincipals/sp-1', 'az ad sp credential list --id sp-1'],
    [SERVICE, `az resource show --ids ${SERVICE}`],
  ])('at %s in Azure', (place, command) => {
    expect(azureLook(place)).toContain(command);
    expect(googleLook(place)).toBeUndefined();
  });

  it.each([
    [MANAGED, 'gcloud certificate-manager certificates describe web --project=p-1 --location=global'],
    ['projects/p-1/locations/l/trustConfigs/t', 'gcloud certificate-manager trust-configs describe t'],
    ['projects/p-1/global/sslCertificates/c', 'gcloud compute ssl-certificates describe c --project=p-1 --global'],
    ['projects/p-1/regions/r/sslCertificates/c', '--region=r'],
    [`${POOL}/certificateAuthorities/a`, 'gcloud privateca pools get-ca-certs clients'],
    [`${POOL}/certificates/c`, 'gcloud privateca certificates describe c'],
    [ACCOUNT, 'gcloud iam service-accounts keys list --iam-account=robot@p-1.iam.gserviceaccount.com'],
  ])('at %s at Google', (place, command) => {
    expect(googleLook(place)).toContain(command);
    expect(azureLook(place)).toBeUndefined();
  });

  it.each(['/etc/ssl/web.pem', 'projects/p-1', 'https://example.com/'])('is not known for %s', (place) => {
    expect(azureLook(place) ?? googleLook(place)).toBeUndefined();
  });
});
