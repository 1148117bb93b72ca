import { z } from 'zod';

import { openAws } from '../../src/cloud/aws.ts';
import { CERTIFICATE_ACTIONS } from '../../src/cloud/aws-certificates.ts';
import { createAwsInstance } from '../../src/cloud/aws-instance.ts';
import { globalOptions } from '../../src/cloud/aws-options.ts';
import { defineCollector } from '../../src/plugin/collector.ts';
import { observeDistributions } from './distributions.ts';

export const awsCloudfront = defineCollector({
  type: 'aws-cloudfront',
  summary: 'AWS CloudFront: certificates of distributions and towards origins, and the trust stores for viewers',
  options: z.strictObject({
    ...globalOptions,
    trust_stores: z
      .record(z.string().min(1), z.string().regex(/^s3:\/\/[^/]+\/.+$/, 's3://bucket/key'))
      .default({})
      .describe(
        'The objects in S3 from which trust stores were made, by the name or id of the trust store: {partners: s3://trust/partners.pem}. CloudFront does not give their content back.',
      ),
  }),
  scope: () => 'cluster',
  async create(given, context) {
    const [cloudfront, aws] = await Promise.all([
      import('@aws-sdk/client-cloudfront'),
      openAws(given, 'cloudfront', context),
    ]);
    return createAwsInstance('cloudfront', aws, [
      {
        name: '',
        actions: [
          'cloudfront:ListDistributions',
          'cloudfront:ListTrustStores',
          's3:GetObject',
          'iam:ListServerCertificates',
          ...CERTIFICATE_ACTIONS,
        ],
        observe: (look) => observeDistributions(look, cloudfront, given.trust_stores),
      },
    ]);
  },
});
