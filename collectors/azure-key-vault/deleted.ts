import type { DeletedCertificate } from '@azure/keyvault-certificates';

import { listCut, missingFrom } from '../../src/cloud/observation.ts';
import { readPages } from '../../src/cloud/paging.ts';
import type { Observation } from '../../src/plugin/observation.ts';
import { describeCertificate } from './description.ts';
import { MAX_PAGES, type VaultLook } from './vault.ts';

/**
 * What was deleted and can still be recovered, by its description: what used it may still hold a copy, and after the purge
 * nothing brings it back (https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview).
 */
export async function* observeDeleted({ vault, here }: VaultLook): AsyncGenerator<Observation, void, undefined> {
  for await (const part of readPages(`certificates/list deleted on ${vault.url}`, MAX_PAGES, vault.deleted())) {
    if (part.kind === 'cut') {
      yield* missingFrom(here, [listCut('certificates/list deleted', part.error)]);
      continue;
    }
    for (const certificate of part.items) yield describeDeleted(vault.url, certificate);
  }
}

function describeDeleted(
  url: string,
  { name, properties, deletedOn, scheduledPurgeDate }: DeletedCertificate,
): Observation {
  const item = describeCertificate(properties, undefined);
  const since = deletedOn === undefined ? '' : ` on ${deletedOn.toISOString()}`;
  const until = scheduledPurgeDate === undefined ? '' : ` until ${scheduledPurgeDate.toISOString()}`;
  return {
    location: `${url}/deletedcertificates/${name}`,
    items: [
      {
        ...item,
        renewal: { mode: 'manual' },
        labels: { ...item.labels, deleted: 'true' },
        remarks: [`it was deleted${since} and can be recovered${until}: az keyvault certificate recover`],
      },
    ],
    problems: [],
  };
}
