import { z } from 'zod';

import { openAws } from '../../src/cloud/aws.ts';
import { createAwsInstance } from '../../src/cloud/aws-instance.ts';
import { globalOptions } from '../../src/cloud/aws-options.ts';
import { defineCollector } from '../../src/plugin/collector.ts';
import { observeServerCertificates } from './server-certificates.ts';
import { observeSigningCertificates } from './signing-certificates.ts';

export const awsIam = defineCollector({
  type: 'aws-iam',
  summary: 'Server certificates and signing certificates of users that were uploaded to AWS IAM',
  options: z.strictObject(globalOptions),
  scope: () => 'cluster',
  async create(given, context) {
    const [iam, aws] = await Promise.all([import('@aws-sdk/client-iam'), openAws(given, 'iam', context)]);
    return createAwsInstance('iam', aws, [
      {
        name: 'server-certificates',
        actions: ['iam:ListServerCertificates', 'iam:GetServerCertificate'],
        observe: (look) => observeServerCertificates(look, iam),
      },
      {
        name: 'signing-certificates',
        actions: ['iam:ListUsers', 'iam:ListSigningCertificates'],
        observe: (look) => observeSigningCertificates(look, iam),
      },
    ]);
  },
});
