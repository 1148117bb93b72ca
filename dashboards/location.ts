import { RowBuilder, type Dashboard, type DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';

import { makeDashboard } from './dashboard.ts';
import { mixin } from './mixin.ts';
import { LOCATION, date, series, stat, table, timeLeft, verdict } from './panels.ts';

/** Everything about the locations that are picked. */
export function location(): Dashboard {
  return makeDashboard(
    {
      name: 'location',
      title: 'Location',
      description: 'Everything about one location, or a few. Generated: see dashboards/ of notafter.',
      hasLocation: true,
    },
    (dashboard) => {
      addStateRow(dashboard);
      addContentRow(dashboard);
      addHistoryRow(dashboard);
    },
  );
}

const ENDS = `notafter_certificate_not_after_timestamp_seconds{${LOCATION}}`;
const BEGINS = `notafter_certificate_not_before_timestamp_seconds{${LOCATION}}`;
const EFFECTIVE = `notafter_location_effective_not_after_timestamp_seconds{${LOCATION}}`;
const LAST_SUCCESS = `notafter_location_last_success_timestamp_seconds{${LOCATION}}`;

const LEFT_STEPS = [
  [null, 'red'],
  [7 * mixin.dayS, 'orange'],
  [30 * mixin.dayS, 'green'],
] as const;

function addStateRow(dashboard: DashboardBuilder): void {
  const size = { width: 6, height: 4 };
  dashboard
    .withRow(new RowBuilder('Now'))
    .withPanel(
      stat({
        ...size,
        title: 'Clients fail in',
        description: 'Time until the best trust path ends; less than nothing means that clients fail already.',
        unit: 'dtdurations',
        expr: `min(${EFFECTIVE}) - time()`,
        thresholds: LEFT_STEPS,
      }),
    )
    .withPanel(
      stat({
        ...size,
        title: 'First end',
        description: 'Time until the first certificate here ends, whatever its role.',
        unit: 'dtdurations',
        expr: `min(${ENDS}) - time()`,
        thresholds: LEFT_STEPS,
      }),
    )
    .withPanel(
      stat({
        ...size,
        title: 'Up',
        description: 'Share of the picked locations whose last look succeeded.',
        unit: 'percentunit',
        expr: `avg(notafter_location_up{${LOCATION}})`,
        thresholds: [
          [null, 'red'],
          [1, 'green'],
        ],
      }),
    )
    .withPanel(
      stat({
        ...size,
        title: 'Last success',
        description: 'Time since the last look that succeeded, of the location where that is longest ago.',
        unit: 'dtdurations',
        expr: `time() - min(${LAST_SUCCESS})`,
        thresholds: [[null, 'blue']],
      }),
    );
}

function addContentRow(dashboard: DashboardBuilder): void {
  dashboard
    .withRow(new RowBuilder('What is there'))
    .withPanel(
      table({
        width: 16,
        height: 11,
        title: 'Certificates here',
        description: 'Every certificate here, with its place, its role, and its dates.',
        unit: 'short',
        queries: [`${BEGINS} * 1000`, `${ENDS} * 1000`, `${ENDS} - time()`],
        columns: [
          { field: 'name', name: 'Certificate' },
          { field: 'role', name: 'Role' },
          { field: 'place', name: 'Place' },
          { field: 'issuer', name: 'Issuer' },
          { field: 'location', name: 'Location' },
          { field: 'fingerprint', name: 'SHA-256' },
          { field: 'Value #A', name: 'Begins', properties: date },
          { field: 'Value #B', name: 'Ends', properties: date },
          { field: 'Value #C', name: 'Left', properties: timeLeft },
        ],
        sortBy: 'Left',
        empty: 'No certificate is known here',
      }),
    )
    .withPanel(
      table({
        width: 8,
        height: 11,
        title: 'Logins',
        description: 'What the endpoint said of each client at the last rehearsal.',
        unit: 'short',
        queries: [`notafter_rehearsal_accepted{${LOCATION}}`],
        columns: [
          { field: 'client', name: 'Client' },
          { field: 'location', name: 'Endpoint' },
          { field: 'Value', name: 'Verdict', properties: verdict },
        ],
        sortBy: 'Verdict',
        empty: 'No client is rehearsed here',
      }),
    );
}

function addHistoryRow(dashboard: DashboardBuilder): void {
  dashboard
    .withRow(new RowBuilder('Over time'))
    .withPanel(
      series({
        width: 12,
        height: 8,
        title: 'Time left',
        description: 'Time until clients fail: a saw-tooth is a rhythm of renewals, a line that only falls is none.',
        unit: 'dtdurations',
        queries: { '{{location}}': `${EFFECTIVE} - time()` },
      }),
    )
    .withPanel(
      series({
        width: 12,
        height: 8,
        title: 'Looks that succeeded',
        description: 'Whether the last look succeeded: 1 or 0.',
        unit: 'short',
        queries: { '{{location}}': `notafter_location_up{${LOCATION}}` },
      }),
    );
}
