import { certificateIn, type Certificate } from '../certificate/certificate.ts';
import type { InventoryReader } from '../inventory/port.ts';

/** Read at the start; a fleet hangs on some dozens. */
const MAX_READ = 2_000;

/**
 * The authorities that endpoints sent behind their own certificate when they were last looked at, as the inventory knows
 * them.
 */
export async function readAuthorities(inventory: InventoryReader): Promise<readonly Certificate[]> {
  const ids = new Set<string>();
  for (const { sightings, endpoint } of await inventory.locations()) {
    if (endpoint === undefined) continue;
    for (const { item } of sightings) {
      if (item.kind === 'certificate' && item.isCa && endpoint.chain.indexOf(item.id) > 0) {
        ids.add(item.id);
      }
    }
  }
  const found: Certificate[] = [];
  for (const id of [...ids].slice(0, MAX_READ)) {
    const der = await inventory.der(id);
    const certificate = der === undefined ? undefined : certificateIn(der);
    if (certificate !== undefined) found.push(certificate);
  }
  return found;
}
