import { hash } from 'node:crypto';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { parseCertificate } from '../../src/certificate/certificate.ts';
import type { Item } from '../../src/plugin/item.ts';
import type { Observation } from '../../src/plugin/observation.ts';
import {
  createLookScenario,
  DAY,
  endingIn,
  HOUR,
  saw,
  scripted,
  sourceOf,
  type LookScenario,
} from '../helpers/look-scenario.ts';

const source = sourceOf(scripted([]));
const partner = endingIn(20);
const other = endingIn(300);
const parsed = parseCertificate(partner.der);

let scenario: LookScenario;
let fence = 0n;

beforeEach(async () => {
  scenario = await createLookScenario();
});

afterEach(() => scenario.store.close());

async function look(target: string, observations: readonly Observation[]): Promise<void> {
  scenario.clock.at += HOUR;
  await scenario.store.transaction((tx) =>
    tx.inventory.saveTarget({ source: source.name, key: target, labels: {}, data: null }, scenario.clock.at),
  );
  const recording = await scenario.recorder.begin(source, { key: target, data: null }, ++fence);
  await recording.add(observations);
  await recording.finish();
}

/** A client as a log describes it. */
function logged(words: Partial<Item & { kind: 'described' }>): Observation {
  return {
    location: 'log client',
    items: [{ kind: 'described', notAfter: 'unknown', place: { key: 'client' }, role: 'client', ...words }],
    problems: [],
  };
}

async function itemAtLog(): Promise<string | undefined> {
  const location = await scenario.location('log client');
  return location?.sightings.map(({ item }) => `${item.kind} ${item.id}`).join();
}

const CERTIFICATE = `certificate ${partner.fingerprint}`;
const inSeconds = (time: { at: number }): Date => new Date(time.at - (time.at % 1000));
const dates = {
  notBefore: inSeconds(parsed.notBefore as { at: number }),
  notAfter: inSeconds(parsed.notAfter as { at: number }),
};

const JOINING: readonly (readonly [string, Partial<Item & { kind: 'described' }>])[] = [
  ['SHA-1', { sha1: hash('sha1', partner.der, 'hex') }],
  ['SHA-256', { sha256: partner.fingerprint }],
  [
    'issuer and serial, however the two are written',
    { issuer: parsed.issuer.text.toUpperCase(), serial: `00${parsed.serial.toLowerCase()}` },
  ],
  ['serial and dates where the log names no issuer', { serial: parsed.serial, ...dates }],
];

describe('a certificate that is only described', () => {
  test.each(JOINING)('is the one that was seen before, by %s', async (_by, words) => {
    await look('files', [saw('a', [partner, other])]);
    await look('log', [logged(words)]);

    expect(await itemAtLog()).toBe(CERTIFICATE);
  });

  test.each(JOINING)('becomes the one that is seen later, by %s, and is told of from then on', async (_by, words) => {
    await look('log', [logged({ ...words, notAfter: words.notAfter ?? 'unknown' })]);
    const firstSeenAt = scenario.clock.at;
    expect(await itemAtLog()).toMatch(/^described/);

    await look('files', [saw('a', [partner, other])]);

    const location = await scenario.location('log client');
    expect(location?.sightings).toMatchObject([{ item: { id: partner.fingerprint }, firstSeenAt }]);
    const alerts = await scenario.store.alerts.alerts();
    const places =
      alerts.find(({ cause }) => cause === partner.fingerprint)?.places.map((place) => place.location) ?? [];
    expect(places.toSorted()).toEqual(['a', 'log client']);
  });

  test('stays one that is known as long as its log goes on describing it', async () => {
    const words = { sha1: hash('sha1', partner.der, 'hex') };
    await look('files', [saw('a', [partner])]);
    await look('log', [logged(words)]);
    const before = await scenario.location('log client');
    await look('log', [logged(words)]);

    expect((await scenario.location('log client'))?.sightings[0]?.firstSeenAt).toBe(before?.sightings[0]?.firstSeenAt);
  });

  test.each<[string, Partial<Item & { kind: 'described' }>]>([
    ['the serial of another issuer', { issuer: 'CN=Somebody else', serial: parsed.serial }],
    ['a serial alone', { serial: parsed.serial }],
    [
      'the serial with another end',
      { serial: parsed.serial, ...dates, notAfter: new Date(dates.notAfter.getTime() + DAY) },
    ],
    [
      'the SHA-1 of something else, whatever its serial says',
      { sha1: '00'.repeat(20), issuer: parsed.issuer.text, serial: parsed.serial },
    ],
  ])('is nobody else by %s', async (_by, words) => {
    await look('files', [saw('a', [partner, other])]);
    await look('log', [logged(words)]);

    expect(await itemAtLog()).toMatch(/^described/);
  });
});

test('what a collector keeps beside a location is there for its next looks, also after one that failed', async () => {
  const remembered = async (): Promise<unknown> =>
    (await scenario.store.inventory.memories(source.name, 'log', 0)).memories;
  await look('log', [{ ...logged({ serial: '01' }), memory: { count: 1 } }]);
  await look('log', [{ ...logged({ serial: '01' }), memory: { count: 2 } }]);
  const recording = await scenario.recorder.begin(source, { key: 'log', data: null }, ++fence);
  await recording.fail({ reason: 'timeout', detail: 'it took too long' });

  expect(await remembered()).toEqual([{ location: 'log client', memory: { count: 2 } }]);

  await look('log', [{ location: 'log client', gone: true, items: [], problems: [] }]);
  expect(await remembered()).toEqual([]);
});
