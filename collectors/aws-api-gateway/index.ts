import { z } from 'zod';

import { openAws } from '../../src/cloud/aws.ts';
import { CERTIFICATE_ACTIONS } from '../../src/cloud/aws-certificates.ts';
import { createAwsInstance } from '../../src/cloud/aws-instance.ts';
import { regionalOptions } from '../../src/cloud/aws-options.ts';
import { defineCollector } from '../../src/plugin/collector.ts';
import { observeClientCertificates } from './client-certificates.ts';
import { observeDomains } from './domains.ts';

/** All reads of API Gateway are one action, told apart by the resource. */
const GET = 'apigateway:GET';

export const awsApiGateway = defineCollector({
  type: 'aws-api-gateway',
  summary: 'AWS API Gateway: the CAs in truststores of custom domains, their certificates, and client certificates',
  options: z.strictObject(regionalOptions),
  scope: () => 'cluster',
  async create(given, context) {
    const [rest, http, aws] = await Promise.all([
      import('@aws-sdk/client-api-gateway'),
      import('@aws-sdk/client-apigatewayv2'),
      openAws(given, 'apigateway', context),
    ]);
    return createAwsInstance('apigateway', aws, [
      {
        name: 'domains',
        actions: [GET, 's3:GetObject', 's3:GetObjectVersion', ...CERTIFICATE_ACTIONS],
        observe: (look) => observeDomains(look, rest, http),
      },
      {
        name: 'client-certificates',
        actions: [GET],
        observe: (look) => observeClientCertificates(look, rest),
      },
    ]);
  },
});
