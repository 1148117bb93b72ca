import { joinClients } from '../../src/inventory/clients.ts';
import { createInventoryIndex } from '../../src/inventory/inventory-index.ts';
import type { Location } from '../../src/inventory/model.ts';
import type { InventoryReader } from '../../src/inventory/port.ts';
import { createMetrics, type Exposition, type Metrics, type MetricsParts } from '../../src/metrics/metrics.ts';
import type { SeriesSettings } from '../../src/metrics/inventory-series.ts';
import { parseExposition, type Sample } from './exposition.ts';

export interface KnownMetrics {
  readonly metrics: Metrics;
  /** Records a location as the daemon does; what has no id gets one. */
  note(location: Location): Location;
  forget(location: Location): void;
  /** A look saw nothing new. */
  touch(location: Location, at: number): void;
  locations(): readonly Location[];
  text(): Promise<string>;
  samples(): Promise<readonly Sample[]>;
}

/** Metrics beside an inventory in memory that tells them of every change, as the daemon has them. */
export function knownMetrics(
  locations: readonly Location[],
  now: () => number,
  overrides: Partial<MetricsParts> & { readonly series?: Partial<SeriesSettings> } = {},
): KnownMetrics {
  const { series = {}, ...parts } = overrides;
  const known = new Map<number, Location>();
  const index = createInventoryIndex();
  const inventory: Pick<InventoryReader, 'locations'> = {
    locations: async ({ ids = [...known.keys()] } = {}) => ids.flatMap((id) => known.get(id) ?? []),
  };
  const metrics = createMetrics({
    inventory,
    clients: (all) => joinClients(all, index.clientTrust),
    endpointsNamed: (name) => index.endpointsNamed(name),
    findings: async () => [],
    oldestPendingAt: async () => undefined,
    settings: () => ({ seriesBudget: 0, profiles: [], sources: [], labelsOf: () => [], ...series }),
    version: '1.2.3',
    now,
    ...parts,
  });
  let last = 0;
  const made: KnownMetrics = {
    metrics,
    note(given) {
      const isSame = [...known.values()].find(
        ({ source, location }) => source === given.source && location === given.location,
      );
      const location = { ...given, id: isSame?.id ?? ++last };
      known.set(location.id, location);
      index.note(location);
      metrics.note(location);
      return location;
    },
    forget(location) {
      known.delete(location.id);
      index.forget(location);
      metrics.forget(location.id);
    },
    touch(location, at) {
      known.set(location.id, { ...location, lastSuccessAt: at });
      metrics.touched([location.id], at);
    },
    locations: () => [...known.values()],
    text: async () => textOf(await metrics.exposition()),
    samples: async () => parseExposition(await made.text()),
  };
  for (const location of locations) made.note(location);
  return made;
}

/** An answer without compression, as text. */
export function textOf({ chunks }: Exposition): string {
  return Buffer.concat(chunks).toString('utf8');
}
