import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  VariableRefresh,
  VariableSort,
  type Dashboard,
} from '@grafana/grafana-foundation-sdk/dashboard';

import { mixin } from './mixin.ts';
import { JOB, SOURCE, dataSource } from './panels.ts';

interface Identity {
  /** Of the file, and behind `notafter-` of the address. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** Whether one location is picked. */
  readonly hasLocation?: true;
}

/** A dashboard with the variables by which every query selects, and links to the others. */
export function makeDashboard(
  { name, title, description, hasLocation }: Identity,
  addRows: (dashboard: DashboardBuilder) => void,
): Dashboard {
  const dashboard = new DashboardBuilder(mixin.titlePrefix + title)
    .uid(`notafter-${name}`)
    .description(description)
    .tags([...mixin.tags])
    .timezone('utc')
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-24h', to: 'now' })
    .refresh('1m')
    .link(
      new DashboardLinkBuilder('Notafter')
        .type(DashboardLinkType.Dashboards)
        .tags([...mixin.tags])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true),
    )
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
    .withVariable(labelVariable('job', 'Job', 'label_values(notafter_build_info, job)'))
    .withVariable(labelVariable('instance', 'Instance', 'label_values(notafter_build_info{job=~"$job"}, instance)'))
    .withVariable(labelVariable('source', 'Source', `label_values(notafter_location_up{${JOB}}, source)`));
  if (hasLocation === true) {
    const one = labelVariable('location', 'Location', `label_values(notafter_location_up{${SOURCE}}, location)`);
    dashboard.withVariable(one);
  }
  addRows(dashboard);
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
    .allValue('.+')
    .current({ selected: true, text: ['All'], value: ['$__all'] });
}
