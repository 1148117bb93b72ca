import { z } from 'zod';

import { type Fields, dateAt, listAt, textAt } from '../../src/cloud/answer.ts';
import { resourceOptions } from '../../src/cloud/azure-options.ts';
import {
  type AzureLook,
  createAzureInstance,
  renewalByVault,
  vaultReferenceOf,
} from '../../src/cloud/azure-resources.ts';
import { attempt, problemOf } from '../../src/cloud/observation.ts';
import { defineCollector } from '../../src/plugin/collector.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Item, Reference, Role } from '../../src/plugin/item.ts';
import type { Observation } from '../../src/plugin/observation.ts';

const TYPE = 'Microsoft.ApiManagement/service';
const CERTIFICATES = `${TYPE}/certificates/read`;
const VERSION = '2024-05-01';

export const azureApiManagement = defineCollector({
  type: 'azure-api-management',
  summary: 'Azure API Management: certificates of host names, uploaded CAs, and client certificates for backends',
  options: z.strictObject(resourceOptions),
  scope: () => 'cluster',
  create: (given, context) =>
    createAzureInstance('azure-api-management', given, context, [
      {
        name: '',
        actions: [`${TYPE}/read`, CERTIFICATES],
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
  const clients = await attempt(readClients(look, location, own));
  if (clients instanceof CollectError) {
    return { location, items: [...hosts, ...authorities], problems: [problemOf('client', clients)] };
  }
  return { location, items: [...hosts, ...authorities, ...clients], problems: [] };
}

type Attributes = Pick<Item, 'renewal' | 'remarks' | 'labels' | 'usedBy'>;

function hostItem(configuration: Fields): Item | undefined {
  const host = textAt(configuration, 'hostName');
  if (host === undefined) return undefined;
  const vault = vaultReferenceOf(textAt(configuration, 'keyVaultId'));
  const isManaged = textAt(configuration, 'certificateSource') === 'Managed';
  return describe(configuration['certificate'], { key: `host/${host.toLowerCase()}` }, 'server', {
    ...(isManaged ? { renewal: { mode: 'automatic' } } : renewalByVault(vault)),
    usedBy: [{ type: 'endpoint', id: `${host}:443` }],
  });
}

function describe(certificate: unknown, place: Item['place'], role: Role, attributes: Attributes): Item | undefined {
  const thumbprint = textAt(certificate, 'thumbprint')?.toLowerCase();
  const end = dateAt(certificate, 'expiry') ?? dateAt(certificate, 'expirationDate');
  if (thumbprint === undefined && end === undefined) return undefined;
  const subject = textAt(certificate, 'subject');
  return {
    kind: 'described',
    place,
    role,
    ...(thumbprint === undefined ? {} : { sha1: thumbprint }),
    ...(subject === undefined ? {} : { names: [subject] }),
    notAfter: end ?? 'unknown',
    ...attributes,
  };
}

/** What API Management logs in with at backends, and what policies compare the thumbprints of callers with. */
async function readClients(look: AzureLook, location: string, own: readonly Reference[]): Promise<readonly Item[]> {
  const items: Item[] = [];
  for await (const page of look.resources(
    { action: CERTIFICATES, of: location },
    `${location}/certificates`,
    VERSION,
  )) {
    if (page.kind === 'cut') throw page.error;
    for (const certificate of page.items) {
      const name = textAt(certificate, 'name') ?? '';
      const vault = vaultReferenceOf(textAt(certificate, 'properties', 'keyVault', 'secretIdentifier'));
      const renewal = renewalByVault(vault);
      const status = textAt(certificate, 'properties', 'keyVault', 'lastStatus', 'code');
      const message = textAt(certificate, 'properties', 'keyVault', 'lastStatus', 'message') ?? '';
      const isBroken = vault !== undefined && status !== undefined && status !== 'Success';
      const stuck = isBroken ? { stuck: `API Management cannot read ${vault.id}: ${status} ${message}`.trimEnd() } : {};
      const item = describe(certificate['properties'], { key: `client/${name.toLowerCase()}` }, 'client', {
        ...renewal,
        renewal: { mode: 'manual', ...renewal.renewal, ...stuck },
        usedBy: own,
      });
      if (item !== undefined) items.push(item);
    }
  }
  return items;
}
