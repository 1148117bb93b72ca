import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { openSqlite } from '../../src/store/sqlite.ts';
import { certificate, describeStore, location, sighting, write } from '../contract/store.ts';

const NOW = Date.UTC(2026, 5, 1);

describeStore('sqlite in memory', () => openSqlite(':memory:'));

describe('a sqlite store in a file', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'notafter-store-'));
    path = join(folder, 'data', 'notafter.db');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('creates its directory and files for the owner alone', async () => {
    const store = await openSqlite(path, { exclusive: true });
    await store.dueTimes.init('a', NOW);
    const mode = (file: string): number => statSync(file).mode & 0o777;
    expect(mode(join(folder, 'data'))).toBe(0o700);
    for (const suffix of ['', '-wal', '-shm', '.lock']) {
      expect([suffix, mode(`${path}${suffix}`)]).toEqual([suffix, 0o600]);
    }
    await store.close();
  });

  it('remembers everything over a restart', async () => {
    const before = await openSqlite(path);
    const saved = await before.transaction((tx) =>
      tx.inventory.saveLocations([write(location('a', { sightings: [sighting(certificate('leaf'))] }))]),
    );
    await before.dueTimes.init('source a', NOW);
    await before.close();
    const after = await openSqlite(path);
    expect(await after.inventory.locations()).toEqual(saved);
    expect(await after.dueTimes.next('source a')).toBe(NOW);
    await after.close();
  });

  it('refuses a second daemon by name and lets it in when the first has gone', async () => {
    const first = await openSqlite(path, { exclusive: true });
    await expect(openSqlite(path, { exclusive: true })).rejects.toThrow(
      `another notafter is using ${path} (pid ${process.pid})`,
    );
    // The refused one must not have taken the first one's locks with it.
    await expect(openSqlite(path, { exclusive: true })).rejects.toThrow('another notafter');
    await first.dueTimes.init('a', NOW);
    await first.close();
    const second = await openSqlite(path, { exclusive: true });
    expect(await second.dueTimes.next('a')).toBe(NOW);
    await second.close();
  });

  it('lets a reader look beside the daemon at each state that was committed', async () => {
    const daemon = await openSqlite(path, { exclusive: true });
    const reader = await openSqlite(path, { readOnly: true });
    expect(await reader.inventory.locations()).toEqual([]);
    const { promise: gate, resolve: go } = Promise.withResolvers<void>();
    const { promise: written, resolve: wrote } = Promise.withResolvers<void>();
    const writing = daemon.transaction(async (tx) => {
      await tx.inventory.saveLocations([write(location('a'))]);
      wrote();
      await gate;
    });
    await written;
    expect(await reader.inventory.locations()).toEqual([]);
    go();
    await writing;
    expect(await reader.inventory.locations()).toHaveLength(1);
    await expect(reader.dueTimes.init('a', NOW)).rejects.toThrow('readonly');
    await reader.close();
    await daemon.close();
  });

  it('reads a store that no daemon is using', async () => {
    const daemon = await openSqlite(path);
    await daemon.dueTimes.init('a', NOW);
    await daemon.close();
    const reader = await openSqlite(path, { readOnly: true });
    expect(await reader.dueTimes.next('a')).toBe(NOW);
    await reader.close();
  });

  it('keeps the past of a sighting that ended or returned', async () => {
    const store = await openSqlite(path);
    const leaf = certificate('leaf');
    const states = [[sighting(leaf)], [], [sighting(leaf, { firstSeenAt: NOW + 2, lastSeenAt: NOW + 2 })]];
    for (const [step, sightings] of states.entries()) {
      await store.transaction((tx) =>
        tx.inventory.saveLocations([write(location('a', { lastLookAt: NOW + step, sightings }))]),
      );
    }
    await store.transaction((tx) => tx.inventory.withdrawSource('partners', NOW + 3));
    await store.close();
    const database = new DatabaseSync(path, { readOnly: true });
    const rows = database.prepare('select first_seen_at, ended_at from sightings order by id').all();
    database.close();
    expect(rows.map((row) => [row['first_seen_at'], row['ended_at']])).toEqual([
      [NOW, NOW + 1],
      [NOW + 2, NOW + 3],
    ]);
  });

  it('waits for the transaction under way when it is closed, and closes once', async () => {
    const store = await openSqlite(path, { exclusive: true });
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const { promise: gate, resolve: go } = Promise.withResolvers<void>();
    const writing = store.transaction(async (tx) => {
      begin();
      await gate;
      await tx.inventory.saveLocations([write(location('a'))]);
    });
    await begun;
    const closing = Promise.all([store.close(), store.close()]);
    go();
    await Promise.all([writing, closing]);
    const again = await openSqlite(path, { exclusive: true });
    expect(await again.inventory.locations()).toHaveLength(1);
    await again.close();
  });

  it('is not told to have lost silences that were forgotten in their time', async () => {
    const store = await openSqlite(path, { exclusive: true });
    const silence = { id: 'over', matchers: ['a="b"'], createdAt: NOW, until: NOW + 1, author: 'a', comment: '' };
    await store.transaction((tx) => tx.alerts.saveSilence(silence));
    await store.transaction((tx) => tx.prune(NOW + 2));
    expect(await store.alerts.silences()).toEqual([]);
    await store.close();
    const again = await openSqlite(path, { exclusive: true, onForgotten: () => expect.unreachable() });
    expect(await again.alerts.silences()).toEqual([]);
    await again.close();
  });

  describe('that cannot be used', () => {
    it('says so when there is none to read', async () => {
      await expect(openSqlite(path, { readOnly: true })).rejects.toThrow(`there is no store at ${path}`);
    });

    it('says so when it was written by a newer version, and changes nothing', async () => {
      await (await openSqlite(path)).close();
      edit(path, "insert into schema_versions (version, name) values (99, 'from the future')");
      for (const options of [{}, { exclusive: true }, { readOnly: true }]) {
        await expect(openSqlite(path, options)).rejects.toThrow(`${path} was written by a newer notafter (schema 99`);
      }
      const database = new DatabaseSync(path, { readOnly: true });
      expect(database.prepare('select max(version) as version from schema_versions').get()?.['version']).toBe(99);
      database.close();
    });

    it('says so when a reader finds a database that is none', async () => {
      await (await openSqlite(path)).close();
      edit(path, 'delete from schema_versions');
      await expect(openSqlite(path, { readOnly: true })).rejects.toThrow(`${path} is not a notafter store`);
    });

    it('says so when the file is something else', async () => {
      const other = join(folder, 'notes.txt');
      writeFileSync(other, 'not a database at all, but long enough to be looked at as one'.repeat(20));
      for (const options of [{}, { exclusive: true, onRescue: () => expect.unreachable() }]) {
        await expect(openSqlite(other, options)).rejects.toThrow(
          `cannot open the store ${other}: file is not a database`,
        );
      }
      expect(readFileSync(other, 'utf8')).toContain('not a database at all');
    });

    it('gives the lock back after it could not be opened', async () => {
      await (await openSqlite(path)).close();
      edit(path, "insert into schema_versions (version, name) values (99, 'from the future')");
      await expect(openSqlite(path, { exclusive: true })).rejects.toThrow('newer');
      edit(path, 'delete from schema_versions where version = 99');
      await (await openSqlite(path, { exclusive: true })).close();
    });
  });
});

/** As somebody who changes a store by hand has to: its checksums would say that it is damaged. */
function edit(path: string, sql: string): void {
  rmSync(`${path}.seals`, { force: true });
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}
