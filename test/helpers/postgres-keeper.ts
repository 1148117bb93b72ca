import { renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { startPostgresServer } from './postgres-server.ts';

/** Keeps one PostgreSQL for a whole run of the tests: `node postgres-keeper.ts FOLDER PID` ends it when that process has ended. */
const [folder = '', pid = ''] = process.argv.slice(2);
const LOOK_EVERY_MS = 250;

function isAlive(): boolean {
  try {
    return process.kill(Number(pid), 0);
  } catch {
    return false;
  }
}

const server = await startPostgresServer();
writeFileSync(path.join(folder, 'url.new'), server.url(''));
renameSync(path.join(folder, 'url.new'), path.join(folder, 'url'));
while (isAlive()) await wait(LOOK_EVERY_MS);
await server.stop();
rmSync(folder, { recursive: true, force: true });
