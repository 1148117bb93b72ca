import { describe, expect, test } from 'vitest';

import type { Location } from '../../src/inventory/model.ts';
import { createApp } from '../../src/web/app.ts';
import type { WebParts } from '../../src/web/parts.ts';
import { parseExposition, samplesOf } from '../helpers/exposition.ts';
import { authority, DAY, endpointLocation, leaf, NOW } from '../policy/places.ts';
import { openGate } from '../helpers/web-stage.ts';

const asked: unknown[] = [];

function request(
  path: string,
  answer: Awaited<ReturnType<WebParts['probe']>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const parts: Partial<WebParts> = {
    probe: async (given) => {
      asked.push(given);
      return answer;
    },
    headers: () => new Map(),
    gate: openGate({ now: () => 0 }),
    sourceLabels: (source) => (source === 'web' ? { env: 'prod', owner: 'all' } : {}),
    inventory: {
      sources: async () => [
        { name: 'web', type: 'endpoint', intervalMs: 1, firstSeenAt: 0 },
        { name: 'disk', type: 'file', intervalMs: 1, firstSeenAt: 0 },
      ],
      targets: async (source: string) =>
        source === 'web'
          ? [
              { source, key: 'a.example:443', labels: { owner: 'team' }, data: {}, firstSeenAt: 0 },
              { source, key: '(discovery)', labels: {}, data: null, firstSeenAt: 0 },
            ]
          : [{ source, key: '/etc/ssl', labels: {}, data: {}, firstSeenAt: 0 }],
    } as unknown as WebParts['inventory'],
  };
  return Promise.resolve(
    createApp(parts as WebParts).request(`http://127.0.0.1${path}`, { headers: { host: '127.0.0.1', ...headers } }),
  );
}

const here = endpointLocation([leaf('api.example.com', { left: -DAY }), authority()]);
const known = (...locations: readonly [Location, ...Location[]]): Awaited<ReturnType<WebParts['probe']>> => ({
  kind: 'known',
  locations,
});

describe('/probe', () => {
  test('says what blackbox_exporter and ssl_exporter say, without labels of its own, also past the end', async () => {
    const answer = await request('/probe?target=api.example.com:8443&module=tcp', known(here));
    const samples = parseExposition(await answer.text());

    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(asked.at(-1)).toMatchObject({ target: 'api.example.com:8443', source: 'tcp', deadlineMs: 10_000 });
    const value = (name: string): unknown => samplesOf(samples, name).map(({ labels, value: is }) => [labels, is]);
    expect(value('probe_success')).toEqual([[{}, 1]]);
    expect(value('probe_ssl_earliest_cert_expiry')).toEqual([[{}, (NOW - DAY) / 1000]]);
    expect(value('ssl_probe_success')).toEqual([[{}, 1]]);
    expect(samplesOf(samples, 'ssl_cert_not_after')).toHaveLength(2);
    expect(samplesOf(samples, 'probe_duration_seconds')).toHaveLength(1);
  });

  test('of several addresses, that which ends first speaks, and one that fails is a failure', async () => {
    const failing = endpointLocation([leaf('late')], {
      location: 'api.example.com:8443@10.0.0.8',
      failure: { reason: 'timeout', detail: '' },
    });
    const samples = parseExposition(await (await request('/probe?target=x', known(failing, here))).text());

    expect(samplesOf(samples, 'probe_ssl_earliest_cert_expiry')[0]?.value).toBe((NOW - DAY) / 1000);
    expect(samplesOf(samples, 'probe_success')[0]?.value).toBe(0);
  });

  test('is done before the scraper gives up', async () => {
    for (const [header, deadlineMs] of [
      ['5', 4_500],
      ['0.6', 500],
      ['120', 10_000],
      ['soon', 10_000],
    ] as const) {
      await request('/probe?target=x', known(here), { 'x-prometheus-scrape-timeout-seconds': header });
      expect(asked.at(-1)).toMatchObject({ deadlineMs });
    }
  });

  test.each([
    ['/probe', known(here), 400],
    [`/probe?target=${'x'.repeat(301)}`, known(here), 400],
    ['/probe?target=x', { kind: 'refused', detail: 'no\n<b>' }, 403],
    ['/probe?target=x', { kind: 'malformed', detail: 'x' }, 400],
    ['/probe?target=x', { kind: 'busy', detail: 'x' }, 503],
  ] as const)('%s with %j is %d', async (path, answer, status) => {
    const given = await request(path, answer);
    expect(given.status).toBe(status);
    expect(given.headers.get('content-type')).toContain('text/plain');
    expect((await given.text()).trim().split('\n')).toHaveLength(1);
  });
});

describe('/sd', () => {
  const meta = (source: string, type: string, labels: object = {}): object => ({
    __meta_notafter_source: source,
    __meta_notafter_type: type,
    ...labels,
  });

  test('lists every target with where it comes from and the labels of the config', async () => {
    const web = { __meta_notafter_label_env: 'prod', __meta_notafter_label_owner: 'team' };
    const all = [
      { targets: ['a.example:443'], labels: meta('web', 'endpoint', web) },
      { targets: ['/etc/ssl'], labels: meta('disk', 'file') },
    ];
    expect(await (await request('/sd', known(here))).json()).toEqual(all);
    expect(await (await request('/sd?type=endpoint', known(here))).json()).toEqual(all.slice(0, 1));
    expect(await (await request('/sd?source=disk', known(here))).json()).toEqual(all.slice(1));
  });
});
