import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';

import { dashboards } from '../../dashboards/artifacts.ts';
import { queriesOf } from '../helpers/dashboard.ts';
import { promtool } from '../helpers/promtool.ts';

const queries = Array.from(dashboards()).flatMap(([dashboard, built]) =>
  queriesOf(built).map(({ panel, expr }) => ({
    dashboard,
    panel,
    expr: expr.replaceAll(/\$(?:job|instance|source|location)\b/g, '.+').replaceAll('$__rate_interval', '5m'),
  })),
);

const DAY = 86_400;

/** A small installation, seen at 1970-01-01T01:00Z: one expired certificate, one that ends in 3 days, one in 20, and an old root. */
const series = scraped({
  ...certificate('expired', 'server', 1800),
  ...certificate('soon', 'server', 3 * DAY + 3600),
  ...certificate('soon', 'server', 3 * DAY + 3600, 'other'),
  ...certificate('later', 'client', 20 * DAY + 3600),
  ...certificate('old root', 'trust-anchor', 60),
  'up{}': '1x60',
  'notafter_rehearsal_accepted{source="disk", location="one", client="billing"}': '0x60',
  'notafter_rehearsal_accepted{source="disk", location="one", client="none"}': '0x60',
  'notafter_rehearsal_accepted{source="disk", location="two", client="billing"}': '1x60',
  'notafter_client_outage_timestamp_seconds{source="disk", location="one", client="billing"}': `${3 * DAY + 3600}x60`,
  'notafter_heartbeat_timestamp_seconds{}': '3540x60',
  'notafter_series_dropped{}': '7x60',
  'notafter_certificate_not_before_timestamp_seconds{source="disk", location="one", name="soon"}': '0x60',
  'notafter_observations_total{source="disk", result="ok"}': '0+5x60',
  'notafter_collect_errors_total{source="disk", reason="timeout"}': '0+1x60',
  'notafter_observation_duration_seconds_bucket{source="disk", le="0.1"}': '0+5x60',
  'notafter_observation_duration_seconds_bucket{source="disk", le="+Inf"}': '0+6x60',
  'notafter_notifications_total{channel="mail", reason="first"}': '0+1x60',
  'notafter_outbox_oldest_seconds{}': '5x60',
  'notafter_schedule_lag_seconds{schedule="disk"}': '1x60',
  'notafter_build_info{version="1.0.0", node="24.0.0"}': '1x60',
  'scrape_duration_seconds{}': '0.1x60',
  'process_resident_memory_bytes{}': '1000x60',
  'process_cpu_seconds_total{}': '0+1x60',
  'notafter_location_up{source="disk", location="one"}': '1x60',
  'notafter_location_up{source="disk", location="two"}': '0x60',
  'notafter_location_last_success_timestamp_seconds{source="disk", location="one"}': '3600x60',
  'notafter_location_last_success_timestamp_seconds{source="disk", location="two"}': '600x60',
  'notafter_location_effective_not_after_timestamp_seconds{source="disk", location="one"}': `${2 * DAY + 3600}x60`,
  'notafter_crl_next_update_timestamp_seconds{source="disk", location="one", place="crl", issuer="CN=CA", fingerprint="cc"}': `${DAY + 3600}x60`,
  'notafter_credential_not_after_timestamp_seconds{source="disk", location="one", name="secret", id="1"}': `${2 * DAY + 3600}x60`,
  'notafter_findings{rule="expired", severity="critical", source="disk"}': '1x60',
  'notafter_findings{rule="expiring", severity="warning", source="disk"}': '2x60',
  'notafter_notifications_failed_total{channel="mail", reason="timeout"}': '0+1x60',
});

/** The same series as Prometheus keeps them: by whom they were scraped, too. */
function scraped(said: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(said).map(([key, values]) => [
      key.replace(
        /\{(?=(\})?)/,
        (_, isEmpty?: string) => `{job="notafter", instance="a"${isEmpty === undefined ? ', ' : ''}`,
      ),
      values,
    ]),
  );
}

function certificate(name: string, role: string, notAfter: number, location = 'one'): Record<string, string> {
  const labels = `source="disk", location="${location}", place="chain", role="${role}", name="${name}", issuer="CN=CA", fingerprint="${name}"`;
  return { [`notafter_certificate_not_after_timestamp_seconds{${labels}}`]: `${notAfter}x60` };
}

/** What the panels show then. A panel with several queries is judged by its last. */
const shown: Readonly<Record<string, readonly { readonly labels: string; readonly value: number }[]>> = {
  'Instances up': [{ labels: '{}', value: 1 }],
  Heartbeat: [{ labels: '{}', value: 60 }],
  'Series left out': [{ labels: '{}', value: 7 }],
  'Logins rejected': [{ labels: '{}', value: 1 }],
  'Logins accepted': [{ labels: '{}', value: 1 }],
  'Endpoints that let anyone in': [{ labels: '{}', value: 0 }],
  'Logins that end within 30 days': [{ labels: '{}', value: 1 }],
  'When clients fail': [
    { labels: '{job="notafter", instance="a", source="disk", location="one", client="billing"}', value: 3 * DAY },
  ],
  'Rejected logins': [{ labels: '{location="one"}', value: 1 }],
  'Trust stores': [
    {
      labels:
        '{job="notafter", instance="a", source="disk", location="one", place="chain", role="trust-anchor", name="old root", issuer="CN=CA", fingerprint="old root"}',
      value: 60 - 3600,
    },
  ],
  'By issuer': [{ labels: '{issuer="CN=CA"}', value: -1800 }],
  'By source': [{ labels: '{source="disk"}', value: -1800 }],
  'Clients fail in': [{ labels: '{}', value: 2 * DAY }],
  'First end': [{ labels: '{}', value: 60 - 3600 }],
  'Last success': [{ labels: '{}', value: 3000 }],
  Up: [{ labels: '{}', value: 0.5 }],
  'Critical findings': [{ labels: '{}', value: 1 }],
  Warnings: [{ labels: '{}', value: 2 }],
  Expired: [{ labels: '{}', value: 1 }],
  'Expiring in 7 days': [{ labels: '{}', value: 1 }],
  'Expiring in 30 days': [{ labels: '{}', value: 2 }],
  Certificates: [{ labels: '{}', value: 3 }],
  'Locations down': [{ labels: '{}', value: 1 }],
  'Locations that cannot be read': [
    { labels: '{job="notafter", instance="a", source="disk", location="two"}', value: 3000 },
  ],
  'What breaks next': [
    { labels: '{source="disk", location="one", name="expired", issuer="CN=CA", role="server"}', value: -1800 },
    { labels: '{source="disk", location="one", name="soon", issuer="CN=CA", role="server"}', value: 3 * DAY },
    { labels: '{source="disk", location="other", name="soon", issuer="CN=CA", role="server"}', value: 3 * DAY },
    { labels: '{source="disk", location="one", name="later", issuer="CN=CA", role="client"}', value: 20 * DAY },
  ],
  'Expiries by week': [
    { labels: '{week="0"}', value: 1 },
    { labels: '{week="2"}', value: 1 },
  ],
  'When clients begin to fail': [
    { labels: '{job="notafter", instance="a", source="disk", location="one"}', value: 2 * DAY },
  ],
  'Revocation lists and credentials': [
    { labels: '{source="disk", location="one", subject="CN=CA"}', value: DAY },
    { labels: '{source="disk", location="one", subject="secret"}', value: 2 * DAY },
  ],
  'Findings by rule': [
    { labels: '{rule="expired", severity="critical", source="disk"}', value: 1 },
    { labels: '{rule="expiring", severity="warning", source="disk"}', value: 2 },
  ],
};

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'notafter-dashboard-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test('Prometheus can parse every query of every dashboard', async () => {
  const file = path.join(folder, 'queries.yaml');
  const rules = queries.map(({ expr }, index) => ({ record: `query:${index}`, expr }));
  await writeFile(file, stringify({ groups: [{ name: 'dashboard', rules }] }));

  expect(promtool(['check', 'rules', file]).output).toContain(`SUCCESS: ${queries.length} rules found`);
});

test('every query of every dashboard gives something for a small installation', async () => {
  const file = path.join(folder, 'data.yaml');
  await writeFile(
    file,
    stringify({
      evaluation_interval: '1m',
      tests: [
        {
          interval: '1m',
          input_series: Object.entries(series).map(([key, values]) => ({ series: key, values })),
          promql_expr_test: queries.map(({ expr }) => ({
            expr: `clamp_max(count(${expr}), 1)`,
            eval_time: '1h',
            exp_samples: [{ labels: '{}', value: 1 }],
          })),
        },
      ],
    }),
  );

  expect(promtool(['test', 'rules', file]).output).toContain('SUCCESS');
});

test.each(Object.entries(shown))('the panel "%s" shows what a small installation holds', async (title, samples) => {
  const expr = queries.findLast(({ panel }) => panel === title)?.expr;
  const file = path.join(folder, `${title.replaceAll(/\W+/g, '-')}.yaml`);
  await writeFile(
    file,
    stringify({
      evaluation_interval: '1m',
      tests: [
        {
          interval: '1m',
          input_series: Object.entries(series).map(([key, values]) => ({ series: key, values })),
          promql_expr_test: [{ expr, eval_time: '1h', exp_samples: samples }],
        },
      ],
    }),
  );

  expect(promtool(['test', 'rules', file]).output).toContain('SUCCESS');
});
