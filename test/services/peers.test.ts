import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';

import { parseCertificate } from '../../src/certificate/certificate.ts';
import { PROFILE_NAMES } from '../../src/metrics/profiles/profile-name.ts';
import { startDaemonProcess, type DaemonProcess } from '../helpers/daemon-process.ts';
import { eventually } from '../helpers/eventually.ts';
import { parseExposition, type Sample } from '../helpers/exposition.ts';
import { startFakeKube, tlsSecret, type FakeKube } from '../helpers/fake-kube.ts';
import { createAuthority, type TestCertificate } from '../helpers/pki.ts';
import { startProgram, startPrometheus, type RunningProgram, type RunningPrometheus } from '../helpers/prometheus.ts';
import { promtool } from '../helpers/promtool.ts';
import { closedPort, startTlsServer, type RunningTls } from '../helpers/servers.ts';

const DAY_MS = 86_400_000;
const now = Date.now();
const root = createAuthority({ name: 'Lab Root', organization: 'Lab, Inc.' });
const issuing = createAuthority({ parent: root, name: 'Lab Issuing', notAfter: new Date(now + 400 * DAY_MS) });
const names = ['127.0.0.1', 'api.lab.test', 'www.lab.test'];

/** Who is probed: one whom everybody trusts, one that has ended, one whose root nobody knows. */
const certificates = {
  valid: issuing.issue({
    commonName: 'api.lab.test',
    organization: 'A + B',
    names,
    notAfter: new Date(now + 50 * DAY_MS),
  }),
  ended: issuing.issue({ names, notAfter: new Date(now - DAY_MS) }),
  untrusted: createAuthority({ name: 'Elsewhere' }).issue({ names, notAfter: new Date(now + 20 * DAY_MS) }),
};
type Name = keyof typeof certificates;

let folder: string;
let daemon: DaemonProcess;
let blackbox: RunningProgram;
let prometheus: RunningPrometheus;
let cluster: FakeKube;
/** Nobody listens there. */
let closed: number;
const servers = new Map<Name, RunningTls>();

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'notafter-peers-'));
  await mkdir(path.join(folder, 'pki'));
  const rootFile = path.join(folder, 'root.pem');
  await writeFile(rootFile, root.certificate.pem);
  for (const [name, certificate] of Object.entries(certificates)) {
    await writeFile(path.join(folder, 'pki', `${name}.pem`), certificate.pem);
    servers.set(name as Name, await startTlsServer(certificate));
  }
  cluster = await startFakeKube();
  cluster.put(
    'secrets',
    tlsSecret('shop', 'web', certificates.valid, { labels: { 'app.kubernetes.io/name': 'shop' } }),
    tlsSecret('mail', 'imap', certificates.untrusted),
    tlsSecret('shop', 'late', certificates.untrusted),
  );
  cluster.put('certificates', {
    metadata: { namespace: 'shop', name: 'late' },
    spec: { secretName: 'late', issuerRef: { name: 'letsencrypt', kind: 'ClusterIssuer' } },
    status: {
      notBefore: new Date(now - 80 * DAY_MS).toISOString(),
      notAfter: new Date(now + 10 * DAY_MS).toISOString(),
      renewalTime: new Date(now - DAY_MS).toISOString(),
      conditions: [{ type: 'Ready', status: 'False', reason: 'Failed', message: 'no' }],
    },
  });
  closed = await closedPort();
  await writeFile(path.join(folder, 'kubeconfig'), kubeconfig());
  const config = path.join(folder, 'notafter.yaml');
  await writeFile(
    config,
    stringify({
      trust: { system: false, mozilla: false, ca_files: [rootFile] },
      sources: [
        {
          name: 'web',
          type: 'endpoint',
          every: '1h',
          targets: [...Object.keys(certificates).map((name) => targetOf(name as Name)), `127.0.0.1:${closed}`],
        },
        {
          name: 'disk',
          type: 'file',
          every: '1h',
          paths: [path.join(folder, 'pki'), path.join(folder, 'kubeconfig')],
        },
        {
          name: 'prod',
          type: 'kubernetes',
          every: '1h',
          server: cluster.url,
          labels_from: ['app.kubernetes.io/name'],
          metric_labels: ['app_kubernetes_io_name'],
        },
      ],
      metrics: {
        profiles: PROFILE_NAMES,
        x509_certificate_exporter: { expose_relative: true, expose_per_cert_error: true },
      },
      web: { listen: '127.0.0.1:0' },
      store: `sqlite:${path.join(folder, 'notafter.db')}`,
    }),
  );
  daemon = await startDaemonProcess(config, { cwd: folder });
  await eventually('the first rounds end', () => daemon.stdout().includes('Found '));
  const modules = {
    strict: { prober: 'tcp', tcp: { tls: true, tls_config: { ca_file: rootFile } } },
    lax: { prober: 'tcp', tcp: { tls: true, tls_config: { insecure_skip_verify: true } } },
  };
  await writeFile(path.join(folder, 'blackbox.yml'), stringify({ modules }));
  blackbox = await startProgram(
    'prometheus-blackbox-exporter',
    (port) => [
      `--config.file=${path.join(folder, 'blackbox.yml')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    '/-/healthy',
    folder,
  );
  prometheus = await startPrometheus(folder, {
    global: { scrape_interval: '1s' },
    scrape_configs: [
      { job_name: 'notafter', honor_labels: true, static_configs: [{ targets: [new URL(daemon.url).host] }] },
    ],
  });
});

afterAll(async () => {
  await prometheus?.stop();
  await blackbox?.stop();
  await daemon?.stop();
  await cluster?.[Symbol.asyncDispose]();
  for (const server of servers.values()) await server.close();
  await rm(folder, { recursive: true, force: true });
});

/** One in which the client's certificate lies. */
function kubeconfig(): string {
  const data = Buffer.from(certificates.valid.pem).toString('base64');
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    users: [{ name: 'admin', user: { 'client-certificate-data': data } }],
  });
}

function endOf({ der }: TestCertificate): number {
  const { notAfter } = parseCertificate(der);
  return notAfter.status === 'known' ? notAfter.at : Number.NaN;
}

function targetOf(name: Name): string {
  return `127.0.0.1:${servers.get(name)?.port}`;
}

async function probe(url: string, name: Name, module: string): Promise<readonly Sample[]> {
  const answer = await fetch(`${url}/probe?target=${targetOf(name)}&module=${module}`, {
    signal: AbortSignal.timeout(10_000),
  });
  expect(answer.status).toBe(200);
  return parseExposition(await answer.text());
}

/** Series of blackbox_exporter as text: what of it takes time, and what the module alone decides, is no matter here. */
function lines(samples: readonly Sample[], leaveOut: readonly string[]): readonly string[] {
  return samples
    .filter(({ name }) => name.startsWith('probe_') && !leaveOut.includes(name))
    .map(({ name, labels, value }) => {
      // Only newer versions of it have the serial number.
      const told = Object.entries(labels).filter(([label]) => label !== 'serialnumber');
      return `${name} ${told
        .map((pair) => pair.join('='))
        .toSorted()
        .join(' ')} ${value}`;
    })
    .toSorted();
}

describe('a probe says what blackbox_exporter says of the same server', () => {
  const timing = ['probe_duration_seconds', 'probe_dns_lookup_time_seconds'];

  test('with verification on, series by series', async () => {
    expect(lines(await probe(daemon.url, 'valid', 'web'), timing)).toEqual(
      lines(await probe(blackbox.url, 'valid', 'strict'), timing),
    );
  });

  test.each<Name>(['ended', 'untrusted'])(
    'of one that is %s, as without verification, but for the year 1',
    async (name) => {
      const leaveOut = [...timing, 'probe_ssl_last_chain_expiry_timestamp_seconds'];
      const ours = await probe(daemon.url, name, 'web');
      expect(lines(ours, leaveOut)).toEqual(lines(await probe(blackbox.url, name, 'lax'), leaveOut));
      // A path that was right until its end is known by that end; where there is none, nothing is said.
      const last = ours.filter((sample) => sample.name === 'probe_ssl_last_chain_expiry_timestamp_seconds');
      expect(last.map(({ value }) => value * 1000)).toEqual(name === 'ended' ? [endOf(certificates.ended)] : []);
      // Where it verifies, it has nothing to say about the end.
      const strict = await probe(blackbox.url, name, 'strict');
      expect(strict.some((sample) => sample.name === 'probe_ssl_earliest_cert_expiry')).toBe(false);
    },
  );

  test('and it names no more than it does', async () => {
    const theirs = new Set((await probe(blackbox.url, 'valid', 'strict')).map(({ name }) => name));
    const ours = new Set((await probe(daemon.url, 'valid', 'web')).map(({ name }) => name));
    expect([...ours].filter((name) => name.startsWith('probe_') && !theirs.has(name))).toEqual([]);
    expect([...theirs].filter((name) => !ours.has(name))).toEqual(['probe_dns_lookup_time_seconds']);
  });
});

describe('Prometheus with every profile switched on', () => {
  test('has nothing to say against a scrape', async () => {
    await eventually('a scrape', async () => (await prometheus.query('up == 1')).length === 1);
    expect(await prometheus.scrapeErrors()).toEqual([]);
    const { output } = promtool(['check', 'metrics'], await daemon.metrics());
    expect(output).not.toContain('error while linting');
  });

  test.each([
    // Grafana 13922, x509-certificate-exporter: every panel.
    'count(x509_cert_not_after)',
    'sum(((x509_cert_not_after - time()) / 86400) < bool 0)',
    'sum(0 < ((x509_cert_not_after - time()) / 86400) < bool 7)',
    'sum(0 < ((x509_cert_not_after - time()) / 86400) < bool 28)',
    'count(x509_cert_not_after{secret_name!=""})',
    'count(x509_cert_not_after{filepath!="",embedded_key!=""})',
    'count(x509_cert_not_after{filepath!="",embedded_key=""})',
    'count(x509_source_errors_total)',
    'sum(x509_source_errors_total)',
    'sort(((x509_cert_not_after{secret_name!=""} - time()) / 86400) < 180)',
    'sort(((x509_cert_not_after{filepath!=""} - time()) / 86400) < 180)',
    'topk(10, sort_desc(count by (issuer_CN) (x509_cert_not_after)))',
    'topk(10, sort_desc(count by (secret_namespace) (x509_cert_not_after{secret_namespace!=""})))',
    'topk(10, sort_desc(count by (instance) (x509_cert_not_after{filepath!=""})))',
    'bottomk(10, (x509_cert_not_after{secret_name!=""} - x509_cert_not_before) / 86400)',
    'bottomk(10, (x509_cert_not_after{filepath!=""} - x509_cert_not_before) / 86400)',
    'topk(10, (x509_cert_not_after{secret_name!=""} - x509_cert_not_before) / 86400)',
    'topk(10, (x509_cert_not_after{filepath!=""} - x509_cert_not_before) / 86400)',
    'sum (x509_source_errors_total > bool 0)',
    'sum(rate(x509_source_errors_total[15m]))',
    'topk(10, rate(x509_source_errors_total[6h]))',
    'topk(10, x509_source_errors_total)',
    'x509_cert_not_after{secret_namespace="shop", secret_label_app_kubernetes_io_name="shop"}',
    'x509_cert_expires_in_seconds{subject_CN="api.lab.test"} < 50 * 86400',
    // The rules of its chart, as far as something is wrong here.
    '(x509_cert_not_after - time()) < (14 * 86400)',
    '(x509_cert_not_after - time()) < (28 * 86400) and (x509_cert_not_after - time()) > 0',
    'x509_cert_error >= 0',
    'sum without (reason) (increase(x509_source_errors_total[15m])) >= 0',
    'sum without (resource, reason) (increase(x509_kube_transport_errors_total[15m])) >= 0',
    // Grafana 11279, ssl_exporter.
    'count(max(ssl_cert_not_after{instance=~".*",job=~".*"}) by (issuer_cn,serial_no))',
    'count(max(ssl_cert_not_after{instance=~".*",job=~".*"}) by (instance))',
    '(up{job=~"web", instance=~".*"} == 0 or ssl_probe_success{job=~"web", instance=~".*"} == 0)^0',
    'ssl_probe_success{instance=~".*",job=~"web"} == 0',
    '((ssl_cert_not_after{instance=~".*",job=~"web"} - time())/24/60/60)',
    'ssl_verified_cert_not_after{chain_no="0"} - time() < 86400 * 60',
    // The mixin of blackbox_exporter, and its rules as they are found everywhere.
    'min by (instance) (probe_ssl_earliest_cert_expiry{job=~"web", instance=~".*"} - time())',
    'max by (instance,version) (probe_tls_version_info{job=~"web"})',
    'round((last_over_time(probe_ssl_earliest_cert_expiry[10m]) - time()) / 86400, 0.1) < 0',
    // The dashboard of cert-exporter.
    'cert_exporter_cert_expires_in_seconds',
    'cert_exporter_kubeconfig_expires_in_seconds',
    'sum(cert_exporter_error_total)',
    'increase(cert_exporter_error_total[1h])',
    '(count(cert_exporter_secret_expires_in_seconds <= 15724800) OR on() vector(0)) > 0',
    'min by (key_name) (cert_exporter_secret_expires_in_seconds / 86400) < 30',
    // The mixin of cert-manager.
    'sum by (condition) (certmanager_certificate_ready_status{})',
    'min(certmanager_certificate_expiration_timestamp_seconds{} > 0) - time()',
    'max by (name, exported_namespace, namespace, condition) (certmanager_certificate_ready_status{condition!="True"} == 1)',
    'avg by (exported_namespace, namespace, name) (certmanager_certificate_expiration_timestamp_seconds - certmanager_certificate_renewal_timestamp_seconds) * 0.7',
    'avg by (exported_namespace, namespace, name) (certmanager_certificate_expiration_timestamp_seconds - time()) < (21 * 24 * 3600)',
    // telegraf.
    'x509_cert_expiry{type="leaf"} < 86400 * 60',
    'x509_cert_verification_code{verification="invalid"} == 1',
  ])('%s returns data', async (expr) => {
    const samples = await eventually(`data for ${expr}`, async () => {
      const found = await prometheus.query(expr);
      return found.length > 0 && found;
    });
    for (const { value } of samples) expect(value[1]).not.toBe('NaN');
  });
});
