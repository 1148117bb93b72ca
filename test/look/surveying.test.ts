import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Location } from '../../src/inventory/model.ts';
import { emptySurvey, takeSurvey, type Survey } from '../../src/look/surveying.ts';
import { createWebStage, NOW, type WebStage } from '../helpers/web-stage.ts';
import { authority, DAY, endpointLocation, fileLocation, leaf, sighting } from '../policy/places.ts';

/** More than may be read before something is told. */
const MANY = 2_400;

/** What ends first lies where it is read last. */
function fleet(): readonly Location[] {
  const ca = authority('Example Issuing CA', { left: 4 * DAY });
  return [
    ...Array.from({ length: MANY }, (_, number) =>
      fileLocation([sighting(leaf(`host${number}.example.com`, { left: 40 * DAY }))], {
        location: `/etc/ssl/${number}.pem`,
        labels: { owner: `team${number % 3}` },
      }),
    ),
    fileLocation([sighting(leaf('first.example.com', { left: 2 * DAY }))], { location: '/etc/ssl/first.pem' }),
    endpointLocation([leaf('behind.example.com', { left: 40 * DAY }), ca], { limitedBy: ca }),
  ];
}

let stage: WebStage;
let parts: Survey[];
let whole: Survey;
let turns = 0;
beforeAll(async () => {
  stage = await createWebStage(fleet());
  parts = [];
  let isOver = false;
  const count = (): void => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  whole = await take((part) => parts.push(part));
  isOver = true;
});
afterAll(() => stage.close());

function take(onPart?: (part: Survey) => void, signal = new AbortController().signal): Promise<Survey> {
  const { inventory, catalogue } = stage.store;
  return takeSurvey({
    inventory,
    catalogue,
    view: stage.view,
    policy: stage.policy,
    sources: ['disk', 'partners'],
    now: NOW,
    signal,
    ...(onPart === undefined ? {} : { onPart }),
  });
}

test('what ends first is told first, also what another limits, before all was read', () => {
  const [first] = parts;
  expect(first).toMatchObject({ isWhole: false, locations: MANY + 2 });
  expect(first?.read).toBeLessThan(MANY / 4);
  expect(first?.ending.slice(0, 2).map(({ title }) => title)).toEqual(['first.example.com', 'Example Issuing CA']);
});

test('the whole has everything once, in the order of the ends', () => {
  expect(whole).toMatchObject({ isWhole: true, read: MANY + 2, locations: MANY + 2, owners: expect.any(Array) });
  expect(whole.owners).toEqual(expect.arrayContaining(['team0', 'team1', 'team2']));
  expect(whole.coverage.sources).toMatchObject([
    { name: 'disk', locations: MANY + 1 },
    { name: 'partners', locations: 1 },
  ]);
  const ends = whole.ending.map(({ endsAt = 0 }) => endsAt);
  expect(ends).toEqual(ends.toSorted((a, b) => a - b));
  for (const { locations } of whole.ending) expect(new Set(locations).size).toBe(locations.length);
  const named = (title: string): number => whole.ending.filter((one) => one.title === title).length;
  expect([named('first.example.com'), named('host0.example.com'), named('host2399.example.com')]).toEqual([1, 1, 1]);
});

test('the work of others goes on meanwhile', () => {
  // At least once for each page of the store, and far more often where a page takes long.
  expect(turns).toBeGreaterThan(MANY / 500);
});

test('a small inventory is told when it is whole alone, and the same comes out', async () => {
  expect((await take()).ending).toEqual(whole.ending);
  await stage.close();
  stage = await createWebStage();
  const told: Survey[] = [];
  expect(await take((part) => told.push(part))).toMatchObject({ isWhole: true });
  expect(told).toEqual([]);
});

test('one that is given up ends', async () => {
  const stopping = new AbortController();
  stopping.abort(new Error('stopped'));
  await expect(take(undefined, stopping.signal)).rejects.toThrow('stopped');
  expect(emptySurvey(NOW)).toMatchObject({ isWhole: false, read: 0 });
});
