import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { openSqlite } from '../../src/store/sqlite.ts';

const ROUNDS = 20;
const WRITER = join(import.meta.dirname, 'restless-writer.ts');

interface Writer {
  readonly process: ChildProcess;
  /** Resolves when this many transactions were told. */
  told(count: number): Promise<void>;
  /** The number of the last transaction that was told. */
  last(): number;
}

describe('a sqlite store whose process is killed', () => {
  let folder: string;
  let path: string;
  const running = new Set<ChildProcess>();
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'notafter-crash-'));
    path = join(folder, 'notafter.db');
  });
  afterEach(() => {
    for (const child of running) child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });

  function startWriter(): Writer {
    const child = spawn(process.execPath, [WRITER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    running.add(child);
    child.once('exit', () => running.delete(child));
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    const lines = (): readonly string[] => text.split('\n').slice(0, -1);
    return {
      process: child,
      async told(count) {
        while (lines().length < count) {
          await Promise.race([
            once(child.stdout, 'data'),
            once(child, 'exit').then(() => Promise.reject(new Error('the writer ended'))),
          ]);
        }
      },
      last: () => Number(lines().at(-1)),
    };
  }

  async function kill(writer: Writer): Promise<void> {
    const closed = once(writer.process, 'close');
    writer.process.kill('SIGKILL');
    await closed;
  }

  it(
    `holds the state before or after each transaction, never a mixture, over ${ROUNDS} kills`,
    { timeout: 120_000 },
    async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const writer = startWriter();
        await writer.told(2 + (round % 5));
        await kill(writer);
        const told = writer.last();

        const store = await openSqlite(path, { exclusive: true });
        const locations = await store.inventory.locations();
        const steps = new Set(locations.map((each) => each.failures));
        expect([locations.length, steps.size]).toEqual([50, 1]);
        const [step = 0] = steps;
        // What was told to be committed is there; the one after it may have been committed before it could be told.
        expect([told, told + 1]).toContain(step);
        expect(
          locations.every((each) => each.sightings.length === 1 && each.sightings[0]?.item.id.startsWith(`c${step}-`)),
        ).toBe(true);
        expect((await store.alerts.alerts()).map((each) => each.generation)).toEqual([step]);
        const due = await store.outbox.due(['mail'], step, 10_000);
        expect(due.map((each) => each.notification.id)).toEqual(
          Array.from({ length: step }, (_, index) => `n${index + 1}`),
        );
        await store.close();
      }
      const database = new DatabaseSync(path);
      expect(database.prepare('pragma integrity_check').all()).toMatchObject([{ integrity_check: 'ok' }]);
      expect(database.prepare('pragma foreign_key_check').all()).toEqual([]);
      database.close();
    },
  );

  it('is refused to another process while it lives, which is named, and free when it has died', async () => {
    const writer = startWriter();
    await writer.told(1);
    await expect(openSqlite(path, { exclusive: true })).rejects.toThrow(
      `another notafter is using ${path} (pid ${writer.process.pid})`,
    );
    const reader = await openSqlite(path, { readOnly: true });
    await writer.told(2);
    expect(await reader.inventory.locations()).toHaveLength(50);
    await reader.close();
    await kill(writer);
    await (await openSqlite(path, { exclusive: true })).close();
  });

  it('stays refused to another process after this one tried to open it twice', async () => {
    const store = await openSqlite(path, { exclusive: true });
    await expect(openSqlite(path, { exclusive: true })).rejects.toThrow('another notafter');
    const other = spawn(process.execPath, [WRITER, path], { stdio: ['ignore', 'ignore', 'pipe'] });
    running.add(other);
    let errors = '';
    other.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk));
    const [code] = await once(other, 'close');
    running.delete(other);
    expect(code).not.toBe(0);
    expect(errors).toContain(`another notafter is using ${path} (pid ${process.pid})`);
    await store.close();
  });
});
