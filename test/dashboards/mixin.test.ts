import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

import { alertRules } from '../../dashboards/alert-rules.ts';
import { artifacts } from '../../dashboards/artifacts.ts';
import { overview } from '../../dashboards/overview.ts';
import { queriesOf } from '../helpers/dashboard.ts';

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

describe('the overview dashboard', () => {
  const dashboard = overview();
  const panels = (dashboard.panels ?? []).filter((panel) => panel.type !== 'row');

  test('it can be pointed at any Prometheus and any source', () => {
    expect(dashboard.templating?.list?.map(({ name, type }) => [name, type])).toEqual([
      ['datasource', 'datasource'],
      ['source', 'query'],
      ['job', 'query'],
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

  test.each(panels.map((panel) => ({ title: panel.title, panel })))(
    '"$title" has a description, a unit, the chosen data source and queries',
    ({ panel }) => {
      expect(panel).toMatchObject({
        title: expect.stringMatching(/\S/),
        description: expect.stringMatching(/\.$/),
        fieldConfig: { defaults: { unit: expect.stringMatching(/\S/) } },
        datasource: { type: 'prometheus', uid: '${datasource}' },
      });
      expect('targets' in panel ? panel.targets?.length : 0).toBeGreaterThan(0);
    },
  );

  test('every metric that it shows is one that notafter exposes', async () => {
    const known = new Set([...(await exposedMetrics()), ...ofPrometheus, ...ofTheProcess]);

    const shown = queriesOf(dashboard).flatMap(({ expr }) => metricsIn(expr));

    expect(shown.length).toBeGreaterThan(panels.length);
    expect(shown.map((metric) => metric.replace(/_bucket$/, '')).filter((metric) => !known.has(metric))).toEqual([]);
  });
});
