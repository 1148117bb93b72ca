import { z } from 'zod';

import { type AwsLook, openAws } from '../../src/cloud/aws.ts';
import { CERTIFICATE_ACTIONS } from '../../src/cloud/aws-certificates.ts';
import { createAwsInstance } from '../../src/cloud/aws-instance.ts';
import { regionalOptions } from '../../src/cloud/aws-options.ts';
import { listCut, missingFrom } from '../../src/cloud/observation.ts';
import { readAll } from '../../src/cloud/paging.ts';
import { defineCollector } from '../../src/plugin/collector.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';
import { observeListeners, type Listening } from './listeners.ts';
import { type ElbModule, PAGE_SIZE } from './parts.ts';
import { tagsOf } from './tags.ts';
import { observeTrustStore } from './trust-stores.ts';

const ACTIONS = [
  'DescribeTrustStores',
  'DescribeTrustStoreAssociations',
  'GetTrustStoreCaCertificatesBundle',
  'DescribeTrustStoreRevocations',
  'GetTrustStoreRevocationContent',
  'DescribeLoadBalancers',
  'DescribeListeners',
  'DescribeListenerCertificates',
  'DescribeTags',
].map((call) => `elasticloadbalancing:${call}`);

export const awsLoadBalancer = defineCollector({
  type: 'aws-load-balancer',
  summary: 'AWS load balancers: the CAs and revocation lists of trust stores, and the certificates of listeners',
  options: z.strictObject({
    ...regionalOptions,
    names: z
      .record(z.string().min(1), z.array(z.string().min(1)).min(1).max(100))
      .default({})
      .describe(
        'Names by which clients reach a load balancer, by its name: {web: [api.example.com]}. Besides its own and those in the certificates of its listeners.',
      ),
  }),
  scope: () => 'cluster',
  async create(given, context) {
    const [elb, aws] = await Promise.all([
      import('@aws-sdk/client-elastic-load-balancing-v2'),
      openAws(given, 'elasticloadbalancing', context),
    ]);
    return createAwsInstance('elasticloadbalancing', aws, [
      { name: '', actions: [...ACTIONS, ...CERTIFICATE_ACTIONS], observe: (look) => observe(look, elb, given.names) },
    ]);
  },
});

/** The trust stores first: they are few, and what ends in one takes all clients with it. */
async function* observe(
  look: AwsLook,
  elb: ElbModule,
  names: Readonly<Record<string, readonly string[]>>,
): AsyncGenerator<Observation, void, undefined> {
  const client = look.client(elb.ElasticLoadBalancingV2Client);
  const gaps: Problem[] = [];
  const missing = (place: string) => (error: Parameters<typeof listCut>[1]) => void gaps.push(listCut(place, error));
  const stores = [];
  for await (const page of look.pages(
    { action: 'elasticloadbalancing:DescribeTrustStores' },
    async (Marker, options) => {
      const answer = await client.send(new elb.DescribeTrustStoresCommand({ Marker, PageSize: PAGE_SIZE }), options);
      return { items: answer.TrustStores, next: answer.NextMarker };
    },
  )) {
    if (page.kind === 'cut') gaps.push(listCut('DescribeTrustStores', page.error));
    else stores.push(...page.items);
  }
  const balancers = await readAll(
    look.pages({ action: 'elasticloadbalancing:DescribeLoadBalancers' }, async (Marker, options) => {
      const answer = await client.send(new elb.DescribeLoadBalancersCommand({ Marker, PageSize: PAGE_SIZE }), options);
      return { items: answer.LoadBalancers, next: answer.NextMarker };
    }),
    missing('DescribeLoadBalancers'),
  );
  const parts = { look, elb, client, gaps };
  const labels = await tagsOf(parts, [
    ...stores.flatMap(({ TrustStoreArn: arn }) => (arn === undefined ? [] : [arn])),
    ...balancers.flatMap(({ LoadBalancerArn: arn }) => (arn === undefined ? [] : [arn])),
  ]);
  const listening: Listening[] = [];
  for (const balancer of balancers) {
    for await (const found of observeListeners(parts, balancer, names[balancer.LoadBalancerName ?? ''] ?? [])) {
      listening.push(found.listening);
      yield { ...found.observation, ...labels.get(balancer.LoadBalancerArn ?? '') };
    }
  }
  for (const store of stores) yield* observeTrustStore(parts, store, listening, labels);
  yield* missingFrom(look.here, gaps);
}
