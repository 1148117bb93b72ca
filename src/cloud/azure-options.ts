import { z } from 'zod';

import { secretFields } from '../plugin/options.ts';
import { AZURE_CLOUDS, type AzureCloud } from './azure-cloud.ts';
import type { CredentialOptions } from './azure-credential.ts';

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A source may look into this many; an organisation with more has several sources. */
const MAX_LISTED = 1000;

/** Who logs in, and in which cloud; of every collector for Azure. */
export const identityOptions = {
  cloud: z
    .enum(AZURE_CLOUDS)
    .optional()
    .describe(
      'Which of the clouds of Azure: public (default), us-government, us-government-dod or china. It decides where tokens come from and what is asked.',
    ),
  tenant_id: z
    .string()
    .min(1)
    .optional()
    .describe('Tenant of a service principal. Default: the identity of the environment (DefaultAzureCredential).'),
  client_id: z.string().min(1).optional().describe('Application (client) id of the service principal.'),
  ...secretFields('client_secret', 'Client secret of the service principal'),
};

export const endpointOption = z
  .url({ protocol: /^https?$/ })
  .optional()
  .describe('Where Azure answers instead of at its public address, for what this source asks: a gateway, a test.');

export const tagsOption = z
  .array(z.string().min(1).max(512))
  .max(50)
  .default(['owner'])
  .describe(
    'Tags that become labels, whatever their case: `Owner` gives the label `owner`. Default [owner]; [] reads none.',
  );

/** Options of a collector for resources that lie in subscriptions. */
export const resourceOptions = {
  subscriptions: z
    .array(z.string().regex(ID, 'the id of a subscription, e.g. 00000000-0000-0000-0000-000000000000'))
    .min(1)
    .max(MAX_LISTED)
    .refine((ids) => new Set(ids.map((id) => id.toLowerCase())).size === ids.length, 'a subscription is named twice')
    .optional()
    .describe(
      'Ids of the subscriptions to look at. Default: every subscription that the identity may see, asked of Azure Resource Graph at each look.',
    ),
  management_groups: z
    .array(z.string().min(1).max(90))
    .min(1)
    .max(10)
    .optional()
    .describe('Look only at the subscriptions below these management groups. Not together with `subscriptions`.'),
  ...identityOptions,
  tags: tagsOption,
  endpoint: endpointOption,
};

/** What the options of both kinds say. */
export interface AzureOptions extends CredentialOptions {
  readonly cloud?: AzureCloud | undefined;
  readonly endpoint?: string | undefined;
  readonly tags: readonly string[];
}

export interface AzureResourceOptions extends AzureOptions {
  readonly subscriptions?: readonly string[] | undefined;
  readonly management_groups?: readonly string[] | undefined;
}
