import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { runCli } from '../helpers/cli.ts';
import { startDaemonProcess, type DaemonProcess } from '../helpers/daemon-process.ts';
import { eventually } from '../helpers/eventually.ts';
import { startHook, type Hook } from '../helpers/receivers.ts';
import { createStage } from '../helpers/scenarios.ts';

const CANARY = 'CaNaRy7f3a9c';
const ENVIRONMENT_CANARY = `${CANARY}-from-the-environment`;
/** Everything that is served to people and machines. */
const PAGES = [
  '/',
  '/metrics',
  '/-/ready',
  '/openapi.json',
  '/calendar.ics',
  ...[
    'certificates',
    'locations',
    'clients',
    'findings',
    'alerts',
    'silences',
    'forecast',
    'status',
    'coverage',
  ].flatMap((name) => [`/${name}`, `/api/v1/${name}`]),
];

/** The names by which each secret is asked for, so that one that leaks says which it is. */
const SECRETS = [
  'alertmanager',
  'hook-key',
  'hook-token',
  'hook-url',
  'keystore',
  'pagerduty',
  'slack-token',
  'smtp',
  'vault',
] as const;

const CHANNELS = ['good', 'hook', 'wrong', 'environment', 'chat', 'bot', 'team', 'pager', 'am', 'mail'];

describe('secrets, while everything that uses them fails', () => {
  let folder: string;
  let good: Hook;
  let echo: Server;
  let mail: TcpServer;
  let daemon: DaemonProcess;
  let config: string;
  const asked: string[] = [];
  const answers = new Map<string, string>();

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'notafter-secrets-'));
    const secrets = path.join(folder, 'secrets');
    mkdirSync(secrets, { mode: 0o700 });
    good = await startHook();
    // Says back whatever it was told, as servers in trouble do.
    echo = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('end', () => {
        const told = JSON.stringify({ url: request.url, headers: request.rawHeaders, body });
        asked.push(told);
        response.statusCode = request.url?.startsWith('/v1') === true ? 403 : 500;
        response.setHeader('x-told', encodeURIComponent(told).slice(0, 4_000));
        response.end(`{"errors":[${JSON.stringify(told)}],"ok":false,"error":${JSON.stringify(told)}}`);
      });
    });
    // A mail server that repeats what it refuses.
    mail = createTcpServer((socket) => {
      socket.setEncoding('utf8').on('error', () => undefined);
      socket.write('220 echo\r\n');
      socket.on('data', (text: string) => {
        asked.push(
          text,
          ...(text.match(/[A-Za-z0-9+/=]{16,}/g) ?? []).map((word) => Buffer.from(word, 'base64').toString()),
        );
        const isHello = /^EHLO/i.test(text);
        socket.write(isHello ? '250-echo\r\n250 AUTH PLAIN LOGIN\r\n' : `535 ${text.trim()} ${asked.at(-1) ?? ''}\r\n`);
      });
    });
    await Promise.all(
      [echo, mail].map((server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))),
    );
    const portOf = (server: Server | TcpServer): number => (server.address() as AddressInfo).port;
    const at = `http://127.0.0.1:${portOf(echo)}`;
    for (const name of SECRETS) writeFileSync(path.join(secrets, name), `${CANARY}-${name}\n`);
    writeFileSync(path.join(secrets, 'slack'), `${at}/${CANARY}-slack`);
    writeFileSync(path.join(secrets, 'teams'), `${at}/${CANARY}-teams`);
    writeFileSync(path.join(secrets, 'hook-url'), `${at}/${CANARY}-hook-url`);
    writeFileSync(path.join(secrets, 'no-url'), `ht!tp://${CANARY}-no-url`);
    writeFileSync(path.join(secrets, 'heartbeat'), `${at}/${CANARY}-heartbeat`);
    writeFileSync(path.join(secrets, 'pagerduty'), CANARY.padEnd(32, 'x'));
    createStage(folder);
    config = path.join(folder, 'notafter.yaml');
    const file = (name: string): string => path.join(secrets, name);
    writeFileSync(
      config,
      `sources:
  - {name: disk, type: file, every: 2s, paths: ["${folder}/*.p12", "${folder}/*.pem"], passwords: [{match: "*.p12", password_file: "${file('keystore')}"}]}
  - {name: vault, type: vault, every: 2s, address: "${at}", auth: {method: approle, role_id: r, secret_file: "${file('vault')}"}}
  - {name: gone, type: endpoint, every: 1s, targets: ["127.0.0.1:1"]}
channels:
  - {name: good, type: webhook, url: "${good.url}/told"}
  - {name: hook, type: webhook, url_file: "${file('hook-url')}", secret_file: "${file('hook-key')}", token_file: "${file('hook-token')}"}
  - {name: wrong, type: webhook, url_file: "${file('no-url')}"}
  - {name: environment, type: webhook, url: "${at}/e", token: "\${NOTAFTER_TEST_TOKEN}"}
  - {name: chat, type: slack, webhook_url_file: "${file('slack')}"}
  - {name: bot, type: slack, token_file: "${file('slack-token')}", channel: "#x", api_url: "${at}/api/"}
  - {name: team, type: teams, webhook_url_file: "${file('teams')}"}
  - {name: pager, type: pagerduty, routing_key_file: "${file('pagerduty')}", url: "${at}/v2/enqueue"}
  - {name: am, type: alertmanager, urls: ["${at}"], username: u, password_file: "${file('alertmanager')}"}
  - {name: mail, type: email, smtp: {host: 127.0.0.1, port: ${portOf(mail)}, secure: none, username: u, password_file: "${file('smtp')}"}, from: a@b.test, to: [c@d.test]}
notifications: {minimum_severity: info}
heartbeat: {url_file: "${file('heartbeat')}", every: 1s}
web: {listen: "127.0.0.1:0"}
log: {level: debug, format: json}
store: "sqlite:${path.join(folder, 'data', 'notafter.db')}"
`,
    );
    writeFileSync(
      path.join(folder, 'locked.p12'),
      readFileSync(path.join(import.meta.dirname, '../fixtures/keystores/openssl-aes-192.p12')),
    );
    daemon = await startDaemonProcess(config, {
      cwd: folder,
      environment: { NOTAFTER_TEST_TOKEN: ENVIRONMENT_CANARY },
    });
  }, 60_000);
  afterAll(async () => {
    await daemon?.kill();
    echo?.closeAllConnections();
    await Promise.all([echo, mail].map((server) => new Promise((resolve) => server.close(resolve))));
    await good?.close();
    rmSync(folder, { recursive: true });
  });

  it('are used: every receiver was given its own', { timeout: 90_000 }, async () => {
    for (const name of CHANNELS) {
      const answer = await fetch(`${daemon.url}/api/v1/channels/${name}/test`, { method: 'POST' });
      answers.set(`test of ${name}`, await answer.text());
    }
    expect(answers.get('test of good')).toContain('delivered');
    const wanted = [
      'hook-url',
      'hook-token',
      'slack',
      'slack-token',
      'teams',
      'smtp',
      'vault',
      'heartbeat',
      'from-the-environment',
    ];
    const missing = (): readonly string[] =>
      wanted.filter((name) => !asked.some((text) => text.includes(`${CANARY}-${name}`)));
    await eventually('each secret was used', () => missing().length === 0, 30_000).catch(() =>
      expect(missing()).toEqual([]),
    );
  });

  it(
    'are in no page, metric, log line, message, argument, file of the store, or answer of a command',
    { timeout: 90_000 },
    async () => {
      const texts = new Map(answers);
      for (const page of PAGES) texts.set(page, await (await fetch(`${daemon.url}${page}`)).text());
      for (const { id } of (JSON.parse(texts.get('/api/v1/alerts') ?? '{}') as { alerts?: readonly { id: string }[] })
        .alerts ?? []) {
        texts.set(`runbook ${id}`, await (await fetch(`${daemon.url}/runbooks/alerts/${id}`)).text());
      }
      writeFileSync(
        config,
        readFileSync(config, 'utf8').replace('token: "${NOTAFTER', `token: "${CANARY}", was: "\${NOTAFTER`),
      );
      const refused = await fetch(`${daemon.url}/-/reload`, { method: 'POST' });
      texts.set('reload', await refused.text());
      const checked = await runCli(['config', 'check', '--config', config]);
      texts.set('config check', `${checked.stdout}${checked.stderr}`);
      texts.set('arguments', readFileSync(`/proc/${daemon.child.pid}/cmdline`, 'utf8'));
      texts.set('messages', JSON.stringify(good.received));
      await daemon.stop();
      texts.set('stdout', daemon.stdout());
      texts.set('stderr', daemon.stderr());
      for (const name of readdirSync(path.join(folder, 'data'))) {
        texts.set(name, readFileSync(path.join(folder, 'data', name), 'latin1'));
      }
      expect([refused.status, texts.get('stderr')?.length !== 0]).toEqual([400, true]);
      expect([...texts].filter(([, text]) => text.includes(CANARY)).map(([where]) => where)).toEqual([]);
    },
  );
});
