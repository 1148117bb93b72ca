import { type AzureApi, openManagement } from '../../src/cloud/azure.ts';
import { tagsAt, textAt } from '../../src/cloud/answer.ts';
import { type GraphScope, queryResourceGraph } from '../../src/cloud/azure-resource-graph.ts';
import { checkScope } from '../../src/cloud/azure-resources.ts';
import type { CloudPlace, CloudPlaces } from '../../src/cloud/instance.ts';
import { tagLabels } from '../../src/cloud/tags.ts';
import type { Context } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Options } from './options.ts';
import { originOf } from './options.ts';

/** The vaults of a source. */
export type VaultPlaces = Pick<CloudPlaces<CloudPlace, never>, 'list' | 'find'>;

/** The vaults that the options name, else those that lie in their subscriptions. Asks nobody yet. */
export async function openPlaces(given: Options, context: Context): Promise<VaultPlaces> {
  const { vaults, subscriptions, management_groups: managementGroups } = given;
  if (vaults !== undefined) {
    if (subscriptions !== undefined || managementGroups !== undefined) {
      throw new Error('give either vaults, or the subscriptions or management_groups in which to find them');
    }
    return namedPlaces(vaults.map(originOf));
  }
  checkScope(given);
  const api = await openManagement(given, context);
  return {
    list: (signal) => findVaults(api, { subscriptions, managementGroups }, given.tags, signal),
    // As it was found, perhaps by another node.
    find: (key, data) => (textAt(data, 'vault') === key ? { key, text: key, data: { vault: key } } : undefined),
  };
}

function namedPlaces(urls: readonly string[]): VaultPlaces {
  const places = new Map(urls.map((url) => [url, { key: url, text: url, data: { vault: url } }]));
  return {
    async *list() {
      yield* places.values();
    },
    find: (key) => places.get(key),
  };
}

const VAULTS = `resources
| where type =~ 'microsoft.keyvault/vaults'
| project id, url = tostring(properties.vaultUri), subscriptionId, tags
| join kind=leftouter (resourcecontainers
  | where type =~ 'microsoft.resources/subscriptions'
  | project subscriptionId, subscription = name) on subscriptionId
| project id, url, subscriptionId, subscription, tags
| order by id asc`;

/** Every vault that the identity may see. What may be read of each is another permission, and told by its look. */
async function* findVaults(
  api: AzureApi,
  scope: GraphScope,
  tags: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<CloudPlace, void, undefined> {
  const wanted = tags.map((tag) => tag.toLowerCase());
  let found = 0;
  for await (const row of queryResourceGraph(api, VAULTS, scope, signal)) {
    const url = textAt(row, 'url');
    // It is there for a moment while a vault is made.
    if (url === undefined || !URL.canParse(url) || new URL(url).protocol !== 'https:') continue;
    found++;
    const key = originOf(url);
    const subscription = textAt(row, 'subscription') ?? textAt(row, 'subscriptionId');
    const { labels } = tagLabels(wanted, tagsAt(row, 'tags'));
    yield {
      key,
      text: key,
      labels: { ...labels, ...(subscription === undefined ? {} : { azure_subscription: subscription }) },
      data: { vault: key },
    };
  }
  if (found === 0) {
    throw new CollectError(
      'permission_denied',
      'Azure Resource Graph shows no Key Vault. Assign the role Reader on the subscriptions to the identity that notafter uses, or name the vaults by vaults',
    );
  }
}
