import { RowBuilder, type DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';

import { SOURCE, series, table } from './panels.ts';

/** What is wrong, by rule and by location. */
export function addFindingRow(dashboard: DashboardBuilder): void {
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
