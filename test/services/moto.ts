import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

import { closedPort } from '../helpers/loopback-servers.ts';
import { eventually } from '../helpers/eventually.ts';

/** AWS by others (https://github.com/getmoto/moto): what it says was not written by who wrote notafter. */
const VERSION = '5.2.5';
const FOLDER = path.join(homedir(), `.cache/notafter/moto-${VERSION}`);
const SERVER = path.join(FOLDER, 'bin/moto_server');

/** Installs it into a folder of its own. Gives why that is not possible here; undefined when it is there. */
export function installMoto(): string | undefined {
  if (existsSync(SERVER)) return undefined;
  const made = spawnSync('python3', ['-m', 'venv', FOLDER], { encoding: 'utf8' });
  if (made.status !== 0) {
    return `python3 cannot make a virtual environment (Debian: apt-get install python3-venv): ${made.error?.message ?? made.stderr}`;
  }
  const pip = path.join(FOLDER, 'bin/pip');
  const installed = spawnSync(pip, ['install', '--quiet', `moto[server]==${VERSION}`], {
    encoding: 'utf8',
    timeout: 300_000,
  });
  return installed.status === 0 && existsSync(SERVER)
    ? undefined
    : `pip cannot install moto[server]==${VERSION}: ${installed.error?.message ?? installed.stderr}`;
}

export interface Moto extends AsyncDisposable {
  readonly url: string;
}

export async function startMoto(): Promise<Moto> {
  const port = await closedPort();
  const server = spawn(SERVER, ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  await eventually(
    'moto answers',
    () =>
      fetch(`${url}/moto-api/`, { signal: AbortSignal.timeout(5_000) }).then(
        ({ ok }) => ok,
        () => false,
      ),
    60_000,
  );
  return {
    url,
    async [Symbol.asyncDispose]() {
      if (server.exitCode !== null) return;
      const ended = new Promise((resolve) => {
        server.once('exit', resolve);
      });
      server.kill();
      await ended;
    },
  };
}
