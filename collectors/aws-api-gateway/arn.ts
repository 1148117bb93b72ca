import type { AwsLook } from '../../src/cloud/aws.ts';
import { partitionOf } from '../../src/cloud/aws-place.ts';

/** How ARNs of API Gateway begin; they name no account. */
export function arnPrefix({ place: { region } }: AwsLook): string {
  return `arn:${partitionOf(region)}:apigateway:${region}::`;
}
