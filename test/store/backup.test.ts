import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { backupStore, checkStore, restoreStore } from '../../src/store/backup.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { fillStore, SILENCE } from '../helpers/full-store.ts';

const AT = new Date(Date.UTC(2026, 6, 1));

describe('a backup of a store', () => {
  let folder: string;
  let file: string;
  let copy: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'notafter-backup-'));
    file = path.join(folder, 'notafter.db');
    copy = path.join(folder, 'copy.db');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  async function filled(): Promise<Store> {
    const store = await openSqlite(file, { exclusive: true });
    await fillStore(store, 30);
    return store;
  }

  it('is made while the store is in use, holds one moment, and is its own file for its owner alone', async () => {
    const store = await filled();
    expect(backupStore(file, copy)).toMatchObject({ damage: undefined });
    await store.dueTimes.init('later', 1);
    await store.close();
    expect(statSync(copy).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).filter((name) => name.startsWith('copy'))).toEqual(['copy.db']);
    const opened = await openSqlite(copy, { exclusive: true });
    expect(await opened.inventory.locations()).toHaveLength(30);
    expect(await opened.alerts.alerts({ state: 'open' })).toHaveLength(30);
    expect(await opened.dueTimes.next('later')).toBeUndefined();
    await opened.close();
  });

  it('takes the place of the store, which is set aside, and no silence that was made since is lost', async () => {
    const store = await filled();
    backupStore(file, copy);
    await store.transaction((tx) => tx.alerts.saveSilence({ ...SILENCE, id: 'later' }));
    await store.dueTimes.init('later', 1);
    await store.close();
    const before = readFileSync(file);

    const aside = restoreStore(copy, file, AT);
    expect(aside).toBe(`${file}.replaced-20260701T000000Z`);
    expect(readFileSync(aside ?? '')).toEqual(before);
    const restored = await openSqlite(file, { exclusive: true, onRescue: () => expect.unreachable() });
    expect(await restored.dueTimes.next('later')).toBeUndefined();
    expect((await restored.alerts.silences()).map(({ id }) => id).toSorted()).toEqual(['later', SILENCE.id]);
    await restored.close();
  });

  it('is restored as it is, though the log of a store that was removed lies there still', async () => {
    await (await filled()).close();
    backupStore(file, copy);
    const store = await openSqlite(file, { exclusive: true });
    await store.dueTimes.init('later', 1);
    const log = readFileSync(`${file}-wal`);
    await store.close();
    rmSync(file);
    writeFileSync(`${file}-wal`, log);

    restoreStore(copy, file, AT);
    const restored = await openSqlite(file, { exclusive: true, onRescue: () => expect.unreachable() });
    expect(await restored.dueTimes.next('later')).toBeUndefined();
    expect(await restored.inventory.locations()).toHaveLength(30);
    await restored.close();
  });

  it('is not restored under a daemon, nor when it is damaged, newer or something else', async () => {
    const store = await filled();
    backupStore(file, copy);
    expect(() => restoreStore(copy, file, AT)).toThrow('another notafter is using');
    await store.close();
    const before = readFileSync(file);
    const other = path.join(folder, 'notes.txt');
    writeFileSync(other, 'these are notes '.repeat(500));
    expect(() => restoreStore(other, file, AT)).toThrow('is damaged: file is not a database');
    expect(() => restoreStore(path.join(folder, 'none'), file, AT)).toThrow('there is no file');
    truncateSync(copy, statSync(copy).size - 4096);
    expect(() => restoreStore(copy, file, AT)).toThrow('is damaged');
    expect(readFileSync(file)).toEqual(before);
  });

  it('is not made of a damaged store, and leaves the last one as it was', async () => {
    await (await filled()).close();
    backupStore(file, copy);
    const last = readFileSync(copy);
    truncateSync(file, statSync(file).size / 2);
    expect(() => backupStore(file, copy)).toThrow('malformed');
    expect(readFileSync(copy)).toEqual(last);
  });

  it('can be told from a damaged store by a check: every byte when nobody uses it, else the structure', async () => {
    const store = await filled();
    expect(checkStore(file)).toMatchObject({ damage: undefined, by: 'structure' });
    await store.close();
    expect(checkStore(file)).toMatchObject({ damage: undefined, by: 'every byte' });
    const bytes = readFileSync(file);
    const at = bytes.indexOf(Buffer.alloc(800, 7));
    bytes[at] = 8;
    writeFileSync(file, bytes);
    expect(checkStore(file)).toMatchObject({ damage: expect.stringContaining('1 of its pages') });
  });
});
