import type { TokenCredential } from '@azure/identity';
import { describe, expect, it } from 'vitest';

import { createAzureKeyVault } from '../../../collectors/azure-key-vault/index.ts';
import type { CollectorInstance, Target } from '../../../src/plugin/collector.ts';
import { SUBSCRIPTION } from '../../contract/azure-collector.ts';
import { collect, NOTHING_KNOWN } from '../../contract/collector.ts';
import { restContext } from '../../contract/rest-collector.ts';
import { startFakeKeyVault } from '../../helpers/fake-key-vault.ts';
import { json, useFakeRest, useMachineIdentity } from '../../helpers/fake-rest.ts';

const RESOURCE_GRAPH = '/providers/Microsoft.ResourceGraph/resources';

/** What the rows of a page are asked for with. */
interface Query {
  readonly query: string;
  readonly subscriptions?: readonly string[];
  readonly managementGroups?: readonly string[];
  readonly options: { readonly $skipToken?: string };
}

const credential: TokenCredential = {
  getToken: () => Promise.resolve({ token: 'token-of-the-test', expiresOnTimestamp: Date.now() + 3_600_000 }),
};

describe('vaults that no source names', () => {
  useMachineIdentity();
  const management = useFakeRest();

  function open(options: object = {}): Promise<CollectorInstance> {
    const collector = createAzureKeyVault(() => Promise.resolve(credential));
    return collector.create(collector.options.parse({ endpoint: management.url, ...options }), restContext());
  }

  async function find(options: object = {}): Promise<readonly Target[]> {
    return collect((await open(options)).discover(new AbortController().signal));
  }

  /** Serves one page after the other. */
  function serve(...pages: readonly (readonly object[])[]): Query[] {
    const asked: Query[] = [];
    management.routes.set(RESOURCE_GRAPH, ({ body }) => {
      const query = body as Query;
      asked.push(query);
      const page = Number(query.options.$skipToken ?? '0');
      return { data: pages[page] ?? [], ...(page + 1 < pages.length ? { $skipToken: String(page + 1) } : {}) };
    });
    return asked;
  }

  const row = (name: string, more: object = {}): object => ({
    id: `/subscriptions/${SUBSCRIPTION}/resourceGroups/a/providers/Microsoft.KeyVault/vaults/${name}`,
    url: `https://${name}.vault.azure.net/`,
    subscriptionId: SUBSCRIPTION,
    ...more,
  });

  it('are found by Resource Graph, page by page, with the owners that their tags name', async () => {
    const asked = serve(
      [row('one', { subscription: 'Payments', tags: { Owner: 'payments', env: 'prod' } })],
      [row('two'), {}, row('made', { url: '' }), row('odd', { url: 'http://odd.example' })],
    );

    expect(await find()).toEqual([
      {
        key: 'https://one.vault.azure.net',
        labels: { azure_subscription: 'Payments', owner: 'payments' },
        data: { vault: 'https://one.vault.azure.net' },
      },
      {
        key: 'https://two.vault.azure.net',
        labels: { azure_subscription: SUBSCRIPTION },
        data: { vault: 'https://two.vault.azure.net' },
      },
    ]);
    expect(asked).toHaveLength(2);
    expect(asked[0]?.query).toContain("where type =~ 'microsoft.keyvault/vaults'");
    expect(asked[0]).not.toHaveProperty('subscriptions');
    expect(management.requests[0]?.headers.authorization).toBe('Bearer token-of-the-test');
  });

  it.each([
    [{ subscriptions: [SUBSCRIPTION] }, { subscriptions: [SUBSCRIPTION] }],
    [{ management_groups: ['prod'] }, { managementGroups: ['prod'] }],
  ])('are sought in %j alone', async (options, scope) => {
    const asked = serve([row('one')]);

    await find(options);

    expect(asked).toMatchObject([scope]);
  });

  it('are looked at by whichever node gets them, as they were found', async () => {
    await using vault = await startFakeKeyVault();
    serve([row('here', { url: `${vault.url}/` })]);
    vault.certificates = [{ name: 'web', notAfter: new Date(Date.UTC(2027, 0, 1)) }];
    const [target] = await find({ deleted: true });
    if (target === undefined) throw new Error('a vault was found');

    const other = await open({ deleted: true });
    const signal = new AbortController().signal;
    expect(await collect(other.observe(target, NOTHING_KNOWN, signal))).toMatchObject([
      { location: `${vault.url}/certificates/web` },
    ]);
    await expect(
      collect(other.observe({ key: 'https://not-found.vault.azure.net', data: {} }, NOTHING_KNOWN, signal)),
    ).rejects.toMatchObject({ reason: 'not_found' });
  });

  it.each([
    ['none is shown', () => ({ data: [] }), 'permission_denied', 'shows no Key Vault. Assign the role Reader'],
    [
      'the same page comes again',
      () => ({ data: [row('one')], $skipToken: 'again' }),
      'service_error',
      'gave the same page twice',
    ],
    [
      'Resource Graph asks for fewer calls',
      () => json({ error: { code: 'RateLimiting', message: 'Please try later.' } }, 429, { 'retry-after': '5' }),
      'throttled',
      'Please try later.',
    ],
  ])('are a failure of the search when %s', async (_what, answer, reason, text) => {
    management.routes.set(RESOURCE_GRAPH, answer);

    await expect(find()).rejects.toMatchObject({
      name: 'CollectError',
      reason,
      message: expect.stringContaining(text) as unknown,
    });
  });
});
