import type { Alert } from '../../src/notify/model.ts';
import type { Store } from '../../src/store/store.ts';
import { certificate, location, sighting, write } from '../contract/store.ts';

const NOW = Date.UTC(2026, 5, 1);
const DAY = 86_400_000;

/** Fills a store with a little of everything, of which an alert was told and a message waits. */
export async function fillStore(store: Store, locations: number): Promise<void> {
  await store.transaction(async (tx) => {
    await tx.inventory.saveSource({
      name: 'partners',
      type: 'endpoint',
      intervalMs: 60_000,
      definition: 'd',
      firstSeenAt: NOW,
      baselineAt: NOW,
    });
    await tx.inventory.saveTarget({ source: 'partners', key: 'api.example.com:443', labels: {}, data: null }, NOW);
    const saved = await tx.inventory.saveLocations(
      Array.from({ length: locations }, (_, index) =>
        write(
          location(`host-${index}`, {
            version: `etag-${index}`,
            sightings: [sighting(certificate(`c${index}`), { labels: { owner: `team ${index}` } })],
          }),
          { ders: new Map([[`${index}`.padStart(64, '0'), new Uint8Array(900).fill(index)]]), transcript: ['hello'] },
        ),
      ),
    );
    await tx.alerts.saveAlerts(saved.slice(0, 40).map(({ id, location: name }) => alertAt(id, name)));
    await tx.alerts.saveSilence(SILENCE);
    for (const id of ['n1', 'n2']) {
      await tx.alerts.enqueue(
        {
          channel: 'mail',
          recipients: ['oncall@example.com'],
          notification: {
            id,
            kind: 'alert',
            reason: 'first',
            severity: 'warning',
            at: new Date(NOW),
            group: id,
            alerts: [],
            alertCount: 0,
          },
        },
        NOW,
      );
    }
    await tx.facts.saveInquiries([
      { enricher: 'names', subject: 'a.example.com', askedAt: NOW, askAgainAt: NOW, failures: 1, problem: 'none' },
    ]);
  });
  await store.dueTimes.init('source partners', NOW);
}

export const SILENCE = {
  id: 's1',
  matchers: ['owner="payments"'],
  createdAt: NOW,
  until: NOW + 30 * DAY,
  author: 'ada',
  comment: 'moving house',
};

function alertAt(locationId: number, name: string): Alert {
  return {
    id: `alert-${name}`,
    family: 'expiry',
    cause: name,
    state: 'open',
    generation: 1,
    openedAt: NOW,
    awaitsDigest: false,
    places: [
      {
        locationId,
        source: 'partners',
        location: name,
        target: 'api.example.com:443',
        labels: {},
        state: 'open',
        findings: [],
        firstAt: NOW,
        lastAt: NOW,
        goodLooks: 0,
      },
    ],
    told: [{ channel: 'mail', severity: 'warning', rules: ['expiring'], reason: 'first', at: NOW }],
  };
}
