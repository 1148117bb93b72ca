import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { clientRoot } from '../../helpers/client-identities.ts';
import { eventually } from '../../helpers/eventually.ts';
import { clientCrls, serverLeaf } from '../../helpers/rehearsal.ts';

/** A program that runs, and what it has said so far. */
export interface Program {
  readonly log: () => string;
  /** Adds to the log what somebody else saw of it. */
  readonly note: (line: string) => void;
  readonly signal: (signal: NodeJS.Signals) => void;
  readonly stop: () => Promise<void>;
}

export interface ProgramOptions {
  /** Run it as this user. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Where it writes its log, when not to its outputs. */
  readonly logFile?: string;
  /** What it says when it has begun to serve; without it, that it listens is enough. */
  readonly ready?: RegExp;
}

/** A folder with the certificates that every server needs, which is gone in the end. */
export interface Workshop extends Disposable {
  readonly folder: string;
  /** The server's certificate, its key, and both in one. */
  readonly certificate: string;
  readonly key: string;
  readonly pair: string;
  /** The one root that signs clients. */
  readonly ca: string;
  /** Revocation lists of all who sign clients. */
  readonly crls: string;
  /** The root and the lists in one. */
  readonly caWithCrls: string;
  /** Writes a file and gives its path. */
  write(name: string, content: string): string;
}

export function openWorkshop(): Workshop {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-verdicts-'));
  // PostgreSQL runs as somebody else.
  chmodSync(folder, 0o755);
  function write(name: string, content: string): string {
    const file = path.join(folder, name);
    writeFileSync(file, content);
    return file;
  }
  const crls = clientCrls.join('');
  return {
    folder,
    certificate: write('server.pem', serverLeaf.pem),
    key: write('server.key', serverLeaf.keyPem),
    pair: write('pair.pem', serverLeaf.pem + serverLeaf.keyPem),
    ca: write('ca.pem', clientRoot.certificate.pem),
    crls: write('crls.pem', crls),
    caWithCrls: write('ca-and-crls.pem', clientRoot.certificate.pem + crls),
    write,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Starts a program, and waits until it listens. */
export async function startProgram(
  command: string,
  args: readonly string[],
  port: number,
  options: ProgramOptions = {},
): Promise<Program> {
  const child: ChildProcess = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options.user });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  let failure: Error | undefined;
  child.once('error', (error) => {
    failure = error;
  });
  const exited = once(child, 'exit').catch(() => undefined);
  const log = (): string =>
    options.logFile !== undefined && existsSync(options.logFile) ? said + readFileSync(options.logFile, 'utf8') : said;
  await eventually(`${command} listens`, async () => {
    if (failure !== undefined) throw failure;
    if (child.exitCode !== null) throw new Error(`${command} ended with ${child.exitCode}: ${log()}`);
    return (options.ready?.test(said) ?? true) && answers(port);
  });
  return {
    log,
    note: (line) => {
      said += `${line}\n`;
    },
    signal: (signal) => void child.kill(signal),
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Builds the servers of Go into one program. */
export function buildGo(folder: string): string {
  const program = path.join(folder, 'servers');
  execFileSync('go', ['build', '-o', program, '.'], { cwd: path.join(import.meta.dirname, 'go'), stdio: 'inherit' });
  return program;
}
