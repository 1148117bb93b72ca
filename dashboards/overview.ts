import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';

import { addNextRow, addNowRow } from './certificate-rows.ts';
import { makeDashboard } from './dashboard.ts';
import { addFindingRow } from './finding-rows.ts';
import { addWhoRow } from './who-rows.ts';

/** The one page for a wall: what is wrong now, what breaks next, and whose it is. */
export function overview(): Dashboard {
  return makeDashboard(
    {
      name: 'overview',
      title: 'Overview',
      description: 'What is wrong now, what breaks next, and whose it is. Generated: see dashboards/ of notafter.',
    },
    (dashboard) => {
      addNowRow(dashboard);
      addNextRow(dashboard);
      addWhoRow(dashboard);
      addFindingRow(dashboard);
    },
  );
}
