import { afterEach, expect, it } from 'vitest';

import type { Item } from '../../src/plugin/item.ts';
import type { Observation } from '../../src/plugin/observation.ts';
import { openPostgres } from '../../src/store/postgres.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { createLookScenario, DAY, endingIn, HOUR, saw, scripted, sourceOf, START } from '../helpers/look-scenario.ts';
import { createTestDatabase } from '../helpers/postgres.ts';

const SOURCE = sourceOf(scripted([]));
const TARGET = { key: 'api', data: null };

const KINDS: Readonly<Record<string, () => Promise<{ readonly store: Store; drop?(): Promise<void> }>>> = {
  SQLite: async () => ({ store: await openSqlite(':memory:') }),
  async PostgreSQL() {
    const database = await createTestDatabase();
    return { store: await openPostgres(database.url), drop: () => database.drop() };
  },
};

let store: Store;
let drop: (() => Promise<void>) | undefined;
async function open(kind: string): Promise<void> {
  ({ store, drop } = (await KINDS[kind]?.()) ?? expect.unreachable());
  await store.transaction((tx) =>
    tx.inventory.saveTarget({ source: SOURCE.name, key: TARGET.key, labels: {}, data: null }, START),
  );
}
afterEach(async () => {
  await store.close();
  await drop?.();
});

async function forget(before: number): Promise<number> {
  let rows = 0;
  for (let count = 1; count > 0;) {
    count = await store.transaction((tx) => tx.prune(before));
    rows += count;
  }
  return rows;
}

it.each(Object.keys(KINDS))(
  'forgets in %s what was over before, and leaves alone what is there, open, or waits',
  async (kind) => {
    await open(kind);
    const scenario = await createLookScenario(store);
    const old = endingIn(20);
    const next = endingIn(80);
    const other = endingIn(20, 'other.example');
    const look = async (at: number, certificate: typeof old): Promise<void> => {
      scenario.clock.at = at;
      const recording = await scenario.recorder.begin(SOURCE, TARGET, BigInt(at));
      await recording.add([saw('api:443', [certificate]), saw('other:443', [other])]);
      await recording.finish();
      await scenario.news();
    };
    await look(START, old);
    for (let hour = 0; hour < 5; hour += 1) await look(START + 10 * DAY + hour * HOUR, next);
    await store.transaction(async (tx) => {
      for (const [id, until] of [
        ['over', START + DAY],
        ['holds', START + 400 * DAY],
      ] as const) {
        await tx.alerts.saveSilence({ id, matchers: ['a="b"'], createdAt: START, until, author: 'a', comment: '' });
      }
    });
    expect((await store.alerts.alerts()).map(({ state }) => state).toSorted()).toEqual(['open', 'resolved']);
    const before = await store.inventory.locations();

    expect(await forget(START + 5 * DAY)).toBeGreaterThan(0);
    expect((await store.alerts.alerts()).map(({ state }) => state).toSorted()).toEqual(['open', 'resolved']);
    expect((await store.alerts.silences()).map(({ id }) => id)).toEqual(['holds']);

    expect(await forget(START + 60 * DAY)).toBeGreaterThan(0);
    expect((await store.alerts.alerts()).map(({ state }) => state)).toEqual(['open']);
    expect(await store.inventory.locations()).toEqual(before);
    expect(await store.catalogue.item(old.fingerprint)).toBeUndefined();
    expect(await store.catalogue.item(next.fingerprint)).toBeDefined();
    expect(await forget(START + 60 * DAY)).toBe(0);

    // What is known of who was told is whole: a year later the open one is still only reminded of.
    scenario.clock.at = START + 12 * DAY;
    await look(START + 12 * DAY, next);
    expect(await scenario.news()).toEqual([]);
  },
);

it.each(Object.keys(KINDS))(
  'leaves in %s the bytes of a certificate that is there when what only described it goes',
  async (kind) => {
    await open(kind);
    const scenario = await createLookScenario(store);
    const certificate = endingIn(80);
    const { der, fingerprint } = certificate;
    const look = async (at: number, ...observations: Observation[]): Promise<void> => {
      scenario.clock.at = at;
      const recording = await scenario.recorder.begin(SOURCE, TARGET, BigInt(at));
      await recording.add(observations);
      await recording.finish();
    };
    const where = { place: { key: 'chain' }, role: 'server' } as const;
    const listed: Item = { kind: 'described', sha256: fingerprint, notAfter: 'unknown', ...where };
    await look(START, { location: 'list', items: [listed], problems: [] });
    const seen: Item = { kind: 'certificate', der, ...where };
    await look(START + HOUR, { location: 'list', items: [seen], problems: [] }, saw('api:443', [certificate]));
    expect(await forget(START + 60 * DAY)).toBeGreaterThan(0);
    expect(await store.inventory.der(fingerprint)).toEqual(der);
  },
);
