import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { copyToPostgres } from '../../src/store/copy.ts';
import { openPostgres } from '../../src/store/postgres.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { TABLES } from '../../src/store/tables.ts';
import { certificate, location, sighting, write } from '../contract/store.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.ts';

const NOW = Date.UTC(2026, 5, 1);

describe('copying a store into PostgreSQL', () => {
  let database: TestDatabase;
  let folder: string;
  let file: string;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'notafter-copy-'));
    file = path.join(folder, 'notafter.db');
    const store = await openPostgres(database.url);
    await store.close();
    await database.empty();
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** A little of everything, more than a page of it. */
  async function fill(store: Store): Promise<void> {
    await store.transaction(async (tx) => {
      await tx.inventory.saveSource({
        name: 'partners',
        type: 'endpoint',
        intervalMs: 1000,
        firstSeenAt: NOW,
        baselineAt: NOW,
      });
      await tx.inventory.saveTarget(
        { source: 'partners', key: 'api', labels: { owner: 'a' }, data: { host: 'api' } },
        NOW,
      );
      await tx.inventory.fence('partners', 'api', 1_900_000_000_000_000_000n);
      await tx.inventory.saveLocations([
        write(location('first \u0000 ü', { sightings: [sighting(certificate('old'))] }), {
          ders: new Map([['aa'.repeat(32), new Uint8Array([0, 1, 255])]]),
          transcript: ['hello'],
        }),
        ...Array.from({ length: 1_200 }, (_, index) =>
          write(location(`l${index}`, { sightings: [sighting(certificate(`c${index}`))] })),
        ),
      ]);
      await tx.facts.saveInquiries([
        { enricher: 'names', subject: 'a.example.com', askedAt: NOW, askAgainAt: NOW, failures: 1, problem: 'none' },
      ]);
      await tx.alerts.saveSilence({
        id: 's',
        matchers: ['owner="a"'],
        createdAt: NOW,
        until: NOW + 1,
        author: 'a',
        comment: '',
      });
      await tx.alerts.enqueue(
        {
          channel: 'mail',
          recipients: ['a@example.com'],
          notification: { id: 'n1', reason: 'first', group: 'g', at: new Date(NOW), alerts: [], omitted: 0 } as never,
        },
        NOW,
      );
    });
    // The old one goes, so that there is history.
    const [first] = await store.inventory.locations({ source: 'partners' });
    if (first === undefined) throw new Error('it was saved');
    await store.transaction((tx) =>
      tx.inventory.saveLocations([write({ ...first, sightings: [sighting(certificate('new'))] })]),
    );
    await store.dueTimes.init('source partners', NOW + 5000);
    await store.dueTimes.init('engine:fences', NOW);
  }

  it('takes every row of every table along, and goes on with the keys', async () => {
    const before = await openSqlite(file);
    await fill(before);
    const known = await before.inventory.locations();
    await before.close();

    const told: string[] = [];
    await copyToPostgres(file, database.url, { onTable: (table) => told.push(table) });
    expect(told).toEqual(TABLES.filter((table) => !['writer', 'changes', 'nodes'].includes(table)));

    const sqlite = new DatabaseSync(file, { readOnly: true });
    for (const table of told) {
      const columns = sqlite
        .prepare(`select name from pragma_table_info('${table}')`)
        .all()
        .map(({ name }) => String(name))
        .filter((name) => name !== 'fence');
      const where = table === 'due_times' ? `where name not like 'engine:%'` : '';
      const list = columns.map((name) => `"${name}"`).join(', ');
      const mine = sqlite.prepare(`select ${list} from ${table} ${where} order by 1, 2`).all();
      const theirs = await database.query(`select ${list} from ${table} order by 1, 2`);
      expect([table, theirs.map(plain)]).toEqual([table, mine.map(plain)]);
    }
    sqlite.close();
    const after = await openPostgres(database.url);
    expect(await after.inventory.locations()).toEqual(known);
    const [added] = await after.transaction((tx) => tx.inventory.saveLocations([write(location('added later'))]));
    expect(added?.id).toBeGreaterThan(Math.max(...known.map(({ id }) => id)));
    // Another engine numbers its work anew.
    expect(await after.transaction((tx) => tx.inventory.fence('partners', 'api', 1n))).toBe(true);
    await after.close();
  });

  it('copies nothing into a database that holds something, nor from a store that a daemon uses', async () => {
    const store = await openSqlite(file, { exclusive: true });
    await fill(store);
    await expect(copyToPostgres(file, database.url)).rejects.toThrow('another notafter is using');
    await store.close();
    const target = await openPostgres(database.url);
    await target.dueTimes.init('a', NOW);
    await expect(copyToPostgres(file, database.url)).rejects.toThrow('is not empty (there are due_times)');
    expect(await target.inventory.locations()).toEqual([]);
    await target.close();
  });
});

/** Numbers come as text from the plain client, and stored U+0000 as what stands for it. */
function plain(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plainValue(value)]));
}

function plainValue(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? value.replaceAll('\uFDD0', '\u0000') : value;
}
