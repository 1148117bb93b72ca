import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { Client } from 'pg';

import { TABLES } from '../../src/store/tables.ts';
import { eventually } from './eventually.ts';

const KEEPER = fileURLToPath(new URL('./postgres-keeper.ts', import.meta.url));
/** It makes its data, and the machine may be busy. */
const START_DEADLINE_MS = 50_000;

/** A database for one test file. */
export interface TestDatabase {
  readonly url: string;
  /** Takes every row of the store out of it; the schema stays. */
  empty(): Promise<void>;
  query(text: string): Promise<readonly Record<string, unknown>[]>;
  /** Drops it, whoever is connected. */
  drop(): Promise<void>;
}

let made = 0;

/** A new database on the one PostgreSQL of this run of the tests, which the first who asks starts. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const base = await sharedServer();
  const name = `test_${process.pid}_${(made += 1)}`;
  await once(`${base}postgres`, `create database ${name} template template0`);
  const url = `${base}${name}`;
  const client = new Client({ connectionString: url });
  await client.connect();
  return {
    url,
    async empty() {
      // Few rows: faster than a truncate, which makes new files.
      const tables = TABLES.filter((table) => table !== 'writer').toReversed();
      await client.query(tables.map((table) => `delete from ${table}`).join('; '));
    },
    query: async (text) => (await client.query<Record<string, unknown>>(text)).rows,
    async drop() {
      await client.end();
      await once(`${base}postgres`, `drop database if exists ${name} with (force)`);
    },
  };
}

/** The test runner is the parent of every test file's process. */
async function sharedServer(): Promise<string> {
  const folder = path.join(tmpdir(), `notafter-postgres-of-${process.ppid}`);
  const file = path.join(folder, 'url');
  try {
    mkdirSync(folder);
    const log = openSync(path.join(folder, 'log'), 'w');
    spawn(process.execPath, [KEEPER, folder, String(process.ppid)], {
      detached: true,
      stdio: ['ignore', log, log],
    }).unref();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  await eventually(`PostgreSQL starts, see ${folder}/log`, () => existsSync(file), START_DEADLINE_MS);
  return readFileSync(file, 'utf8');
}

async function once(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(text);
    return rows;
  } finally {
    await client.end();
  }
}
