import { hash } from 'node:crypto';

import type { Candidate } from '../inventory/joining.ts';
import { knowItem } from '../inventory/known.ts';
import type { Location } from '../inventory/model.ts';
import type { InventoryReader, InventoryWriter, LocationWrite } from '../inventory/port.ts';
import { applyJoin } from '../inventory/record.ts';
import type { Observation } from '../plugin/observation.ts';

/** Certificates that were seen, and that what is only described in these observations may be. */
export async function candidatesFor(
  reader: InventoryReader,
  observations: readonly Observation[],
): Promise<readonly Candidate[]> {
  const described = observations.flatMap(({ items, location }) =>
    items.flatMap((item) => {
      const known = item.kind === 'described' ? knowItem(item, location).known : undefined;
      return known?.kind === 'described' ? [known] : [];
    }),
  );
  return described.length === 0 ? [] : reader.candidates(described);
}

/**
 * Gives the locations at which something was only described, and is now known to be a certificate that was just seen for
 * the first time; they are written. Such as a client in a log, once its file is looked at.
 */
export async function joinElsewhere(
  inventory: InventoryWriter,
  writes: readonly LocationWrite[],
): Promise<readonly Location[]> {
  const fresh = writes.flatMap(({ location, ders }) =>
    location.sightings.flatMap(({ item }): readonly Candidate[] => {
      const der = item.kind === 'certificate' ? ders.get(item.id) : undefined;
      return item.kind === 'certificate' && der !== undefined ? [{ item, sha1: hash('sha1', der, 'hex') }] : [];
    }),
  );
  if (fresh.length === 0) return [];
  const ids = await inventory.locationsDescribing(fresh);
  if (ids.length === 0) return [];
  const locations = await inventory.locations({ ids });
  return inventory.saveLocations(locations.flatMap((location) => applyJoin(location, fresh) ?? []));
}
