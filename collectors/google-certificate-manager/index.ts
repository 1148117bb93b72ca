import { z } from 'zod';

import { createGoogleInstance } from '../../src/cloud/google.ts';
import { FRONTEND_ACTIONS } from '../../src/cloud/google-frontends.ts';
import { googleOptions } from '../../src/cloud/google-options.ts';
import { defineCollector } from '../../src/plugin/collector.ts';
import { CERTIFICATE_ACTIONS, observeCertificates } from './certificates.ts';
import { observeTrustConfigs, TRUST_ACTIONS } from './trust-configs.ts';

export const googleCertificateManager = defineCollector({
  type: 'google-certificate-manager',
  summary: 'Google Certificate Manager: certificates, and the CAs by which load balancers judge their clients',
  options: z.strictObject(googleOptions),
  scope: () => 'cluster',
  create: (given, context) =>
    createGoogleInstance('google-certificate-manager', given, context, [
      {
        name: 'certificates',
        actions: [...CERTIFICATE_ACTIONS, ...FRONTEND_ACTIONS],
        observe: observeCertificates,
      },
      { name: 'trust-configs', actions: [...TRUST_ACTIONS, ...FRONTEND_ACTIONS], observe: observeTrustConfigs },
    ]),
});
