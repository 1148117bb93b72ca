import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { backupStore, restoreStore } from '../../src/store/backup.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { SILENCE } from '../helpers/full-store.ts';

/**
 * One store for each released version, as that version left it: 3 locations with an open alert each, of which somebody was
 * told, two messages that wait, and a silence. A file is never changed; a release adds one.
 */
const FIXTURES = path.join(import.meta.dirname, '../fixtures/stores');

describe.each(readdirSync(FIXTURES).filter((name) => name.endsWith('.db.gz')))('a store of %s', (fixture) => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'notafter-upgrade-'));
    file = path.join(folder, 'notafter.db');
    writeFileSync(file, gunzipSync(readFileSync(path.join(FIXTURES, fixture))));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  async function expectWhole(store: Store): Promise<void> {
    const alerts = await store.alerts.alerts({ state: 'open' });
    expect(alerts).toHaveLength(3);
    expect(alerts.every(({ told, places }) => told.length === 1 && places.length === 1)).toBe(true);
    expect(await store.alerts.silences()).toEqual([SILENCE]);
    expect(await store.outbox.due(['mail'], Date.UTC(2030, 0, 1), 10)).toHaveLength(2);
    const locations = await store.inventory.locations();
    expect(locations.map(({ sightings }) => sightings.length)).toEqual([1, 1, 1]);
    expect(await store.dueTimes.next('source partners')).toBeDefined();
  }

  it('is brought up to date, and neither who was told nor a silence is lost, nor in its backup', async () => {
    const store = await openSqlite(file, { exclusive: true });
    await expectWhole(store);
    const copy = path.join(folder, 'copy.db');
    backupStore(file, copy);
    await store.close();
    restoreStore(copy, file, new Date());
    const restored = await openSqlite(file, { exclusive: true });
    await expectWhole(restored);
    await restored.close();
  });

  it('is brought up to date after it was restored from a backup of that version', async () => {
    const copy = path.join(folder, 'old.db');
    writeFileSync(copy, readFileSync(file));
    restoreStore(copy, file, new Date());
    const store = await openSqlite(file, { exclusive: true });
    await expectWhole(store);
    await store.close();
  });
});
