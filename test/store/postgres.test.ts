import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { ChangeReader } from '../../src/inventory/port.ts';
import type { Migration } from '../../src/store/migrations/migration.ts';
import { migrations } from '../../src/store/migrations/list.ts';
import { openPostgres } from '../../src/store/postgres.ts';
import type { Store } from '../../src/store/store.ts';
import { alert, certificate, describeStore, location, sighting, write, place } from '../contract/store.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.ts';

const NOW = Date.UTC(2026, 5, 1);
const DAY = 86_400_000;

describe('a store in PostgreSQL', () => {
  let database: TestDatabase;
  let shared: Store;
  beforeAll(async () => {
    database = await createTestDatabase();
    shared = await openPostgres(database.url);
  });
  afterAll(async () => {
    await shared.close();
    await database.drop();
  });

  describeStore('postgres', async () => {
    await database.empty();
    return { ...shared, close: async () => {} };
  });
});

describe('several nodes on one PostgreSQL', () => {
  let database: TestDatabase;
  const stores: Store[] = [];
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  async function open(steps: readonly Migration[] = migrations): Promise<Store> {
    const store = await openPostgres(database.url, { steps });
    stores.push(store);
    return store;
  }
  async function closeAll(): Promise<void> {
    for (const store of stores.splice(0)) await store.close();
  }

  it('make the schema once when they all start at the same time', async () => {
    await Promise.all(Array.from({ length: 6 }, () => open()));
    const versions = await database.query('select version, name from schema_versions order by version');
    expect(versions.map(({ name }) => name)).toEqual(migrations.map(({ name }) => name));
    await closeAll();
  });

  it('write one after the other, whoever they are', async () => {
    const nodes = await Promise.all([open(), open(), open()]);
    await nodes[0]?.transaction((tx) => tx.inventory.saveLocations([write(location('shared'))]));
    await Promise.all(
      nodes.flatMap((node) =>
        Array.from({ length: 10 }, () =>
          node.transaction(async (tx) => {
            const [known] = await tx.inventory.locations();
            if (known === undefined) throw new Error('it was there');
            await tx.inventory.saveLocations([write({ ...known, failures: known.failures + 1 })]);
          }),
        ),
      ),
    );
    expect((await nodes[0]?.inventory.locations())?.[0]?.failures).toBe(30);
    await closeAll();
  });

  it('tell each other what changed, in the order in which it was committed, and nothing of what only moved in time', async () => {
    const [one, two] = [await open(), await open()];
    const changesOf = (store: Store): ChangeReader => {
      if (store.cluster === undefined) throw new Error('it is shared');
      return store.cluster.changes;
    };
    const start = await changesOf(two).revision();
    const [seen] = await one.transaction((tx) => tx.inventory.saveLocations([write(location('told'))]));
    if (seen === undefined) throw new Error('it was saved');
    const asked = {
      enricher: 'names',
      subject: 'told.example.com',
      askedAt: NOW,
      askAgainAt: NOW,
      failures: 0,
    } as const;
    await one.transaction((tx) => tx.facts.saveInquiries([asked]));
    expect(await changesOf(one).since(start)).toMatchObject({ locations: [], inquiries: [] });
    const news = await changesOf(two).since(start);
    expect(news).toMatchObject({ locations: [{ location: 'told' }], inquiries: [asked], departed: [], forgotten: [] });
    const revision = news?.revision ?? 0;
    // Inside a transaction, too: nobody else writes between what is read there and what is decided.
    await two.transaction(async (tx) => {
      expect(await tx.changes?.since(start)).toEqual(news);
      await tx.inventory.touch([seen.id], NOW);
    });
    expect(await changesOf(one).since(revision)).toMatchObject({ revision, locations: [] });
    await one.transaction(async (tx) => {
      await tx.inventory.withdrawLocations([seen.id], NOW);
      await tx.facts.forgetInquiries('names', ['told.example.com']);
    });
    expect(await changesOf(two).since(revision)).toMatchObject({
      locations: [],
      departed: [{ id: seen.id, source: 'partners', location: 'told' }],
      inquiries: [],
      forgotten: [{ enricher: 'names', subject: 'told.example.com' }],
    });
    await expect(
      one.transaction(async (tx) => {
        await tx.inventory.saveLocations([write(location('never'))]);
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    const last = await changesOf(two).revision();
    await changesOf(one).prune(Date.now() + DAY);
    expect(await changesOf(two).since(last)).toMatchObject({ revision: last });
    await one.transaction((tx) => tx.inventory.saveLocations([write(location('later'))]));
    expect(await changesOf(two).since(start)).toBeUndefined();
    await closeAll();
  });

  it('know what another has changed of an alert at many places that they remember', async () => {
    const [one, two] = [await open(), await open()];
    const many = Array.from({ length: 150 }, (_, index) => place(index + 1));
    let expected = alert('wide', { places: many });
    await one.transaction((tx) => tx.alerts.saveAlerts([expected]));
    for (const [turn, store] of [two, one, one, two, two, one].entries()) {
      await store.transaction(async (tx) => {
        const [known] = await tx.alerts.alertsById(['wide']);
        expect(known).toEqual(expected);
        if (known === undefined) throw new Error('it was saved');
        const places = known.places.map((each, index) => (index === turn ? { ...each, lastAt: NOW + turn } : each));
        expected = { ...known, places };
        await tx.alerts.saveAlerts([expected]);
      });
    }
    expect(await one.alerts.alertsById(['wide'])).toEqual([expected]);
  });

  it('go by one clock, and know each other', async () => {
    const [one] = [await open()];
    const node = { name: 'a', role: 'worker', zone: 'dmz', config: 'x', startedAt: NOW } as const;
    const seen = await one.cluster?.nodes.report(node);
    expect(Math.abs((seen?.now ?? 0) - Date.now())).toBeLessThan(60_000);
    expect(seen?.alive).toMatchObject([{ ...node, isThis: true }]);
    await closeAll();
  });

  it('lose no write when their connections are dropped, and say which transactions failed', async () => {
    const node = await open();
    let committed = 0;
    let failed = 0;
    for (let round = 0; round < 40; round++) {
      const writing = node
        .transaction((tx) => tx.inventory.saveLocations([write(location(`drop-${round}`))]))
        .then(
          () => (committed += 1),
          () => (failed += 1),
        );
      // What may run twice is tried until it is done.
      const settling = node.dueTimes.init(`drop ${round}`, NOW);
      await database.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'notafter' and datname = current_database()`,
      );
      await Promise.all([writing, settling]);
      expect(await node.dueTimes.next(`drop ${round}`)).toBe(NOW);
    }
    expect(failed).toBeGreaterThan(0);
    const stored = (await node.inventory.locations()).filter((each) => each.location.startsWith('drop-'));
    // A connection may be cut after the commit and before its answer.
    expect(stored.length).toBeGreaterThanOrEqual(committed);
    expect(stored.length).toBeLessThanOrEqual(committed + failed);
    await closeAll();
  });

  it('go on over a schema to which a newer version has added something, and are refused when they start again', async () => {
    const old = await open();
    const added: Migration = {
      name: '9999-next',
      up: (db) => db.schema.alterTable('locations').addColumn('next_thing', 'text').execute(),
    };
    const next = await open([...migrations, added]);
    const seen = location('rolling', { sightings: [sighting(certificate('rolling'))] });
    await old.transaction((tx) => tx.inventory.saveLocations([write(seen)]));
    expect((await next.inventory.locations()).some(({ location: name }) => name === 'rolling')).toBe(true);
    await expect(open()).rejects.toThrow(`was written by a newer notafter (schema ${migrations.length + 1}`);
    await closeAll();
  });
});

describe('an address of PostgreSQL that does not do', () => {
  it.each([
    {
      title: 'nobody listens',
      url: 'postgres://someone:geheim@127.0.0.1:1/x',
      error: 'cannot open the store postgres://127.0.0.1:1/x',
    },
    { title: 'it is no address', url: 'postgres://[', error: 'cannot open the store the PostgreSQL database' },
  ])('is refused without its password when $title', async ({ url, error }) => {
    const opening = openPostgres(url, { readOnly: true });
    await expect(opening).rejects.toThrow(error);
    await expect(opening).rejects.not.toThrow('geheim');
  });
});
