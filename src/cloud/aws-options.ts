import { z } from 'zod';

const REGION = /^[a-z]{2,}(?:-[a-z]+)+-\d+$/;
const ROLE = /^arn:aws[a-z-]*:iam::(\d{12}):role\/[\w+=,.@/-]+$/;

/** A source may look into this many accounts; an organisation with more has several sources. */
const MAX_ACCOUNTS = 1000;

const regions = z
  .array(z.string().regex(REGION, 'a region, e.g. eu-west-1'))
  .min(1)
  .refine((names) => new Set(names).size === names.length, 'a region is named twice');

const common = {
  profile: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Profile of the AWS config files whose credentials are used. Default: AWS_PROFILE, else the usual chain: environment, web identity, container, instance.',
    ),
  endpoint: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      'Where AWS answers instead of at its public addresses, for everything that this source asks: an emulator, a gateway. For a single service: AWS_ENDPOINT_URL_<SERVICE> in the environment.',
    ),
  own_account: z
    .boolean()
    .optional()
    .describe(
      'Whether to look at the account of the credentials, too. Default: only when `accounts` names no other account.',
    ),
  tags: z
    .array(z.string().min(1).max(128))
    .max(50)
    .default(['owner'])
    .describe(
      'Tags that become labels, whatever their case: `Owner` gives the label `owner`. Default [owner]; [] reads none.',
    ),
};

const account = {
  role_arn: z
    .string()
    .regex(ROLE, 'the ARN of a role, e.g. arn:aws:iam::444455556666:role/notafter')
    .describe('Role that notafter assumes in the account.'),
  external_id: z
    .string()
    .min(2)
    .max(1224)
    .optional()
    .describe('External id that the trust policy of the role asks for.'),
  name: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe('What the label aws_account of everything found there says. Default: the number of the account.'),
};

const accountsText =
  'Accounts to look into by assuming a role in each: {role_arn, external_id, name}. One that cannot be entered never keeps notafter from the others.';

function areDistinct(accounts: readonly { readonly role_arn: string }[]): boolean {
  return new Set(accounts.map((one) => accountOf(one.role_arn))).size === accounts.length;
}
const TWICE = 'an account is named twice';

/** Options of a collector for a service that lives in regions. */
export const regionalOptions = {
  regions: regions.describe('Regions to look at, e.g. [eu-west-1, us-east-1].'),
  accounts: z
    .array(
      z.strictObject({
        ...account,
        regions: regions.optional().describe('Regions to look at in this account. Default: `regions`.'),
      }),
    )
    .max(MAX_ACCOUNTS)
    .refine(areDistinct, TWICE)
    .optional()
    .describe(accountsText),
  ...common,
};

/** Options of a collector for a service that is the same in all regions: IAM, CloudFront. */
export const globalOptions = {
  accounts: z
    .array(z.strictObject(account))
    .max(MAX_ACCOUNTS)
    .refine(areDistinct, TWICE)
    .optional()
    .describe(accountsText),
  partition: z
    .enum(['aws', 'aws-us-gov', 'aws-cn'])
    .optional()
    .describe('Partition of the account of the credentials: aws (default), aws-us-gov, aws-cn.'),
  ...common,
};

/** Parts of AWS that know nothing of each other, as ARNs name them. */
export type AwsPartition = 'aws' | 'aws-us-gov' | 'aws-cn';

/** What the options of both kinds say. */
export interface AwsOptions {
  /** Absent for a service that is the same in all regions. */
  readonly regions?: readonly string[];
  readonly partition?: AwsPartition | undefined;
  readonly accounts?:
    | readonly {
        readonly role_arn: string;
        readonly external_id?: string | undefined;
        readonly name?: string | undefined;
        readonly regions?: readonly string[] | undefined;
      }[]
    | undefined;
  readonly profile?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly own_account?: boolean | undefined;
  readonly tags: readonly string[];
}

/** The number of the account in the ARN of a role. */
export function accountOf(roleArn: string): string {
  return ROLE.exec(roleArn)?.[1] ?? roleArn;
}
