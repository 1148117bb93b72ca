import { z } from 'zod';

import { resourceOptions } from '../../src/cloud/azure-options.ts';
import { createAzureInstance } from '../../src/cloud/azure-resources.ts';
import { defineCollector } from '../../src/plugin/collector.ts';
import { observeGateway } from './gateway.ts';

const TYPE = 'Microsoft.Network/applicationGateways';
const VERSION = '2025-05-01';

export const azureAppGateway = defineCollector({
  type: 'azure-app-gateway',
  summary: 'Azure Application Gateway: certificates of listeners, and the CAs that decide about their clients',
  options: z.strictObject(resourceOptions),
  scope: () => 'cluster',
  create: (given, context) =>
    createAzureInstance('azure-app-gateway', given, context, [
      {
        name: '',
        actions: [`${TYPE}/read`],
        observe: (look) => look.each(TYPE, VERSION, (gateway, id) => observeGateway(look.context, gateway, id)),
      },
    ]),
});
