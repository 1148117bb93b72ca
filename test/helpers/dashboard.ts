import type { overview } from '../../dashboards/overview.ts';

/** A dashboard as the code of dashboards/ makes it. */
export type BuiltDashboard = ReturnType<typeof overview>;

export interface PanelQuery {
  readonly panel: string;
  readonly expr: string;
}

/** Every PromQL expression of a dashboard, in the order of its panels. */
export function queriesOf(dashboard: BuiltDashboard): PanelQuery[] {
  const found: PanelQuery[] = [];
  for (const panel of dashboard.panels ?? []) {
    const targets = 'targets' in panel ? (panel.targets ?? []) : [];
    for (const target of targets) {
      if (!('expr' in target) || typeof target.expr !== 'string') {
        throw new Error(`a query without an expression: ${panel.title}`);
      }
      found.push({ panel: panel.title ?? '', expr: target.expr });
    }
  }
  return found;
}
