import { RowBuilder, type Dashboard, type DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';

import { makeDashboard } from './dashboard.ts';
import { JOB, SOURCE, series, stat, table } from './panels.ts';

/** Whether notafter itself is well: it looks, it notifies, it answers. */
export function health(): Dashboard {
  return makeDashboard(
    {
      name: 'health',
      title: 'Health',
      description: 'Whether notafter itself looks, notifies and answers. Generated: see dashboards/ of notafter.',
    },
    (dashboard) => {
      addStateRow(dashboard);
      addHealthRow(dashboard);
    },
  );
}

function addStateRow(dashboard: DashboardBuilder): void {
  const size = { width: 6, height: 4 };
  dashboard
    .withRow(new RowBuilder('State'))
    .withPanel(
      stat({
        ...size,
        title: 'Instances up',
        description: 'Instances that answered the last scrape.',
        unit: 'short',
        expr: `sum(up{${JOB}}) or vector(0)`,
        thresholds: [
          [null, 'red'],
          [1, 'green'],
        ],
      }),
    )
    .withPanel(
      stat({
        ...size,
        title: 'Heartbeat',
        description: 'Time since the scheduler ran, the store took a write and no notification waited too long.',
        unit: 's',
        expr: `time() - min(notafter_heartbeat_timestamp_seconds{${JOB}})`,
        thresholds: [
          [null, 'green'],
          [300, 'orange'],
          [900, 'red'],
        ],
      }),
    )
    .withPanel(
      stat({
        ...size,
        title: 'Series left out',
        description:
          'Series that are not shown because there are more than metrics.series_budget. What ends first is always shown.',
        unit: 'short',
        expr: `sum(notafter_series_dropped{${JOB}}) or vector(0)`,
        thresholds: [
          [null, 'green'],
          [1, 'orange'],
        ],
      }),
    )
    .withPanel(
      stat({
        ...size,
        title: 'Notifications given up, 24 h',
        description: 'Notifications that nobody will get any more. Each is told on another channel.',
        unit: 'short',
        expr: `sum(increase(notafter_notifications_given_up_total{${JOB}}[24h])) or vector(0)`,
        thresholds: [
          [null, 'green'],
          [0.5, 'red'],
        ],
      }),
    );
}

function addHealthRow(dashboard: DashboardBuilder): void {
  const size = { width: 8, height: 8 };
  dashboard
    .withRow(new RowBuilder('Notafter itself'))
    .withPanel(
      series({
        ...size,
        title: 'Looks',
        description: 'Locations looked at per second, by result.',
        unit: 'ops',
        queries: { '{{result}}': `sum by (result) (rate(notafter_observations_total{${SOURCE}}[$__rate_interval]))` },
      }),
    )
    .withPanel(
      series({
        ...size,
        title: 'Failed looks by reason',
        description:
          'Looks, or parts of looks, that failed, per second. Reasons are explained in docs/reference/errors.md.',
        unit: 'ops',
        queries: {
          '{{reason}}': `sum by (reason) (rate(notafter_collect_errors_total{${SOURCE}}[$__rate_interval])) > 0`,
        },
      }),
    )
    .withPanel(
      series({
        ...size,
        title: 'How long a look takes',
        description: 'Time that a look at one target took: the median and the slowest twentieth.',
        unit: 's',
        queries: {
          median: `histogram_quantile(0.5, sum by (le) (rate(notafter_observation_duration_seconds_bucket{${SOURCE}}[$__rate_interval])))`,
          '95 %': `histogram_quantile(0.95, sum by (le) (rate(notafter_observation_duration_seconds_bucket{${SOURCE}}[$__rate_interval])))`,
        },
      }),
    )
    .withPanel(
      series({
        ...size,
        title: 'Notifications',
        description: 'Delivered and failed, per channel and hour. A channel that only fails is one that nobody hears.',
        unit: 'short',
        queries: {
          '{{channel}} delivered': `sum by (channel) (increase(notafter_notifications_total{${JOB}}[1h]))`,
          '{{channel}} failed: {{reason}}': `sum by (channel, reason) (increase(notafter_notifications_failed_total{${JOB}}[1h])) > 0`,
        },
      }),
    )
    .withPanel(
      series({
        ...size,
        title: 'Waiting',
        description:
          'Age of the oldest notification that waits to be delivered, and how late the latest run of each schedule began.',
        unit: 's',
        queries: {
          'oldest notification': `max(notafter_outbox_oldest_seconds{${JOB}})`,
          'schedule {{schedule}}': `max by (schedule) (notafter_schedule_lag_seconds{${JOB}})`,
        },
      }),
    )
    .withPanel(
      series({
        ...size,
        title: 'Scrape',
        description: 'Whether Prometheus reaches notafter (1 or 0), and how long a scrape takes.',
        unit: 'short',
        queries: {
          'up {{instance}}': `up{${JOB}}`,
          'seconds {{instance}}': `scrape_duration_seconds{${JOB}}`,
        },
      }),
    )
    .withPanel(
      series({
        ...size,
        title: 'Memory',
        description: 'Resident memory of the process.',
        unit: 'bytes',
        queries: { '{{instance}}': `process_resident_memory_bytes{${JOB}}` },
      }),
    )
    .withPanel(
      series({
        ...size,
        title: 'CPU',
        description: 'Processor time per second: 1 is one core.',
        unit: 'short',
        queries: { '{{instance}}': `rate(process_cpu_seconds_total{${JOB}}[$__rate_interval])` },
      }),
    )
    .withPanel(
      table({
        ...size,
        title: 'Versions',
        description: 'Which version runs where, and on which Node.js.',
        unit: 'short',
        queries: [`notafter_build_info{${JOB}}`],
        columns: [
          { field: 'instance', name: 'Instance' },
          { field: 'version', name: 'Version' },
          { field: 'node', name: 'Node.js' },
        ],
        sortBy: 'Instance',
        empty: 'No instance is scraped',
      }),
    );
}
