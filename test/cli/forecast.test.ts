import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { forecastScreen } from '../../src/cli/forecast.ts';
import { forecast, type Period } from '../../src/policy/forecast.ts';
import { DEFAULT_POLICY } from '../../src/policy/policy.ts';
import { applyObservation } from '../../src/inventory/record.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import { runCli } from '../helpers/cli.ts';
import { selfSigned } from '../helpers/pki.ts';
import { DAY, endpointLocation, fileLocation, leaf, NOW, root, sighting, view } from '../policy/places.ts';

const wildcard = leaf('*.shop.example.com', { left: 25 * DAY });
const locations = [
  ...[1, 2, 3].map((number) =>
    endpointLocation([wildcard], {
      id: number,
      location: `web-${number}.shop.example.com:443@10.0.0.${number}`,
      labels: { owner: 'shop', service: 'checkout' },
    }),
  ),
  fileLocation([sighting(leaf('ledger\u001b[31m.example', { left: 70 * DAY }))], { id: 4, labels: { owner: 'bank' } }),
  fileLocation([sighting(leaf('gone.example', { left: -3 * DAY }))], { id: 5, location: '/etc/old.pem' }),
];

function screen(width: number, period: Period = { fromAt: NOW, untilAt: NOW + 90 * DAY }): string {
  return forecastScreen(forecast(locations, view(), DEFAULT_POLICY, period), width);
}

describe('the calendar', () => {
  test('says when each cause is a warning, critical and over, for whom and where', () => {
    expect(screen(140)).toBe(
      [
        'From 2026-02-01 12:00 UTC to 2026-05-02 12:00 UTC, if nobody does anything:',
        '',
        'BREAKS (UTC)      WARNING     CRITICAL    FOR              WHAT                WHERE',
        '2026-02-26 12:00  2026-02-04  2026-02-19  shop / checkout  *.shop.example.com  web-1.shop.example.com:443@10.0.0.1 +2',
        '2026-04-12 12:00  2026-03-21  2026-04-05  bank             ledger.example      /etc/ssl/api.pem',
        '',
        'Bad from the beginning and no worse later: 1 more cause (1 critical); to see: notafter forecast --at 2026-02-01T12:00',
      ].join('\n'),
    );
  });

  test('fits a terminal of 80 columns', () => {
    const rows = screen(80)
      .split('\n')
      .filter((line) => /^(BREAKS|2026)/.test(line));
    expect(rows).toHaveLength(3);
    for (const row of rows) expect(row.length).toBeLessThanOrEqual(80);
    expect(rows[1]).toMatch(/^2026-02-26 {2}2026-02-04 {2}2026-02-19 {2}/);
  });

  test('of a single moment is everything that is wrong then, the worst first', () => {
    const lines = screen(140, { fromAt: NOW + 4 * DAY, untilAt: NOW + 4 * DAY }).split('\n');
    expect(lines[0]).toBe('At 2026-02-05 12:00 UTC:');
    expect(lines.slice(3).map((line) => line.split(/ {2,}/).slice(0, 2))).toEqual([
      ['critical', 'expired'],
      ['warning', 'expiring'],
    ]);
  });

  test('counts what is no more than a note, and shows it when it is asked for', () => {
    const old = root('Old Root', { left: 10 * DAY });
    const bundle = fileLocation([sighting(old, { role: 'trust-anchor' })]);
    const period = { fromAt: NOW, untilAt: NOW + 90 * DAY };
    const told = forecast([bundle], view({ publicRoots: [old.id] }), DEFAULT_POLICY, period);
    expect(forecastScreen(told, 140)).toMatch(/^Nothing breaks .*\n\n1 note beside that; --all shows them$/);
    expect(forecastScreen(told, 140, true)).toMatch(/\n2026-02-11 12:00 +- +- +- +Old Root +\/etc\/ssl\/api\.pem$/);
  });

  test('says so when nothing breaks', () => {
    const quiet = forecast([], view(), DEFAULT_POLICY, { fromAt: NOW, untilAt: NOW + DAY });
    expect(forecastScreen(quiet, 80)).toBe(
      'Nothing breaks or gets worse from 2026-02-01 12:00 UTC to 2026-02-02 12:00 UTC.',
    );
  });
});

describe('notafter forecast', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-forecast-'));
  const config = path.join(folder, 'notafter.yaml');
  const now = Date.now();
  const own = selfSigned({
    commonName: 'disk.example',
    notBefore: new Date(now - 50 * DAY),
    notAfter: new Date(now + 40 * DAY),
  });

  beforeAll(async () => {
    writeFileSync(
      config,
      `sources:\n  - {name: disk, type: file, every: 1h, paths: [${folder}], labels: {owner: bank}}\nstore: sqlite:${path.join(folder, 'notafter.db')}\n`,
    );
    const store = await openSqlite(path.join(folder, 'notafter.db'));
    await store.transaction(async ({ inventory }) => {
      await inventory.saveTarget({ source: 'disk', key: folder, labels: {}, data: null }, now);
      const observation = {
        location: '/etc/disk.pem',
        items: [{ kind: 'certificate', der: own.der, place: { key: 'pem' }, role: 'server' } as const],
        problems: [],
      };
      const meta = { source: 'disk', type: 'file', target: folder, labels: { owner: 'bank' } };
      await inventory.saveLocations([applyObservation(undefined, observation, meta, now)]);
    });
    await store.close();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('reads the store and tells what ends within the time given', async () => {
    const ran = await runCli(['forecast', '--config', config, '--json', '--until', '60d']);
    expect([ran.exitCode, ran.stderr]).toEqual([0, '']);
    const endsAt = Math.floor((now + 40 * DAY) / 1_000) * 1_000;
    const before = (days: number): string => new Date(endsAt - days * DAY).toISOString();
    const answer = JSON.parse(ran.stdout) as { outlooks: readonly object[] };
    expect(answer.outlooks).toMatchObject([
      {
        rule: 'expired',
        severity: 'critical',
        severity_at_start: null,
        title: 'disk.example',
        owners: ['bank'],
        services: [],
        locations: ['/etc/disk.pem'],
        ends_at: before(0),
        changes: [
          { at: before(22.5), severity: 'warning', rule: 'expiring' },
          { at: before(7), severity: 'critical', rule: 'expiring' },
          { at: before(0), severity: 'critical', rule: 'expired' },
        ],
      },
    ]);
  });

  test('of another owner is empty, and of the day itself has the finding', async () => {
    const [other, then] = await Promise.all([
      runCli(['forecast', '--config', config, '--owner', 'shop']),
      runCli(['forecast', '--config', config, '--at', '45d']),
    ]);
    expect(other.stdout).toMatch(/^Nothing breaks or gets worse from /);
    expect(then.stdout).toMatch(/critical +expired .* bank +disk\.example +\/etc\/disk\.pem/);
  });

  test.each([
    [['--at', 'soon'], /"soon" is neither a date such as 2027-03-01 nor a time from now such as 90d/],
    [['--at', '1d', '--until', '2d'], /"at" is a single moment/],
    [['--from', '10d', '--until', '5d'], /before it begins/],
  ])('%j is refused', async (flags, message) => {
    const ran = await runCli(['forecast', '--config', config, ...flags]);
    expect([ran.exitCode, ran.stdout]).toEqual([3, '']);
    expect(ran.stderr).toMatch(message);
  });
});
