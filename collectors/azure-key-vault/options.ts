import { z } from 'zod';

import { resourceOptions } from '../../src/cloud/azure-options.ts';
import { secretFields } from '../../src/plugin/options.ts';

const vault = z.string().superRefine((text, check) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url?.protocol !== 'https:' ||
    url.pathname !== '/' ||
    url.search !== '' ||
    url.hash !== '' ||
    url.username !== ''
  ) {
    check.addIssue({ code: 'custom', message: 'the URL of a vault, e.g. https://example.vault.azure.net' });
  }
});

export const options = z.strictObject({
  vaults: z
    .array(vault)
    .min(1)
    .refine((vaults) => new Set(vaults.map(originOf)).size === vaults.length, 'a vault is named twice')
    .optional()
    .describe(
      'URLs of the vaults to look at, e.g. [https://example.vault.azure.net]. Default: every vault of the subscriptions, asked of Azure Resource Graph at each look.',
    ),
  versions: z
    .enum(['latest', 'all'])
    .default('latest')
    .describe(
      'Whether to look at the older versions of each certificate, too, which consumers may have pinned: latest (default) or all that are enabled and have not ended.',
    ),
  deleted: z
    .boolean()
    .default(false)
    .describe('Whether to list what was deleted and can still be recovered. Default false.'),
  secrets: z
    .enum(['none', 'dates', 'certificates'])
    .default('none')
    .describe(
      'What to see of plain secrets: none (default); dates: when they end, where somebody has said so; certificates: also those in secrets with the content type of a PFX or PEM file, which are read for it, private keys included.',
    ),
  ...secretFields('pfx_password', 'Password of PFX files in plain secrets, where they have one'),
  ...resourceOptions,
  tags: resourceOptions.tags.describe(
    'Tags of the vaults that become labels, whatever their case, where the vaults are found in subscriptions. Default [owner]; [] reads none. Tags of certificates are labels in any case.',
  ),
  endpoint: resourceOptions.endpoint.describe(
    'Where Azure Resource Manager answers instead of at its public address, for finding the vaults.',
  ),
});

export type Options = z.output<typeof options>;

/** The URL of a vault as the requests to it are made. */
export function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : url;
}
