import { createHmac } from 'node:crypto';

import { afterEach, describe, expect, test } from 'vitest';

import { webhook } from '../../alerts/webhook/index.ts';
import { MAX_TEXT } from '../../src/plugin/payload.ts';
import {
  CANARY,
  describeHttpChannel,
  startReceiver,
  type HttpChannelUnderTest,
  type Receiver,
} from '../contract/channel.ts';
import { createChannelContext } from '../helpers/channel-context.ts';
import { notice, notification, place } from '../helpers/notifications.ts';

const never = new AbortController().signal;

const checks: Pick<HttpChannelUnderTest, 'expectHarmless' | 'expectWithinLimits'> = {
  expectHarmless(body, hostile) {
    // JSON carries any text as it is: what is read is what was written, in its own field.
    const [alert] = (JSON.parse(body) as { alerts: [{ title: string; facts: [{ name: string }] }] }).alerts;
    expect(alert.title.isWellFormed() ? alert.title : hostile).toBe(hostile);
    expect(body).not.toMatch(/[\n\r]/);
  },
  expectWithinLimits(body) {
    let longest = 0;
    JSON.parse(body, (_key, value: unknown) => {
      if (typeof value === 'string') longest = Math.max(longest, value.length);
      return value;
    });
    expect(longest).toBeLessThanOrEqual(MAX_TEXT);
  },
};

describeHttpChannel({
  name: 'webhook',
  secrets: (url) => ({ url: `${url}/hooks/${CANARY}?token=${CANARY}`, key: `key-${CANARY}` }),
  open: (_url, { context }) =>
    webhook.create(
      webhook.options.parse({ url_file: 'url', secret_file: 'key', headers: { 'X-Team': `team-${CANARY}` } }),
      context,
    ),
  take: (_request, response) => response.writeHead(204).end(),
  expected(status) {
    if (status >= 200 && status < 300) return undefined;
    if (status === 401 || status === 403 || status === 407) return { reason: 'authentication', retryable: false };
    if (status === 408) return { reason: 'timeout', retryable: true };
    if (status === 425) return { reason: 'server_error', retryable: true };
    if (status === 429) return { reason: 'rate_limited', retryable: true };
    return status < 500 ? { reason: 'rejected', retryable: false } : { reason: 'server_error', retryable: true };
  },
  ...checks,
});

describe('webhook', () => {
  const receivers: Receiver[] = [];

  afterEach(async () => {
    for (const started of receivers.splice(0)) await started.close();
  });

  async function receiver(status = 200, body = ''): Promise<Receiver> {
    const started = await startReceiver((_request, response) => response.writeHead(status).end(body));
    receivers.push(started);
    return started;
  }

  async function opened(options: object, secrets: Record<string, string> = {}): ReturnType<typeof webhook.create> {
    return webhook.create(webhook.options.parse(options), createChannelContext(secrets).context);
  }

  test('posts the documented JSON', async () => {
    const { url, requests } = await receiver();
    const instance = await opened({ url: `${url}/hook?a=b`, headers: { 'X-Team': 'payments' } });
    const message = notification({
      reason: 'worse',
      alerts: [notice({ places: [place()], placeCount: 1, facts: [{ name: 'Serial', value: '0A' }] })],
    });
    expect(await instance.send(message, ['webhook'], undefined, never)).toEqual([
      { recipient: 'webhook', status: 'delivered' },
    ]);

    const [request] = requests;
    expect(request?.path).toBe('/hook?a=b');
    expect(request?.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'idempotency-key': message.id,
      'user-agent': 'notafter/test',
      'x-team': 'payments',
    });
    expect(request?.headers).not.toHaveProperty('x-notafter-signature');
    expect(JSON.parse(request?.body ?? '')).toEqual({
      version: 1,
      id: 'a1b2c3d4e5f60718293a4b5c6d7e8f90',
      kind: 'alert',
      reason: 'worse',
      severity: 'critical',
      at: '2027-01-01T00:00:00.000Z',
      group: '0123456789abcdef',
      headline: 'Worse, now critical: api.example.com ends in 4 days',
      alert_count: 1,
      alerts: [
        {
          id: '0123456789abcdef',
          family: 'expiry',
          cause: 'f'.repeat(64),
          severity: 'critical',
          rules: ['expiring'],
          title: 'api.example.com',
          summary: 'api.example.com ends in 4 days, 2027-01-05 12:00 UTC, at api.example.com:443@10.0.0.7',
          ends_at: '2027-01-05T12:00:00.000Z',
          opened_at: '2027-01-01T00:00:00.000Z',
          facts: [{ name: 'Serial', value: '0A' }],
          places: [
            {
              source: 'partners',
              location: 'api.example.com:443@10.0.0.7',
              rules: ['expiring'],
              severity: 'critical',
              summary: 'api.example.com ends in 4 days',
              labels: { owner: 'payments' },
              state: 'open',
            },
          ],
          place_count: 1,
          actions: ['Renew api.example.com, issued by CN=R11', 'Prove it: notafter check api.example.com:443'],
          runbook_url: 'https://notafter.example/runbooks/expiring',
        },
      ],
      external_url: 'https://notafter.example/',
    });
  });

  test('signs time and body with the secret', async () => {
    const { url, requests } = await receiver();
    const instance = await opened({ url, secret_file: 'key' }, { key: 'a secret' });
    await instance.send(notification(), ['webhook'], undefined, never);

    const [request] = requests;
    const [, seconds, signature] =
      /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(request?.headers['x-notafter-signature'])) ?? [];
    expect(Number(seconds)).toBe(Date.UTC(2027, 0, 1) / 1000);
    expect(signature).toBe(createHmac('sha256', 'a secret').update(`${seconds}.${request?.body}`).digest('hex'));
  });

  test('an attempt that is repeated is the same to the receiver', async () => {
    const { url, requests } = await receiver();
    const instance = await opened({ url });
    for (let attempt = 0; attempt < 2; attempt += 1) await instance.send(notification(), ['webhook'], undefined, never);
    expect(requests[1]?.headers['idempotency-key']).toBe(requests[0]?.headers['idempotency-key']);
    expect(requests[1]?.body).toBe(requests[0]?.body);
  });

  test('says what the receiver said, in short', async () => {
    const { url } = await receiver(422, '{"error":"unknown field severity"}');
    const [result] = await (await opened({ url })).send(notification(), ['webhook'], undefined, never);
    expect(result).toMatchObject({ reason: 'rejected', detail: 'HTTP 422: {"error":"unknown field severity"}' });
  });

  test('does not repeat a page of HTML', async () => {
    const { url } = await receiver(502, '<html>Bad gateway</html>');
    const [result] = await (await opened({ url })).send(notification(), ['webhook'], undefined, never);
    expect(result).toMatchObject({ reason: 'server_error', detail: 'HTTP 502' });
  });

  test.each<[string, object]>([
    ['no URL', {}],
    ['two URLs', { url: 'https://a.example/', url_file: 'url' }],
    ['a URL with a password', { url: 'https://user:pass@a.example/' }],
    ['a secret given twice', { url: 'https://a.example/', secret: '${KEY}', secret_file: 'key' }],
  ])('refuses %s', async (_name, options) => {
    await expect(opened(options)).rejects.toThrow(/url|URL|secret/);
  });

  test.each<[string, object]>([
    ['a secret in the config', { url: 'https://a.example/', secret: 'plain' }],
    ['a header of ours', { url: 'https://a.example/', headers: { 'X-Notafter-Signature': 'x' } }],
    ['a header that breaks the line', { url: 'https://a.example/', headers: { 'X-A': 'x\r\nX-B: y' } }],
    ['a URL that is none of the web', { url: 'ftp://a.example/' }],
    ['an option that does not exist', { url: 'https://a.example/', urls: [] }],
  ])('the config check refuses %s', (_name, options) => {
    expect(webhook.options.safeParse(options).success).toBe(false);
  });
});
