import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Rescue } from '../../src/store/rescue.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import { fillStore, SILENCE } from '../helpers/full-store.ts';
import { copyStore, damageAgain, layOut } from '../helpers/store-damage.ts';

/** `npm run soak -- damage` does 1 000 of each. */
const ROUNDS = 10;

describe('a store whose files are damaged', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'notafter-damage-'));
    file = path.join(folder, 'notafter.db');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it.each(['stopped', 'killed'] as const)(
    'is as it was, or says what was lost of it, when it was %s before',
    { timeout: 60_000 },
    async (end) => {
      const layout = await layOut(path.join(folder, end), end, 40);
      const counts = await damageAgain(layout, folder, ROUNDS, 1);
      expect(counts.wrong).toEqual([]);
      expect(counts.found).toBeGreaterThan(ROUNDS / 2);
    },
  );

  async function filled(locations: number): Promise<void> {
    const store = await openSqlite(file, { exclusive: true });
    await fillStore(store, locations);
    await store.close();
  }

  it('keeps alerts, who was told and what waits to be sent, when only what can be looked at again is damaged', async () => {
    await filled(60);
    const bytes = readFileSync(file);
    // Inside of the bytes of a certificate: no structure tells it.
    const at = bytes.indexOf(Buffer.alloc(800, 33));
    bytes[at] = 34;
    writeFileSync(file, bytes);

    let rescue: Rescue | undefined;
    const store = await openSqlite(file, { exclusive: true, onRescue: (report) => (rescue = report) });
    expect(rescue).toMatchObject({
      damage: expect.stringContaining('1 of its pages is not as written'),
      silences: 'kept',
    });
    expect(rescue?.lost).toEqual(['ders']);
    expect(await store.alerts.alerts({ state: 'open' })).toHaveLength(40);
    expect(await store.outbox.due(['mail'], Date.UTC(2030, 0, 1), 10)).toHaveLength(2);
    expect(await store.alerts.silences()).toEqual([SILENCE]);
    const locations = await store.inventory.locations();
    expect(locations).toHaveLength(60);
    // So that the next look reads everything, whatever the place says of its version.
    expect(locations.filter(({ version }) => version !== undefined)).toEqual([]);
    expect((await store.inventory.targets('partners')).map(({ lastLookAt }) => lastLookAt)).toEqual([undefined]);
    await store.close();
    expect(readFileSync(rescue?.setAside ?? '')).toEqual(bytes);

    const again = await openSqlite(file, { exclusive: true, onRescue: () => expect.unreachable() });
    await again.close();
  });

  it('is not taken for damaged after a kill at any time', async () => {
    const store = await openSqlite(file, { exclusive: true });
    for (let step = 0; step < 8; step += 1) {
      await fillStore(store, 40 + 10 * step);
      const copy = path.join(folder, `copy-${step}`);
      copyStore(folder, copy);
      const place = path.join(copy, 'notafter.db');
      const after = await openSqlite(place, { exclusive: true, onRescue: () => expect.unreachable() });
      expect(await after.inventory.locations()).toHaveLength(40 + 10 * step);
      await after.close();
    }
    await store.close();
  });

  it('is not taken for damaged when another program has rewritten all of it', async () => {
    await filled(60);
    const database = new DatabaseSync(file);
    database.exec('delete from transcripts; vacuum');
    database.close();
    const store = await openSqlite(file, { exclusive: true, onRescue: () => expect.unreachable() });
    expect(await store.inventory.locations()).toHaveLength(60);
    await store.close();
  });

  it('takes an emptied file for what it is, and brings back the silences', async () => {
    await filled(5);
    truncateSync(file, 0);
    let rescue: Rescue | undefined;
    const store = await openSqlite(file, { exclusive: true, onRescue: (report) => (rescue = report) });
    expect(rescue).toMatchObject({ silences: 'restored', kept: {} });
    expect(await store.alerts.silences()).toEqual([SILENCE]);
    await store.close();
  });

  it('says so when silences are lost with everything else', async () => {
    await filled(5);
    truncateSync(file, 100);
    rmSync(`${file}.silences`);
    let rescue: Rescue | undefined;
    await (await openSqlite(file, { exclusive: true, onRescue: (report) => (rescue = report) })).close();
    expect(rescue?.silences).toBe('lost');
  });

  it('restores silences that it forgot with the end of its log', async () => {
    await filled(5);
    const before = readFileSync(file);
    const store = await openSqlite(file, { exclusive: true });
    await store.transaction((tx) => tx.alerts.saveSilence({ ...SILENCE, id: 'later' }));
    await store.close();
    writeFileSync(file, before);
    let forgotten = 0;
    const older = await openSqlite(file, { exclusive: true, onForgotten: (silences) => (forgotten = silences) });
    expect(forgotten).toBe(1);
    expect((await older.alerts.silences()).map(({ id }) => id)).toEqual(['later', SILENCE.id]);
    await older.close();
  });

  it('is refused, and left as it is, where nobody hears what became of it', async () => {
    await filled(5);
    truncateSync(file, statSync(file).size / 2);
    await expect(openSqlite(file, { exclusive: true })).rejects.toThrow(/is damaged .*: start "notafter run"/);
    await expect(openSqlite(file, { exclusive: true })).rejects.toThrow('is damaged');
  });

  it('tells that it is damaged when that shows while it is in use', async () => {
    await filled(60);
    let told = 0;
    const store = await openSqlite(file, { exclusive: true, onDamage: () => (told += 1) });
    writeFileSync(file, Buffer.alloc(statSync(file).size - 4096, 7), { flag: 'r+' });
    await expect(store.inventory.locations()).rejects.toThrow('malformed');
    await expect(store.alerts.alerts()).rejects.toThrow('malformed');
    expect(told).toBe(1);
    await store.close();
  });
});
