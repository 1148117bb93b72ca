import { z } from 'zod';

import { type Fields, dateAt, listAt, textAt, textsAt } from '../../src/cloud/answer.ts';
import { resourceOptions } from '../../src/cloud/azure-options.ts';
import { type AzureLook, createAzureInstance, renewalByVault, resourceId } from '../../src/cloud/azure-resources.ts';
import { readChain } from '../../src/cloud/held.ts';
import { attempt, detailsCut, missingFrom } from '../../src/cloud/observation.ts';
import { defineCollector } from '../../src/plugin/collector.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Item, Reference } from '../../src/plugin/item.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';

const TYPE = 'Microsoft.Web/certificates';
const SITES = 'Microsoft.Web/sites';
const VERSION = '2025-05-01';

export const azureAppService = defineCollector({
  type: 'azure-app-service',
  summary: 'Certificates of Azure App Service, with the sites and host names that are bound to them',
  options: z.strictObject(resourceOptions),
  scope: () => 'cluster',
  create: (given, context) =>
    createAzureInstance('azure-app-service', given, context, [
      { name: '', actions: [`${TYPE}/read`, `${SITES}/read`], observe: observeCertificates },
    ]),
});

async function* observeCertificates(look: AzureLook): AsyncGenerator<Observation, void, undefined> {
  const gaps: Problem[] = [];
  let bindings: ReadonlyMap<string, readonly Reference[]> | undefined;
  yield* look.each(TYPE, VERSION, async (certificate, id) => {
    // Asked for only where there is something to be bound.
    bindings ??= await readBindings(look, gaps);
    return observeCertificate(look, certificate, id, bindings);
  });
  yield* missingFrom(`${look.here}/sites`, gaps);
}

/** What is bound to each certificate, by its thumbprint. */
async function readBindings(look: AzureLook, gaps: Problem[]): Promise<ReadonlyMap<string, readonly Reference[]>> {
  const bindings = new Map<string, Reference[]>();
  const failed = await attempt(noteSites(look, bindings));
  if (failed instanceof CollectError) gaps.push(detailsCut(`${SITES}/read`, failed));
  return bindings;
}

async function noteSites(look: AzureLook, bindings: Map<string, Reference[]>): Promise<void> {
  const path = `/subscriptions/${look.subscription}/providers/${SITES}`;
  for await (const page of look.resources({ action: `${SITES}/read` }, path, VERSION)) {
    if (page.kind === 'cut') throw page.error;
    for (const site of page.items) {
      const id = textAt(site, 'id');
      for (const state of listAt(site, 'properties', 'hostNameSslStates')) {
        const thumbprint = textAt(state, 'thumbprint')?.toLowerCase();
        const host = textAt(state, 'name');
        if (thumbprint === undefined || host === undefined) continue;
        const known = bindings.get(thumbprint) ?? [];
        bindings.set(thumbprint, [
          ...known,
          { type: 'endpoint', id: `${host}:443` },
          ...(id === undefined ? [] : [{ type: 'azure' as const, id: resourceId(id) }]),
        ]);
      }
    }
  }
}

async function observeCertificate(
  look: AzureLook,
  certificate: Fields,
  location: string,
  bindings: ReadonlyMap<string, readonly Reference[]>,
): Promise<Observation> {
  const thumbprint = textAt(certificate, 'properties', 'thumbprint')?.toLowerCase();
  const usedBy = bindings.get(thumbprint ?? '') ?? [];
  const attributes = {
    role: 'server',
    ...renewalOf(certificate),
    ...(usedBy.length === 0 ? {} : { usedBy }),
  } as const;
  const content = textAt(certificate, 'properties', 'cerBlob');
  if (content !== undefined) {
    const held = await readChain(look.context, { certificate: content }, attributes);
    if (held.leaf !== undefined) return { location, items: held.items, problems: [] };
  }
  const issuer = textAt(certificate, 'properties', 'issuer');
  const notBefore = dateAt(certificate, 'properties', 'issueDate');
  const item: Item = {
    kind: 'described',
    place: { key: 'certificate' },
    ...(thumbprint === undefined ? {} : { sha1: thumbprint }),
    ...(issuer === undefined ? {} : { issuer }),
    names: textsAt(certificate, 'properties', 'hostNames'),
    ...(notBefore === undefined ? {} : { notBefore }),
    notAfter: dateAt(certificate, 'properties', 'expirationDate') ?? 'unknown',
    ...attributes,
  };
  return { location, items: [item], problems: [] };
}

/** States in which App Service does not follow the vault (https://learn.microsoft.com/rest/api/appservice/certificates); one that is new says nothing. */
const BROKEN = /(?:Failed|Error|NotExist|NotPermitted\w*|Unauthorized\w*)$/;

function renewalOf(certificate: Fields): Pick<Item, 'renewal' | 'remarks' | 'labels'> {
  // A free managed certificate has the name that it was made for.
  if (textAt(certificate, 'properties', 'canonicalName') !== undefined) return { renewal: { mode: 'automatic' } };
  const vault = textAt(certificate, 'properties', 'keyVaultId');
  const secret = textAt(certificate, 'properties', 'keyVaultSecretName');
  if (vault === undefined || secret === undefined) return renewalByVault(undefined);
  const status = textAt(certificate, 'properties', 'keyVaultSecretStatus');
  const isBroken = status !== undefined && BROKEN.test(status);
  return {
    renewal: {
      mode: 'unknown',
      ...(isBroken ? { stuck: `App Service cannot take it from the Key Vault: ${status}` } : {}),
    },
    labels: { key_vault_secret: `${resourceId(vault)}/secrets/${secret}` },
  };
}
