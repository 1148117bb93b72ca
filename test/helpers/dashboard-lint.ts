import { VariableType } from '@grafana/grafana-foundation-sdk/dashboard';
import * as units from '@grafana/grafana-foundation-sdk/units';

import { JOB } from '../../dashboards/panels.ts';
import { queriesOf, type BuiltDashboard } from './dashboard.ts';

const UNITS: ReadonlySet<string> = new Set(Object.values<unknown>(units).filter((unit) => typeof unit === 'string'));

/** A metric with what selects of it. */
const SELECTION = /\b((?:notafter|process|nodejs|scrape|x509|ssl|probe)_\w+|up)\b(\{[^{}]*\})?/g;
/** Words of PromQL and names of labels look like metrics where no brace follows; these lists end with a bracket. */
const LABEL_LIST = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g;

/** What is wrong with a dashboard by the rules of the house: a sentence each. */
export function faultsOf(dashboard: BuiltDashboard): readonly string[] {
  const faults: string[] = [];
  const { templating, panels = [], uid, title = '', timezone } = dashboard;
  const variables = templating?.list ?? [];
  if (!/^notafter-[a-z]+$/.test(uid ?? '')) faults.push(`${title}: the uid is not notafter-NAME`);
  if (timezone !== 'utc') faults.push(`${title}: times are not UTC`);
  const [first] = variables;
  if (first?.type !== VariableType.Datasource) faults.push(`${title}: the first variable is not the data source`);
  for (const { name, type, allValue, includeAll } of variables.slice(1)) {
    const canBeAll = type === VariableType.Query && includeAll === true && allValue === '.+';
    if (!canBeAll) faults.push(`${title}: ${name} cannot be all`);
  }
  const seen = new Set<string>();
  for (const panel of panels) {
    if (panel.type === 'row') continue;
    const name = `${title}: ${panel.title ?? 'a panel without a title'}`;
    if (seen.has(name)) faults.push(`${name}: another panel has this title`);
    seen.add(name);
    const description = 'description' in panel ? (panel.description ?? '') : '';
    if (!description.endsWith('.')) {
      faults.push(`${name}: no description`);
    }
    const unit = 'fieldConfig' in panel ? panel.fieldConfig?.defaults.unit : undefined;
    if (unit === undefined || unit === '') faults.push(`${name}: no unit`);
    else if (!UNITS.has(unit)) faults.push(`${name}: Grafana knows no unit ${unit}`);
    const source = 'datasource' in panel ? panel.datasource?.uid : undefined;
    if (source !== '${datasource}') faults.push(`${name}: not of the data source that was picked`);
    const targets = 'targets' in panel ? (panel.targets ?? []) : [];
    if (targets.length === 0) faults.push(`${name}: no query`);
  }
  for (const { panel, expr } of queriesOf(dashboard)) {
    for (const [, metric = '', selector = ''] of expr.replaceAll(LABEL_LIST, '').matchAll(SELECTION)) {
      if (!selector.includes(JOB)) faults.push(`${title}: ${panel}: ${metric} is not selected by $job and $instance`);
    }
  }
  return faults;
}
