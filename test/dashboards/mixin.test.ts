import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

import { alertRules } from '../../dashboards/alert-rules.ts';
import { artifacts, dashboards } from '../../dashboards/artifacts.ts';
import { overview } from '../../dashboards/overview.ts';
import { recordingRules } from '../../dashboards/recording-rules.ts';
import { faultsOf } from '../helpers/dashboard-lint.ts';
import { queriesOf } from '../helpers/dashboard.ts';
import { schemaFaults } from '../helpers/grafana-schema.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** Metrics that Prometheus itself makes of every scrape. */
const ofPrometheus = ['up', 'scrape_duration_seconds'];
/** Metrics that prom-client collects by default. */
const ofTheProcess = ['process_resident_memory_bytes', 'process_cpu_seconds_total'];

async function exposedMetrics(): Promise<Set<string>> {
  const folder = path.join(root, 'src/metrics');
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.ts'));
  const texts = await Promise.all(files.map((name) => readFile(path.join(folder, name), 'utf8')));
  return new Set(texts.join('\n').match(/\bnotafter_\w+/g));
}

/** The metric names in an expression: what stands before a brace, a bracket, or the end of an operand. */
function metricsIn(expr: string): string[] {
  return [...new Set(expr.match(/\b(?:notafter|process|scrape)_\w+|\bup\b/g))];
}

describe('generated files', () => {
  test.each([...artifacts().entries()])('%s in git is what the code generates', async (name, content) => {
    const committed = await readFile(path.join(root, 'dashboards/generated', name), 'utf8');

    expect(committed, 'run `npm run generate`').toBe(content);
  });

  test('there is no file that the code does not generate', async () => {
    expect((await readdir(path.join(root, 'dashboards/generated'))).toSorted()).toEqual(
      [...artifacts().keys()].toSorted(),
    );
  });
});

describe('alert rules', () => {
  const generated = parse(artifacts().get('alerts.yaml') ?? '') as {
    groups: {
      name: string;
      rules: { alert: string; for: string; labels: Record<string, string>; annotations: Record<string, string> }[];
    }[];
  };
  const rules = generated.groups.flatMap((group) => group.rules);

  test('they are one group with all rules', () => {
    expect(generated.groups.map(({ name }) => name)).toEqual(['notafter']);
    expect(rules.map(({ alert }) => alert)).toEqual(alertRules.map(({ alert }) => alert));
  });

  test.each(rules)('$alert waits, has a severity, and says what to do', async (rule) => {
    expect(rule.alert).toMatch(/^Notafter([A-Z][a-z]+)+$/);
    expect(rule.for).toMatch(/^\d+[mh]$/);
    expect(rule.labels['severity']).toMatch(/^(critical|warning)$/);
    expect(rule.annotations['summary']).not.toContain('{{');
    expect(rule.annotations['description']).toContain('{{ $labels.');

    const [page, anchor] = (rule.annotations['runbook_url'] ?? '').split('#');
    const guide = await readFile(path.join(root, 'docs/guides', path.basename(page ?? '')), 'utf8');
    const anchors = [...guide.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading?.toLowerCase());
    expect(anchors).toContain(anchor);
  });

  test('every metric that they ask for is one that notafter exposes', async () => {
    const known = new Set([...(await exposedMetrics()), ...ofPrometheus]);

    const asked = alertRules.flatMap(({ expr }) => metricsIn(expr));

    expect(asked.length).toBeGreaterThan(alertRules.length);
    expect(asked.filter((metric) => !known.has(metric))).toEqual([]);
  });
});

describe.each([...dashboards()])('the dashboard %s', (name, dashboard) => {
  const panels = (dashboard.panels ?? []).filter((panel) => panel.type !== 'row');

  test('is what Grafana publishes as the schema of a dashboard', () => {
    expect(schemaFaults(JSON.parse(artifacts().get(`${name}.json`) ?? ''))).toEqual([]);
  });

  test('keeps the rules of the house', () => {
    expect(faultsOf(dashboard)).toEqual([]);
  });

  test('it can be pointed at any Prometheus and any source', () => {
    expect(dashboard.templating?.list?.map(({ name: variable }) => variable)).toEqual([
      'datasource',
      'job',
      'instance',
      'source',
      ...(name === 'location' ? ['location'] : []),
    ]);
    expect(dashboard.title).toMatch(/^Notafter \/ /);
    expect(dashboard.tags).toEqual(['notafter-mixin']);
  });

  test('its panels have an id each and do not overlap', () => {
    const ids = (dashboard.panels ?? []).map(({ id }) => id);
    const cells = (dashboard.panels ?? []).flatMap(({ gridPos, id }) => {
      const { x = 0, y = 0, w = 0, h = 0 } = gridPos ?? {};
      expect(x + w, `panel ${id}`).toBeLessThanOrEqual(24);
      return Array.from({ length: w * h }, (_cell, index) => `${x + (index % w)},${y + Math.floor(index / w)}`);
    });

    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(cells).size).toBe(cells.length);
  });

  test('every metric that it shows is one that notafter exposes', async () => {
    const known = new Set([...(await exposedMetrics()), ...ofPrometheus, ...ofTheProcess]);

    const shown = queriesOf(dashboard).flatMap(({ expr }) => metricsIn(expr));

    expect(shown.length).toBeGreaterThanOrEqual(panels.length);
    expect(shown.map((metric) => metric.replace(/_bucket$/, '')).filter((metric) => !known.has(metric))).toEqual([]);
  });
});

describe('the schema', () => {
  const good = JSON.parse(artifacts().get('overview.json') ?? '') as { panels: { type: string; title: string }[] };
  const first = (type: string): number => good.panels.findIndex((panel) => panel.type === type);
  const stat = first('stat');
  const lines = first('timeseries');

  test.each<[string, readonly (string | number)[], unknown, string]>([
    ['a title that is a number', ['title'], 7, '/title must be string'],
    ['a field that no dashboard has', ['colour'], 'red', '/ must NOT have additional properties: colour'],
    ['no version of the schema', ['schemaVersion'], undefined, "/ must have required property 'schemaVersion'"],
    [
      'a variable of a kind that there is not',
      ['templating', 'list', 1, 'type'],
      'list',
      '/templating/list/1/type must',
    ],
    ['a panel that there is not', ['panels', stat, 'type'], 'speedometer', `/panels/${stat}/type must`],
    ['a panel without a height', ['panels', stat, 'gridPos', 'h'], undefined, `/panels/${stat}/gridPos must have`],
    ['an option of another panel', ['panels', stat, 'options', 'showHeader'], true, `/panels/${stat}/options must NOT`],
    [
      'an option of no sense',
      ['panels', stat, 'options', 'colorMode'],
      'pink',
      `/panels/${stat}/options/colorMode must`,
    ],
    [
      'a query without an expression',
      ['panels', stat, 'targets', 0, 'expr'],
      undefined,
      `/panels/${stat}/targets/0 must`,
    ],
    [
      'a query of another database',
      ['panels', stat, 'targets', 0, 'rawSql'],
      'x',
      `/panels/${stat}/targets/0 must NOT`,
    ],
    [
      'a threshold without a colour',
      ['panels', stat, 'fieldConfig', 'defaults', 'thresholds', 'steps', 0, 'color'],
      undefined,
      `/panels/${stat}/fieldConfig/defaults/thresholds/steps/0 must have`,
    ],
    [
      'a line of a width in words',
      ['panels', lines, 'fieldConfig', 'defaults', 'custom', 'lineWidth'],
      'thick',
      `/panels/${lines}/fieldConfig/defaults/custom/lineWidth must`,
    ],
    [
      'a row that does not say whether it is open',
      ['panels', first('row'), 'collapsed'],
      undefined,
      '/panels/0 must have',
    ],
  ])('refuses %s', (_, where, value, fault) => {
    const broken: unknown = structuredClone(good);
    let at = broken as Record<string | number, unknown>;
    for (const key of where.slice(0, -1)) at = at[key] as typeof at;
    const last = where.at(-1) ?? '';
    if (value === undefined) delete at[last];
    else at[last] = value;
    expect(schemaFaults(broken).join('\n')).toContain(fault);
  });
});

describe('the linter', () => {
  const good = overview();
  const [row, panel, ...rest] = good.panels ?? [];

  test.each<[string, object, string]>([
    ['no unit', { fieldConfig: { defaults: {} } }, 'no unit'],
    ['no description', { description: '' }, 'no description'],
    ['a data source of its own', { datasource: { type: 'prometheus', uid: 'x' } }, 'not of the data source'],
    ['a query for everything', { targets: [{ expr: 'sum by (job) (notafter_findings)' }] }, 'not selected by $job'],
    ['a query for one job', { targets: [{ expr: 'up{job="a"}' }] }, 'not selected by $job'],
    ['a query for every instance', { targets: [{ expr: 'up{job=~"$job"}' }] }, 'not selected by $job and $instance'],
    ['a unit of its own', { fieldConfig: { defaults: { unit: 'fortnights' } } }, 'no unit fortnights'],
    ['no query', { targets: [] }, 'no query'],
    ['the title of another', { title: 'Warnings' }, 'another panel has this title'],
  ])('finds a panel with %s', (_, change, fault) => {
    const broken = { ...good, panels: [row, { ...panel, ...change }, ...rest] } as typeof good;
    expect(faultsOf(broken).join('\n')).toContain(fault);
  });

  test('finds a dashboard without a choice of the data source', () => {
    const variables = good.templating?.list?.slice(1) ?? [];
    expect(faultsOf({ ...good, templating: { list: variables } }).join('\n')).toContain('not the data source');
  });
});

describe('recording rules', () => {
  test('are named by level, metric and operation, and ask for what notafter exposes', async () => {
    const known = await exposedMetrics();
    for (const { record, expr } of recordingRules) {
      expect(record).toMatch(/^[a-z_]+:notafter_[a-z_]+:[a-z]+$/);
      expect(metricsIn(expr.replaceAll(/\b\w+:notafter_\w+:\w+/g, '')).filter((metric) => !known.has(metric))).toEqual(
        [],
      );
    }
  });
});
