import { fork, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { createAuthority } from '../test/helpers/pki.ts';

export const KEY_TYPES = ['EC', 'RSA'] as const;
export type KeyType = (typeof KEY_TYPES)[number];
export const VERSIONS = ['1.3', '1.2'] as const;
export type Version = (typeof VERSIONS)[number];

/** Servers of many names, each with a certificate of its own, in a process of their own. */
export interface TlsFarm extends Disposable {
  /** What serves, in words. */
  readonly kind: string;
  readonly names: readonly string[];
  readonly processId: number | undefined;
  port(key: KeyType, version: Version): number;
  /** What the servers complained about so far. */
  complaints(): string;
}

export interface FarmOptions {
  /** The address at which it listens. */
  readonly host?: string;
  /** Whether it sends its root along, which is nobody's business. */
  readonly sendsRoot?: boolean;
}

export interface FarmPlan {
  readonly folder: string;
  readonly names: readonly string[];
  readonly ports: Readonly<Record<string, number>>;
  /** The address at which they listen. */
  readonly host: string;
}

export function portName(key: KeyType, version: Version): string {
  return `${key} ${version}`;
}

/** The root of all its certificates of a kind, as a file. */
export function rootFile(folder: string, key: KeyType): string {
  return path.join(folder, key, 'root.pem');
}

/** nginx when it is installed, else Node. */
export async function startTlsFarm(
  folder: string,
  count: number,
  { host = '127.0.0.1', sendsRoot = true }: FarmOptions = {},
): Promise<TlsFarm> {
  const names = Array.from({ length: count }, (_value, index) => `host-${index}.example`);
  writeCertificates(folder, names, sendsRoot);
  const ports: Record<string, number> = {};
  for (const key of KEY_TYPES) for (const version of VERSIONS) ports[portName(key, version)] = await freePort();
  const plan: FarmPlan = { folder, names, ports, host };

  const version = /nginx\/[\d.]+/.exec(spawnSync('nginx', ['-v'], { encoding: 'utf8' }).stderr ?? '')?.[0];
  const child = version === undefined ? startNode(plan) : startNginx(plan);
  for (const port of Object.values(ports)) await listening(port, child);
  return {
    kind: version ?? 'Node (nginx is not installed)',
    names,
    processId: child.pid,
    complaints: () => (version === undefined ? '' : readFileSync(path.join(folder, 'error.log'), 'utf8')),
    port: (key, tls) => ports[portName(key, tls)] ?? 0,
    [Symbol.dispose]() {
      child.kill('SIGTERM');
    },
  };
}

/** A leaf, an intermediate and a root for every name; the leaves of one kind share a key, for the sake of time. */
function writeCertificates(folder: string, names: readonly string[], sendsRoot: boolean): void {
  for (const type of KEY_TYPES) {
    const under = path.join(folder, type);
    mkdirSync(under);
    const keyType = type === 'EC' ? 'ec' : 'rsa';
    const root = createAuthority({ name: `Bench ${type} Root`, keyType });
    writeFileSync(rootFile(folder, type), root.certificate.pem);
    const intermediate = createAuthority({ name: `Bench ${type} Intermediate`, keyType, parent: root });
    const key =
      type === 'EC'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
        : generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    writeFileSync(
      path.join(under, 'key.pem'),
      createPrivateKey(key.export({ type: 'pkcs8', format: 'pem' })).export({ type: 'pkcs8', format: 'pem' }),
    );
    for (const name of names) {
      const leaf = intermediate.issue({ names: [name, `www.${name}`], key });
      writeFileSync(path.join(under, `${name}.pem`), leaf.chainPem + (sendsRoot ? root.certificate.pem : ''));
    }
  }
}

function startNginx({ folder, names, ports, host }: FarmPlan): ChildProcess {
  const servers = KEY_TYPES.flatMap((key) => {
    const [first = 'none'] = names;
    const listen = (version: Version, more = ''): string =>
      `listen ${host}:${ports[portName(key, version)]} ssl${more};`;
    const files = (name: string): string =>
      `ssl_certificate ${key}/${name}.pem; ssl_certificate_key ${key}/key.pem; return 204;`;
    // The version is chosen by the default server, before the name is known.
    return [
      ...VERSIONS.map(
        (version) =>
          `server { ${listen(version, ' default_server backlog=1024')} server_name _; ssl_protocols TLSv1.2${version === '1.3' ? ' TLSv1.3' : ''}; ${files(first)} }`,
      ),
      ...names.map(
        (name) =>
          `server { ${VERSIONS.map((version) => listen(version)).join(' ')} server_name ${name}; ${files(name)} }`,
      ),
    ];
  });
  writeFileSync(
    path.join(folder, 'nginx.conf'),
    [
      'worker_processes 2; daemon off; pid nginx.pid; error_log error.log warn;',
      'events { worker_connections 4096; }',
      'http { access_log off; server_names_hash_max_size 65536; server_names_hash_bucket_size 128;',
      'ssl_session_cache off; ssl_session_tickets off; ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;',
      ...servers,
      '}',
    ].join('\n'),
  );
  return spawn('nginx', ['-p', folder, '-c', 'nginx.conf', '-e', 'error.log'], { stdio: 'inherit' });
}

function startNode(plan: FarmPlan): ChildProcess {
  const child = fork(fileURLToPath(new URL('node-farm.ts', import.meta.url)));
  child.send(plan);
  return child;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Thousands of certificates take a while to load. */
export async function listening(port: number, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt++) {
    if (child.exitCode !== null) throw new Error('the servers of the benchmark did not start');
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    } finally {
      socket.destroy();
    }
  }
  throw new Error('the servers of the benchmark do not listen');
}
