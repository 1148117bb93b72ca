import type { Catalogue } from '../inventory/catalogue.ts';
import type { ClientOutlook } from '../inventory/clients.ts';
import type { Successor } from '../inventory/leaf-index.ts';
import type { KnownCertificate, Location } from '../inventory/model.ts';
import type { InventoryReader } from '../inventory/port.ts';
import type { Alert } from '../notify/model.ts';

/** Locations of one kind that are read. */
const MAX_LOCATIONS = 1_000;
/** Clients and successors whose homes are read. */
const MAX_CLIENTS = 50;

export interface AroundParts {
  readonly inventory: Pick<InventoryReader, 'locations'>;
  readonly catalogue: Pick<Catalogue, 'item' | 'homes' | 'limitedBy'>;
  successors(leaf: KnownCertificate): readonly Successor[];
  /** Logins that are known, for sure or perhaps. */
  logins(): Promise<readonly ClientOutlook[]>;
}

/**
 * The locations that what is known of an alert rests on, out of a large inventory: its places; where its cause is, or cuts
 * something short; who logs in by it, and where; where its successors lie.
 */
export async function locationsAround(alert: Alert, parts: AroundParts): Promise<readonly Location[]> {
  const { inventory, catalogue } = parts;
  const { cause } = alert;
  const [item, { homes }, limited, logins] = await Promise.all([
    catalogue.item(cause),
    catalogue.homes(cause, MAX_LOCATIONS),
    catalogue.limitedBy(cause, MAX_LOCATIONS),
    parts.logins(),
  ]);
  const concerned = logins.filter(({ client, limitedBy }) => client.id === cause || limitedBy.id === cause);
  const clients = [...new Set(concerned.map(({ client }) => client.id))].slice(0, MAX_CLIENTS);
  const clientHomes = await Promise.all(clients.map((id) => catalogue.homes(id, MAX_CLIENTS)));
  const successors = item?.kind === 'certificate' && !item.isCa ? parts.successors(item).slice(0, MAX_CLIENTS) : [];
  const ids = new Set([
    ...alert.places.slice(0, MAX_LOCATIONS).map(({ locationId }) => locationId),
    ...homes.map(({ location }) => location.id),
    ...limited.locations.map(({ id }) => id),
    ...concerned.slice(0, MAX_LOCATIONS).flatMap(({ endpoint }) => ('id' in endpoint ? [Number(endpoint.id)] : [])),
    ...clientHomes.flatMap((found) => found.homes.map(({ location }) => location.id)),
    ...successors.flatMap((newer) => newer.homes.slice(0, MAX_CLIENTS).map(({ locationId }) => locationId)),
  ]);
  return inventory.locations({ ids: [...ids] });
}
