import { describe, expect, test } from 'vitest';

import { coverageScreen } from '../../src/cli/coverage.ts';
import { createInventoryIndex } from '../../src/inventory/inventory-index.ts';
import type { Location } from '../../src/inventory/model.ts';
import { nameSubject } from '../../src/plugin/fact-subject.ts';
import { coverageReport, type CoverageReport } from '../../src/policy/coverage-report.ts';
import { DEFAULT_POLICY } from '../../src/policy/policy.ts';
import { DAY, endpointLocation, fileLocation, leaf, NOW, sighting, view } from './places.ts';

const endpoint = endpointLocation([leaf('api.example.com')], { id: 1, labels: { owner: 'payments' } });
const disk = fileLocation([sighting(leaf('x', { names: ['api.example.com', 'Old.example.org', '*.example.org'] }))], {
  id: 2,
});
const denied = fileLocation([], {
  id: 3,
  location: '/root/secret.pem',
  lastLookAt: NOW,
  problems: [{ reason: 'permission_denied', place: 'pem', detail: 'EACCES' }],
  labels: { owner: 'platform' },
});
const down = fileLocation([], {
  id: 4,
  source: 'partners',
  location: 'far.example.com:443@10.0.0.9',
  failure: { reason: 'timeout', detail: 'no answer' },
  failures: 4,
});

function report(
  locations: readonly Location[],
  sources: readonly string[] = ['partners', 'disk', 'vault'],
): CoverageReport {
  const dead = {
    kind: 'name' as const,
    at: NOW,
    resolves: false,
    resolvedAt: NOW - 3 * DAY,
    deadSinceAt: NOW - 2 * DAY,
  };
  const all = view({
    index: createInventoryIndex(locations),
    facts: { [nameSubject('old.example.org')]: [dead] },
  });
  return coverageReport(sources, locations, all, DEFAULT_POLICY, NOW);
}

describe('the coverage report', () => {
  const all = report([endpoint, disk, denied, down]);

  test('counts what each source of the config has shown, and what failed', () => {
    expect(all.sources).toEqual([
      { name: 'partners', locations: 2, failed: 1 },
      { name: 'disk', locations: 2, failed: 0 },
      { name: 'vault', locations: 0, failed: 0 },
    ]);
  });

  test('holds what could not be read or reached, names that are dead, and what nobody owns', () => {
    expect(all.findings.map(({ rule, severity, locations }) => [rule, severity, locations])).toEqual([
      ['unreachable', 'warning', ['far.example.com:443@10.0.0.9']],
      ['not-covered', 'warning', ['/root/secret.pem']],
      ['name-dead', 'warning', ['/etc/ssl/api.pem']],
      ['unowned', 'info', ['/etc/ssl/api.pem']],
    ]);
  });

  test('lists each name at which nobody looks, with the places of its certificates', () => {
    expect(all.unwatched).toEqual([
      { name: '*.example.org', locations: ['/etc/ssl/api.pem'] },
      { name: 'old.example.org', locations: ['/etc/ssl/api.pem'] },
    ]);
  });

  test('is good news where nothing is missing', () => {
    expect(report([endpoint], ['partners'])).toEqual({
      sources: [{ name: 'partners', locations: 1, failed: 0 }],
      findings: [],
      unwatched: [],
    });
  });

  test('fits a terminal', () => {
    const lines = coverageScreen(all, 80).split('\n');
    expect(lines.slice(0, 3)).toEqual([
      '3 sources, 4 locations.',
      'Source vault has shown nothing yet.',
      'Source partners: 1 of 2 locations failed at the last look.',
    ]);
    expect(lines.find((line) => line.startsWith('warning   not-covered'))).toHaveLength(80);
    expect(lines.at(-1)).toBe('old.example.org  /etc/ssl/api.pem');
  });
});
