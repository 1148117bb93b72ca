import { z } from 'zod';

import { openAws } from '../../src/cloud/aws.ts';
import { CERTIFICATE_ACTIONS } from '../../src/cloud/aws-certificates.ts';
import { createAwsInstance } from '../../src/cloud/aws-instance.ts';
import { regionalOptions } from '../../src/cloud/aws-options.ts';
import { defineCollector } from '../../src/plugin/collector.ts';
import { observeAuthorities } from './authorities.ts';
import { observeDevices } from './devices.ts';
import { observeDomains } from './domains.ts';
import { ENDPOINT_ACTION } from './endpoint.ts';

export const awsIot = defineCollector({
  type: 'aws-iot',
  summary: 'AWS IoT Core: registered CAs, certificates of domains, and on request those of devices',
  options: z.strictObject({
    ...regionalOptions,
    devices: z
      .boolean()
      .default(false)
      .describe(
        'Whether to look at the certificates of devices, too: one call for each new one, and a location for each. Default false.',
      ),
  }),
  scope: () => 'cluster',
  async create(given, context) {
    const [iot, aws] = await Promise.all([import('@aws-sdk/client-iot'), openAws(given, 'iot', context)]);
    return createAwsInstance('iot', aws, [
      {
        name: 'authorities',
        actions: ['iot:ListCACertificates', 'iot:DescribeCACertificate', ENDPOINT_ACTION],
        observe: (look) => observeAuthorities(look, iot),
      },
      {
        name: 'domains',
        actions: ['iot:ListDomainConfigurations', 'iot:DescribeDomainConfiguration', ...CERTIFICATE_ACTIONS],
        observe: (look) => observeDomains(look, iot),
      },
      ...(given.devices
        ? [
            {
              name: 'devices',
              actions: ['iot:ListCertificates', 'iot:DescribeCertificate', ENDPOINT_ACTION],
              observe: (look: Parameters<typeof observeDevices>[0]) => observeDevices(look, iot),
            },
          ]
        : []),
    ]);
  },
});
