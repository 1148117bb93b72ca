import { hash } from 'bcryptjs';
import { beforeAll, describe, expect, test } from 'vitest';

import { createBuckets } from '../../src/web/access/buckets.ts';
import type { AccessOptions } from '../../src/web/access/gate.ts';
import { isOwnHost } from '../../src/web/access/host.ts';
import { createLogin } from '../../src/web/access/login.ts';
import { isOwnOrigin } from '../../src/web/access/origin.ts';
import { createApp } from '../../src/web/app.ts';
import type { WebParts } from '../../src/web/parts.ts';
import { openGate } from '../helpers/web-stage.ts';
import { selfSigned } from '../helpers/pki.ts';

const TOKEN = 'a-token-of-some-length';
let secretHash: string;
let otherHash: string;
beforeAll(async () => {
  [secretHash, otherHash] = await Promise.all([hash('secret', 4), hash('other', 4)]);
});

interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly from?: string;
  readonly socket?: object;
}

/** The door alone: behind it nothing but reload. */
function door(options: Partial<AccessOptions> = {}, clock = { at: 0, now: () => clock.at }) {
  const calls: string[] = [];
  const parts: Partial<WebParts> = {
    version: '1',
    headers: () => new Map(),
    gate: openGate(clock, options),
    notReady: () => [],
    runbook: async () => undefined,
    async reload() {
      calls.push('reload');
      return { ok: true };
    },
  };
  const app = createApp(parts as WebParts);
  return {
    calls,
    async ask(path: string, { method = 'GET', headers = {}, from = '10.0.0.9', socket = {} }: Ask = {}) {
      const answer = await app.request(
        `http://127.0.0.1:9919${path}`,
        { method, headers: { host: '127.0.0.1:9919', ...headers } },
        { incoming: { socket: { remoteAddress: from, ...socket } } },
      );
      return { status: answer.status, text: await answer.text(), headers: answer.headers };
    },
  };
}

const basic = (user: string, password: string): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});
const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
const token = (scope: 'read' | 'write', value = TOKEN) => ({ name: scope, scope, read: async () => value });

describe('the host that is asked for', () => {
  test.each([
    ['127.0.0.1:9919', true],
    ['[::1]:9919', true],
    ['10.1.2.3', true],
    ['localhost', true],
    ['notafter:9919', true],
    ['notafter.monitoring.svc:9919', true],
    ['laptop.local', true],
    ['watch.example.com', true],
    ['WATCH.example.com.:443', true],
    ['evil.example', false],
    ['watch.example.com.evil.example', false],
    ['127.0.0.1.evil.example', false],
    ['', false],
    [undefined, false],
    ['a b', false],
    ['evil.example@127.0.0.1', false],
    ['127.0.0.1:9919:1', false],
  ])('%s is ours: %s', (host, isOurs) => {
    expect(isOwnHost(host, ['watch.example.com'])).toBe(isOurs);
  });

  test('is looked at for every path, so that no page can be read by a name that was bound anew', async () => {
    const { ask } = door();
    for (const path of ['/', '/metrics', '/-/healthy', '/api/v1/alerts', '/assets/style.css']) {
      const answer = await ask(path, { headers: { host: 'evil.example' } });
      expect([path, answer.status]).toEqual([path, 421]);
      expect(answer.text).toContain('web.allowed_hosts');
    }
  });
});

describe('the origin of a change', () => {
  const ours = { method: 'POST', host: 'x:1', origin: undefined, fetchSite: undefined, contentType: undefined };
  test.each<[string, Partial<Parameters<typeof isOwnOrigin>[0]>, boolean]>([
    ['no browser', {}, true],
    ['our page', { origin: 'http://x:1' }, true],
    ['our page behind a proxy', { origin: 'https://watch.example.com' }, true],
    ['a strange page', { origin: 'http://y:1' }, false],
    ['a page that hides', { origin: 'null' }, false],
    ['no address', { origin: 'x:1' }, false],
    ['a strange page, by the word of the browser', { fetchSite: 'cross-site' }, false],
    ['another host of our site', { fetchSite: 'same-site', origin: 'http://x:1' }, false],
    ['a form without a word of where it comes from', { contentType: 'application/x-www-form-urlencoded' }, false],
    ['a text, likewise', { contentType: 'Text/Plain; charset=utf-8' }, false],
    ['a form of ours', { contentType: 'application/x-www-form-urlencoded', fetchSite: 'same-origin' }, true],
    ['reading', { method: 'GET', origin: 'http://y:1' }, true],
  ])('%s', (_name, request, isOurs) => {
    expect(isOwnOrigin({ ...ours, ...request }, 'https://watch.example.com')).toBe(isOurs);
  });
});

describe('a login', () => {
  test.each<[string, () => Record<string, string>, number]>([
    ['nobody', () => ({}), 401],
    ['the right password', () => basic('anna', 'secret'), 200],
    ['a wrong password', () => basic('anna', 'secret2'), 401],
    ['the password of another', () => basic('anna', 'other'), 401],
    ['a name that nobody has', () => basic('nobody', 'secret'), 401],
    ['the hash itself', () => basic('anna', secretHash), 401],
    ['a password that is too long', () => basic('anna', `${'x'.repeat(72)}secret`), 401],
    ['a token that may write', () => bearer(TOKEN), 200],
    ['a token as a password', () => basic('calendar', TOKEN), 200],
    ['a wrong token', () => bearer(`${TOKEN}x`), 401],
    ['another scheme', () => ({ authorization: 'Digest x' }), 401],
    ['nonsense', () => ({ authorization: 'Basic' }), 401],
    ['no colon', () => ({ authorization: `Basic ${Buffer.from('anna').toString('base64')}` }), 401],
  ])('with %s', async (_name, headers, status) => {
    const { ask, calls } = door({
      users: new Map([
        ['anna', secretHash],
        ['otto', otherHash],
      ]),
      tokens: [token('write')],
    });
    const answer = await ask('/-/reload', { method: 'POST', headers: headers() });
    expect(answer.status).toBe(status);
    expect(calls).toEqual(status === 200 ? ['reload'] : []);
    expect(answer.headers.get('www-authenticate')).toBe(
      status === 401 ? 'Basic realm="notafter", charset="UTF-8"' : null,
    );
  });

  test('is asked for on every path but those of probes', async () => {
    const { ask } = door({ tokens: [token('read')] });
    for (const path of [
      '/',
      '/metrics',
      '/sd',
      '/openapi.json',
      '/calendar.ics',
      '/assets/style.css',
      '/api/v1/status',
      '/no',
    ]) {
      expect([path, (await ask(path)).status]).toEqual([path, 401]);
    }
    expect((await ask('/-/healthy')).status).toBe(200);
    expect((await ask('/-/ready')).status).toBe(200);
  });

  test('with a token for reading changes nothing', async () => {
    const { ask, calls } = door({ tokens: [token('read')] });
    expect((await ask('/openapi.json', { headers: bearer(TOKEN) })).status).toBe(200);
    const answer = await ask('/-/reload', { method: 'POST', headers: bearer(TOKEN) });
    expect([answer.status, answer.text, calls]).toEqual([403, 'this token may only read\n', []]);
  });

  test('with a token that can be guessed is refused, though it is right', async () => {
    const { ask } = door({ tokens: [token('read', 'short')] });
    expect((await ask('/openapi.json', { headers: bearer('short') })).status).toBe(401);
  });

  test('from another origin changes nothing: the browser sends the password along', async () => {
    const { ask, calls } = door({ users: new Map([['anna', secretHash]]) });
    const headers = { ...basic('anna', 'secret'), origin: 'https://evil.example' };
    expect((await ask('/-/reload', { method: 'POST', headers })).status).toBe(403);
    expect(calls).toEqual([]);
  });

  test('that was good is remembered for its own name, password and hash alone', async () => {
    const login = createLogin(Buffer.alloc(32, 1));
    const users = new Map([['anna', secretHash]]);
    const header = basic('anna', 'secret')['authorization'];
    expect(await login(header, { users, tokens: [] })).toEqual({ name: 'anna', scope: 'write' });
    expect(await login(header, { users: new Map([['anna', otherHash]]), tokens: [] })).toBe('wrong');
    expect(await login(header, { users: new Map([['annas', secretHash]]), tokens: [] })).toBe('wrong');
    expect(await login(basic('anna', 'secret ')['authorization'], { users, tokens: [] })).toBe('wrong');
    expect(await login(header, { users, tokens: [] })).toEqual({ name: 'anna', scope: 'write' });
  });

  test('costs who guesses: after ten of an address no more are looked at for a while', async () => {
    const clock = { at: 1_000_000, now: () => clock.at };
    const { ask } = door({ users: new Map([['anna', secretHash]]) }, clock);
    const statuses = [];
    for (let guess = 0; guess < 12; guess++) {
      statuses.push((await ask('/sd', { headers: basic('anna', `${guess}`) })).status);
    }
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 401), 429, 429]);
    const refused = await ask('/openapi.json', { headers: basic('anna', 'secret') });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '6']);
    expect((await ask('/openapi.json', { headers: basic('anna', 'secret'), from: '10.0.0.8' })).status).toBe(200);
    clock.at += 6_001;
    expect((await ask('/openapi.json', { headers: basic('anna', 'secret') })).status).toBe(200);
    // Who is right is not counted.
    for (let turn = 0; turn < 20; turn++) {
      expect((await ask('/openapi.json', { headers: basic('anna', 'secret'), from: '10.0.0.7' })).status).toBe(200);
    }
  });
});

describe('without a login', () => {
  test('who listens on this machine alone lets all do all', async () => {
    const { ask, calls } = door();
    expect((await ask('/-/reload', { method: 'POST' })).status).toBe(200);
    expect(calls).toEqual(['reload']);
  });

  test('who was told to listen beyond it lets others read, and only this machine change', async () => {
    const { ask, calls } = door({ isLoopback: false });
    expect((await ask('/openapi.json')).status).toBe(200);
    const answer = await ask('/-/reload', { method: 'POST' });
    expect([answer.status, calls]).toEqual([403, []]);
    expect(answer.text).toContain('web.basic_auth_users');
    for (const from of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) {
      expect((await ask('/-/reload', { method: 'POST', from })).status).toBe(200);
    }
  });

  test('a client certificate is one, where its name is among those that are allowed', async () => {
    const { der } = selfSigned({ commonName: 'anna', names: ['anna.example.com', 'x, DNS:admin.example.com'] });
    const socket = { getPeerX509Certificate: () => ({ raw: der }) };
    const options = { isLoopback: false, hasClientCertificates: true };
    const may = async (clientNames: readonly string[]): Promise<number> =>
      (await door({ ...options, clientNames }).ask('/-/reload', { method: 'POST', socket })).status;
    expect(await may([])).toBe(200);
    expect(await may(['other.example.com', 'ANNA.example.com'])).toBe(200);
    expect(await may(['admin.example.com'])).toBe(403);
    expect((await door({ ...options, clientNames: ['anna.example.com'] }).ask('/sd')).status).toBe(403);
  });
});

describe('who asks too often', () => {
  test('waits, and others do not', async () => {
    const clock = { at: 5_000, now: () => clock.at };
    const { ask } = door({ rate: { intervalMs: 1_000, burst: 3 } }, clock);
    const from = async (address: string) => ask('/openapi.json', { from: address });
    const statuses = [];
    for (let turn = 0; turn < 5; turn++) statuses.push((await from('10.0.0.1')).status);
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    expect((await from('10.0.0.1')).headers.get('retry-after')).toBe('1');
    expect((await from('10.0.0.2')).status).toBe(200);
    clock.at += 1_000;
    expect([(await from('10.0.0.1')).status, (await from('10.0.0.1')).status]).toEqual([200, 429]);
  });

  test('does not fill the memory', () => {
    const buckets = createBuckets();
    const rate = { intervalMs: 1_000, burst: 1 };
    expect(buckets.take('first', 0, rate)).toBe(0);
    for (let client = 0; client < 10_001; client++) buckets.take(`c${client}`, 0, rate);
    expect(buckets.take('first', 0, rate)).toBe(0);
    expect(buckets.take('c10000', 0, rate)).toBeGreaterThan(0);
  });

  test('together with very many others is sent away, not left to wait', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const parts: Partial<WebParts> = {
      version: '1',
      headers: () => new Map(),
      gate: openGate({ now: () => 0 }),
      notReady: () => [],
      runbook: async () => {
        await promise;
        return 'text';
      },
    };
    const app = createApp(parts as WebParts);
    const asked = Array.from({ length: 1_000 }, async () =>
      app.request('http://127.0.0.1/runbooks/expired', { headers: { host: '127.0.0.1' } }),
    );
    await new Promise(setImmediate);
    expect((await app.request('http://127.0.0.1/-/healthy', { headers: { host: '127.0.0.1' } })).status).toBe(200);
    resolve();
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    expect([
      statuses.filter((status) => status === 200).length,
      statuses.filter((status) => status === 503).length,
    ]).toEqual([256, 744]);
  });
});
