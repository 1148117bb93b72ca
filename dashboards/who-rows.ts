import { RowBuilder, type DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';

import { certificates, mixin } from './mixin.ts';
import { SOURCE, table, timeLeft } from './panels.ts';

/** Ends of certificates, those of one place counted once. */
const ENDS = certificates(SOURCE);

/** Who has to act: by owner, by issuer, by source. */
export function addWhoRow(dashboard: DashboardBuilder): void {
  dashboard.withRow(new RowBuilder('Whose they are'));
  for (const { label, title, description } of [
    {
      label: 'owner',
      title: 'By owner',
      description:
        'Certificates of each owner, those that end within 30 days, and the first end. The label owner is shown where a source has metric_labels: [owner].',
    },
    {
      label: 'issuer',
      title: 'By issuer',
      description: 'Certificates of each issuer, those that end within 30 days, and the first end.',
    },
    {
      label: 'source',
      title: 'By source',
      description: 'Certificates found by each source, those that end within 30 days, and the first end.',
    },
  ]) {
    dashboard.withPanel(
      table({
        width: 8,
        height: 9,
        title,
        description,
        unit: 'short',
        queries: [
          `count by (${label}) (count by (${label}, fingerprint) (${ENDS}))`,
          `count by (${label}) (count by (${label}, fingerprint) (${ENDS} - time() < ${30 * mixin.dayS}))`,
          `min by (${label}) (${ENDS}) - time()`,
        ],
        columns: [
          { field: label, name: label },
          { field: 'Value #A', name: 'Certificates' },
          { field: 'Value #B', name: 'Within 30 days' },
          { field: 'Value #C', name: 'First end', properties: timeLeft },
        ],
        sortBy: 'First end',
        empty: 'No certificate is known',
      }),
    );
  }
}
