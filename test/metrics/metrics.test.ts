import { describe, expect, test } from 'vitest';

import type { Location, Sighting } from '../../src/inventory/model.ts';
import type { Metrics, MetricsParts } from '../../src/metrics/metrics.ts';
import { DELIVERY_REASONS } from '../../src/plugin/channel.ts';
import { NOTIFICATION_REASONS } from '../../src/plugin/notification.ts';
import { REASON_LIST } from '../../src/plugin/reason.ts';
import { safeText } from '../../src/text/safe-text.ts';
import { parseExposition, samplesOf, type Sample } from '../helpers/exposition.ts';
import { knownMetrics, textOf } from '../helpers/known-metrics.ts';
import { credential, crl, DAY, described, leaf, NOW } from '../policy/places.ts';

const SECOND = 1_000;
const at = (ms: number): number => ms / SECOND;

function sightingOf(item: Sighting['item'], overrides: Partial<Sighting> = {}): Sighting {
  return { item, place: 'chain', index: 0, role: 'server', firstSeenAt: NOW, lastSeenAt: NOW, ...overrides };
}

function locationOf(location: string, sightings: readonly Sighting[], overrides: Partial<Location> = {}): Location {
  return {
    id: 1,
    source: 'servers',
    type: 'endpoint',
    target: 'target',
    location,
    labels: {},
    firstSeenAt: NOW - DAY,
    lastLookAt: NOW,
    lastSuccessAt: NOW,
    failures: 0,
    problems: [],
    sightings,
    ...overrides,
  };
}

function metricsOf(locations: readonly Location[], overrides: Partial<MetricsParts> = {}): Metrics {
  return knownMetrics(locations, () => NOW, overrides).metrics;
}

async function samples(metrics: Metrics): Promise<readonly Sample[]> {
  return parseExposition(textOf(await metrics.exposition()));
}

/** Everything that is about the inventory, as `name{label="value",…} value`. */
function inventoryLines(all: readonly Sample[]): readonly string[] {
  return all
    .filter(({ name }) => /^notafter_(?:certificate|location|crl|credential|findings)/.test(name))
    .map(
      ({ name, labels, value }) => `${name.slice('notafter_'.length)} ${Object.values(labels).join(' | ')} = ${value}`,
    )
    .toSorted();
}

describe('the exposition', () => {
  test('says of every kind of item when it ends, where it is, and how the place fares', async () => {
    const server = leaf('api.example.com');
    const client = described({
      sha256: 'AB'.repeat(32).toLowerCase(),
      issuer: 'CN=CA',
      notBefore: { status: 'known', at: NOW - DAY },
    });
    const locations = [
      locationOf('api.example.com:443@10.0.0.7', [sightingOf(server)], {
        chain: {
          leaf: { at: NOW + 60 * DAY, by: server.id },
          servedMin: { at: NOW + 50 * DAY, by: server.id },
          effective: { at: NOW + 40 * DAY, by: 'anchor' },
        },
      }),
      locationOf('/var/log/access.log', [sightingOf(client, { place: 'log', role: 'client' })], { source: 'logs' }),
      locationOf('/etc/ssl/ca.crl', [sightingOf(crl(), { place: '', role: 'issuer' })], {
        source: 'disk',
        failure: { reason: 'timeout', detail: '' },
        failures: 1,
        lastSuccessAt: NOW - DAY,
      }),
      locationOf('app-1', [sightingOf(credential(), { role: 'client' })], { source: 'apps' }),
      locationOf('never-seen', [], {
        failure: { reason: 'dns', detail: '' },
        failures: 3,
        lastSuccessAt: undefined,
      } as unknown as Partial<Location>),
    ];
    const findings = async (): Promise<Awaited<ReturnType<MetricsParts['findings']>>> => [
      { rule: 'expired', severity: 'critical', source: 'servers', count: 2 },
    ];

    expect(inventoryLines(await samples(metricsOf(locations, { findings })))).toEqual(
      [
        `certificate_not_after_timestamp_seconds servers | api.example.com:443@10.0.0.7 | chain | server | api.example.com | CN=Example Issuing CA,O=Example | ${server.id} = ${at(NOW + 60 * DAY)}`,
        `certificate_not_before_timestamp_seconds servers | api.example.com:443@10.0.0.7 | chain | server | api.example.com | CN=Example Issuing CA,O=Example | ${server.id} = ${at(NOW - 30 * DAY)}`,
        `certificate_not_after_timestamp_seconds logs | /var/log/access.log | log | client | client.example.com | CN=CA | ${'ab'.repeat(32)} = ${at(NOW + 60 * DAY)}`,
        `certificate_not_before_timestamp_seconds logs | /var/log/access.log | log | client | client.example.com | CN=CA | ${'ab'.repeat(32)} = ${at(NOW - DAY)}`,
        `crl_next_update_timestamp_seconds disk | /etc/ssl/ca.crl |  | CN=Example Issuing CA,O=Example | ${crl().id} = ${at(NOW + 5 * DAY)}`,
        `credential_not_after_timestamp_seconds apps | app-1 | ${credential().name} | ${credential().id} = ${at(NOW + 60 * DAY)}`,
        `location_effective_not_after_timestamp_seconds servers | api.example.com:443@10.0.0.7 = ${at(NOW + 40 * DAY)}`,
        `location_up servers | api.example.com:443@10.0.0.7 = 1`,
        'location_up logs | /var/log/access.log = 1',
        'location_up disk | /etc/ssl/ca.crl = 0',
        'location_up apps | app-1 = 1',
        'location_up servers | never-seen = 0',
        `location_last_success_timestamp_seconds servers | api.example.com:443@10.0.0.7 = ${at(NOW)}`,
        `location_last_success_timestamp_seconds logs | /var/log/access.log = ${at(NOW)}`,
        `location_last_success_timestamp_seconds disk | /etc/ssl/ca.crl = ${at(NOW - DAY)}`,
        `location_last_success_timestamp_seconds apps | app-1 = ${at(NOW)}`,
        'findings expired | critical | servers = 2',
      ].toSorted(),
    );
  });

  test.each([
    ['never', { status: 'never' } as const],
    ['unreadable', { status: 'unreadable', text: '20261301', problem: 'month 13' } as const],
    ['unknown', { status: 'unknown' } as const],
  ])('has no series for an end that is %s', async (status, end) => {
    const items = [
      ...(end.status === 'unknown' ? [] : [leaf('leaf', { notAfter: end, notBefore: end }), crl({ nextUpdate: end })]),
      { ...described(), notAfter: end },
      { ...credential(), notAfter: end },
    ];
    const location = locationOf(
      'a',
      items.map((item) => sightingOf(item)),
      {
        chain: { leaf: { at: null, by: 'x' }, servedMin: { at: null, by: 'x' }, effective: { at: null, by: 'x' } },
      },
    );
    expect(inventoryLines(await samples(metricsOf([location]))), status).toEqual([
      `location_last_success_timestamp_seconds servers | a = ${at(NOW)}`,
      'location_up servers | a = 1',
    ]);
  });

  test('has no series for a CRL without an end', async () => {
    const { nextUpdate: _, ...endless } = crl();
    const all = await samples(metricsOf([locationOf('a', [sightingOf(endless)])]));
    expect(samplesOf(all, 'notafter_crl_next_update_timestamp_seconds')).toEqual([]);
  });

  test('has one series for what is there twice; of what looks the same it says what ends first', async () => {
    const twice = leaf('twice');
    const location = locationOf('a', [
      sightingOf(twice, { index: 0 }),
      sightingOf(twice, { index: 3 }),
      sightingOf(described({ id: 'd1', left: 9 * DAY }), { place: 'log' }),
      sightingOf(described({ id: 'd2', left: 2 * DAY }), { place: 'log' }),
      sightingOf({ ...described({ id: 'd3' }), notAfter: { status: 'never' } }, { place: 'log' }),
      sightingOf(credential({ left: 5 * DAY })),
      sightingOf(credential({ left: 7 * DAY }), { place: 'other' }),
    ]);
    const again = locationOf('b', [sightingOf(twice)]);
    const all = await samples(metricsOf([location, again]));

    const ends = samplesOf(all, 'notafter_certificate_not_after_timestamp_seconds');
    expect(ends.map(({ labels, value }) => [labels['location'], labels['place'], value])).toEqual([
      ['a', 'log', at(NOW + 2 * DAY)],
      ['a', 'chain', at(NOW + 60 * DAY)],
      ['b', 'chain', at(NOW + 60 * DAY)],
    ]);
    expect(samplesOf(all, 'notafter_credential_not_after_timestamp_seconds').map(({ value }) => value)).toEqual([
      at(NOW + 5 * DAY),
    ]);
  });

  test('carries hostile text without harm', async () => {
    const hostile = 'a"b\\c\nd\u202ee"} 1\n# HELP x';
    const title = safeText(hostile);
    const all = await samples(metricsOf([locationOf(hostile, [sightingOf(leaf('x', { title }))])]));

    const [end] = samplesOf(all, 'notafter_certificate_not_after_timestamp_seconds');
    expect(end?.labels['name']).toBe('a"b\\c de"} 1 # HELP x');
    expect(end?.labels['location']).toMatch(/^a"b\\c de"\} 1 # HELP x~[0-9a-f]{8}$/);
    expect(samplesOf(all, 'x')).toEqual([]);
  });

  test('cuts long names, and keeps those apart that differ behind the cut', async () => {
    const folder = `/${'x'.repeat(300)}`;
    const all = await samples(metricsOf([locationOf(`${folder}/a`, []), locationOf(`${folder}/b`, [])]));

    const names = samplesOf(all, 'notafter_location_up').map(({ labels }) => labels['location'] ?? '');
    expect(new Set(names).size).toBe(2);
    expect(Math.max(...names.map((name) => name.length))).toBeLessThanOrEqual(256);
  });

  test('forgets what is no longer there', async () => {
    let findings = [{ rule: 'expired', severity: 'critical' as const, source: 'servers', count: 1 }];
    const known = knownMetrics([], () => NOW, { findings: async () => findings });
    const location = known.note(locationOf('a', [sightingOf(leaf())]));
    expect(inventoryLines(await known.samples())).toHaveLength(5);
    known.forget(location);
    findings = [];
    known.metrics.judged();
    expect(inventoryLines(await known.samples())).toEqual([]);
  });

  test('gives two scrapes at one time the same whole answer', async () => {
    const metrics = metricsOf([locationOf('a', [sightingOf(leaf())])]);
    const [one, other] = await Promise.all([samples(metrics), samples(metrics)]);
    expect(inventoryLines(one)).toEqual(inventoryLines(other));
    expect(inventoryLines(one)).toHaveLength(4);
  });

  test.each([
    ['nothing waits', undefined, 0],
    ['something has waited for a minute', NOW - 60 * SECOND, 60],
    ['the clock was set back', NOW + 60 * SECOND, 0],
  ])('tells how long the outbox waits: %s', async (_name, oldest, seconds) => {
    const all = await samples(metricsOf([], { oldestPendingAt: async () => oldest }));
    expect(samplesOf(all, 'notafter_outbox_oldest_seconds').map(({ value }) => value)).toEqual([seconds]);
  });

  test('names its type, what runs, and the process; no value is NaN', async () => {
    const exposition = await metricsOf([]).exposition();
    const { contentType } = exposition;
    const text = textOf(exposition);
    const all = parseExposition(text);
    expect(contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(samplesOf(all, 'notafter_build_info')).toEqual([
      { name: 'notafter_build_info', labels: { version: '1.2.3', node: process.versions.node }, value: 1 },
    ]);
    expect(samplesOf(all, 'process_cpu_seconds_total')).toHaveLength(1);
    expect(text).not.toContain('Nan');
  });
});

describe('counters', () => {
  test('of every source exist at 0 from the start, for every reason and result', async () => {
    const metrics = metricsOf([]);
    metrics.declareSources(['a', 'b']);
    metrics.declareSources(['a']);
    const all = await samples(metrics);

    for (const source of ['a', 'b']) {
      expect(
        samplesOf(all, 'notafter_collect_errors_total', { source }).map(({ labels, value }) => [
          labels['reason'],
          value,
        ]),
      ).toEqual(REASON_LIST.map((reason) => [reason, 0]));
      expect(
        samplesOf(all, 'notafter_observations_total', { source }).map(({ labels, value }) => [labels['result'], value]),
      ).toEqual(['ok', 'unchanged', 'failed', 'gone'].map((result) => [result, 0]));
    }
  });

  test('of every channel exist at 0 from the start, for every reason', async () => {
    const metrics = metricsOf([]);
    metrics.declareChannels(['mail']);
    const all = await samples(metrics);

    expect(
      samplesOf(all, 'notafter_notifications_total').map(({ labels, value }) => [labels['reason'], value]),
    ).toEqual(NOTIFICATION_REASONS.map((reason) => [reason, 0]));
    expect(
      samplesOf(all, 'notafter_notifications_failed_total').map(({ labels, value }) => [labels['reason'], value]),
    ).toEqual(Object.keys(DELIVERY_REASONS).map((reason) => [reason, 0]));
  });

  test('count what happens', async () => {
    const metrics = metricsOf([]);
    metrics.declareSources(['a']);
    metrics.observed('a', 'ok', 3);
    metrics.observed('a', 'gone', 1);
    metrics.failed('a', 'dns');
    metrics.lasted('a', 0.3);
    metrics.fellBack('a', 'alert_40');
    metrics.delivered('mail', 'first');
    metrics.undelivered('mail', 'timeout', true);
    expect(samplesOf(await samples(metrics), 'notafter_store_write_errors_total')[0]?.value).toBe(0);
    metrics.storeFailed();
    metrics.beat(1_500_000);
    metrics.scheduleLag('source a', 1_500);
    metrics.declareSources(['a']);
    const all = await samples(metrics);
    const value = (name: string, labels: Readonly<Record<string, string>>): number | undefined =>
      samplesOf(all, `notafter_${name}`, labels)[0]?.value;

    expect(value('notifications_given_up_total', { channel: 'mail' })).toBe(1);
    expect(value('heartbeat_timestamp_seconds', {})).toBe(1_500);
    expect(value('store_write_errors_total', {})).toBe(1);
    expect(value('observations_total', { source: 'a', result: 'ok' })).toBe(3);
    expect(value('observations_total', { source: 'a', result: 'gone' })).toBe(1);
    expect(value('collect_errors_total', { source: 'a', reason: 'dns' })).toBe(1);
    expect(value('handshake_fallbacks_total', { source: 'a', obstacle: 'alert_40' })).toBe(1);
    expect(value('observation_duration_seconds_count', { source: 'a' })).toBe(1);
    expect(value('observation_duration_seconds_bucket', { source: 'a', le: '0.1' })).toBe(0);
    expect(value('observation_duration_seconds_bucket', { source: 'a', le: '0.5' })).toBe(1);
    expect(value('notifications_total', { channel: 'mail', reason: 'first' })).toBe(1);
    expect(value('notifications_failed_total', { channel: 'mail', reason: 'timeout' })).toBe(1);
    expect(value('schedule_lag_seconds', { schedule: 'source a' })).toBe(1.5);
  });
});
