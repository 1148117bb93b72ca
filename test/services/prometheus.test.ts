import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';

import { alertRules } from '../../dashboards/alert-rules.ts';
import { startDaemonProcess, type DaemonProcess } from '../helpers/daemon-process.ts';
import { eventually } from '../helpers/eventually.ts';
import { selfSigned } from '../helpers/pki.ts';
import { startPrometheus, type PrometheusSample, type RunningPrometheus } from '../helpers/prometheus.ts';
import { promtool } from '../helpers/promtool.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** A name that would end a label, a line or the exposition if it were written as it is. */
const hostileName = 'a"b\\c{e="f"} # é';

let folder: string;
let daemon: DaemonProcess;
let prometheus: RunningPrometheus;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'notafter-prometheus-'));
  await mkdir(path.join(folder, 'certificates'));
  const notBefore = new Date(Date.now() - 362 * 86_400_000);
  const notAfter = new Date(Date.now() + 3 * 86_400_000);
  await writeFile(
    path.join(folder, 'certificates', 'hostile.pem'),
    selfSigned({ commonName: hostileName, notBefore, notAfter }).pem,
  );
  await writeFile(
    path.join(folder, 'certificates', 'broken.pem'),
    '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
  );
  const config = path.join(folder, 'notafter.yaml');
  await writeFile(
    config,
    stringify({
      sources: [{ name: 'disk', type: 'file', every: '1h', paths: [path.join(folder, 'certificates')] }],
      web: { listen: '127.0.0.1:0' },
      store: `sqlite:${path.join(folder, 'notafter.db')}`,
    }),
  );
  daemon = await startDaemonProcess(config, { cwd: folder });
  prometheus = await startPrometheus(folder, await composed());
});

afterAll(async () => {
  await prometheus?.stop();
  await daemon?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The config that docker-compose.yml mounts, pointed at this daemon, and scraping by the second. */
async function composed(): Promise<object> {
  const config = parse(await readFile(path.join(root, 'deploy/prometheus/prometheus.yml'), 'utf8')) as {
    global: Record<string, string>;
    rule_files: string[];
    scrape_configs: { static_configs: { targets: string[] }[] }[];
  };
  config.global = { scrape_interval: '1s', evaluation_interval: '1s' };
  config.rule_files = ['alerts.yaml', 'recording.yaml'].map((name) => path.join(root, 'dashboards/generated', name));
  for (const { static_configs: targets } of config.scrape_configs) targets[0] = { targets: [new URL(daemon.url).host] };
  return config;
}

function query(expr: string): Promise<readonly PrometheusSample[]> {
  return prometheus.query(expr);
}

describe('the daemon', () => {
  test.each(['healthy', 'ready'])('answers that it is %s', async (state) => {
    await eventually(`the daemon is ${state}`, async () => {
      const { status } = await fetch(`${daemon.url}/-/${state}`, { signal: AbortSignal.timeout(10_000) });
      return status === 200;
    });
  });

  test('exposes nothing that promtool finds fault with', async () => {
    const text = await eventually('the first look is exposed', async () => {
      const exposition = await daemon.metrics();
      return exposition.includes('notafter_certificate_not_after_timestamp_seconds{') && exposition;
    });

    const { status, output } = promtool(['check', 'metrics'], text);

    // The metrics of the process itself are named by prom-client.
    expect(output.split('\n').filter((line) => line.startsWith('notafter_'))).toEqual([]);
    expect(output).not.toContain('error while linting');
    expect([0, 3]).toContain(status);
  });
});

describe('Prometheus', () => {
  test('accepts the config of docker-compose.yml', () => {
    expect(
      promtool(['check', 'config', '--syntax-only', path.join(root, 'deploy/prometheus/prometheus.yml')]).output,
    ).toContain('SUCCESS');
  });

  test('scrapes the certificate under the name that it has', async () => {
    const [sample] = await eventually('the certificate is scraped', async () => {
      const samples = await query('notafter_certificate_not_after_timestamp_seconds{job="notafter"} - time()');
      return samples.length > 0 && samples;
    });

    expect(sample?.metric).toMatchObject({ source: 'disk', location: path.join(folder, 'certificates/hostile.pem') });
    expect(sample?.metric['name']).toContain(hostileName);
    expect(Number(sample?.value[1])).toBeGreaterThan(2.9 * 86_400);
  });

  test('sees the file that cannot be read as a location that is down or a problem that is counted', async () => {
    const samples = await eventually('the broken file is counted', async () => {
      const found = await query('sum by (reason) (notafter_collect_errors_total{source="disk"}) > 0');
      return found.length > 0 && found;
    });

    expect(samples.map(({ metric }) => metric['reason'])).toEqual(['malformed']);
  });

  test('loads every alert rule, and has the one for this certificate pending', async () => {
    const names = await eventually('the alert is pending', async () => {
      const pending = await prometheus.alerts();
      return pending.includes('NotafterCertificateExpiringSoon') && !pending.includes('NotafterDown') && pending;
    });

    expect(names.filter((name) => !alertRules.some(({ alert }) => alert === name))).toEqual([]);
  });
});
