import { z } from 'zod';

import { type Fields, listAt, textAt } from '../../src/cloud/answer.ts';
import { resourceOptions } from '../../src/cloud/azure-options.ts';
import {
  type AzureLook,
  createAzureInstance,
  renewalByVault,
  vaultReferenceOf,
} from '../../src/cloud/azure-resources.ts';
import { defineCollector } from '../../src/plugin/collector.ts';
import type { Item, Reference } from '../../src/plugin/item.ts';
import type { Observation } from '../../src/plugin/observation.ts';
import { CLIENT_ACTIONS, describe, readClients, readWorkspaces, TYPE, VERSION } from './clients.ts';

export const azureApiManagement = defineCollector({
  type: 'azure-api-management',
  summary: 'Azure API Management: certificates of host names, uploaded CAs, and client certificates for backends',
  options: z.strictObject(resourceOptions),
  scope: () => 'cluster',
  create: (given, context) =>
    createAzureInstance('azure-api-management', given, context, [
      {
        name: '',
        actions: [`${TYPE}/read`, ...CLIENT_ACTIONS],
        observe: (look) => look.each(TYPE, VERSION, (service, id) => observeService(look, service, id)),
      },
    ]),
});

/** API Management gives no certificate out: all of them are known by thumbprint and dates. */
async function observeService(look: AzureLook, service: Fields, location: string): Promise<Observation> {
  const own: readonly Reference[] = [{ type: 'azure', id: location }];
  const names = listAt(service, 'properties', 'hostnameConfigurations');
  const hosts = names.flatMap((one) => hostItem(one) ?? []);
  // Some of them have it turned on to ask clients for certificates, whom a policy then judges by these CAs.
  const asking = names
    .filter((one) => one['negotiateClientCertificate'] === true)
    .flatMap((one): readonly Reference[] => {
      const host = textAt(one, 'hostName');
      return host === undefined ? [] : [{ type: 'endpoint', id: `${host}:443` }];
    });
  const authorities = listAt(service, 'properties', 'certificates').flatMap((one, index) => {
    const certificate = describe(one['certificate'], { key: 'ca', index }, 'trust-anchor', {
      renewal: { mode: 'manual' },
      usedBy: [...asking, ...own],
    });
    return certificate ?? [];
  });
  const clients = await readClients(look, location);
  const below = await readWorkspaces(look, location);
  return {
    location,
    items: [...hosts, ...authorities, ...clients.items, ...below.items],
    problems: [...clients.problems, ...below.problems],
  };
}

function hostItem(configuration: Fields): Item | undefined {
  const host = textAt(configuration, 'hostName');
  if (host === undefined) return undefined;
  const vault = vaultReferenceOf(textAt(configuration, 'keyVaultId'));
  const isManaged = textAt(configuration, 'certificateSource') === 'Managed';
  const { renewal, ...rest } = isManaged ? { renewal: { mode: 'automatic' } as const } : renewalByVault(vault);
  const isBroken = textAt(configuration, 'certificateStatus') === 'Failed';
  return describe(configuration['certificate'], { key: `host/${host.toLowerCase()}` }, 'server', {
    ...rest,
    renewal: {
      mode: 'manual',
      ...renewal,
      ...(isBroken
        ? { stuck: `API Management could not take the certificate of ${host} from where it comes from` }
        : {}),
    },
    usedBy: [{ type: 'endpoint', id: `${host}:443` }],
  });
}
