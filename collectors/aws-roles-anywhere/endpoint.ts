import type { AwsLook } from '../../src/cloud/aws.ts';
import { partitionOf } from '../../src/cloud/aws-place.ts';
import type { Reference } from '../../src/plugin/item.ts';

/** The most that Roles Anywhere gives in one page. */
export const PAGE_SIZE = 100;

/** Where clients log in (https://docs.aws.amazon.com/general/latest/gr/rolesanywhere.html). */
export function loginEndpoint({ place: { region } }: AwsLook): Reference {
  const suffix = partitionOf(region) === 'aws-cn' ? 'amazonaws.com.cn' : 'amazonaws.com';
  return { type: 'endpoint', id: `rolesanywhere.${region}.${suffix}:443` };
}
