import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import type { Location } from '../../src/inventory/model.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import { certificate, location, sighting, write } from '../contract/store.ts';

const COUNT = 10_000;

it(`saves, touches, changes and loads ${COUNT} locations with three sightings each`, { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'notafter-bulk-'));
  const store = await openSqlite(join(folder, 'notafter.db'));
  const timings: string[] = [];
  async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await work();
    timings.push(`${what} ${Math.round(performance.now() - start)} ms`);
    return result;
  }
  const save = (locations: readonly Location[], touchOnly = false): Promise<readonly Location[]> =>
    store.transaction((tx) => tx.inventory.saveLocations(locations.map((each) => write(each, { touchOnly }))));
  const at = (locations: readonly Location[], now: number): readonly Location[] =>
    locations.map((each) => ({
      ...each,
      lastLookAt: now,
      lastSuccessAt: now,
      sightings: each.sightings.map((seen) => ({ ...seen, lastSeenAt: now })),
    }));

  const fresh = Array.from({ length: COUNT }, (_, index) =>
    location(`host-${index}`, {
      sightings: [
        sighting(certificate(`leaf-${index}`)),
        sighting(certificate('intermediate'), { index: 1, role: 'intermediate' }),
        sighting(certificate('root'), { index: 2, role: 'intermediate' }),
      ],
    }),
  );
  const saved = await timed('save new', () => save(fresh));
  const touched = at(saved, 1_900_000_000_000);
  await timed('touch', () => save(touched, true));
  const changed = at(touched, 2_000_000_000_000).map((each) => ({ ...each, failures: 1 }));
  await timed('change', () => save(changed));
  const loaded = await timed('load', () => store.inventory.locations());
  expect(new Map(loaded.map((each) => [each.id, each]))).toEqual(new Map(changed.map((each) => [each.id, each])));
  console.log(`${COUNT} locations: ${timings.join(', ')}`);
  await store.close();
  rmSync(folder, { recursive: true });
});
