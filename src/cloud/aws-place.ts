import type { Target } from '../plugin/collector.ts';
import { accountOf, type AwsOptions, type AwsPartition } from './aws-options.ts';

/** A role that is assumed to get into an account. */
export interface AwsRole {
  readonly arn: string;
  readonly externalId?: string;
}

/** One region of one account: what has limits, permissions and faults of its own. */
export interface AwsPlace {
  /** Unique in a source: `eu-west-1`, or `444455556666/eu-west-1` for an account that is entered by a role. */
  readonly key: string;
  readonly region: string;
  /** Absent for the account of the credentials themselves. */
  readonly account?: string;
  readonly role?: AwsRole;
  readonly labels?: Target['labels'];
}

/** Where the services that are the same in all regions answer (https://docs.aws.amazon.com/general/latest/gr/iam-service.html). */
const GLOBAL_REGIONS: Readonly<Record<AwsPartition, string>> = {
  aws: 'us-east-1',
  'aws-us-gov': 'us-gov-west-1',
  'aws-cn': 'cn-north-1',
};

/** Every region of every account that the options name, the account of the credentials first; without `regions` the one of global services. */
export function placesOf(options: AwsOptions): readonly AwsPlace[] {
  const { accounts = [], partition = 'aws' } = options;
  const isOwn = options.own_account ?? accounts.length === 0;
  const ownRegions = options.regions ?? [GLOBAL_REGIONS[partition]];
  const own = isOwn ? ownRegions.map((region): AwsPlace => ({ key: region, region })) : [];
  const others = accounts.flatMap((entry) => {
    const account = accountOf(entry.role_arn);
    const role: AwsRole = {
      arn: entry.role_arn,
      ...(entry.external_id === undefined ? {} : { externalId: entry.external_id }),
    };
    const labels = { aws_account: entry.name ?? account };
    const regions = entry.regions ?? options.regions ?? [GLOBAL_REGIONS[partitionOfArn(entry.role_arn)]];
    return regions.map((region): AwsPlace => ({ key: `${account}/${region}`, region, account, role, labels }));
  });
  return [...own, ...others];
}

/** How error texts name a place. */
export function placeText({ region, account }: AwsPlace): string {
  return account === undefined ? region : `${region} of account ${account}`;
}

/** The partition of AWS that a region belongs to, as ARNs name it. */
export function partitionOf(region: string): AwsPartition {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}

function partitionOfArn(arn: string): AwsPartition {
  if (arn.startsWith('arn:aws-cn:')) return 'aws-cn';
  return arn.startsWith('arn:aws-us-gov:') ? 'aws-us-gov' : 'aws';
}
