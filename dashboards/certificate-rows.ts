import { PanelBuilder as BarChartPanelBuilder } from '@grafana/grafana-foundation-sdk/barchart';
import { LegendDisplayMode, LegendPlacement, VizLegendOptionsBuilder } from '@grafana/grafana-foundation-sdk/common';
import { RowBuilder, type DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';

import { certificates, mixin } from './mixin.ts';
import { JOB, SOURCE, dataSource, date, instant, stat, table, timeLeft } from './panels.ts';

/** Seconds that each certificate has left, wherever it lives: one series per certificate. */
const LEFT = `(min by (fingerprint, name, issuer) (${certificates(SOURCE)}) - time())`;

const WARNING_FROM_1 = [
  [null, 'green'],
  [1, 'orange'],
] as const;
const CRITICAL_FROM_1 = [
  [null, 'green'],
  [1, 'red'],
] as const;

/** The numbers that should all be green. */
export function addNowRow(dashboard: DashboardBuilder): void {
  const size = { width: 3, height: 4 };
  dashboard
    .withRow(new RowBuilder('Now'))
    .withPanel(
      stat({
        ...size,
        title: 'Critical findings',
        description:
          'Places where a rule says critical. Each is in an alert with what to do; `notafter list` names them.',
        unit: 'short',
        expr: `sum(notafter_findings{severity="critical", ${SOURCE}}) or vector(0)`,
        thresholds: CRITICAL_FROM_1,
      }),
    )
    .withPanel(
      stat({
        ...size,
        title: 'Warnings',
        description: 'Places where a rule says warning.',
        unit: 'short',
        expr: `sum(notafter_findings{severity="warning", ${SOURCE}}) or vector(0)`,
        thresholds: WARNING_FROM_1,
      }),
    )
    .withPanel(
      stat({
        ...size,
        title: 'Expired',
        description:
          'Certificates past their end that somebody presents or issues with. Roots in bundles are left out.',
        unit: 'short',
        expr: `count(${LEFT} <= 0) or vector(0)`,
        thresholds: CRITICAL_FROM_1,
      }),
    )
    .withPanel(
      stat({
        ...size,
        title: 'Expiring in 7 days',
        description: 'Certificates that end within 7 days and have not ended yet.',
        unit: 'short',
        expr: `count((${LEFT} > 0) < ${7 * mixin.dayS}) or vector(0)`,
        thresholds: CRITICAL_FROM_1,
      }),
    )
    .withPanel(
      stat({
        ...size,
        title: 'Expiring in 30 days',
        description: 'Certificates that end within 30 days and have not ended yet, those of the next 7 days included.',
        unit: 'short',
        expr: `count((${LEFT} > 0) < ${30 * mixin.dayS}) or vector(0)`,
        thresholds: WARNING_FROM_1,
      }),
    )
    .withPanel(
      stat({
        ...size,
        title: 'Certificates',
        description: 'Certificates known, each counted once wherever it lives. Roots in bundles are left out.',
        unit: 'short',
        expr: `count(${LEFT}) or vector(0)`,
        thresholds: [[null, 'blue']],
      }),
    )
    .withPanel(
      stat({
        ...size,
        title: 'Locations down',
        description: 'Locations whose last look failed. What was last known of them keeps being judged.',
        unit: 'short',
        expr: `count(notafter_location_up{${SOURCE}} == 0) or vector(0)`,
        thresholds: WARNING_FROM_1,
      }),
    )
    .withPanel(
      stat({
        ...size,
        title: 'Failed notifications, 24 h',
        description: 'Attempts to deliver a notification that failed. They are retried; see the channels below.',
        unit: 'short',
        expr: `sum(increase(notafter_notifications_failed_total{${JOB}}[24h])) or vector(0)`,
        thresholds: [
          [null, 'green'],
          [0.5, 'orange'],
        ],
      }),
    );
}

/** What ends next, when clients begin to fail because of it, and how the ends are spread over the weeks. */
export function addNextRow(dashboard: DashboardBuilder): void {
  const soonest = `bottomk(100, min by (source, location, name, issuer, role) (${certificates(SOURCE)}))`;
  const effective = `bottomk(100, notafter_location_effective_not_after_timestamp_seconds{${SOURCE}})`;
  const lists = `label_replace(notafter_crl_next_update_timestamp_seconds{${SOURCE}}, "subject", "$1", "issuer", "(.+)")`;
  const secrets = `label_replace(notafter_credential_not_after_timestamp_seconds{${SOURCE}}, "subject", "$1", "name", "(.+)")`;
  const otherEnds = `bottomk(50, min by (source, location, subject) (${lists} or ${secrets}))`;
  dashboard
    .withRow(new RowBuilder('What breaks next'))
    .withPanel(
      table({
        width: 14,
        height: 12,
        title: 'What breaks next',
        description:
          'The 100 certificates that end first, with every location that holds them. Roots in bundles are left out.',
        unit: 'short',
        queries: [`${soonest} * 1000`, `${soonest} - time()`],
        columns: [
          { field: 'name', name: 'Certificate' },
          { field: 'location', name: 'Location' },
          { field: 'source', name: 'Source' },
          { field: 'role', name: 'Role' },
          { field: 'issuer', name: 'Issuer' },
          { field: 'Value #A', name: 'Ends', properties: date },
          { field: 'Value #B', name: 'Left', properties: timeLeft },
        ],
        sortBy: 'Left',
        empty: 'No certificate is known',
      }),
    )
    .withPanel(expiriesByWeek())
    .withPanel(
      table({
        width: 14,
        height: 9,
        title: 'When clients begin to fail',
        description:
          'Per location, the end of the best trust path a client can build: the leaf, or an intermediate or root that ends before it.',
        unit: 'short',
        queries: [`${effective} * 1000`, `${effective} - time()`],
        columns: [
          { field: 'location', name: 'Location' },
          { field: 'source', name: 'Source' },
          { field: 'Value #A', name: 'Fails from', properties: date },
          { field: 'Value #B', name: 'Left', properties: timeLeft },
        ],
        sortBy: 'Left',
        empty: 'No location serves a chain',
      }),
    )
    .withPanel(
      table({
        width: 10,
        height: 9,
        title: 'Revocation lists and credentials',
        description: 'What ends and is no certificate: CRLs by nextUpdate, secrets and keys by their end.',
        unit: 'short',
        queries: [`${otherEnds} * 1000`, `${otherEnds} - time()`],
        columns: [
          { field: 'subject', name: 'Issuer or name' },
          { field: 'location', name: 'Location' },
          { field: 'source', name: 'Source' },
          { field: 'Value #A', name: 'Ends', properties: date },
          { field: 'Value #B', name: 'Left', properties: timeLeft },
        ],
        sortBy: 'Left',
        empty: 'None is known',
      }),
    );
}

/** count_values makes a label of the number of whole weeks left; the label becomes a number again to be sorted. */
function expiriesByWeek(): BarChartPanelBuilder {
  return new BarChartPanelBuilder()
    .title('Expiries by week')
    .description('How many certificates end in each of the next 26 weeks, counted from now: 0 is the next 7 days.')
    .unit('short')
    .span(10)
    .height(12)
    .datasource(dataSource)
    .xField('Week from now')
    .decimals(0)
    .min(0)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(false)
        .displayMode(LegendDisplayMode.Hidden)
        .placement(LegendPlacement.Bottom),
    )
    .noValue('No certificate ends in the next 26 weeks')
    .withTarget(instant('A', `count_values("week", floor((${LEFT} > 0) / ${7 * mixin.dayS}) < 26)`))
    .transformations([
      {
        id: 'convertFieldType',
        options: { conversions: [{ targetField: 'week', destinationType: 'number' }], fields: {} },
      },
      { id: 'sortBy', options: { sort: [{ field: 'week', desc: false }] } },
      {
        id: 'convertFieldType',
        options: { conversions: [{ targetField: 'week', destinationType: 'string' }], fields: {} },
      },
      {
        id: 'organize',
        options: {
          includeByName: { week: true, Value: true },
          indexByName: { week: 0, Value: 1 },
          renameByName: { week: 'Week from now', Value: 'Certificates' },
        },
      },
    ]);
}
