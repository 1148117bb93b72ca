import { gunzipSync } from 'node:zlib';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { Location } from '../../src/inventory/model.ts';
import { parseExposition, samplesOf, type Sample } from '../helpers/exposition.ts';
import { knownMetrics, textOf, type KnownMetrics } from '../helpers/known-metrics.ts';
import { credential, DAY, fileLocation, leaf, NOW, sighting } from '../policy/places.ts';

const END = 'notafter_certificate_not_after_timestamp_seconds';

function file(location: string, left: number, overrides: Partial<Location> = {}): Location {
  return { ...fileLocation([sighting(leaf(location, { left }))], { location }), ...overrides };
}

function locationsIn(samples: readonly Sample[], name = END): readonly string[] {
  return samplesOf(samples, name).map(({ labels }) => labels['location'] ?? '');
}

const OPEN = { accept: 'application/openmetrics-text; version=1.0.0' };

describe('what is kept up to date', () => {
  test('is what would be written anew, whatever has changed and whoever has asked in between', async () => {
    const change = fc.record({
      name: fc.integer({ min: 0, max: 11 }),
      left: fc.integer({ min: -5, max: 400 }),
      isFailing: fc.boolean(),
      what: fc.constantFrom('note', 'note', 'forget', 'touch', 'scrape'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 40 }), fc.constantFrom(0, 20), async (changes, seriesBudget) => {
        const known = knownMetrics([], () => NOW, { series: { seriesBudget } });
        const current = new Map<number, Location>();
        for (const { name, left, isFailing, what } of changes) {
          const before = current.get(name);
          if (what === 'scrape') await known.samples();
          else if (what === 'note') {
            const failure = isFailing ? { failure: { reason: 'timeout' as const, detail: '' } } : {};
            current.set(name, known.note(file(`/${name}.pem`, left * DAY, failure)));
          } else if (before !== undefined && what === 'forget') {
            known.forget(before);
            current.delete(name);
          } else if (before !== undefined) {
            const lastSuccessAt = NOW + left;
            current.set(name, { ...before, lastSuccessAt });
            known.touch(before, lastSuccessAt);
          }
        }
        const anew = knownMetrics([...current.values()], () => NOW, { series: { seriesBudget } });
        expect(inventoryOf(await known.samples())).toEqual(inventoryOf(await anew.samples()));
      }),
      { numRuns: 60 },
    );
  });

  test('stays through the moment of expiry, an outage and distrust', async () => {
    let now = NOW;
    const known = knownMetrics([], () => now);
    const location = known.note(file('/x.pem', DAY));
    for (const at of [NOW, NOW + DAY - 1, NOW + DAY, NOW + DAY + 1, NOW + 800 * DAY]) {
      now = at;
      known.note({ ...location, failure: { reason: 'timeout', detail: '' } });
      expect(samplesOf(await known.samples(), END).map(({ value }) => value)).toEqual([(NOW + DAY) / 1000]);
    }
  });

  test('is read again by nobody: a scrape asks the inventory for nothing', async () => {
    const known = knownMetrics([file('/a.pem', DAY)], () => NOW, {
      inventory: { locations: () => Promise.reject(new Error('the inventory was read')) },
    });
    expect(locationsIn(await known.samples())).toEqual(['/a.pem']);
  });
});

describe('labels of the config', () => {
  const series = { labelsOf: (source: string) => (source === 'disk' ? ['owner', 'env'] : []) };

  test('are on what their source shows, where there are any', async () => {
    const known = knownMetrics(
      [
        file('/a.pem', DAY, { source: 'disk', labels: { owner: 'pay"ments', secret: 'x' } }),
        file('/b.pem', DAY, { source: 'other', labels: { owner: 'payments' } }),
      ],
      () => NOW,
      { series },
    );
    const samples = await known.samples();
    for (const name of [END, 'notafter_location_up']) {
      expect(
        samplesOf(samples, name).map(({ labels: { location, owner, env, secret } }) => [location, owner, env, secret]),
      ).toEqual([
        ['/a.pem', 'pay"ments', undefined, undefined],
        ['/b.pem', undefined, undefined, undefined],
      ]);
    }
  });

  test('of a single certificate outrank those of the place', async () => {
    const own = sighting(leaf(), { labels: { owner: 'tls' } });
    const known = knownMetrics(
      [fileLocation([own], { source: 'disk', labels: { owner: 'disk', env: 'prod' } })],
      () => NOW,
      { series },
    );
    expect(samplesOf(await known.samples(), END).map(({ labels: { owner, env } }) => [owner, env])).toEqual([
      ['tls', 'prod'],
    ]);
  });
});

describe('the budget', () => {
  const fleet = Array.from({ length: 100 }, (_, index) => file(`/${index}.pem`, (index - 2) * DAY));
  const dropped = (samples: readonly Sample[]): number | undefined =>
    samplesOf(samples, 'notafter_series_dropped')[0]?.value;

  test('keeps what ends first, says how much is left out, and how long that has', async () => {
    // Five series each: both dates, what clients see, up, and the last success.
    const each = (await knownMetrics([file('/a.pem', DAY)], () => NOW).samples()).filter(
      ({ name }) => name.startsWith('notafter_location_') || name.startsWith('notafter_certificate_'),
    ).length;
    const known = knownMetrics(fleet.toReversed(), () => NOW, { series: { seriesBudget: 10 * each } });
    const samples = await known.samples();

    expect(new Set(locationsIn(samples))).toEqual(new Set(Array.from({ length: 10 }, (_, index) => `/${index}.pem`)));
    expect(dropped(samples)).toBe(90 * each);
    const left = 'notafter_dropped_location_remaining_seconds';
    expect(
      samplesOf(samples, `${left}_bucket`).map(({ labels, value }) => [
        (Number(labels['le']?.replace('+Inf', 'Infinity')) / DAY) * 1000,
        value,
      ]),
    ).toEqual([
      [0, 0],
      [1, 0],
      [7, 0],
      [14, 7],
      [30, 23],
      [60, 53],
      [90, 83],
      [180, 90],
      [365, 90],
      [Infinity, 90],
    ]);
    expect(samplesOf(samples, `${left}_count`)[0]?.value).toBe(90);
  });

  test('takes in again what it left out, when there is room', async () => {
    const known = knownMetrics(fleet, () => NOW, { series: { seriesBudget: 100 } });
    const first = locationsIn(await known.samples());
    expect(first.length).toBeLessThan(30);
    for (const location of known.locations()) if (first.includes(location.location)) known.forget(location);

    const second = locationsIn(await known.samples());

    expect(second.length).toBe(first.length);
    expect(second).toContain(`/${first.length}.pem`);
  });

  test('is not eaten up by one place that holds very much', async () => {
    const many = Array.from({ length: 500 }, (_, index) =>
      sighting(leaf(`c${index}`, { left: (500 - index) * DAY }), { place: `${index}` }),
    );
    const known = knownMetrics([fileLocation(many, { location: '/log' }), file('/later.pem', 400 * DAY)], () => NOW, {
      series: { seriesBudget: 200 },
    });
    const samples = await known.samples();

    expect(locationsIn(samples)).toContain('/later.pem');
    const kept = samplesOf(samples, END, { location: '/log' }).map(({ value }) => value);
    expect(kept.length).toBe(25);
    expect(Math.max(...kept)).toBe((NOW + 25 * DAY) / 1000);
    expect(dropped(samples)).toBe(950);
  });

  test('says nothing of what is left out where nothing is', async () => {
    const text = await knownMetrics(fleet, () => NOW, { series: { seriesBudget: 10_000 } }).text();
    expect(text).not.toContain('remaining');
    expect(dropped(parseExposition(text))).toBe(0);
  });
});

describe('an answer', () => {
  const known = (): KnownMetrics =>
    knownMetrics([file('/a.pem', DAY), fileLocation([sighting(credential())], { location: '/b' })], () => NOW);

  test('by gzip is the same as without', async () => {
    const { metrics } = known();
    const plain = await metrics.exposition(OPEN);
    const packed = await metrics.exposition({ ...OPEN, acceptEncoding: 'gzip' });
    const bytes = Buffer.concat(packed.chunks);

    expect(packed.encoding).toBe('gzip');
    expect(bytes.length).toBe(packed.length);
    expect(withoutProcess(gunzipSync(bytes).toString())).toBe(withoutProcess(textOf(plain)));
  });

  test('as OpenMetrics has the same series, counters without their suffix, and an end', async () => {
    const { metrics } = known();
    metrics.declareSources(['disk']);
    const text = textOf(await metrics.exposition());
    const answer = await metrics.exposition(OPEN);
    const open = textOf(answer);

    expect(answer.contentType).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(open).toMatch(/\n# TYPE notafter_observations counter\n/);
    expect(open).toMatch(/[^\n]\n# EOF\n$/);
    expect(open).not.toContain('\n\n');
    expect(inventoryOf(parseExposition(open))).toEqual(inventoryOf(parseExposition(text)));
    // Every sample belongs to the family named above it.
    let family = '';
    for (const line of open.split('\n')) {
      const named = /^# TYPE (\S+)/.exec(line);
      if (named !== null) family = named[1] ?? '';
      else if (!line.startsWith('#') && line !== '') expect(line.startsWith(family), line).toBe(true);
    }
  });

  test('names each family once, right above its samples', async () => {
    const text = await known().text();
    const named = Array.from(text.matchAll(/^# TYPE (\S+)/gm), ([, name]) => name);
    expect(new Set(named).size).toBe(named.length);
  });
});

/** What does not move by itself. */
function inventoryOf(samples: readonly Sample[]): readonly string[] {
  return samples
    .filter(({ name }) => name.startsWith('notafter_'))
    .map((sample) => JSON.stringify(sample))
    .toSorted();
}

function withoutProcess(text: string): string {
  return text.replaceAll(/^(?:process|nodejs)_.*\n/gm, '');
}
