import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';

import { dashboards } from '../../dashboards/artifacts.ts';
import { startDaemonProcess, type DaemonProcess } from '../helpers/daemon-process.ts';
import { queriesOf } from '../helpers/dashboard.ts';
import { eventually } from '../helpers/eventually.ts';
import { createAuthority, createCrl } from '../helpers/pki.ts';
import { startPrometheus, type RunningPrometheus } from '../helpers/prometheus.ts';
import { closedPort, startTlsServer, type RunningTls } from '../helpers/servers.ts';

const DAY_MS = 86_400_000;
const now = Date.now();

/** What the variables of a dashboard stand for while nothing is picked. */
const queries = Array.from(dashboards()).flatMap(([dashboard, built]) =>
  queriesOf(built).map(({ panel, expr }) => ({
    name: `${dashboard}: ${panel}`,
    expr: expr.replaceAll(/\$(?:job|instance|source|location)\b/g, '.+').replaceAll('$__rate_interval', '30s'),
  })),
);

let folder: string;
let daemon: DaemonProcess;
let prometheus: RunningPrometheus;
let server: RunningTls;

/** One of everything that a dashboard shows: clients let in and turned away, a server that is lost, a list, a channel that fails. */
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'notafter-live-'));
  const at = (...parts: readonly string[]): string => path.join(folder, ...parts);
  await mkdir(at('pki'));
  const root = createAuthority({ name: 'Lab Root' });
  const clients = createAuthority({ name: 'Lab Clients', notAfter: new Date(now + 400 * DAY_MS) });
  const names = ['127.0.0.1'];
  const soon = { names, notBefore: new Date(now - 300 * DAY_MS), notAfter: new Date(now + 3 * DAY_MS) };
  const billing = clients.issue({ ...soon, names: ['billing'] });
  const stranger = root.issue({ ...soon, names: ['stranger'] });
  server = await startTlsServer(root.issue({ names }), {
    requestCert: true,
    rejectUnauthorized: true,
    ca: clients.certificate.pem,
  });
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'prod',
        cluster: {
          server: `https://127.0.0.1:${server.port}`,
          'certificate-authority-data': Buffer.from(root.certificate.pem).toString('base64'),
        },
      },
    ],
    users: [{ name: 'admin', user: { 'client-certificate-data': Buffer.from(billing.pem).toString('base64') } }],
    contexts: [{ name: 'prod', context: { cluster: 'prod', user: 'admin' } }],
  };
  const files: Readonly<Record<string, string>> = {
    'pki/ended.pem': root.issue({ names, notAfter: new Date(now - DAY_MS) }).pem,
    'pki/soon.pem': root.issue(soon).pem,
    'pki/list.crl': createCrl(root, { nextUpdate: new Date(now + DAY_MS) }).pem,
    'pki/broken.pem': '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
    'pki/kubeconfig': stringify(kubeconfig),
    'root.pem': root.certificate.pem,
    'billing.pem': billing.pem,
    'billing.key': billing.keyPem,
    'stranger.pem': stranger.pem,
    'stranger.key': stranger.keyPem,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(at(name), text, { mode: 0o600 });
  const refused = await closedPort();
  const lost = await startTlsServer(root.issue({ names }));
  const identity = (name: string): object => ({
    name,
    certificate_file: at(`${name}.pem`),
    key_file: at(`${name}.key`),
  });
  await writeFile(
    at('notafter.yaml'),
    stringify({
      trust: { system: false, mozilla: false, ca_files: [at('root.pem')] },
      sources: [
        {
          name: 'web',
          type: 'endpoint',
          every: '2s',
          targets: [`127.0.0.1:${server.port}`, `127.0.0.1:${refused}`, `127.0.0.1:${lost.port}`],
          clients: [identity('billing'), identity('stranger')],
          labels: { owner: 'payments' },
          metric_labels: ['owner'],
        },
        {
          name: 'disk',
          type: 'file',
          every: '2s',
          paths: [at('pki')],
          labels: { owner: 'it' },
          metric_labels: ['owner'],
        },
      ],
      channels: [{ name: 'hook', type: 'webhook', url: `http://127.0.0.1:${refused}/` }],
      routes: [{ channels: ['hook'] }],
      web: { listen: '127.0.0.1:0' },
      store: `sqlite:${at('notafter.db')}`,
    }),
  );
  daemon = await startDaemonProcess(at('notafter.yaml'), { cwd: folder });
  await eventually('a server is seen', async () =>
    new RegExp(`^notafter_location_up\\{.*:${lost.port}.* 1$`, 'm').test(await daemon.metrics()),
  );
  await lost.close();
  prometheus = await startPrometheus(folder, {
    global: { scrape_interval: '1s' },
    scrape_configs: [{ job_name: 'notafter', static_configs: [{ targets: [new URL(daemon.url).host] }] }],
  });
});

afterAll(async () => {
  await prometheus?.stop();
  await daemon?.stop();
  await server?.close();
  await rm(folder, { recursive: true, force: true });
});

test.each(queries)('$name gives data of a real daemon in a real Prometheus: $expr', async ({ expr }) => {
  const samples = await eventually(
    expr,
    async () => {
      const found = await prometheus.query(expr);
      return found.length > 0 && found;
    },
    60_000,
  );
  for (const { value } of samples) expect(value[1]).not.toBe('NaN');
});
