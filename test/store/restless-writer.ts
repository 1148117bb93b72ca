// A process that writes until it is killed: each transaction moves three tables from one number to the next, and the
// number is told on standard output after the commit.
import { writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';

import { openSqlite } from '../../src/store/sqlite.ts';
import { certificate, location, sighting, write } from '../contract/store.ts';

const [, , path = ''] = process.argv;
const store = await openSqlite(path, { exclusive: true });
const [present] = await store.inventory.locations();
let step = present?.failures ?? 0;
writeSync(1, `${step}\n`);

for (;;) {
  step++;
  const now = step;
  await store.transaction(async (tx) => {
    await tx.inventory.saveLocations(
      Array.from({ length: 50 }, (_, index) =>
        write(location(`location-${index}`, { failures: now, sightings: [sighting(certificate(`c${now}-${index}`))] })),
      ),
    );
    await setImmediate();
    await tx.alerts.saveAlerts([
      {
        id: 'a',
        family: 'expiry',
        cause: 'c',
        state: 'open',
        generation: now,
        openedAt: 0,
        awaitsDigest: false,
        places: [],
        told: [],
      },
    ]);
    await setImmediate();
    await tx.alerts.enqueue(
      {
        channel: 'mail',
        notification: {
          id: `n${now}`,
          kind: 'alert',
          reason: 'first',
          severity: 'info',
          at: new Date(now),
          group: String(now),
          alerts: [],
          alertCount: 0,
        },
        recipients: ['a@example.com'],
      },
      now,
    );
    await setImmediate();
  });
  writeSync(1, `${step}\n`);
}
