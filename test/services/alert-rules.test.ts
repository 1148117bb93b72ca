import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';

import { alertRules } from '../../dashboards/alert-rules.ts';
import { mixin } from '../../dashboards/mixin.ts';
import { recordingRules } from '../../dashboards/recording-rules.ts';
import { promtool } from '../helpers/promtool.ts';

const ruleFile = path.resolve(import.meta.dirname, '../../dashboards/generated/alerts.yaml');

const recordingFile = path.resolve(import.meta.dirname, '../../dashboards/generated/recording.yaml');

const DAY = 86_400;

interface Case {
  readonly name: string;
  readonly alert: string;
  /** Series in promtool's notation, one value a minute from 1970-01-01T00:00Z. */
  readonly series: Readonly<Record<string, string>>;
  readonly at: string;
  /** Labels beside the severity, and the description; absent when nothing may fire. */
  readonly fires?: { readonly labels: Readonly<Record<string, string>>; readonly description: string };
}

const instance = { job: 'notafter', instance: 'a:9919' };
const target = 'job="notafter", instance="a:9919"';
const place = `${target}, source="disk", location="/etc/x.pem", place="chain", role="server", name="x.example", issuer="CN=CA", fingerprint="ab"`;
const placeLabels = {
  ...instance,
  source: 'disk',
  location: '/etc/x.pem',
  place: 'chain',
  role: 'server',
  name: 'x.example',
  issuer: 'CN=CA',
  fingerprint: 'ab',
};

function notAfter(seconds: number, labels = place): Record<string, string> {
  return { [`notafter_certificate_not_after_timestamp_seconds{${labels}}`]: `${seconds}x100` };
}

function notBefore(seconds: number, labels = place): Record<string, string> {
  return { [`notafter_certificate_not_before_timestamp_seconds{${labels}}`]: `${seconds}x100` };
}

const cases: readonly Case[] = [
  {
    name: 'fires when the scrape fails',
    alert: 'NotafterDown',
    series: { [`up{${target}}`]: '1x5 0x20' },
    at: '20m',
    fires: {
      labels: { job: 'notafter' },
      description:
        'No instance of the job notafter has answered a scrape for 10 minutes: nobody watches the certificates.',
    },
  },
  {
    name: 'fires when the target vanished',
    alert: 'NotafterDown',
    series: { [`up{${target}}`]: '1x5 _x30' },
    at: '30m',
    fires: {
      labels: { job: 'notafter' },
      description:
        'No instance of the job notafter has answered a scrape for 10 minutes: nobody watches the certificates.',
    },
  },
  {
    name: 'is quiet while one of two nodes answers',
    alert: 'NotafterDown',
    series: { [`up{${target}}`]: '0x30', 'up{job="notafter", instance="b:9919"}': '1x30' },
    at: '30m',
  },
  {
    name: 'fires when nothing was looked at for a day',
    alert: 'NotafterLooksStopped',
    series: { [`notafter_observations_total{${target}, source="disk", result="ok"}`]: '7x1600' },
    at: '26h',
    fires: {
      labels: instance,
      description: 'The instance a:9919 has made no observation for 24 hours: what it shows is old.',
    },
  },
  {
    name: 'is quiet while one source is looked at',
    alert: 'NotafterLooksStopped',
    series: {
      [`notafter_observations_total{${target}, source="disk", result="ok"}`]: '7x1600',
      [`notafter_observations_total{${target}, source="wire", result="failed"}`]: '0+1x1600',
    },
    at: '26h',
  },
  {
    name: 'fires when a schedule runs late',
    alert: 'NotafterScheduleLag',
    series: { [`notafter_schedule_lag_seconds{${target}, schedule="disk"}`]: '1200x60' },
    at: '40m',
    fires: { labels: { ...instance, schedule: 'disk' }, description: 'The schedule disk of a:9919 began 20m 0s late.' },
  },
  {
    name: 'is quiet about a short delay',
    alert: 'NotafterScheduleLag',
    series: { [`notafter_schedule_lag_seconds{${target}, schedule="disk"}`]: '60x60' },
    at: '40m',
  },
  {
    name: 'fires once per source',
    alert: 'NotafterLocationDown',
    series: {
      [`notafter_location_up{${target}, source="wire", location="a"}`]: '0x100',
      [`notafter_location_up{${target}, source="wire", location="b"}`]: '0x100',
      [`notafter_location_up{${target}, source="disk", location="c"}`]: '1x100',
    },
    at: '70m',
    fires: {
      labels: { ...instance, source: 'wire' },
      description:
        '2 locations of the source wire have failed their last look for an hour; what was last known of them keeps being judged.',
    },
  },
  {
    name: 'is quiet about one failed look',
    alert: 'NotafterLocationDown',
    series: { [`notafter_location_up{${target}, source="wire", location="a"}`]: '1x50 0x5 1x50' },
    at: '60m',
  },
  {
    name: 'fires when a channel only fails',
    alert: 'NotafterNotificationsFailing',
    series: {
      [`notafter_notifications_failed_total{${target}, channel="mail", reason="timeout"}`]: '0+1x120',
      [`notafter_notifications_total{${target}, channel="mail", reason="first"}`]: '3x120',
    },
    at: '90m',
    fires: {
      labels: { ...instance, channel: 'mail' },
      description: 'Every attempt of the last hour to notify through mail failed (60 attempts).',
    },
  },
  {
    name: 'is quiet while retries get through',
    alert: 'NotafterNotificationsFailing',
    series: {
      [`notafter_notifications_failed_total{${target}, channel="mail", reason="timeout"}`]: '0+1x120',
      [`notafter_notifications_total{${target}, channel="mail", reason="first"}`]: '0+1x120',
    },
    at: '90m',
  },
  {
    name: 'fires when a notification waits for an hour',
    alert: 'NotafterOutboxStuck',
    series: { [`notafter_outbox_oldest_seconds{${target}}`]: '0+60x90' },
    at: '60m',
    fires: { labels: instance, description: 'The oldest notification in the outbox of a:9919 is 1h 0m 0s old.' },
  },
  {
    name: 'is quiet about an empty outbox',
    alert: 'NotafterOutboxStuck',
    series: { [`notafter_outbox_oldest_seconds{${target}}`]: '0x90' },
    at: '60m',
  },
  {
    name: 'fires in the last 7 days of a year',
    alert: 'NotafterCertificateExpiringSoon',
    series: { ...notAfter(6 * DAY + 20 * 60), ...notBefore(-359 * DAY) },
    at: '20m',
    fires: {
      labels: placeLabels,
      description:
        'The certificate x.example at /etc/x.pem (source disk, role server) ends in 6d 0h 0m 0s; less than nothing means that it has ended.',
    },
  },
  {
    name: 'fires when the beginning is not known',
    alert: 'NotafterCertificateExpiringSoon',
    series: notAfter(6 * DAY + 20 * 60),
    at: '20m',
    fires: {
      labels: placeLabels,
      description:
        'The certificate x.example at /etc/x.pem (source disk, role server) ends in 6d 0h 0m 0s; less than nothing means that it has ended.',
    },
  },
  {
    name: 'is quiet about a certificate that lives for 6 days',
    alert: 'NotafterCertificateExpiringSoon',
    series: { ...notAfter(4 * DAY), ...notBefore(-2 * DAY) },
    at: '20m',
  },
  {
    name: 'is quiet about a root in a bundle',
    alert: 'NotafterCertificateExpiringSoon',
    series: notAfter(DAY, place.replace('"server"', '"trust-anchor"')),
    at: '20m',
  },
  {
    name: 'fires after the end',
    alert: 'NotafterCertificateExpired',
    series: { ...notAfter(600), ...notBefore(-90 * DAY) },
    at: '20m',
    fires: {
      labels: placeLabels,
      description: 'The certificate x.example at /etc/x.pem (source disk, role server) ended 10m 0s ago.',
    },
  },
  { name: 'is quiet before the end', alert: 'NotafterCertificateExpired', series: notAfter(3600), at: '20m' },
  {
    name: 'fires when an intermediate ends before the leaf',
    alert: 'NotafterClientsWillFail',
    series: {
      [`notafter_location_effective_not_after_timestamp_seconds{${target}, source="wire", location="a"}`]: `${2 * DAY}x60`,
      ...notAfter(90 * DAY),
    },
    at: '1h',
    fires: {
      labels: { ...instance, source: 'wire', location: 'a' },
      description:
        'The last valid trust path of a (source wire) ends in 1d 23h 0m 0s; less than nothing means that clients fail already.',
    },
  },
  {
    name: 'is quiet while a path is valid for weeks',
    alert: 'NotafterClientsWillFail',
    series: {
      [`notafter_location_effective_not_after_timestamp_seconds{${target}, source="wire", location="a"}`]: `${20 * DAY}x60`,
    },
    at: '1h',
  },
  {
    name: 'goes on after the end, and while the place cannot be looked at',
    alert: 'NotafterCertificateExpired',
    series: {
      ...notAfter(600),
      [`notafter_location_up{${target}, source="disk", location="/etc/x.pem"}`]: '0x100',
    },
    at: '90m',
    fires: {
      labels: placeLabels,
      description: 'The certificate x.example at /etc/x.pem (source disk, role server) ended 1h 20m 0s ago.',
    },
  },
  {
    name: 'hands over to the next after the end',
    alert: 'NotafterCertificateExpiringSoon',
    series: { ...notAfter(600), ...notBefore(-90 * DAY) },
    at: '30m',
  },
  {
    name: 'goes on after the path has ended',
    alert: 'NotafterClientsWillFail',
    series: {
      [`notafter_location_effective_not_after_timestamp_seconds{${target}, source="wire", location="a"}`]: '600x60',
    },
    at: '1h',
    fires: {
      labels: { ...instance, source: 'wire', location: 'a' },
      description:
        'The last valid trust path of a (source wire) ends in -50m 0s; less than nothing means that clients fail already.',
    },
  },
  {
    name: 'fires when a partner is locked out',
    alert: 'NotafterClientRejected',
    series: { [`notafter_rehearsal_accepted{${target}, source="wire", location="a", client="billing"}`]: '1x5 0x60' },
    at: '45m',
    fires: {
      labels: { ...instance, source: 'wire', location: 'a', client: 'billing' },
      description: 'The endpoint a (source wire) has rejected the client billing for half an hour.',
    },
  },
  {
    name: 'is quiet about nobody, and about one rejection',
    alert: 'NotafterClientRejected',
    series: {
      [`notafter_rehearsal_accepted{${target}, source="wire", location="a", client="none"}`]: '0x60',
      [`notafter_rehearsal_accepted{${target}, source="wire", location="b", client="billing"}`]: '1x20 0x5 1x60',
    },
    at: '45m',
  },
  {
    name: 'fires before a client ends',
    alert: 'NotafterClientWillFail',
    series: {
      [`notafter_client_outage_timestamp_seconds{${target}, source="wire", location="a", client="billing"}`]: `${DAY}x60`,
    },
    at: '20m',
    fires: {
      labels: { ...instance, source: 'wire', location: 'a', client: 'billing' },
      description:
        'The client billing will be rejected by a (source wire) in 23h 40m 0s; less than nothing means that it is already.',
    },
  },
  {
    name: 'goes on after the client has ended',
    alert: 'NotafterClientWillFail',
    series: {
      [`notafter_client_outage_timestamp_seconds{${target}, source="wire", location="a", client="billing"}`]: '600x60',
    },
    at: '1h',
    fires: {
      labels: { ...instance, source: 'wire', location: 'a', client: 'billing' },
      description:
        'The client billing will be rejected by a (source wire) in -50m 0s; less than nothing means that it is already.',
    },
  },
  {
    name: 'is quiet about a client with weeks to go',
    alert: 'NotafterClientWillFail',
    series: {
      [`notafter_client_outage_timestamp_seconds{${target}, source="wire", location="a", client="billing"}`]: `${20 * DAY}x60`,
    },
    at: '20m',
  },
  {
    name: 'fires past nextUpdate',
    alert: 'NotafterRevocationListStale',
    series: {
      [`notafter_crl_next_update_timestamp_seconds{${target}, source="disk", location="/ca.crl", place="crl", issuer="CN=CA", fingerprint="cc"}`]:
        '600x60',
    },
    at: '40m',
    fires: {
      labels: { ...instance, source: 'disk', location: '/ca.crl', place: 'crl', issuer: 'CN=CA', fingerprint: 'cc' },
      description: 'The revocation list of CN=CA at /ca.crl (source disk) is stale for 30m 0s.',
    },
  },
  {
    name: 'goes on for as long as the list is not replaced',
    alert: 'NotafterRevocationListStale',
    series: {
      [`notafter_crl_next_update_timestamp_seconds{${target}, source="disk", location="/ca.crl", place="crl", issuer="CN=CA", fingerprint="cc"}`]:
        '600x1500',
    },
    at: '1d',
    fires: {
      labels: { ...instance, source: 'disk', location: '/ca.crl', place: 'crl', issuer: 'CN=CA', fingerprint: 'cc' },
      description: 'The revocation list of CN=CA at /ca.crl (source disk) is stale for 23h 50m 0s.',
    },
  },
  {
    name: 'is quiet about a fresh list',
    alert: 'NotafterRevocationListStale',
    series: {
      [`notafter_crl_next_update_timestamp_seconds{${target}, source="disk", location="/ca.crl", place="crl", issuer="CN=CA", fingerprint="cc"}`]: `${DAY}x60`,
    },
    at: '40m',
  },
  {
    name: 'fires when the heart stands still',
    alert: 'NotafterHeartbeatStale',
    series: { [`notafter_heartbeat_timestamp_seconds{${target}}`]: '600x60' },
    at: '40m',
    fires: {
      labels: instance,
      description:
        'The heartbeat of a:9919 is 30m 0s old: the schedule stands still, the store takes no writes, or notifications wait.',
    },
  },
  {
    name: 'is quiet while it beats',
    alert: 'NotafterHeartbeatStale',
    series: { [`notafter_heartbeat_timestamp_seconds{${target}}`]: '0+60x60' },
    at: '40m',
  },
  {
    name: 'fires when there are too many series',
    alert: 'NotafterSeriesDropped',
    series: { [`notafter_series_dropped{${target}}`]: '1500x100' },
    at: '70m',
    fires: { labels: instance, description: 'The instance a:9919 leaves out 1.5k series, those that end last.' },
  },
  {
    name: 'is quiet while all are shown',
    alert: 'NotafterSeriesDropped',
    series: { [`notafter_series_dropped{${target}}`]: '0x100' },
    at: '70m',
  },
];

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'notafter-rules-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test('promtool accepts the generated rules', () => {
  const { status, output } = promtool(['check', 'rules', '--lint-fatal', ruleFile]);

  expect(output).toContain(`SUCCESS: ${alertRules.length} rules found`);
  expect(status).toBe(0);
});

test('promtool accepts the recording rules, and they count each certificate once', async () => {
  const { status, output } = promtool(['check', 'rules', '--lint-fatal', recordingFile]);
  expect(output).toContain(`SUCCESS: ${recordingRules.length} rules found`);
  expect(status).toBe(0);

  const twice = place.replace('/etc/x.pem', '/etc/y.pem');
  const file = path.join(folder, 'recording.yaml');
  const expected = (expr: string, labels: string, value: number): object => ({
    expr,
    eval_time: '20m',
    exp_samples: [{ labels: `${expr}{${labels}}`, value }],
  });
  await writeFile(
    file,
    stringify({
      rule_files: [recordingFile],
      evaluation_interval: '1m',
      tests: [
        {
          interval: '1m',
          input_series: Object.entries({
            ...notAfter(600),
            ...notAfter(700, twice),
            [`notafter_location_up{${target}, source="disk", location="/etc/x.pem"}`]: '1x60',
            [`notafter_location_up{${target}, source="disk", location="/etc/y.pem"}`]: '0x60',
          }).map(([series, values]) => ({ series, values })),
          promql_expr_test: [
            expected(
              'job_fingerprint:notafter_certificate_not_after_timestamp_seconds:min',
              'job="notafter", fingerprint="ab", name="x.example", issuer="CN=CA"',
              600,
            ),
            expected('job_source:notafter_certificates:count', 'job="notafter", source="disk"', 1),
            expected('job_source:notafter_certificates_expired:count', 'job="notafter", source="disk"', 1),
            expected('job_source:notafter_location_up:avg', 'job="notafter", source="disk"', 0.5),
          ],
        },
      ],
    }),
  );
  expect(promtool(['test', 'rules', file]).output).toContain('SUCCESS');
});

test('there is no moment before or after the end at which nothing fires, with one scrape missing as well', async () => {
  const file = path.join(folder, 'no-hole.yaml');
  const series = { ...notAfter(1800), ...notBefore(-90 * DAY) };
  await writeFile(
    file,
    stringify({
      rule_files: [ruleFile],
      evaluation_interval: '1m',
      tests: [
        {
          interval: '1m',
          input_series: Object.entries(series).map(([key, values]) => ({
            series: key,
            values: values.replace(/^(\S+)x\d+$/, '$1x30 _ $1x60'),
          })),
          promql_expr_test: Array.from({ length: 60 }, (_, minute) => ({
            expr: 'clamp_max(count(ALERTS{alertname=~"NotafterCertificateExpir(ingSoon|ed)", alertstate="firing"}), 1)',
            eval_time: `${minute + 20}m`,
            exp_samples: [{ labels: '{}', value: 1 }],
          })),
        },
      ],
    }),
  );
  expect(promtool(['test', 'rules', file]).output).toContain('SUCCESS');
});

test('what is about an end goes on after it, or hands over', () => {
  const aboutAnEnd = alertRules
    .filter(({ expr }) => /not_after|outage|next_update/.test(expr))
    .map(({ alert }) => alert);
  const after = new Set(cases.filter(({ name }) => /^(?:goes on|hands over)/.test(name)).map(({ alert }) => alert));
  expect(aboutAnEnd.length).toBeGreaterThan(4);
  expect(aboutAnEnd.filter((alert) => !after.has(alert))).toEqual([]);
});

test('every rule has a case in which it fires and one in which it does not', () => {
  const names = alertRules.map(({ alert }) => alert);

  expect([...new Set(cases.filter(({ fires }) => fires !== undefined).map(({ alert }) => alert))].toSorted()).toEqual(
    names.toSorted(),
  );
  expect([...new Set(cases.filter(({ fires }) => fires === undefined).map(({ alert }) => alert))].toSorted()).toEqual(
    names.toSorted(),
  );
});

test.each(cases)('$alert $name', async ({ alert, name, series, at, fires }) => {
  const rule = alertRules.find((candidate) => candidate.alert === alert);
  const expected = fires && {
    exp_labels: { severity: rule?.severity, ...fires.labels },
    exp_annotations: {
      summary: rule?.summary,
      description: fires.description,
      runbook_url: `${mixin.runbookUrl}${alert.toLowerCase()}`,
    },
  };
  const file = path.join(folder, `${alert}-${name.replaceAll(' ', '-')}.yaml`);
  await writeFile(
    file,
    stringify({
      rule_files: [ruleFile],
      evaluation_interval: '1m',
      tests: [
        {
          interval: '1m',
          input_series: Object.entries(series).map(([key, values]) => ({ series: key, values })),
          alert_rule_test: [{ alertname: alert, eval_time: at, exp_alerts: expected === undefined ? [] : [expected] }],
        },
      ],
    }),
  );

  const { status, output } = promtool(['test', 'rules', file]);

  expect(output).toContain('SUCCESS');
  expect(status).toBe(0);
});
