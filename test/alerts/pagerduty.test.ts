import { afterEach, describe, expect, test } from 'vitest';

import { MAX_DEDUP_KEY, MAX_EVENT_BYTES, MAX_SUMMARY } from '../../alerts/pagerduty/event.ts';
import { pagerduty } from '../../alerts/pagerduty/index.ts';
import type { ChannelInstance } from '../../src/plugin/channel.ts';
import type { NotificationReason } from '../../src/plugin/notification.ts';
import {
  CANARY,
  describeHttpChannel,
  startReceiver,
  type Handler,
  type HttpChannelUnderTest,
  type Receiver,
} from '../contract/channel.ts';
import { createChannelContext } from '../helpers/channel-context.ts';
import { digest, notice, notification } from '../helpers/notifications.ts';

const KEY = 'R0123456789ABCDEF0123456789ABCDE';
const never = new AbortController().signal;

interface Event {
  readonly routing_key: string;
  readonly event_action: string;
  readonly dedup_key: string;
  readonly links?: readonly { readonly href: string; readonly text: string }[];
  readonly payload?: {
    readonly summary: string;
    readonly severity: string;
    readonly source: string;
    readonly timestamp: string;
    readonly custom_details: Readonly<Record<string, unknown>>;
  };
}

function eventOf(body: string): Event {
  return JSON.parse(body) as Event;
}

const take: Handler = (request, response) => {
  const { dedup_key: key } = eventOf(request.body);
  response.writeHead(202).end(JSON.stringify({ status: 'success', message: 'Event processed', dedup_key: key }));
};

const checks: Pick<HttpChannelUnderTest, 'expectHarmless' | 'expectWithinLimits'> = {
  expectHarmless(body) {
    JSON.parse(body, (_key, value: unknown) => {
      if (typeof value === 'string') expect(value).not.toMatch(/[\p{Cc}\u202a-\u202e\u2028\u2029]/u);
      return value;
    });
  },
  expectWithinLimits(body) {
    expect(Buffer.byteLength(body)).toBeLessThanOrEqual(MAX_EVENT_BYTES);
    const event = eventOf(body);
    expect(event.dedup_key.length).toBeGreaterThan(0);
    expect(event.dedup_key.length).toBeLessThanOrEqual(MAX_DEDUP_KEY);
    expect(['trigger', 'resolve']).toContain(event.event_action);
    for (const { href } of event.links ?? []) expect(href).toMatch(/^https?:\/\//);
    if (event.event_action === 'resolve') return;
    // Required by https://developer.pagerduty.com/docs/send-alert-event: summary, source and severity.
    expect(event.payload?.summary.length).toBeGreaterThan(0);
    expect(event.payload?.summary.length).toBeLessThanOrEqual(MAX_SUMMARY);
    expect(event.payload?.source.length).toBeGreaterThan(0);
    expect(['critical', 'error', 'warning', 'info']).toContain(event.payload?.severity);
    expect(event.payload?.timestamp).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
  },
};

describeHttpChannel({
  name: 'pagerduty',
  secrets: () => ({ key: `key-${CANARY}` }),
  open: (url, { context }) =>
    pagerduty.create(pagerduty.options.parse({ url: `${url}/v2/enqueue`, routing_key_file: 'key' }), context),
  take,
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

describe('pagerduty', () => {
  const receivers: Receiver[] = [];

  afterEach(async () => {
    for (const started of receivers.splice(0)) await started.close();
  });

  async function receiver(handler: Handler = take): Promise<Receiver> {
    const started = await startReceiver(handler);
    receivers.push(started);
    return started;
  }

  function open(url: string): Promise<ChannelInstance> {
    const options = pagerduty.options.parse({ url: `${url}/v2/enqueue`, routing_key: '${KEY}' });
    return pagerduty.create(options, createChannelContext({ KEY }).context);
  }

  test('opens an incident that says what is wrong, where, and what to do', async () => {
    const { url, requests } = await receiver();
    await (await open(url)).send(notification(), ['service'], undefined, never);
    expect(requests[0]?.path).toBe('/v2/enqueue');
    expect(eventOf(requests[0]?.body ?? '')).toEqual({
      routing_key: KEY,
      event_action: 'trigger',
      dedup_key: '0123456789abcdef',
      client: 'notafter',
      client_url: 'https://notafter.example/',
      links: [
        { href: 'https://notafter.example/runbooks/expiring', text: 'Runbook' },
        { href: 'https://notafter.example/', text: 'notafter' },
      ],
      payload: {
        summary: 'Critical: api.example.com ends in 4 days (2 places)',
        severity: 'critical',
        source: 'api.example.com:443@10.0.0.7',
        timestamp: '2027-01-01T00:00:00.000Z',
        component: 'api.example.com',
        group: 'expiry',
        class: 'expiring',
        custom_details: {
          summary: 'api.example.com ends in 4 days, 2027-01-05 12:00 UTC, at api.example.com:443@10.0.0.7',
          end: '2027-01-05 12:00 UTC, ends in 4 days',
          'what to do': [
            '1. Renew api.example.com, issued by CN=R11',
            '2. Prove it: notafter check api.example.com:443',
          ],
          places: [
            'api.example.com:443@10.0.0.7 (source partners; expiring; owner payments)',
            '/etc/ssl/api.pem (source disk; expiring)',
          ],
          'number of places': 2,
          facts: { Fingerprint: 'f'.repeat(64), Serial: '0A' },
          alert: '0123456789abcdef',
          'open since': '2027-01-01 00:00 UTC',
        },
      },
    });
  });

  test.each<[NotificationReason, string]>([
    ['first', 'trigger'],
    ['worse', 'trigger'],
    ['repeat', 'trigger'],
    ['resolved', 'resolve'],
    ['withdrawn', 'resolve'],
  ])('%s is a %s under the key of the group', async (reason, action) => {
    const { url, requests } = await receiver();
    await (await open(url)).send(notification({ reason, group: 'g' }), ['service'], undefined, never);
    expect(requests.map(({ body }) => eventOf(body))).toMatchObject([{ event_action: action, dedup_key: 'g' }]);
  });

  test('a key that is too long stays the same key, shorter', async () => {
    const { url, requests } = await receiver();
    const instance = await open(url);
    for (const reason of ['first', 'resolved'] as const) {
      await instance.send(notification({ reason, group: 'g'.repeat(300) }), ['service'], undefined, never);
    }
    const [first, second] = requests.map(({ body }) => eventOf(body).dedup_key);
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(second).toBe(first);
  });

  test('a test leaves nothing open', async () => {
    const { url, requests } = await receiver();
    const message = notification({ kind: 'test', severity: 'info', group: 'test-1', alerts: [], alertCount: 0 });
    await (await open(url)).send(message, ['service'], undefined, never);
    const events = requests.map(({ body }) => eventOf(body));
    expect(events.map((event) => [event.event_action, event.dedup_key])).toEqual([
      ['trigger', 'test-1'],
      ['resolve', 'test-1'],
    ]);
  });

  test('a digest is one incident that counts what it does not list', async () => {
    const { url, requests } = await receiver();
    await (await open(url)).send(digest(50, 20_000), ['service'], undefined, never);
    expect(requests).toHaveLength(1);
    const { payload } = eventOf(requests[0]?.body ?? '');
    expect(payload?.summary).toBe('First day: 20000 alerts, the worst critical');
    expect(payload?.custom_details['alerts']).toHaveLength(51);
    expect(JSON.stringify(payload)).toContain('and 19950 more');
  });

  test('says why an event was refused, without the key', async () => {
    const { url } = await receiver((request, response) => {
      const errors = [`unknown key ${eventOf(request.body).routing_key}`];
      response.writeHead(400).end(JSON.stringify({ status: 'invalid event', errors }));
    });
    const [result] = await (await open(url)).send(notification(), ['service'], undefined, never);
    expect(result).toMatchObject({ status: 'failed', reason: 'rejected', retryable: false });
    expect(JSON.stringify(result)).toContain('unknown key …');
    expect(JSON.stringify(result)).not.toContain(KEY);
  });

  test('keeps to two events a second for one key', async () => {
    const { url } = await receiver();
    const bench = createChannelContext({ key: KEY });
    const asked: unknown[] = [];
    const limit: typeof bench.context.limit = (key, rate) => {
      asked.push([key, rate]);
      return bench.context.limit(key, rate);
    };
    const instance = await pagerduty.create(pagerduty.options.parse({ url, routing_key_file: 'key' }), {
      ...bench.context,
      limit,
    });
    await instance.send(notification(), ['service'], undefined, never);
    expect(asked).toEqual([['pagerduty:key', { perSecond: 2, concurrency: 1 }]]);
  });

  test('verify reads the key and opens nothing', async () => {
    const { url, requests } = await receiver();
    await (await open(url)).verify?.(never);
    expect(requests).toEqual([]);
    const bench = createChannelContext({ key: '<html>log in</html> ' });
    const wrong = await pagerduty.create(pagerduty.options.parse({ routing_key_file: 'key' }), bench.context);
    await expect(wrong.verify?.(never)).rejects.toThrow('holds what no key holds');
  });

  test('needs a key, and not in the config itself', async () => {
    await expect(pagerduty.create(pagerduty.options.parse({}), createChannelContext().context)).rejects.toThrow(
      'routing_key_file',
    );
    expect(pagerduty.options.safeParse({ routing_key: KEY }).success).toBe(false);
  });

  test('an alert without places still has a source', async () => {
    const { url, requests } = await receiver();
    const alerts = [notice({ places: [], placeCount: 0, title: '\u202e' })];
    await (await open(url)).send(notification({ alerts }), ['service'], undefined, never);
    expect(eventOf(requests[0]?.body ?? '').payload?.source).toBe('notafter');
  });
});
