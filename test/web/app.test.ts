import { beforeEach, describe, expect, test } from 'vitest';

import { createApp } from '../../src/web/app.ts';
import type { WebParts } from '../../src/web/parts.ts';

import { LOCAL, openGate } from '../helpers/web-stage.ts';

const HOST = 'notafter.example:9919';

let calls: string[];
let logged: { readonly fields: object; readonly message: string }[];

beforeEach(() => {
  calls = [];
  logged = [];
});

function appOf(overrides: Partial<WebParts> = {}): ReturnType<typeof createApp> {
  const log = (fields: object, message: string): void => void logged.push({ fields, message });
  const parts: Partial<WebParts> = {
    metrics: {
      exposition: async () => ({
        contentType: 'text/plain; version=0.0.4; charset=utf-8',
        length: 14,
        chunks: [Buffer.from('notafter'), Buffer.from('_up 1\n')],
      }),
    } as unknown as WebParts['metrics'],
    version: '1.2.3',
    log: { debug: log, info: log, warn: log, error: log },
    notReady: () => [],
    async reload() {
      calls.push('reload');
      return { ok: true };
    },
    forecast: async (period) => {
      calls.push(`forecast ${new Date(period.fromAt).toISOString()} ${new Date(period.untilAt).toISOString()}`);
      return { ...period, outlooks: [], cut: [] };
    },
    headers: () => new Map(),
    gate: openGate({ now: () => 0 }, { hosts: ['notafter.example'] }),
    now: () => Date.UTC(2026, 10, 23),
    runbook: async (rule) => (rule === 'expired' ? '# expired\n' : undefined),
    alertRunbook: async (id) => (id === 'feedfeedfeedfeed' ? 'busy' : undefined),
    async testChannel(name) {
      calls.push(`test ${name}`);
      return name === 'mail'
        ? { ok: true, lines: ['a@example.com: delivered'] }
        : name === 'broken'
          ? { ok: false, lines: ['x: timeout: no answer'] }
          : undefined;
    },
    ...overrides,
  };
  // What is asked for here needs no more of the daemon than this.
  return createApp(parts as WebParts);
}

async function ask(
  path: string,
  init: { readonly method?: string; readonly headers?: Readonly<Record<string, string>> } = {},
  overrides: Partial<WebParts> = {},
): Promise<{ status: number; type: string; text: string; headers: Headers }> {
  const answer = await appOf(overrides).request(
    `http://${HOST}${path}`,
    {
      ...init,
      headers: { host: HOST, ...init.headers },
    },
    LOCAL,
  );
  return {
    status: answer.status,
    type: answer.headers.get('content-type') ?? '',
    text: await answer.text(),
    headers: answer.headers,
  };
}

const post = { method: 'POST' };

describe('what is served', () => {
  test('/metrics is the exposition with its own type', async () => {
    expect(await ask('/metrics')).toMatchObject({
      status: 200,
      type: 'text/plain; version=0.0.4; charset=utf-8',
      text: 'notafter_up 1\n',
    });
  });

  test('/-/healthy is there as soon as anything is', async () => {
    expect(await ask('/-/healthy', {}, { notReady: () => ['starting'] })).toMatchObject({
      status: 200,
      text: 'healthy\n',
    });
  });

  test('/-/ready says why it is not, until it is', async () => {
    expect(await ask('/-/ready', {}, { notReady: () => ['starting', 'the store is slow'] })).toMatchObject({
      status: 503,
      text: 'not ready: starting; the store is slow\n',
    });
    expect(await ask('/-/ready')).toMatchObject({ status: 200, text: 'ready\n' });
  });

  test('GET /-/reload says how a reload is asked for', async () => {
    expect(await ask('/-/reload')).toMatchObject({ status: 405, text: 'a reload is asked for by POST\n' });
  });

  test('POST /-/reload says what came of it', async () => {
    expect(await ask('/-/reload', post)).toMatchObject({ status: 200, text: 'reloaded\n' });
    const refused = await ask('/-/reload', post, {
      reload: async () => ({ ok: false, problems: ['notafter.yaml:1:1: no', 'notafter.yaml:2:1: no'] }),
    });
    expect(refused).toMatchObject({
      status: 400,
      text: 'not reloaded, the old config stays in force\nnotafter.yaml:1:1: no\nnotafter.yaml:2:1: no\n',
    });
  });

  test.each([
    ['mail', 200, { ok: true, lines: ['a@example.com: delivered'] }],
    ['broken', 502, { ok: false, lines: ['x: timeout: no answer'] }],
    ['nosuch', 404, { ok: false, lines: ['there is no such channel'] }],
  ])('a test of the channel %s answers %i', async (name, status, body) => {
    const answer = await ask(`/api/v1/channels/${name}/test`, post);
    expect([answer.status, JSON.parse(answer.text)]).toEqual([status, body]);
  });

  test('the name of a channel may hold anything', async () => {
    await ask(`/api/v1/channels/${encodeURIComponent('a b/ö')}/test`, post);
    expect(calls).toEqual(['test a b/ö']);
  });

  test('a runbook is there for every rule and for nothing else', async () => {
    expect(await ask('/runbooks/expired')).toMatchObject({ status: 200, text: '# expired\n' });
    expect((await ask('/runbooks/alerts/0123456789abcdef')).status).toBe(404);
    expect((await ask('/runbooks/alerts/feedfeedfeedfeed')).status).toBe(503);
    for (const id of ['..%2f..%2fetc%2fpasswd', 'FEEDFEEDFEEDFEED', 'feed']) {
      const given = await ask(`/runbooks/alerts/${id}`, {}, { alertRunbook: () => Promise.reject(new Error('asked')) });
      expect(given.status).toBe(404);
    }
    const asked: string[] = [];
    const runbook = async (rule: string): Promise<undefined> => void asked.push(rule);
    for (const path of ['/runbooks/nosuch', '/runbooks/..%2f..%2f..%2fetc%2fpasswd', '/runbooks/expired%00']) {
      expect((await ask(path, {}, { runbook })).status, path).toBe(404);
    }
    expect(asked).toContain('../../../etc/passwd');
    expect((await ask('/runbooks/../../etc/passwd')).status).toBe(404);
  });

  test.each(['/metrics', '/-/healthy', '/-/ready', '/runbooks/expired'])(
    'HEAD %s is GET without the text',
    async (path) => {
      const [head, get] = [await ask(path, { method: 'HEAD' }), await ask(path)];
      expect(head).toMatchObject({ status: get.status, type: get.type, text: '' });
    },
  );
});

describe('what is refused', () => {
  const posts = ['/-/reload', '/api/v1/channels/mail/test'];

  test.each(posts)('POST %s from a page of another origin', async (path) => {
    for (const origin of [
      'https://evil.example',
      'null',
      `http://evil.${HOST}`,
      'http://notafter.example:1',
      'nonsense',
    ]) {
      expect((await ask(path, { ...post, headers: { origin } })).status, origin).toBe(403);
    }
    expect(calls).toEqual([]);
  });

  test.each(posts)('but not POST %s from its own page or from what is no browser', async (path) => {
    expect((await ask(path, { ...post, headers: { origin: `http://${HOST}` } })).status).toBe(200);
    expect((await ask(path, post)).status).toBe(200);
    expect(calls).toHaveLength(2);
  });

  test('reading from another origin is allowed, since nothing lets its page see the answer', async () => {
    const { status, headers } = await ask('/metrics', { headers: { origin: 'https://evil.example' } });
    expect(status).toBe(200);
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });

  test.each(posts)('GET %s changes nothing', async (path) => {
    expect([404, 405]).toContain((await ask(path)).status);
    expect(calls).toEqual([]);
  });

  test.each(['/nosuch', '/metrics/', '/-/'])('%s is not there', async (path) => {
    expect(await ask(path)).toMatchObject({ status: 404, text: 'there is no such page\n' });
  });
});

describe('every answer', () => {
  const broken: Partial<WebParts> = {
    metrics: {
      exposition: () => Promise.reject(new Error('password=hunter2 in /var/lib/secret')),
    } as unknown as WebParts['metrics'],
  };

  test('to what failed is a plain 500 without details; those are in the log', async () => {
    const { status, type, text } = await ask('/metrics', {}, broken);

    expect([status, text]).toEqual([500, 'a fault inside notafter; its log says more\n']);
    expect(type).toContain('text/plain');
    expect(logged).toEqual([
      {
        fields: { method: 'GET', path: '/metrics', error: new Error('password=hunter2 in /var/lib/secret') },
        message: 'a request failed',
      },
    ]);
  });

  test.each([
    ['200', '/metrics', {}, {}],
    ['404', '/nosuch', {}, {}],
    ['403', '/-/reload', { ...post, headers: { origin: 'null' } }, {}],
    ['500', '/metrics', {}, broken],
    ['503', '/-/ready', {}, { notReady: () => ['starting'] }],
  ])('carries the security headers: %s', async (_name, path, init, overrides) => {
    const { headers } = await ask(path, init, overrides);
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('same-origin');
    expect(headers.get('x-frame-options')).toBe('SAMEORIGIN');
    expect(headers.get('x-powered-by')).toBeNull();
    // By the config alone: it would hold for all that the host name serves.
    expect(headers.get('strict-transport-security')).toBeNull();
  });

  test.each([
    ['/-/healthy', 200, {}],
    ['/nosuch', 404, {}],
    ['/metrics', 500, broken],
  ])('carries the headers of the config, on every answer and as they are now: %s', async (path, status, overrides) => {
    const own = new Map([['Strict-Transport-Security', 'max-age=60']]);
    const app = appOf({ ...overrides, headers: () => own });
    const get = async (): Promise<Headers> => {
      const answer = await app.request(`http://${HOST}${path}`, { headers: { host: HOST } }, LOCAL);
      expect(answer.status).toBe(status);
      return answer.headers;
    };
    expect((await get()).get('strict-transport-security')).toBe('max-age=60');
    own.set('Content-Security-Policy', "default-src 'self'").set('X-Frame-Options', 'deny');
    const headers = await get();
    expect(headers.get('content-security-policy')).toBe("default-src 'self'");
    expect(headers.get('x-frame-options')).toBe('deny');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });
});

describe('the forecast', () => {
  test('is of the next 90 days, or of the time that is asked for', async () => {
    const [plain, asked] = await Promise.all([
      ask('/api/v1/forecast'),
      ask('/api/v1/forecast?from=2026-12-18&until=2027-01-04'),
    ]);
    expect([plain.status, asked.status]).toEqual([200, 200]);
    expect(JSON.parse(asked.text)).toEqual({
      from: '2026-12-18T00:00:00.000Z',
      until: '2027-01-04T23:59:59.999Z',
      count: 0,
      outlooks: [],
      incomplete_locations: [],
      next: null,
    });
    expect(calls).toEqual([
      'forecast 2026-11-23T00:00:00.000Z 2027-02-21T00:00:00.000Z',
      'forecast 2026-12-18T00:00:00.000Z 2027-01-04T23:59:59.999Z',
    ]);
  });

  test('of no date says what a date looks like', async () => {
    const { status, text } = await ask('/api/v1/forecast?at=soon');
    expect(status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({
      detail: '"soon" is neither a date such as 2027-03-01 nor a time from now such as 90d',
    });
  });
});
