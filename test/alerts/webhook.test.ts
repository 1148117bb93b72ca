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
import {
  digest,
  HOSTILE_TEXTS,
  hostileNotice,
  hugeNotice,
  notice,
  notification,
  place,
} from '../helpers/notifications.ts';

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
      occasion: null,
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
          state: 'open',
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

  describe('with a template', () => {
    const body =
      '{"text": "{{ headline }}", "alerts": [{{#each alerts}}{"title": "{{ title }}", "places": {{ places | json }}}{{#unless @last}},{{/unless}}{{/each}}]}';

    async function sent(options: object, message = notification()): Promise<Receiver['requests'][number]> {
      const { url, requests } = await receiver();
      const [result] = await (await opened({ url, ...options })).send(message, ['webhook'], undefined, never);
      expect(result).toEqual({ recipient: 'webhook', status: 'delivered' });
      return requests[0] as Receiver['requests'][number];
    }

    test('the body and the headers are what it makes of them', async () => {
      const request = await sent({ body, headers: { Title: '{{ severity | upper }}: {{ alerts.0.title }}' } });
      expect(request.headers['title']).toBe('CRITICAL: api.example.com');
      expect(request.headers['content-type']).toBe('application/json; charset=utf-8');
      expect(JSON.parse(request.body)).toMatchObject({
        text: 'Critical: api.example.com ends in 4 days (2 places)',
        alerts: [{ title: 'api.example.com', places: [{ location: 'api.example.com:443@10.0.0.7' }, {}] }],
      });
    });

    test('the signature is that of the body as it is sent', async () => {
      const { url, requests } = await receiver();
      const instance = await opened({ url, body, secret_file: 'key' }, { key: 'a secret' });
      await instance.send(notification(), ['webhook'], undefined, never);
      const seconds = Date.UTC(2027, 0, 1) / 1000;
      const expected = createHmac('sha256', 'a secret').update(`${seconds}.${requests[0]?.body}`).digest('hex');
      expect(requests[0]?.headers['x-notafter-signature']).toBe(`t=${seconds},v1=${expected}`);
    });

    test.each(HOSTILE_TEXTS.map((text) => [JSON.stringify(text), text]))(
      'hostile text stays text in every kind of body: %s',
      async (_name, text) => {
        const message = notification({ alerts: [hostileNotice(text)] });
        const headers = { Title: '{{ alerts.0.title }}' };
        const json = await sent({ body, headers }, message);
        expect(Object.keys(JSON.parse(json.body) as object)).toEqual(['text', 'alerts']);
        expect(json.headers).not.toHaveProperty('bcc');
        expect(json.headers['title']).toMatch(/^[\u0020-\u007e]*$/);

        const value = '{{ alerts.0.title }}';
        const form = await sent({ body: `a=${value}&b=1`, content_type: 'application/x-www-form-urlencoded' }, message);
        expect([...new URLSearchParams(form.body).keys()]).toEqual(['a', 'b']);
        const html = await sent({ body: `<p title="${value}">${value}</p>`, content_type: 'text/html' }, message);
        expect(html.body.match(/[<>"]/g)).toEqual(['<', '"', '"', '>', '<', '>']);
        const plain = await sent({ body: `${value}\n`, content_type: 'text/plain' }, message);
        expect(plain.body.match(/[\p{Cc}\u202e\u2028]/gu)).toEqual(['\n']);
      },
    );

    test.each([
      ['a test', notification({ kind: 'test', alerts: [], alertCount: 0 })],
      ['a digest', digest(50, 12_345)],
      ['an alert as large as one can be', notification({ alerts: [hugeNotice()] })],
    ])('%s fills it too', async (_name, message) => {
      const request = await sent(
        {
          body: '{"text": "{{ headline }}", "titles": [{{#each alerts}}"{{ title }}"{{#unless @last}},{{/unless}}{{/each}}]}',
        },
        message,
      );
      expect(JSON.parse(request.body)).toHaveProperty('titles.length', message.alerts.length);
    });

    test('a message that grows too long for it waits, and says so', async () => {
      const { url, requests } = await receiver();
      const alerts = Array.from({ length: 50 }, () => hugeNotice());
      const long = '{{#each alerts}}{{#each actions}}{{ this }}{{/each}}{{/each}}';
      const instance = await opened({ url, body: long, content_type: 'text/plain' });
      const [result] = await instance.send({ ...digest(50), alerts }, ['webhook'], undefined, never);
      expect(result).toMatchObject({
        reason: 'internal',
        retryable: true,
        detail: 'filled, it is longer than 262144 characters',
      });
      expect(requests).toEqual([]);
    });

    test.each<[string, object, string]>([
      [
        'a name that no notification has',
        { body: '{"a": "{{ headlin }}"}' },
        'there is no "headlin" here (line 1, column 8)',
      ],
      ['a body that is no JSON', { body: '{"a": {{ headline }}}' }, 'it is no JSON'],
      [
        'a body that is no JSON for a test',
        { body: '[1{{#unless alerts}},{{/unless}}]' },
        'filled with a test, it is no JSON',
      ],
      ['a block that is open', { body: '{{#each alerts}}' }, 'is never closed'],
      ['a header with a name that does not exist', { headers: { Title: '{{ title }}' } }, 'there is no "title"'],
      ['a type of its own', { content_type: 'text/plain' }, 'without a body, JSON is sent'],
    ])('the config check refuses %s', (_name, options, message) => {
      const { error } = webhook.options.safeParse({ url: 'https://a.example/', ...options });
      expect(JSON.stringify(error?.issues)).toContain(JSON.stringify(message).slice(1, -1));
    });
  });

  test('sends a token from a file, by the scheme that is asked for, and repeats it nowhere', async () => {
    const started = await startReceiver((request, response) =>
      response.writeHead(401).end(`no: ${String(request.headers.authorization)}`),
    );
    receivers.push(started);
    const options = { url: started.url, token_file: 'token', token_scheme: 'GenieKey' };
    const instance = await opened(options, { token: CANARY });
    const [result] = await instance.send(notification(), ['webhook'], undefined, never);
    expect(started.requests[0]?.headers.authorization).toBe(`GenieKey ${CANARY}`);
    expect(result).toMatchObject({ reason: 'authentication', detail: 'HTTP 401: no: GenieKey …' });
  });

  test('verify reads what it needs and posts nothing', async () => {
    const { url, requests } = await receiver();
    await (await opened({ url, token_file: 'token' }, { token: 'a' })).verify?.(never);
    await expect((await opened({ url, token_file: 'token' })).verify?.(never)).rejects.toThrow('cannot be read');
    expect(requests).toEqual([]);
  });

  test.each<[string, object]>([
    ['no URL', {}],
    ['two URLs', { url: 'https://a.example/', url_file: 'url' }],
    ['a URL with a password', { url: 'https://user:pass@a.example/' }],
    ['two tokens', { url: 'https://a.example/', token_file: 't', headers: { authorization: 'x' } }],
    ['a secret given twice', { url: 'https://a.example/', secret: '${KEY}', secret_file: 'key' }],
  ])('refuses %s', async (_name, options) => {
    await expect(opened(options)).rejects.toThrow(/url|URL|secret|token/);
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
