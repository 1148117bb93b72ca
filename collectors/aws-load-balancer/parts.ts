import type { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';

import type { AwsLook } from '../../src/cloud/aws.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';

export type ElbModule = typeof import('@aws-sdk/client-elastic-load-balancing-v2');

/** The load balancers of one region of one account, during one look. */
export interface Elb {
  readonly look: AwsLook;
  readonly elb: ElbModule;
  readonly client: ElasticLoadBalancingV2Client;
  /** What is missing from the look as a whole. */
  readonly gaps: Problem[];
}

/** Labels from tags, by ARN. */
export type LabelsByArn = ReadonlyMap<string, Pick<Observation, 'labels'>>;

/** The most that ELB gives in one page. */
export const PAGE_SIZE = 400;
