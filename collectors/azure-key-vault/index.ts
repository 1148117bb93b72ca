import type { TokenCredential } from '@azure/identity';

import { type CredentialOptions, openAzureCredential } from '../../src/cloud/azure-credential.ts';
import { type CloudPart, type CloudPlace, type CloudPlaces, createCloudInstance } from '../../src/cloud/instance.ts';
import { type Collector, defineCollector } from '../../src/plugin/collector.ts';
import type { Context } from '../../src/plugin/context.ts';
import { secretOf } from '../../src/plugin/options.ts';
import { observeCertificates } from './certificates.ts';
import { observeDeleted } from './deleted.ts';
import { type Options, options } from './options.ts';
import { openPlaces, type VaultPlaces } from './places.ts';
import { observeSecrets } from './secrets.ts';
import { openVault, type VaultLook, type VaultParts } from './vault.ts';

type OpenCredential = (options: CredentialOptions, context: Context) => Promise<TokenCredential>;

/** The collector with another way to a credential: tests have no Microsoft Entra to ask. */
export function createAzureKeyVault(open: OpenCredential): Collector<'azure-key-vault', typeof options> {
  return defineCollector({
    type: 'azure-key-vault',
    summary: 'Certificates in Azure Key Vault, with who renews them and when that is due',
    options,
    scope: () => 'cluster',
    async create(given, context) {
      const credential = await open(given, context);
      const parts: VaultParts = {
        certificates: await import('@azure/keyvault-certificates'),
        ...(given.secrets === 'none' ? {} : { secrets: await import('@azure/keyvault-secrets') }),
        credential,
        context,
      };
      const places = await openPlaces(given, context);
      return createCloudInstance('azure-key-vault', vaultsOf(places, parts), partsOf(given, context));
    },
  });
}

export const azureKeyVault = createAzureKeyVault(openAzureCredential);

function vaultsOf(places: VaultPlaces, parts: VaultParts): CloudPlaces<CloudPlace, VaultLook> {
  return {
    noun: 'vaults',
    ...places,
    look: ({ key: url }, here, known, signal, trial) => ({
      vault: openVault(url, parts, signal, trial),
      // The gaps of the main list are told at the vault itself.
      here: here === `azure-key-vault:${url}` ? url : here,
      known,
      now: parts.context.clock.now(),
    }),
    close: () => {},
  };
}

function partsOf(given: Options, context: Context): readonly CloudPart<VaultLook>[] {
  const password = secretOf(given, 'pfx_password');
  const { secrets } = given;
  return [
    {
      name: '',
      actions: ['certificates/list', 'certificates/get'],
      observe: (look) => observeCertificates(look, given.versions),
    },
    ...(given.deleted
      ? [{ name: 'deletedcertificates', actions: ['certificates/list deleted'], observe: observeDeleted }]
      : []),
    ...(secrets === 'none'
      ? []
      : [
          {
            name: 'secrets',
            actions: ['secrets/list', ...(secrets === 'certificates' ? ['secrets/get'] : [])],
            observe: (look: VaultLook) =>
              observeSecrets(look, { context, password, isRead: secrets === 'certificates' }),
          },
        ]),
  ];
}
