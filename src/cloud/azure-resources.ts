import type { CollectorInstance } from '../plugin/collector.ts';
import type { Context } from '../plugin/context.ts';
import { CollectError } from '../plugin/error.ts';
import type { Json } from '../plugin/json.ts';
import type { Observation } from '../plugin/observation.ts';
import { type Fields, tagsAt, textAt } from './answer.ts';
import { type AzureApi, openManagement, readResources } from './azure.ts';
import type { AzureResourceOptions } from './azure-options.ts';
import { queryResourceGraph } from './azure-resource-graph.ts';
import type { Attributes } from './held.ts';
import { type CloudPart, type CloudPlace, createCloudInstance } from './instance.ts';
import type { Listed } from './paging.ts';
import { listCut, missingFrom } from './observation.ts';
import type { RestCall, RestLook } from './rest.ts';
import { tagLabels } from './tags.ts';

const SUBSCRIPTIONS = `resourcecontainers
| where type =~ 'microsoft.resources/subscriptions'
| project subscriptionId, name
| order by subscriptionId asc`;

/** A subscription. */
interface Subscription extends CloudPlace {
  readonly id: string;
}

/** Resource Manager during one look at one subscription. */
export interface AzureLook extends RestLook {
  readonly subscription: string;
  /** The absolute URL of a path of Resource Manager. */
  url(path: string, version: string): string;
  /** The resources of a type in the whole subscription, or what lies below one of them: `path` begins with a slash. */
  resources(call: RestCall, path: string, version: string): AsyncGenerator<Listed<Fields>, void, undefined>;
  /** Looks at each resource of a type in the subscription; the list's own failures as `readPages` tells them. */
  each(
    type: string,
    version: string,
    observe: (resource: Fields, id: string) => Promise<Observation>,
  ): AsyncGenerator<Observation, void, undefined>;
}

/** A collector for these parts in every subscription of the source. */
export async function createAzureInstance(
  service: string,
  options: AzureResourceOptions,
  context: Context,
  parts: readonly CloudPart<AzureLook>[],
): Promise<CollectorInstance> {
  checkScope(options);
  const api = await openManagement(options, context);
  const named = options.subscriptions?.map((id) => toPlace(id.toLowerCase(), undefined));
  return createCloudInstance<Subscription, AzureLook>(
    service,
    {
      noun: 'subscriptions',
      list: (signal) => (named === undefined ? discover(api, options.management_groups, signal) : iterate(named)),
      find: (key, data) => (named === undefined ? ofTarget(key, data) : named.find((place) => place.key === key)),
      look: (place, here, known, signal, trial) =>
        openSubscription(api, place, api.look({ here, on: place.text, known, signal, trial })),
      // A token is all that was opened, and ends by itself.
      close: () => {},
    },
    parts,
  );
}

/** Throws an Error when the options say two things at once. */
export function checkScope(options: Pick<AzureResourceOptions, 'subscriptions' | 'management_groups'>): void {
  if (options.subscriptions !== undefined && options.management_groups !== undefined) {
    throw new Error('give either subscriptions or management_groups, not both');
  }
}

async function* iterate<T>(values: readonly T[]): AsyncGenerator<T, void, undefined> {
  yield* values;
}

function toPlace(id: string, name: string | undefined): Subscription {
  return {
    key: id,
    id,
    text: `the subscription ${name === undefined ? id : `${name} (${id})`}`,
    labels: { azure_subscription: name ?? id },
    data: { subscription: id, ...(name === undefined ? {} : { name }) },
  };
}

/** As it was discovered, perhaps by another node. */
function ofTarget(key: string, data: Json): Subscription | undefined {
  return textAt(data, 'subscription') === key ? toPlace(key, textAt(data, 'name')) : undefined;
}

/** Every subscription in which the identity may see something. */
async function* discover(
  api: AzureApi,
  managementGroups: readonly string[] | undefined,
  signal: AbortSignal,
): AsyncGenerator<Subscription, void, undefined> {
  let found = 0;
  for await (const row of queryResourceGraph(api, SUBSCRIPTIONS, { managementGroups }, signal)) {
    const id = textAt(row, 'subscriptionId')?.toLowerCase();
    if (id === undefined) continue;
    found++;
    yield toPlace(id, textAt(row, 'name'));
  }
  if (found === 0) {
    throw new CollectError(
      'permission_denied',
      'Azure Resource Graph shows no subscription. Assign the role Reader on the subscriptions to the identity that notafter uses, or name them by subscriptions',
    );
  }
}

function openSubscription(api: AzureApi, { id }: Subscription, look: RestLook): AzureLook {
  const url = (path: string, version: string): string => `${api.base}${path}?api-version=${version}`;

  function resources(call: RestCall, path: string, version: string): AsyncGenerator<Listed<Fields>, void, undefined> {
    return unlessEmpty(look.pages(call, (next) => next ?? url(path, version), readResources));
  }

  return {
    ...look,
    subscription: id,
    url,
    resources,
    async *each(type, version, observe) {
      const action = `${type}/read`;
      for await (const page of resources({ action }, `/subscriptions/${id}/providers/${type}`, version)) {
        if (page.kind === 'cut') {
          yield* missingFrom(look.here, [listCut(action, page.error)]);
          continue;
        }
        for (const resource of page.items) {
          const given = textAt(resource, 'id');
          if (given === undefined) continue;
          const observation = await observe(resource, resourceId(given));
          yield { ...observation, ...tagLabels(look.tags, tagsAt(resource, 'tags')) };
        }
      }
    },
  };
}

/** A provider that the subscription is not registered for has nothing there. */
async function* unlessEmpty(pages: AsyncGenerator<Listed<Fields>, void, undefined>) {
  try {
    yield* pages;
  } catch (error) {
    if (!(error instanceof CollectError) || error.reason !== 'empty') throw error;
  }
}

/** An id of a resource by which it is always the same: the providers differ in how they write the word for resource groups. */
export function resourceId(id: string): string {
  return id.replace(/\/resourcegroups\//i, '/resourceGroups/');
}

/** The last part of the id of a resource, in lower case: names of resources are the same in any case. */
export function nameInId(id: string | undefined): string | undefined {
  return id === undefined ? undefined : id.slice(id.lastIndexOf('/') + 1).toLowerCase();
}

/** How a reference of a resource to a secret of a Key Vault is renewed: one that names a version stays with it for ever. */
export interface VaultReference {
  readonly id: string;
  readonly isPinned: boolean;
}

/** The secret of a Key Vault that a resource refers to (https://learn.microsoft.com/azure/application-gateway/key-vault-certs). */
export function vaultReferenceOf(id: string | undefined): VaultReference | undefined {
  if (id === undefined || !URL.canParse(id)) return undefined;
  const [, collection, name, version] = new URL(id).pathname.split('/');
  if ((collection !== 'secrets' && collection !== 'certificates') || name === undefined) return undefined;
  return { id, isPinned: version !== undefined && version !== '' };
}

/** Who sees to it that a resource has a successor, and what a person should know of that. */
export function renewalByVault(vault: VaultReference | undefined): Pick<Attributes, 'renewal' | 'remarks' | 'labels'> {
  if (vault === undefined) return { renewal: { mode: 'manual' } };
  const labels = { key_vault_secret: vault.id };
  // It follows the vault; whether that renews by itself is known there.
  if (!vault.isPinned) return { renewal: { mode: 'unknown' }, labels };
  return {
    renewal: { mode: 'manual' },
    labels,
    remarks: [
      `it refers to a version of a secret, ${vault.id}, and stays with that one when the vault has a newer one: refer to it without a version`,
    ],
  };
}
