import { expect, test } from 'vitest';

import type { Location } from '../../src/inventory/model.ts';
import { MAX_PLACES, type AlertNotice } from '../../src/plugin/notification.ts';
import { createScenario, looked } from '../helpers/notify-scenario.ts';
import {
  authority,
  DAY,
  endpointLocation,
  fileLocation,
  judged,
  leaf,
  NOW,
  showing,
  sighting,
} from '../policy/places.ts';

const year = { lives: 398 * DAY, left: 300 * DAY };

/** What is sent when all of these are judged at once: the only alert of the only message. */
async function onlyAlert(locations: readonly Location[]): Promise<AlertNotice> {
  const scenario = createScenario({ stormAfter: 0 });
  await scenario.after(
    0,
    ...locations.map((location, index) =>
      looked(index + 1, 'good', judged(location).findings, { location: location.location }),
    ),
  );
  const [message, ...others] = scenario.store.posted.map(({ notification }) => notification);
  expect(others).toEqual([]);
  expect(message?.alertCount).toBe(1);
  const [alert] = message?.alerts ?? [];
  if (alert === undefined) throw new Error('nothing was sent');
  return alert;
}

test('500 leaves under one ending intermediate are one alert about the intermediate, with all of them', async () => {
  const intermediate = authority('Shared CA', { left: 20 * DAY });
  const alert = await onlyAlert(
    Array.from({ length: 500 }, (_, index) =>
      endpointLocation([leaf(`leaf ${index}`, year), intermediate], { location: `h${index}:443@10.0.0.1` }),
    ),
  );
  expect(alert).toMatchObject({
    cause: intermediate.id,
    title: 'Shared CA',
    severity: 'critical',
    placeCount: 500,
    endsAt: new Date(NOW + 20 * DAY),
  });
  expect(alert.places).toHaveLength(MAX_PLACES);
});

test('one wildcard on 300 hosts and in the file that they get it from is one alert', async () => {
  const wildcard = leaf('*.example.com', { left: 10 * DAY });
  const alert = await onlyAlert([
    ...Array.from({ length: 300 }, (_, index) =>
      endpointLocation([wildcard], { location: `h${index}.example.com:443@10.0.0.1` }),
    ),
    fileLocation([sighting(wildcard)], { location: '/etc/ssl/wildcard.pem' }),
  ]);
  expect(alert).toMatchObject({ cause: wildcard.id, rules: ['expiring'], placeCount: 301 });
});

test('one client certificate on 40 machines, shown at two endpoints, is one alert that names the logins that fail', async () => {
  const client = leaf('billing', { left: 5 * DAY });
  const endpoint = (host: string): Location =>
    showing(endpointLocation([leaf(host, year)], { location: `${host}:443@10.0.0.1`, target: host }), 'billing', [
      client,
    ]);
  const alert = await onlyAlert([
    ...Array.from({ length: 40 }, (_, index) =>
      fileLocation([sighting(client, { role: 'client' })], { location: `/m${index}/client.pem` }),
    ),
    endpoint('api.example.com'),
    endpoint('old.example.com'),
  ]);
  expect(alert).toMatchObject({ cause: client.id, placeCount: 42, endsAt: new Date(NOW + 5 * DAY) });
  expect(alert.rules.toSorted()).toEqual(['client-will-fail', 'expiring']);
});

test('the place that breaks first comes first, whatever else the alert is about', async () => {
  const intermediate = authority('Shared CA', { left: 100 * DAY });
  // A server that has no leave to present it any longer than that fails earlier than the others.
  const soon = { ...intermediate, notAfter: { status: 'known' as const, at: NOW + 2 * DAY } };
  const alert = await onlyAlert([
    ...Array.from({ length: 30 }, (_, index) =>
      endpointLocation([leaf(`leaf ${index}`, year), intermediate], { location: `h${index}:443@10.0.0.1` }),
    ),
    endpointLocation([leaf('first', year), soon], { location: 'z-first:443@10.0.0.1' }),
  ]);
  expect(alert.placeCount).toBe(31);
  expect(alert.endsAt).toEqual(new Date(NOW + 2 * DAY));
  expect(alert.places[0]?.location).toBe('z-first:443@10.0.0.1');
});
