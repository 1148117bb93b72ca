import path from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { openSqlite } from '../../src/store/sqlite.ts';
import { fillStore } from '../helpers/full-store.ts';
import { mountSmallDisk } from '../helpers/small-disk.ts';

const disk = mountSmallDisk(4);

// Where no disk can be mounted, which takes root, the service tests of the image do it.
describe.runIf(disk !== undefined)('a store on a disk that is full', () => {
  const file = path.join(disk?.folder ?? '', 'notafter.db');
  afterAll(() => disk?.remove());

  it('takes no writes, goes on being read, and takes them again when there is room, without being opened anew', async () => {
    const store = await openSqlite(file, { exclusive: true });
    await fillStore(store, 20);
    disk?.fill();
    const write = async (): Promise<void> => {
      for (let step = 0; step < 20; step += 1) await fillStore(store, 200);
    };
    await expect(write()).rejects.toThrow('full');
    await expect(write()).rejects.toThrow('full');
    expect(await store.alerts.alerts({ state: 'open' })).toHaveLength(20);
    disk?.clear();
    await store.dueTimes.init('later', 1);
    expect(await store.dueTimes.next('later')).toBe(1);
    disk?.fill();
    await store.close();

    disk?.clear();
    const after = await openSqlite(file, { exclusive: true, onRescue: () => expect.unreachable() });
    expect(await after.dueTimes.next('later')).toBe(1);
    await after.close();
  });

  it('is named when it cannot be opened because the disk is read-only', async () => {
    await (await openSqlite(file, { exclusive: true })).close();
    disk?.setReadOnly(true);
    const opening = openSqlite(file, { exclusive: true, onRescue: () => expect.unreachable() });
    await expect(opening).rejects.toThrow(new RegExp(`cannot open the store ${file}: .*readonly`));
    disk?.setReadOnly(false);
    await (await openSqlite(file, { exclusive: true })).close();
  });
});
