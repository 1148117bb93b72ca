import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

import { artifacts, dashboards } from '../../dashboards/artifacts.ts';
import { findDashboardLinter } from '../helpers/go-programs.ts';

const linter = findDashboardLinter();
if (linter === undefined) {
  console.warn("Grafana's dashboard-linter does not run: there is none; test/services/install.ts says why");
}
const folder = mkdtempSync(path.join(tmpdir(), 'notafter-linter-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What it objects to, warnings included. */
function lint(name: string, dashboard: string): { readonly status: number | null; readonly faults: readonly string[] } {
  if (linter === undefined) throw new Error('there is no linter');
  const file = path.join(folder, name);
  writeFileSync(file, dashboard);
  const { status, stdout, stderr } = spawnSync(linter, ['lint', '--strict', '--verbose', file], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  // Of each rule it says what it checks, then a line for each place.
  const lines = `${stdout}${stderr}`.split('\n');
  expect(lines.filter((line) => line.endsWith('OK')).length).toBeGreaterThan(20);
  return { status, faults: lines.filter((line) => /^\[(?!✔)/.test(line)) };
}

describe.runIf(linter !== undefined)("Grafana's dashboard-linter, strictly", () => {
  test.each([...dashboards().keys()])('has nothing to object to in %s', (name) => {
    const file = `${name}.json`;
    expect(lint(file, artifacts().get(file) ?? '')).toEqual({ status: 0, faults: [] });
  });

  test('would say so if it had', () => {
    const broken = (artifacts().get('overview.json') ?? '').replaceAll('instance=~\\"$instance\\"', '');
    const { status, faults } = lint('broken.json', broken);
    expect(status).toBe(1);
    expect(faults.join('\n')).toContain('instance selector not found');
  });
});
