import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { RECOMMENDED } from '../../collectors/access-log/format.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { Location } from '../../src/inventory/model.ts';
import { startDaemon, type Daemon } from '../../src/daemon.ts';
import { eventually } from '../helpers/eventually.ts';
import { createAuthority, selfSigned, type TestCertificate } from '../helpers/pki.ts';
import { startMailbox, type Mailbox } from '../helpers/receivers.ts';
import { freePort, startProgram, type Program } from './verdicts/workshop.ts';

const DAY_MS = 86_400_000;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

const authority = createAuthority({ name: 'Partner CA' });
const server = createAuthority({ name: 'Server CA' }).issue({ names: ['localhost'] });
const inDays = (days: number): Date => new Date(Date.now() + days * DAY_MS + DAY_MS / 2);
const lasting = (commonName: string, days: number): TestCertificate =>
  authority.issue({
    commonName,
    names: [],
    extendedKeyUsage: ['clientAuth'],
    notBefore: inDays(-300),
    notAfter: inDays(days),
  });
const healthy = lasting('healthy', 200);
const old = lasting('billing', 20);
const successor = lasting('billing', 385);
/** Anybody can write the partner's name on a certificate of their own. */
const forged = selfSigned({ commonName: 'billing', names: [], notBefore: inDays(-1), notAfter: inDays(900) });

interface Setting {
  readonly folder: string;
  readonly log: string;
  readonly port: number;
}

interface Served {
  readonly program: Program;
  /** Rotates the log as the system does; absent where the server does not write it itself. */
  readonly rotate?: () => void;
}

/** Starts a server that demands client certificates and writes its log as the README of the collector says. */
const SERVERS: Readonly<Record<string, (setting: Setting) => Promise<Served>>> = {
  async nginx({ folder, log, port }) {
    const config = path.join(folder, 'nginx.conf');
    writeFileSync(
      config,
      `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
events {}
http {
  log_format clients '${RECOMMENDED.nginx}';
  access_log ${log} clients;
  client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f;
  uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  server {
    listen 127.0.0.1:${port} ssl;
    server_name api.example.com;
    ssl_certificate ${folder}/server.pem; ssl_certificate_key ${folder}/server.key;
    ssl_client_certificate ${folder}/ca.pem; ssl_verify_client on;
    location / { return 200; }
  }
}
`,
    );
    const program = await startProgram('nginx', ['-p', folder, '-e', `${folder}/error.log`, '-c', config], port);
    return {
      program,
      rotate() {
        renameSync(log, `${log}.1`);
        program.signal('SIGUSR1');
      },
    };
  },
  async haproxy({ folder, log, port }) {
    const config = path.join(folder, 'haproxy.cfg');
    writeFileSync(
      config,
      `global
  log stdout len 8192 format raw local0
defaults
  mode http
  log global
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend api
  bind 127.0.0.1:${port} ssl crt ${folder}/pair.pem ca-file ${folder}/ca.pem verify required
  log-format "${RECOMMENDED.haproxy}"
  http-request return status 200
`,
    );
    const command = 'exec haproxy -db -f "$1" > "$2"';
    return { program: await startProgram('sh', ['-c', command, 'sh', config, log], port) };
  },
};

/** One call of a client; a refusal is an answer, too. */
function call(port: number, client: TestCertificate, where: string): Promise<void> {
  return new Promise((resolve) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port,
        path: where,
        servername: 'api.example.com',
        headers: { host: 'api.example.com' },
        rejectUnauthorized: false,
        cert: client.chainPem,
        key: client.keyPem,
        agent: false,
      },
      (answer) => answer.resume().on('end', resolve),
    );
    sent.on('error', () => resolve());
    sent.end();
  });
}

describe.runIf(process.env['NOTAFTER_TEST_SERVICES'] === '1').each(Object.keys(SERVERS))(
  'clients that a real %s has seen',
  (name) => {
    let setting: Setting;
    let served: Served;
    let mailbox: Mailbox;
    let daemon: Daemon | undefined;

    beforeEach(async () => {
      const folder = mkdtempSync(path.join(tmpdir(), `notafter-${name}-`));
      mkdirSync(path.join(folder, 'logs'));
      for (const [file, content] of Object.entries({
        'server.pem': server.chainPem,
        'server.key': server.keyPem,
        'pair.pem': server.chainPem + server.keyPem,
        'ca.pem': authority.certificate.pem,
      })) {
        writeFileSync(path.join(folder, file), content);
      }
      setting = { folder, log: path.join(folder, 'logs', 'clients.log'), port: await freePort() };
      const start = SERVERS[name];
      if (start === undefined) throw new Error(`there is no server ${name}`);
      served = await start(setting);
      mailbox = await startMailbox();
    });

    afterEach(async () => {
      await daemon?.stop();
      await mailbox.close();
      await served.program.stop();
      rmSync(setting.folder, { recursive: true, force: true });
    });

    function mails(pattern: RegExp): readonly string[] {
      return mailbox.received.filter(({ mail }) => pattern.test(mail.subject ?? '')).map(({ mail }) => mail.text ?? '');
    }

    it('are reported 20 days before their end and resolved by the successor, whatever others claim', async () => {
      const { port, log, folder } = setting;
      await call(port, healthy, '/');
      const config = parseConfig(
        'notafter.yaml',
        `sources:
  - {name: callers, type: access-log, every: 1s, format: ${name}, paths: ["${log}"], successor_grace: 2s}
channels:
  - {name: mail, type: email, smtp: {host: 127.0.0.1, port: ${mailbox.port}, secure: none}, from: notafter@lab.test, to: [oncall@lab.test]}
web: {listen: "127.0.0.1:0"}
store: "sqlite:${path.join(folder, 'notafter.db')}"
`,
        {},
      );
      const firstRounds = Promise.withResolvers<void>();
      daemon = await startDaemon({
        config,
        version: 'test',
        log: quiet,
        loadConfig: () => Promise.resolve(config),
        onFirstRounds: () => firstRounds.resolve(),
      });
      await firstRounds.promise;
      const { store } = daemon;
      const partner = async (): Promise<Location | undefined> =>
        (await store.inventory.locations()).find(({ location }) => location.endsWith('client CN=billing'));

      for (let times = 0; times < 4; times++) await call(port, old, `/v1/payments/${times}`);
      served.rotate?.();
      await call(port, old, '/v1/refunds');
      await eventually('the partner is reported', () => mails(/billing/).length > 0);
      expect(mails(/billing/)[0]).toContain('ends in 20 days');
      await eventually('every call is counted', async () => {
        const found = await partner();
        return found?.sightings.length === 1 && found.sightings[0]?.use?.count === 5;
      });
      const known = await partner();
      expect(known?.sightings[0]?.use?.by).toEqual([
        { reference: { type: 'app', id: 'api.example.com/v1/payments' }, count: 4 },
        { reference: { type: 'app', id: 'api.example.com/v1/refunds' }, count: 1 },
      ]);

      // What was refused is no successor; the healthy client is seen later, so all that came before was read.
      await call(port, forged, '/v1/payments');
      await call(port, healthy, '/later');
      await eventually('the later call is known', async () =>
        (await store.inventory.locations()).some(({ sightings }) =>
          sightings.some(({ use }) => use?.by.some(({ reference }) => reference.id.endsWith('/later')) === true),
        ),
      );
      expect(mails(/resolved/i)).toEqual([]);

      await call(port, successor, '/v1/payments');
      await eventually('it is resolved', () => mails(/resolved/i).length > 0, 30_000);
      expect(mails(/billing/)).toHaveLength(2);
    }, 90_000);
  },
);
