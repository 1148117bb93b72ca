import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, cpSync, globSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer as createHttps, Server as HttpsServer } from 'node:https';
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { createServer as createTls } from 'node:tls';

import type { RehearsalRequest } from '../../../src/tls/rehearse/request.ts';
import { REVOKED_SERIAL } from '../../helpers/client-identities.ts';
import { insistent, type TlsVersion } from '../../helpers/rehearsal.ts';
import { freePort, startProgram, type Program, type Workshop } from './workshop.ts';

/** A server of somebody else's, that insists on a client certificate. */
export interface Subject {
  /** As the table calls it. */
  readonly name: string;
  readonly request: RehearsalRequest;
  /**
   * Where `unknown` is the honest answer: `silent`, because the server says nothing to whom it accepts in TLS 1.3;
   * `unasked`, because it judges in an answer and is asked for none, so that its log holds no judgement either.
   */
  readonly unknown?: 'silent' | 'unasked';
  start(version: TlsVersion, workshop: Workshop): Promise<RunningSubject>;
}

export interface RunningSubject {
  readonly port: number;
  /** What the server said about its connections so far. */
  readonly log: () => string;
  readonly accepted: RegExp;
  readonly rejected: RegExp;
  stop(): Promise<void>;
}

function running(program: Program, port: number, accepted: RegExp, rejected: RegExp): RunningSubject {
  return { port, log: program.log, accepted, rejected, stop: program.stop };
}

function openssl(name: string, more: readonly string[], unknown?: 'silent'): Subject {
  return {
    name,
    request: { kind: 'auto' },
    ...(unknown === undefined ? {} : { unknown }),
    start: async (version, { certificate, key, caWithCrls }) => {
      const port = await freePort();
      const program = await startProgram(
        'openssl',
        [
          's_server',
          `-accept=127.0.0.1:${port}`,
          `-cert=${certificate}`,
          `-key=${key}`,
          `-CAfile=${caWithCrls}`,
          '-Verify=5',
          '-verify_return_error',
          '-crl_check_all',
          version === 'TLSv1.2' ? '-tls1_2' : '-tls1_3',
          ...more,
        ],
        port,
      );
      return running(program, port, /^CIPHER is /m, /^ERROR$/m);
    },
  };
}

function nginx(name: string, http2: boolean, request: RehearsalRequest): Subject {
  return {
    name,
    request,
    ...(request.kind === 'none' ? { unknown: 'unasked' } : {}),
    start: async (version, { folder, write, certificate, key, ca, crls }) => {
      const port = await freePort();
      const home = path.join(folder, `nginx-${port}`);
      mkdirSync(home);
      const logFile = path.join(home, 'access.log');
      const config = write(
        `nginx-${port}.conf`,
        `daemon off; master_process off; pid ${home}/pid; error_log ${home}/error.log;
events {}
http {
  log_format verdict 'verify=$ssl_client_verify status=$status';
  access_log ${logFile} verdict;
  client_body_temp_path ${home}/b; proxy_temp_path ${home}/p; fastcgi_temp_path ${home}/f;
  uwsgi_temp_path ${home}/u; scgi_temp_path ${home}/s;
  server {
    listen 127.0.0.1:${port} ssl${http2 ? ' http2' : ''};
    ssl_protocols ${version};
    ssl_certificate ${certificate}; ssl_certificate_key ${key};
    ssl_client_certificate ${ca}; ssl_crl ${crls}; ssl_verify_client on; ssl_verify_depth 5;
    location / { return 200; }
  }
}
`,
      );
      const program = await startProgram('nginx', ['-p', home, '-e', `${home}/error.log`, '-c', config], port, {
        logFile,
      });
      return running(program, port, /verify=SUCCESS/, /verify=(?:FAILED|NONE)/);
    },
  };
}

function haproxy(name: string, mode: 'tcp' | 'http'): Subject {
  return {
    name,
    request: { kind: 'auto' },
    start: async (version, { write, pair, ca, crls }) => {
      const port = await freePort();
      let program: Program | undefined;
      // What HAProxy connects to for whom it accepts.
      const behind = createServer((socket) => {
        program?.note('accepted by the backend');
        socket.on('error', () => undefined);
        socket.resume();
      }).listen(0, '127.0.0.1');
      await once(behind, 'listening');
      const { port: behindPort } = behind.address() as AddressInfo;
      const alpn = mode === 'http' ? ' alpn h2,http/1.1' : '';
      const config = write(
        `haproxy-${port}.cfg`,
        `global
  log stdout format raw local0
  ssl-default-bind-options ssl-min-ver ${version} ssl-max-ver ${version}
defaults
  log global
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend entrance
  mode ${mode}
  bind 127.0.0.1:${port} ssl crt ${pair} ca-file ${ca} crl-file ${crls} verify required${alpn}
  log-format "accepted verify=%[ssl_c_verify]"
  ${mode === 'http' ? 'http-request return status 200' : 'default_backend behind'}
${mode === 'tcp' ? `backend behind\n  mode tcp\n  server one 127.0.0.1:${behindPort}\n` : ''}`,
      );
      const { stop } = (program = await startProgram('haproxy', ['-db', '-f', config], port));
      return {
        ...running(program, port, /^accepted/m, /SSL handshake failure|SSL client certificate/),
        stop: async () => {
          await stop();
          behind.close();
          await once(behind, 'close');
        },
      };
    },
  };
}

/** A server of Node's, in this process: what it logs are its events. */
function node(name: string, mode: 'tls' | 'https'): Subject {
  return {
    name,
    request: { kind: 'auto' },
    start: async (version) => {
      let said = '';
      const note = (line: string) => (): void => {
        said += `${line}\n`;
      };
      const options = insistent(version);
      const server =
        mode === 'tls'
          ? createTls(options, (socket) => socket.on('error', () => undefined).resume())
          : createHttps(options, (_, response) => response.writeHead(404).end());
      server.on('secureConnection', note('accepted'));
      server.on('tlsClientError', note('rejected'));
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      return {
        port: (server.address() as AddressInfo).port,
        log: () => said,
        accepted: /^accepted/m,
        rejected: /^rejected/m,
        stop: async () => {
          if (server instanceof HttpsServer) server.closeAllConnections();
          server.close();
          await once(server, 'close');
        },
      };
    },
  };
}

function go(name: string, mode: 'tls' | 'https' | 'grpc'): Subject {
  return {
    name,
    request: mode === 'grpc' ? { kind: 'grpc', service: '' } : { kind: 'auto' },
    start: async (version, { folder, certificate, key, ca }) => {
      const port = await freePort();
      const program = await startProgram(
        path.join(folder, 'servers'),
        [
          `-mode=${mode}`,
          `-listen=127.0.0.1:${port}`,
          `-version=${version.slice(-3)}`,
          `-cert=${certificate}`,
          `-key=${key}`,
          `-ca=${ca}`,
          `-revoked=${REVOKED_SERIAL.toString('hex')}`,
        ],
        port,
      );
      return running(program, port, /^accepted/m, /^rejected/m);
    },
  };
}

/** Debian keeps PostgreSQL's programs off the path. */
function postgresProgram(name: string): string {
  return path.join(globSync('/usr/lib/postgresql/*/bin').toSorted().at(-1) ?? '', name);
}

/** PostgreSQL refuses to run as root. */
function postgresUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  function id(flag: string): number {
    return Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  }
  return { uid: id('-u'), gid: id('-g') };
}

const postgres: Subject = {
  name: 'PostgreSQL `cert`',
  request: { kind: 'postgres', user: 'billing', database: 'postgres' },
  start: async (version, { folder, certificate, key, ca, crls }) => {
    const port = await freePort();
    const user = postgresUser();
    const home = path.join(folder, `postgres-${port}`);
    mkdirSync(home);
    if (user !== undefined) chownSync(home, user.uid, user.gid);
    execFileSync(postgresProgram('initdb'), ['-D', home, '-U', 'billing', '--auth=trust', '--no-sync'], {
      ...user,
      cwd: folder,
      stdio: 'ignore',
    });
    cpSync(key, path.join(home, 'server.key'));
    if (user !== undefined) chownSync(path.join(home, 'server.key'), user.uid, user.gid);
    execFileSync('chmod', ['600', path.join(home, 'server.key')]);
    writeFileSync(path.join(home, 'pg_hba.conf'), 'hostssl all all 127.0.0.1/32 cert map=everybody\n');
    writeFileSync(path.join(home, 'pg_ident.conf'), 'everybody /^.*$ billing\n');
    const settings = {
      listen_addresses: '127.0.0.1',
      port,
      unix_socket_directories: home,
      fsync: 'off',
      log_connections: 'on',
      ssl: 'on',
      ssl_cert_file: certificate,
      ssl_key_file: path.join(home, 'server.key'),
      ssl_ca_file: ca,
      ssl_crl_file: crls,
      ssl_min_protocol_version: version,
      ssl_max_protocol_version: version,
    };
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const program = await startProgram(postgresProgram('postgres'), ['-D', home, ...args], port, {
      ready: /ready to accept connections/,
      ...(user === undefined ? {} : { user }),
    });
    return running(program, port, /connection authenticated/, /could not accept SSL connection|FATAL/);
  },
};

/** In the order of the table. */
export const SUBJECTS: readonly Subject[] = [
  openssl('OpenSSL `s_server`', []),
  openssl('OpenSSL `s_server -num_tickets 0`', ['-num_tickets=0'], 'silent'),
  nginx('nginx, HTTP/1.1', false, { kind: 'auto' }),
  nginx('nginx, HTTP/2', true, { kind: 'auto' }),
  nginx('nginx, nothing asked', false, { kind: 'none' }),
  haproxy('HAProxy `mode tcp`', 'tcp'),
  haproxy('HAProxy `mode http`', 'http'),
  node('Node `tls`', 'tls'),
  node('Node `https`', 'https'),
  go('Go `crypto/tls`', 'tls'),
  go('Go `net/http`', 'https'),
  go('Go gRPC', 'grpc'),
  postgres,
];
