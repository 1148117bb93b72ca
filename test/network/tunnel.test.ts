import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { describe, expect, test } from 'vitest';

import { createNetwork } from '../../src/network/create-network.ts';
import type { Proxy } from '../../src/network/network.ts';
import { closedPort, startSilentServer, startTcpServer, startTlsServer } from '../helpers/loopback-servers.ts';
import { selfSigned } from '../helpers/pki.ts';
import { startHttpProxy, startSocksProxy } from '../helpers/proxies.ts';

const never = new AbortController().signal;
const network = createNetwork({ hostsFile: '/dev/null', resolvConf: '/dev/null' });
const LOGIN = { username: 'notafter', password: 'pass:wörd' };
const KINDS = [
  { scheme: 'socks5', start: startSocksProxy },
  { scheme: 'http', start: startHttpProxy },
] as const;

function proxyAt(scheme: Proxy['scheme'], port: number, login?: typeof LOGIN): Proxy {
  return {
    scheme,
    host: 'localhost',
    port,
    resolves: 'proxy',
    ...(login === undefined ? {} : { credentials: async () => login }),
  };
}

describe.each(KINDS)('a tunnel through a $scheme proxy', ({ scheme, start }) => {
  test('carries a TLS handshake to an address', async () => {
    const { pem, keyPem } = selfSigned();
    await using server = await startTlsServer({ cert: pem, key: keyPem });
    await using proxy = await start();

    const socket = await network.connectThrough(proxyAt(scheme, proxy.port), '127.0.0.1', server.port, never);
    const tls = connectTls({ socket, rejectUnauthorized: false, servername: 'api.example' });
    await once(tls, 'secureConnect');

    expect(proxy.asked).toEqual([`127.0.0.1:${server.port}`]);
    await expect.poll(() => server.serverNames).toEqual(['api.example']);
    tls.destroy();
  });

  test('lets the proxy look up a name', async () => {
    await using server = await startTcpServer((socket) => socket.end('hello'));
    await using proxy = await start({ names: { 'inside.example': '127.0.0.1' } });
    const socket = await network.connectThrough(proxyAt(scheme, proxy.port), 'inside.example', server.port, never);
    expect((await socket.toArray()).join('')).toBe('hello');
    expect(proxy.asked).toEqual([`inside.example:${server.port}`]);
  });

  test('writes an IPv6 address as such', async () => {
    await using server = await startTcpServer((socket) => socket.end('six'), { host: '::1' });
    await using proxy = await start();
    const socket = await network.connectThrough(proxyAt(scheme, proxy.port), '::1', server.port, never);
    expect((await socket.toArray()).join('')).toBe('six');
  });

  test('logs in', async () => {
    await using server = await startTcpServer((socket) => socket.end('in'));
    await using proxy = await start({ login: LOGIN });
    const socket = await network.connectThrough(proxyAt(scheme, proxy.port, LOGIN), '127.0.0.1', server.port, never);
    expect((await socket.toArray()).join('')).toBe('in');
  });

  test.each([
    ['no login', undefined, /^127\.0\.0\.1 port 443: the \w+ proxy localhost:\d+ wants a login/],
    ['a wrong login', { ...LOGIN, password: 'hunter2' }, /does not accept the username and the password/],
  ])('says that the proxy refuses %s, without the password', async (_what, login, message) => {
    await using proxy = await start({ login: LOGIN });
    await expect(
      network.connectThrough(proxyAt(scheme, proxy.port, login), '127.0.0.1', 443, never),
    ).rejects.toMatchObject({
      name: 'NetworkError',
      reason: 'authentication_failed',
      message: expect.toSatisfy((text: string) => message.test(text) && !text.includes('hunter2')),
    });
  });

  test('says that a login cannot be read, and where it was to be read from', async () => {
    await using proxy = await start({ login: LOGIN });
    const credentials = async (): Promise<never> => {
      throw new Error('the secret file /run/secrets/proxy cannot be read (ENOENT)');
    };
    await expect(
      network.connectThrough({ ...proxyAt(scheme, proxy.port), credentials }, '127.0.0.1', 443, never),
    ).rejects.toMatchObject({
      reason: 'authentication_failed',
      message: expect.stringContaining('/run/secrets/proxy'),
    });
    expect(proxy.connections).toEqual([]);
  });

  test('tells a target that cannot be reached from a proxy that cannot', async () => {
    await using proxy = await start();
    const port = await closedPort();
    await expect(network.connectThrough(proxyAt(scheme, proxy.port), '127.0.0.1', port, never)).rejects.toMatchObject({
      reason: scheme === 'socks5' ? 'refused' : 'unreachable',
      message: expect.stringMatching(/^127\.0\.0\.1 port \d+: the \w+ proxy localhost:\d+ (?:says|made no connection)/),
    });
    await expect(network.connectThrough(proxyAt(scheme, port), '127.0.0.1', proxy.port, never)).rejects.toMatchObject({
      reason: 'refused',
      message: expect.stringMatching(/^the \w+ proxy localhost:\d+ cannot be reached: 127\.0\.0\.1 port \d+ refused/),
    });
  });

  test('ends at its signal with a proxy that says nothing', async () => {
    await using proxy = await startSilentServer();
    const controller = new AbortController();
    const pending = network.connectThrough(proxyAt(scheme, proxy.port), '127.0.0.1', 443, controller.signal);
    pending.catch(() => undefined);
    await expect.poll(() => proxy.connections.length).toBe(1);
    controller.abort(new DOMException('late', 'TimeoutError'));
    await expect(pending).rejects.toMatchObject({ name: 'NetworkError', reason: 'timeout' });
    await expect.poll(() => proxy.connections[0]?.destroyed).toBe(true);
  });

  test('passes on the reason when the caller stops', async () => {
    await using proxy = await startSilentServer();
    const controller = new AbortController();
    const stop = new Error('stopping');
    const pending = network.connectThrough(proxyAt(scheme, proxy.port), '127.0.0.1', 443, controller.signal);
    controller.abort(stop);
    await expect(pending).rejects.toBe(stop);
  });

  test.each(['close', 'reset'])('says so when the proxy ends the connection by %s', async (how) => {
    await using proxy = await startTcpServer((socket) => {
      socket.once('data', () => (how === 'close' ? socket.end() : socket.resetAndDestroy()));
    });
    await expect(network.connectThrough(proxyAt(scheme, proxy.port), '127.0.0.1', 443, never)).rejects.toMatchObject({
      name: 'NetworkError',
      reason: 'closed',
    });
  });
});

/** What a SOCKS5 proxy answers to the greeting and to the request. */
const BANNER = '220 mail.example ESMTP\r\n';
const GOOD = [Buffer.from([5, 0]), Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 80])] as const;
const GOOD_HTTP = Buffer.from('HTTP/1.1 200 OK\r\n\r\n');

describe('what the target says first', () => {
  test.each([
    ['socks5', [GOOD[0], Buffer.concat([GOOD[1], Buffer.from(BANNER)])]],
    ['http', [Buffer.concat([GOOD_HTTP, Buffer.from(BANNER)])]],
  ] as const)('is still to be read when it comes with the answer of a %s proxy', async (scheme, answers) => {
    await using proxy = await scripted(answers);
    const socket = await network.connectThrough(proxyAt(scheme, proxy.port), 'mail.example', 25, never);
    // A caller may take its time.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    const [first] = (await once(socket, 'data')) as [Buffer];
    expect(first.toString()).toBe(BANNER);
    socket.destroy();
  });

  test.each([
    ['socks5', GOOD],
    ['http', [GOOD_HTTP]],
  ] as const)('is read whole, however the answer of a %s proxy is cut into pieces', async (scheme, answers) => {
    await using proxy = await startTcpServer((socket) => {
      let turn = 0;
      socket.on('data', () => {
        const answer = answers[turn];
        turn += 1;
        const bytes =
          turn === answers.length && answer !== undefined ? Buffer.concat([answer, Buffer.from(BANNER)]) : answer;
        void drip(socket, bytes ?? Buffer.alloc(0));
      });
    });
    const socket = await network.connectThrough(proxyAt(scheme, proxy.port), 'mail.example', 25, never);
    let text = '';
    for await (const bytes of socket) {
      text += String(bytes);
      if (text.length >= BANNER.length) break;
    }
    expect(text).toBe(BANNER);
  });
});

describe('a hostile proxy', () => {
  test.each([
    [
      'answers in another protocol',
      [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
      'malformed',
      /does not speak SOCKS5/,
    ],
    ['chooses a login that was not offered', [Buffer.from([5, 2])], 'malformed', /not offered/],
    ['chooses an unknown login', [Buffer.from([5, 0x80])], 'malformed', /not offered/],
    ['changes its version', [GOOD[0], Buffer.from([4, 0, 0, 1])], 'malformed', /not SOCKS5/],
    ['gives an address of no kind', [GOOD[0], Buffer.from([5, 0, 0, 9, 1, 2, 3, 4])], 'malformed', /not SOCKS5/],
    ['fails in an unknown way', [GOOD[0], Buffer.from([5, 77, 0, 1])], 'unreachable', /failure 77/],
    ['forbids it', [GOOD[0], Buffer.from([5, 2, 0, 1])], 'permission_denied', /rules/],
    ['ends its answer early', [GOOD[0], Buffer.from([5, 0, 0, 3, 200, 1, 2])], 'closed', /in the middle of its answer/],
  ] as const)('of SOCKS5 that %s is a failure with a reason', async (_what, answers, reason, message) => {
    await using proxy = await scripted(answers, { ends: true });
    await expect(
      network.connectThrough(proxyAt('socks5', proxy.port), 'api.example', 443, never),
    ).rejects.toMatchObject({ name: 'NetworkError', reason, message: expect.stringMatching(message) });
  });

  test.each([
    ['answers in another protocol', Buffer.from([5, 0, 5, 0, 13, 10]), 'malformed', /does not answer in HTTP/],
    ['floods with one header', Buffer.from(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}`), 'too_large', /header/],
    ['floods with headers', Buffer.from(`HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(20_000)}`), 'too_large', /header/],
    ['forbids it', Buffer.from('HTTP/1.1 403 No\r\nContent-Length: 1000000\r\n\r\n'), 'permission_denied', /403/],
    ['redirects', Buffer.from('HTTP/1.1 302 Found\r\nLocation: http://evil\r\n\r\n'), 'unreachable', /302/],
    ['gives up', Buffer.from('HTTP/1.1 504 Late\r\n\r\n'), 'timeout', /504/],
  ] as const)('of HTTP that %s is a failure with a reason', async (_what, answer, reason, message) => {
    await using proxy = await scripted([answer]);
    await expect(network.connectThrough(proxyAt('http', proxy.port), 'api.example', 443, never)).rejects.toMatchObject({
      name: 'NetworkError',
      reason,
      message: expect.stringMatching(message),
    });
    await expect.poll(() => proxy.connections[0]?.destroyed).toBe(true);
  });

  test('is sent no login that RFC 1929 has no room for', async () => {
    await using proxy = await scripted([Buffer.from([5, 2])]);
    await expect(
      network.connectThrough(
        proxyAt('socks5', proxy.port, { username: 'notafter', password: 'p'.repeat(256) }),
        'api.example',
        443,
        never,
      ),
    ).rejects.toMatchObject({ reason: 'authentication_failed', message: expect.stringContaining('255') });
  });
});

/** A proxy that gives one answer for each piece that it receives. */
function scripted(answers: readonly Buffer[], { ends = false } = {}): ReturnType<typeof startTcpServer> {
  return startTcpServer((socket) => {
    let turn = 0;
    socket.on('data', () => {
      const answer = answers[turn];
      turn += 1;
      if (answer === undefined) return;
      if (ends && turn === answers.length) socket.end(answer);
      else socket.write(answer);
    });
  });
}

async function drip(socket: { write(bytes: Buffer): boolean }, bytes: Buffer): Promise<void> {
  for (const octet of bytes) {
    socket.write(Buffer.from([octet]));
    await new Promise((resolve) => setImmediate(resolve));
  }
}
