import { describe, expect, it } from 'vitest';

import { collectors } from '../../collectors/index.ts';
import type { Network } from '../../src/network/network.ts';
import type { Collector } from '../../src/plugin/collector.ts';
import { SUBSCRIPTION } from '../contract/azure-collector.ts';
import { NOTHING_KNOWN } from '../contract/collector.ts';
import { lookAt, restContext } from '../contract/rest-collector.ts';
import { useMachineIdentity } from '../helpers/fake-rest.ts';

const machine = useMachineIdentity();

/** A network on which everybody has nothing; notes who was asked. */
function emptyNetwork(asked: string[]): Network {
  return {
    ...restContext().network,
    fetch: (url) => {
      asked.push(new URL(url).origin);
      return Promise.resolve({ status: 200, headers: new Map(), body: '{"value": []}' });
    },
  };
}

/* A token of one cloud is worth nothing in another, and is shown to nobody else. */
describe.each([
  ['public', 'https://management.azure.com', 'https://graph.microsoft.com'],
  ['us-government', 'https://management.usgovcloudapi.net', 'https://graph.microsoft.us'],
  ['us-government-dod', 'https://management.usgovcloudapi.net', 'https://dod-graph.microsoft.us'],
  ['china', 'https://management.chinacloudapi.cn', 'https://microsoftgraph.chinacloudapi.cn'],
])('the cloud %s', (cloud, management, graph) => {
  it.each([
    ['azure-api-management', { subscriptions: [SUBSCRIPTION] }, SUBSCRIPTION, management],
    ['azure-app-gateway', { subscriptions: [SUBSCRIPTION] }, SUBSCRIPTION, management],
    ['azure-app-service', { subscriptions: [SUBSCRIPTION] }, SUBSCRIPTION, management],
    ['azure-front-door', { subscriptions: [SUBSCRIPTION] }, `${SUBSCRIPTION}/classic`, management],
    ['azure-entra', {}, 'directory/applications', graph],
  ])('is asked by %s at its own address, with a token for it', async (type, options, key, origin) => {
    const all = collectors as readonly unknown[] as readonly Collector[];
    const collector = all.find((one) => one.type === type);
    if (collector === undefined) throw new Error(`there is no collector ${type}`);
    const asked: string[] = [];

    await lookAt(
      collector,
      { cloud, ...options },
      { key },
      NOTHING_KNOWN,
      restContext({ network: emptyNetwork(asked) }),
    );

    expect(asked).toEqual([origin]);
    expect(machine.requests.map(({ query }) => query.get('resource'))).toContain(origin);
  });
});
