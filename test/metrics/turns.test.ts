import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';

import { joinClients } from '../../src/inventory/clients.ts';
import { knownMetrics, textOf } from '../helpers/known-metrics.ts';
import { DAY, endpointLocation, fileLocation, leaf, NOW, sighting } from '../policy/places.ts';

/** How often others had their turn while this was done. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let [turns, isDone] = [0, false];
  const others = (async () => {
    for (; !isDone; turns++) await nextTurn();
  })();
  await work();
  isDone = true;
  await others;
  return turns;
}

function busyFor(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

const client = sighting(leaf('cron', { left: DAY }), {
  role: 'client',
  usedBy: [{ type: 'endpoint', id: 'api.example.com:8443' }],
});

test('who asks for metrics while clients are joined to endpoints waits for one short step at most', async () => {
  const locations = [fileLocation([client], { location: '/kubeconfig' }), endpointLocation([leaf()])];
  const STEPS = 20;
  const { metrics } = knownMetrics(locations, () => NOW, {
    *clients(all) {
      for (let step = 0; step < STEPS; step++) {
        busyFor(10);
        yield;
      }
      return yield* joinClients(all);
    },
  });
  let text = '';
  const turns = await turnsDuring(async () => {
    text = textOf(await metrics.exposition());
  });
  expect(turns).toBeGreaterThanOrEqual(STEPS);
  expect(text).toContain('notafter_client_outage_timestamp_seconds{');
});

test('joining many clients and endpoints is many steps, wherever most of the work is', () => {
  const COUNT = 2_000;
  const many = Array.from({ length: COUNT }, (_, id) =>
    fileLocation([sighting(leaf(`c${id}`), { ...client, item: leaf(`c${id}`) })], { location: `/${id}.pem` }),
  );
  const bundle = fileLocation(many.flatMap(({ sightings }) => sightings));
  for (const locations of [many, [bundle], [...many, endpointLocation([leaf()])]]) {
    const joining = joinClients(locations);
    let steps = 0;
    let step = joining.next();
    for (; step.done !== true; steps++) step = joining.next();
    // Sightings, clients, clients by their ends twice, indexes, pairs: each at least once a hundred.
    expect(steps).toBeGreaterThanOrEqual((6 * COUNT) / 100);
    expect(step.value.referenced).toHaveLength(COUNT);
  }
});
