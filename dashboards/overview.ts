import {
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  VariableRefresh,
  VariableSort,
  type Dashboard,
} from '@grafana/grafana-foundation-sdk/dashboard';

import { addNextRow, addNowRow } from './certificate-rows.ts';
import { addHealthRow, addLocationRow } from './health-rows.ts';
import { mixin } from './mixin.ts';
import { dataSource } from './panels.ts';

/** The one page for a wall: what breaks next, what is wrong now, and whether notafter itself is well. */
export function overview(): Dashboard {
  const dashboard = new DashboardBuilder(`${mixin.titlePrefix}Overview`)
    .uid('notafter-overview')
    .description(
      'What breaks next, what is wrong now, and whether notafter itself is well. Generated: see dashboards/ of notafter.',
    )
    .tags([...mixin.tags])
    .timezone('utc')
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-24h', to: 'now' })
    .refresh('1m')
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
    .withVariable(labelVariable('source', 'Source', 'label_values(notafter_location_up, source)').allValue('.*'))
    .withVariable(labelVariable('job', 'Job', 'label_values(notafter_build_info, job)'));
  addNowRow(dashboard);
  addNextRow(dashboard);
  addLocationRow(dashboard);
  addHealthRow(dashboard);
  const built = dashboard.build();
  built.panels = (built.panels ?? []).map((panel, index) => ({ ...panel, id: index + 1 }));
  return built;
}

function labelVariable(name: string, label: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .query({ query, refId: name })
    .datasource(dataSource)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.NaturalAsc)
    .multi(true)
    .includeAll(true)
    .current({ selected: true, text: ['All'], value: ['$__all'] });
}
