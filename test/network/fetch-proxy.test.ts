import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createNetwork, type NetworkOptions } from '../../src/network/create-network.ts';
import type { Network, Proxy } from '../../src/network/network.ts';
import { closedPort, startServer, startSilentServer } from '../helpers/loopback-servers.ts';
import { selfSigned } from '../helpers/pki.ts';
import { startHttpProxy, startSocksProxy } from '../helpers/proxies.ts';

const never = new AbortController().signal;
const LOGIN = { username: 'notafter', password: 'secret' };
const NAMES = { names: { 'hook.example': '127.0.0.1' } };

describe('fetch with a proxy', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'notafter-fetch-'));
    writeFileSync(join(folder, 'hosts'), '127.0.0.1 here.example\n');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function through(proxy: Partial<Proxy> & { port: number }, more: NetworkOptions = {}): Network {
    return createNetwork({
      hostsFile: join(folder, 'hosts'),
      resolvConf: '/dev/null',
      nameServers: ['127.0.0.1:1'],
      proxy: { scheme: 'http', host: '127.0.0.1', resolves: 'proxy', ...proxy },
      ...more,
    });
  }

  function startHook(): ReturnType<typeof startServer> {
    return startServer(
      createServer((request, response) => {
        response
          .writeHead(200, { connection: 'close' })
          .end(`${request.headers.host} ${request.url} ${request.headers['proxy-authorization'] ?? '-'}`);
      }),
    );
  }

  test('asks an HTTP proxy itself for what needs no tunnel, and shows the login to nobody else', async () => {
    await using hook = await startHook();
    await using proxy = await startHttpProxy({ ...NAMES, login: LOGIN });
    const network = through({ port: proxy.port, credentials: async () => LOGIN });
    const response = await network.fetch(`http://hook.example:${hook.port}/a?b=c`, {}, never);
    expect(response.body).toBe(`hook.example:${hook.port} /a?b=c -`);
    expect(proxy.asked).toEqual([`http://hook.example:${hook.port}/a?b=c`]);
  });

  test.each([
    ['by the proxy', 'proxy', 'hook.example'],
    ['here', 'here', 'here.example'],
  ] as const)('goes through a SOCKS5 proxy to a name that is looked up %s', async (_who, resolves, host) => {
    await using hook = await startHook();
    await using proxy = await startSocksProxy({ ...NAMES, login: LOGIN });
    const network = through({ scheme: 'socks5', port: proxy.port, resolves, credentials: async () => LOGIN });
    const response = await network.fetch(`http://${host}:${hook.port}/x`, {}, never);
    expect(response.body).toBe(`${host}:${hook.port} /x -`);
    expect(proxy.asked).toEqual([`${resolves === 'proxy' ? host : '127.0.0.1'}:${hook.port}`]);
  });

  test.each([
    ['http', startHttpProxy],
    ['socks5', startSocksProxy],
  ] as const)('tunnels TLS through a proxy of %s, and verifies the certificate inside', async (scheme, start) => {
    const { pem, keyPem } = selfSigned({ names: ['hook.example'] });
    await using hook = await startServer(createTlsServer({ cert: pem, key: keyPem }));
    await using proxy = await start(NAMES);
    await expect(
      through({ scheme, port: proxy.port }).fetch(`https://hook.example:${hook.port}/`, {}, never),
    ).rejects.toMatchObject({ reason: 'tls_error', message: expect.stringContaining('self-signed') });
    expect(proxy.asked).toEqual([`hook.example:${hook.port}`]);
  });

  test('goes straight to loopback and to what is named in no_proxy', async () => {
    await using hook = await startHook();
    await using proxy = await startHttpProxy(NAMES);
    const network = through({ port: proxy.port }, { noProxy: ['here.example'] });
    for (const host of ['127.0.0.1', 'localhost', 'here.example']) {
      const response = await network.fetch(`http://${host}:${hook.port}/`, {}, never);
      expect(response.status).toBe(200);
    }
    expect(proxy.asked).toEqual([]);
  });

  test.each(['http', 'https'])('says that the proxy refuses the login, for %s', async (scheme) => {
    await using proxy = await startHttpProxy({ login: LOGIN });
    await expect(
      through({ port: proxy.port }).fetch(`${scheme}://hook.example/secret`, {}, never),
    ).rejects.toMatchObject({
      name: 'NetworkError',
      reason: 'authentication_failed',
      message: expect.toSatisfy((text: string) => text.includes('wants a login (407)') && !text.includes('secret')),
    });
  });

  test.each(['http', 'https'])('says that the proxy cannot be reached, for %s', async (scheme) => {
    const port = await closedPort();
    await expect(through({ port }).fetch(`${scheme}://hook.example/`, {}, never)).rejects.toMatchObject({
      name: 'NetworkError',
      reason: 'refused',
      message: expect.stringContaining(`the http proxy 127.0.0.1:${port}`),
    });
  });

  test('ends at its own deadline with a proxy that says nothing', async () => {
    await using proxy = await startSilentServer();
    await expect(
      through({ port: proxy.port }).fetch('https://hook.example/', { deadlineMs: 100 }, never),
    ).rejects.toMatchObject({ reason: 'timeout' });
  });
});
