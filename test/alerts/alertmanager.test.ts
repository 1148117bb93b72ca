import { afterEach, describe, expect, test } from 'vitest';

import type { PostableAlert } from '../../alerts/alertmanager/alert.ts';
import { alertmanager } from '../../alerts/alertmanager/index.ts';
import type { ChannelInstance, Receipt } from '../../src/plugin/channel.ts';
import type { Notification } from '../../src/plugin/notification.ts';
import {
  CANARY,
  describeHttpChannel,
  startReceiver,
  type Handler,
  type HttpChannelUnderTest,
  type Receiver,
} from '../contract/channel.ts';
import { createChannelContext } from '../helpers/channel-context.ts';
import { digest, notice, notification, place } from '../helpers/notifications.ts';

const never = new AbortController().signal;

function alertsIn(body: string): readonly PostableAlert[] {
  return JSON.parse(body) as readonly PostableAlert[];
}

/** What Alertmanager demands of a posted alert (api/v2/openapi.yaml, and its validation of label names). */
function expectPostable(body: string): void {
  const alerts = alertsIn(body);
  expect(alerts.length).toBeGreaterThan(0);
  for (const alert of alerts) {
    expect(Object.keys(alert).filter((key) => !FIELDS.has(key))).toEqual([]);
    expect(alert.labels['alertname']).toMatch(/^NotAfter[A-Z]/);
    for (const [name, value] of Object.entries(alert.labels)) {
      expect(name).toMatch(/^[a-zA-Z_][a-zA-Z0-9_]*$/);
      expect(value.length).toBeGreaterThan(0);
      expect(value.length).toBeLessThanOrEqual(256);
    }
    for (const name of Object.keys(alert.annotations)) expect(name).toMatch(/^[a-z_]+$/);
    // An end before the beginning is refused with 400.
    expect(Date.parse(alert.endsAt)).toBeGreaterThanOrEqual(Date.parse(alert.startsAt));
  }
}

const FIELDS = new Set(['labels', 'annotations', 'startsAt', 'endsAt', 'generatorURL']);

const checks: Pick<HttpChannelUnderTest, 'expectHarmless' | 'expectWithinLimits'> = {
  expectHarmless(body) {
    expectPostable(body);
    for (const { labels, annotations } of alertsIn(body)) {
      for (const text of [...Object.values(labels), ...Object.values(annotations)]) {
        expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202a-\u202e\u2028\u2029]/u);
      }
    }
  },
  expectWithinLimits(body) {
    expectPostable(body);
    for (const { annotations } of alertsIn(body)) {
      for (const text of Object.values(annotations)) expect(text.length).toBeLessThanOrEqual(4_002);
    }
  },
};

describeHttpChannel({
  name: 'alertmanager',
  secrets: () => ({ token: `token-${CANARY}` }),
  open: (url, { context }) =>
    alertmanager.create(alertmanager.options.parse({ urls: [url], token_file: 'token' }), context),
  take: (_request, response) => response.end(),
  expected(status) {
    if (status >= 200 && status < 300) return undefined;
    if (status === 401 || status === 403 || status === 407) return { reason: 'authentication', retryable: true };
    if (status === 408) return { reason: 'timeout', retryable: true };
    if (status === 425) return { reason: 'server_error', retryable: true };
    if (status === 429) return { reason: 'rate_limited', retryable: true };
    return status < 500 ? { reason: 'rejected', retryable: false } : { reason: 'server_error', retryable: true };
  },
  ...checks,
});

describe('alertmanager', () => {
  const receivers: Receiver[] = [];

  afterEach(async () => {
    for (const started of receivers.splice(0)) await started.close();
  });

  async function receiver(handler: Handler = (_request, response) => response.end()): Promise<Receiver> {
    const started = await startReceiver(handler);
    receivers.push(started);
    return started;
  }

  function open(
    urls: readonly string[],
    options: object = {},
    secrets: Record<string, string> = {},
  ): Promise<ChannelInstance> {
    return alertmanager.create(alertmanager.options.parse({ urls, ...options }), createChannelContext(secrets).context);
  }

  /** Sends one after the other, each with the receipt of the one before; gives the alerts of each. */
  async function told(...messages: readonly Notification[]): Promise<readonly (readonly PostableAlert[])[]> {
    const { url, requests } = await receiver();
    const instance = await open([url], { hold: '2d', labels: { team: 'platform' } });
    let receipt: Receipt | undefined;
    for (const message of messages) {
      const [result] = await instance.send(message, instance.recipients(), receipt, never);
      expect(result?.status).toBe('delivered');
      receipt = result?.status === 'delivered' ? result.receipt : undefined;
    }
    return requests.map(({ body }) => alertsIn(body));
  }

  test('tells an alert with labels for routes and annotations for people', async () => {
    const { url, requests } = await receiver();
    const instance = await open([`${url}/prefix/`], { hold: '2d', labels: { team: 'platform' } });
    const places = [
      place({ labels: { owner: 'payments', host: 'a' } }),
      place({ labels: { owner: 'payments', host: 'b' } }),
    ];
    await instance.send(notification({ alerts: [notice({ places })] }), instance.recipients(), undefined, never);
    expect(requests[0]?.path).toBe('/prefix/api/v2/alerts');
    expect(alertsIn(requests[0]?.body ?? '')).toEqual([
      {
        labels: {
          alertname: 'NotAfterExpiry',
          severity: 'critical',
          family: 'expiry',
          alert_id: '0123456789abcdef',
          owner: 'payments',
          team: 'platform',
        },
        annotations: {
          title: 'api.example.com',
          summary: 'api.example.com ends in 4 days, 2027-01-05 12:00 UTC, at api.example.com:443@10.0.0.7',
          description:
            '1. Renew api.example.com, issued by CN=R11\n2. Prove it: notafter check api.example.com:443\n2 places:\n' +
            '- api.example.com:443@10.0.0.7 (source partners)\n- api.example.com:443@10.0.0.7 (source partners)',
          rules: 'expiring',
          ends_at: '2027-01-05T12:00:00.000Z',
          end: '2027-01-05 12:00 UTC, ends in 4 days',
          runbook_url: 'https://notafter.example/runbooks/expiring',
        },
        startsAt: '2027-01-01T00:00:00.000Z',
        endsAt: '2027-01-03T00:00:00.000Z',
        generatorURL: 'https://notafter.example/',
      },
    ]);
  });

  test('what gets worse ends under its old severity in the same message, and is over under the new one', async () => {
    const [first, worse, resolved] = await told(
      notification({ severity: 'warning', alerts: [notice({ severity: 'warning' })] }),
      notification({ reason: 'worse', at: new Date('2027-01-02T00:00:00Z') }),
      notification({ reason: 'resolved', at: new Date('2027-01-03T00:00:00Z') }),
    );
    const brief = (alerts: readonly PostableAlert[] = []): unknown =>
      alerts.map(({ labels, endsAt }) => [labels['severity'], endsAt.slice(0, 10)]);
    expect(brief(first)).toEqual([['warning', '2027-01-03']]);
    expect(brief(worse)).toEqual([
      ['critical', '2027-01-04'],
      ['warning', '2027-01-02'],
    ]);
    expect(brief(resolved)).toEqual([['critical', '2027-01-03']]);
  });

  test('a repeat is the same alert, held longer', async () => {
    const [first, repeat] = await told(
      notification(),
      notification({ reason: 'repeat', at: new Date('2027-01-02T00:00:00Z') }),
    );
    expect(repeat).toHaveLength(1);
    expect(repeat?.[0]?.labels).toEqual(first?.[0]?.labels);
    expect(repeat?.[0]?.endsAt).toBe('2027-01-04T00:00:00.000Z');
  });

  test('of a group, what is over ends, what a cut list does not name goes on, and all ends with the group', async () => {
    const alerts = ['a', 'b', 'c'].map((id) => notice({ id }));
    const brief = (list: readonly PostableAlert[] = []): unknown =>
      list.map(({ labels, endsAt }) => [labels['alert_id'], endsAt.slice(0, 10)]);
    const [, changed, over] = await told(
      notification({ kind: 'digest', occasion: 'group', alerts }),
      notification({
        kind: 'digest',
        occasion: 'group',
        reason: 'changed',
        alerts: [notice({ id: 'a', state: 'resolved' })],
        alertCount: 1,
        at: new Date('2027-01-02T00:00:00Z'),
      }),
      notification({
        kind: 'digest',
        occasion: 'group',
        reason: 'resolved',
        alerts: [notice({ id: 'b', state: 'resolved' })],
        alertCount: 1,
        at: new Date('2027-01-03T00:00:00Z'),
      }),
    );
    expect(brief(changed)).toEqual([['a', '2027-01-02']]);
    expect(brief(over)).toEqual([
      ['b', '2027-01-03'],
      ['c', '2027-01-03'],
    ]);
  });

  test('a digest is its alerts, and one for those that it does not list', async () => {
    const [alerts] = await told(digest(50, 20_000));
    expect(alerts).toHaveLength(51);
    expect(alerts?.at(-1)?.labels['alertname']).toBe('NotAfterMore');
    expect(alerts?.at(-1)?.annotations['description']).toBe('and 19950 more, which are not listed');
  });

  test('a test is over at once', async () => {
    const [alerts] = await told(notification({ kind: 'test', alerts: [], alertCount: 0, severity: 'info' }));
    expect(alerts).toMatchObject([{ labels: { alertname: 'NotAfterTest' }, endsAt: '2027-01-01T00:00:00.000Z' }]);
  });

  test('labels of places with odd names become labels that every version takes', async () => {
    const places = [
      place({ labels: { 'app.kubernetes.io/name': 'pay', '1st': 'x', severity: 'mine', empty: '\u202e' } }),
    ];
    const [alerts] = await told(notification({ alerts: [notice({ places })] }));
    expect(alerts?.[0]?.labels).toMatchObject({ app_kubernetes_io_name: 'pay', _1st: 'x', severity: 'critical' });
    expect(alerts?.[0]?.labels).not.toHaveProperty('empty');
  });

  test('every member is told, and each has a result of its own', async () => {
    const up = await receiver();
    const down = await receiver((_request, response) => response.writeHead(503).end());
    const instance = await open([up.url, down.url]);
    const results = await instance.send(notification(), instance.recipients(), undefined, never);
    expect(results).toMatchObject([
      { recipient: up.url, status: 'delivered' },
      { recipient: down.url, status: 'failed', reason: 'server_error', retryable: true },
    ]);
    expect(down.requests[0]?.body).toBe(up.requests[0]?.body);
  });

  test('a member that left the config is given up', async () => {
    const { url } = await receiver();
    const results = await (await open([url])).send(notification(), ['http://old.example:9093'], undefined, never);
    expect(results).toMatchObject([{ status: 'failed', reason: 'rejected', retryable: false }]);
  });

  test.each<[string, object, string]>([
    ['user and password', { username: 'me', password_file: 'password' }, `Basic ${btoa('me:pass word')}`],
    ['a token', { token: '${TOKEN}' }, 'Bearer t0k3n'],
  ])('logs in with %s', async (_name, options, header) => {
    const { url, requests } = await receiver();
    const instance = await open([url], options, { password: 'pass word', TOKEN: 't0k3n' });
    await instance.send(notification(), instance.recipients(), undefined, never);
    expect(requests[0]?.headers.authorization).toBe(header);
  });

  test('verify asks for the status, and alerts nobody', async () => {
    const { url, requests } = await receiver((_request, response) =>
      response.end('{"cluster":{"status":"ready"},"versionInfo":{"version":"0.28.0"}}'),
    );
    await (await open([url])).verify?.(never);
    expect(requests.map(({ path }) => path)).toEqual(['/api/v2/status']);
    const other = await receiver((_request, response) => response.end('<html>hello</html>'));
    await expect((await open([other.url])).verify?.(never)).rejects.toThrow('does not answer as an Alertmanager');
  });

  test.each<[string, object]>([
    ['no member', { urls: [] }],
    ['a label of ours', { urls: ['http://a.example'], labels: { severity: 'x' } }],
    ['a label that is none', { urls: ['http://a.example'], labels: { 'a-b': 'x' } }],
    ['a user without a password', { urls: ['http://a.example'], username: 'a' }],
    ['two logins', { urls: ['http://a.example'], username: 'a', password_file: 'p', token_file: 't' }],
    ['a password in the config', { urls: ['http://a.example'], username: 'a', password: 'plain' }],
  ])('the config check refuses %s', (_name, options) => {
    expect(alertmanager.options.safeParse(options).success).toBe(false);
  });
});
