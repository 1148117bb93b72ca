import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';

import { joinClients } from '../../src/inventory/clients.ts';
import { eventually } from '../helpers/eventually.ts';
import { samplesOf } from '../helpers/exposition.ts';
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

/** Takes so much CPU. */
function busyFor(ms: number): void {
  const start = process.threadCpuUsage();
  for (;;) {
    const { user, system } = process.threadCpuUsage(start);
    if (user + system >= ms * 1_000) return;
  }
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

test('where joining takes long, a scrape says what was joined last and does not wait', async () => {
  let [joins, isReleased] = [0, false];
  const known = knownMetrics([fileLocation([client], { location: '/kubeconfig' })], () => NOW, {
    *clients(all) {
      if (++joins === 1) busyFor(60);
      else while (!isReleased) yield;
      return yield* joinClients(all);
    },
  });
  const said = async (): Promise<readonly (string | undefined)[]> =>
    samplesOf(await known.samples(), 'notafter_client_outage_timestamp_seconds').map(
      ({ labels }) => labels['location'],
    );
  expect(await said()).toEqual(['api.example.com:8443']);
  known.note(endpointLocation([leaf()]));
  // The pause after the first is twenty times as long as that took.
  await eventually('the second begins', async () => {
    expect(await said()).toEqual(['api.example.com:8443']);
    return joins === 2;
  });
  isReleased = true;

  await eventually('it is said', async () => (await said())[0] === 'api.example.com:8443@10.0.0.7');
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
