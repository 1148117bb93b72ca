import type { Known } from '../plugin/collector.ts';
import { CollectError } from '../plugin/error.ts';
import { type Fields, listAt, textAt } from './answer.ts';
import type { AzureApi } from './azure.ts';

const VERSION = '2022-10-01';
const PAGE_SIZE = 1000;

/** Nobody has so many subscriptions or vaults. */
const MAX_PAGES = 100;

const NOTHING_KNOWN: Known = { version: () => undefined, checkpoint: undefined };

/** Where a query looks; without either, at all that the identity may see. */
export interface GraphScope {
  readonly subscriptions?: readonly string[] | undefined;
  readonly managementGroups?: readonly string[] | undefined;
}

/**
 * The rows that Azure Resource Graph gives for a query, which has to say in what order, to the last page
 * (https://learn.microsoft.com/azure/governance/resource-graph/concepts/work-with-data). Throws CollectError.
 */
export async function* queryResourceGraph(
  api: AzureApi,
  query: string,
  { subscriptions, managementGroups }: GraphScope,
  signal: AbortSignal,
): AsyncGenerator<Fields, void, undefined> {
  const look = api.look({ here: '', on: 'Azure Resource Graph', known: NOTHING_KNOWN, signal });
  const url = `${api.base}/providers/Microsoft.ResourceGraph/resources?api-version=${VERSION}`;
  let skipToken: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer = await look.ask({ action: 'Microsoft.ResourceGraph/resources/read' }, url, {
      query,
      ...(subscriptions === undefined ? {} : { subscriptions }),
      ...(managementGroups === undefined ? {} : { managementGroups }),
      options: {
        resultFormat: 'objectArray',
        $top: PAGE_SIZE,
        ...(skipToken === undefined ? {} : { $skipToken: skipToken }),
      },
    });
    yield* listAt(answer, 'data');
    const next = textAt(answer, '$skipToken');
    if (next === undefined) return;
    if (next === skipToken) throw new CollectError('service_error', 'Azure Resource Graph gave the same page twice');
    skipToken = next;
  }
  throw new CollectError('partial', `Azure Resource Graph: only the first ${MAX_PAGES} pages were read`);
}
