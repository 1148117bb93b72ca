import { RowBuilder, type DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';

import { JOB, SOURCE, series, table } from './panels.ts';

/** What is wrong, by rule and by location. */
export function addLocationRow(dashboard: DashboardBuilder): void {
  const down = `notafter_location_up{${SOURCE}} == 0`;
  dashboard
    .withRow(new RowBuilder('Findings and locations'))
    .withPanel(
      table({
        width: 8,
        height: 9,
        title: 'Findings by rule',
        description: 'Places affected by each rule now. Every rule has a page in docs/runbooks.',
        unit: 'short',
        queries: [`sum by (severity, rule, source) (notafter_findings{${SOURCE}}) > 0`],
        columns: [
          { field: 'severity', name: 'Severity' },
          { field: 'rule', name: 'Rule' },
          { field: 'source', name: 'Source' },
          { field: 'Value', name: 'Places' },
        ],
        sortBy: 'Places',
        descending: true,
        empty: 'Nothing is wrong',
      }),
    )
    .withPanel(
      table({
        width: 8,
        height: 9,
        title: 'Locations that cannot be read',
        description:
          'Locations whose last look failed, and how long ago one succeeded. A location that was never seen has no time.',
        unit: 'short',
        queries: [
          down,
          `time() - (notafter_location_last_success_timestamp_seconds{${SOURCE}} and on (source, location) ${down})`,
        ],
        columns: [
          { field: 'location', name: 'Location' },
          { field: 'source', name: 'Source' },
          { field: 'Value #B', name: 'Last seen', properties: [{ id: 'unit', value: 'dtdurations' }] },
        ],
        sortBy: 'Last seen',
        descending: true,
        empty: 'Every location was read at the last look',
      }),
    )
    .withPanel(
      series({
        width: 8,
        height: 9,
        title: 'Findings by severity',
        description: 'Places affected, over time: a rise after a deployment is a deployment to look at.',
        unit: 'short',
        queries: { '{{severity}}': `sum by (severity) (notafter_findings{${SOURCE}})` },
      }),
    );
}

/** Whether notafter itself looks, notifies and answers. */
export function addHealthRow(dashboard: DashboardBuilder): void {
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
          '{{channel}} delivered': `sum by (channel) (increase(notafter_notifications_total[1h]))`,
          '{{channel}} failed: {{reason}}': `sum by (channel, reason) (increase(notafter_notifications_failed_total[1h])) > 0`,
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
