import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { createEgress, parseAllowance, type Egress, type EgressOptions } from '../../src/network/egress.ts';
import type { Address, Proxy } from '../../src/network/network.ts';
import { proxyRoute } from '../../src/network/http-route.ts';
import { createTunnels } from '../../src/network/tunnel.ts';
import { parseHost } from '../../src/network/host.ts';
import { startServer } from '../helpers/loopback-servers.ts';
import { INSIDE_NAMES, oddHosts } from '../helpers/odd-addresses.ts';
import { startHttpProxy, startSocksProxy } from '../helpers/proxies.ts';

const never = new AbortController().signal;
let socketCount = 0;
const countSocket = (): void => {
  socketCount += 1;
};
beforeEach(() => {
  socketCount = 0;
  subscribe('net.client.socket', countSocket);
});
afterEach(() => {
  unsubscribe('net.client.socket', countSocket);
});

/** Names, each with the answers that it gives one after the other; the last one is repeated. */
function egressWith(
  names: Readonly<Record<string, readonly (readonly string[])[]>>,
  allow: readonly string[] = [],
  more: Partial<EgressOptions> = {},
): Egress & { readonly asked: string[] } {
  const asked: string[] = [];
  const egress = createEgress({
    network: {
      async resolve(text) {
        const host = parseHost(text);
        if (host.kind === 'address') return [host];
        const answers = names[host.name] ?? [];
        asked.push(host.name);
        const count = asked.filter((name) => name === host.name).length;
        const addresses = answers[Math.min(count, answers.length) - 1] ?? [];
        return addresses.map((address): Address => ({ address, family: address.includes(':') ? 6 : 4 }));
      },
    },
    userAgent: 'notafter/test',
    allow: () => allow.map(parseAllowance),
    ...more,
  });
  return Object.assign(egress, { asked });
}

function serve(handler: (request: IncomingMessage, response: ServerResponse) => void) {
  return startServer(createServer(handler));
}

describe('addresses that no certificate may lead to', () => {
  const hosts = oddHosts();

  test(`${hosts.length} ways to write them open no socket`, async () => {
    expect(hosts.length).toBeGreaterThan(200);
    const names = Object.entries(INSIDE_NAMES).map(([name, address]) => [name, [[address]]] as const);
    const { fetch } = egressWith(Object.fromEntries(names));
    const reached: string[] = [];
    for (const host of hosts) {
      for (const scheme of ['http', 'https']) {
        await fetch(`${scheme}://${host}/x`, { deadlineMs: 2_000 }, never).then(
          () => reached.push(host),
          () => undefined,
        );
      }
    }
    expect([reached, socketCount]).toEqual([[], 0]);
  });

  test('one bad address among good ones is enough', async () => {
    const { fetch } = egressWith({ 'mixed.example': [['93.184.216.34', '169.254.169.254']] });
    await expect(fetch('http://mixed.example/', {}, never)).rejects.toMatchObject({
      reason: 'permission_denied',
      message: expect.stringContaining('169.254.169.254 is a link-local or metadata address') as string,
    });
    expect(socketCount).toBe(0);
  });

  test.each([
    'file:///etc/passwd',
    'gopher://example.com/',
    'ldap://example.com/',
    'unix:/run/docker.sock',
    'data:,x',
    '//x',
    '',
  ])('%j is no URL for it', async (url) => {
    await expect(egressWith({}).fetch(url, {}, never)).rejects.toMatchObject({ name: 'NetworkError' });
    expect(socketCount).toBe(0);
  });

  test('no other port than 80 and 443 is used', async () => {
    const { fetch } = egressWith({ 'public.example': [['93.184.216.34']] });
    await expect(fetch('http://public.example:2379/v2/keys', {}, never)).rejects.toMatchObject({
      reason: 'permission_denied',
      message: expect.not.stringContaining('v2') as string,
    });
    expect(socketCount).toBe(0);
  });
});

describe('what is allowed', () => {
  test.each([
    ['a host with its port', (port: number) => `pki.example:${port}`, 'pki.example'],
    ['a block of addresses', (port: number) => `127.0.0.0/8:${port}`, 'pki.example'],
    ['a literal address', (port: number) => `127.0.0.1:${port}`, '127.0.0.1'],
  ] as const)('%s', async (_, allowance, host) => {
    await using server = await serve((_request, response) => response.end(Buffer.from([0, 255, 1])));
    const egress = egressWith({ 'pki.example': [['127.0.0.1']] }, [allowance(server.port)]);
    const { body } = await egress.fetch(`http://${host}:${server.port}/ca.crl`, {}, never);
    expect([...body]).toEqual([0, 255, 1]);
  });

  test('a host does not make its metadata address allowed', async () => {
    const { fetch } = egressWith({ 'pki.example': [['169.254.169.254']] }, ['pki.example']);
    await expect(fetch('http://pki.example/', {}, never)).rejects.toMatchObject({ reason: 'permission_denied' });
    expect(socketCount).toBe(0);
  });

  test('a port that is allowed to one host is not allowed to another', async () => {
    const { fetch } = egressWith({ 'other.example': [['127.0.0.1']] }, ['pki.example:8080', '127.0.0.0/8']);
    await expect(fetch('http://other.example:8080/', {}, never)).rejects.toMatchObject({ reason: 'permission_denied' });
  });

  test.each(['', ':80', 'a b', '10.0.0.0/33', 'x:0', 'x:70000', '0x7f.1', 'http://x', '[x]:80'])(
    '%j is refused',
    (text) => {
      expect(() => parseAllowance(text)).toThrow(/write|no address|not a host name|not an address/);
    },
  );
});

describe('names that change their mind', () => {
  test('the address that was judged is the one that is connected to', async () => {
    await using server = await serve((_request, response) => response.end('judged'));
    const egress = egressWith({ 'rebind.example': [['127.0.0.1'], ['127.0.0.2']] }, [`127.0.0.1/32:${server.port}`]);
    const { body } = await egress.fetch(`http://rebind.example:${server.port}/`, {}, never);
    expect([Buffer.from(body).toString(), egress.asked]).toEqual(['judged', ['rebind.example']]);
    expect(server.connections[0]?.localAddress).toBe('127.0.0.1');
  });
});

describe('an address of this machine', () => {
  test.each([
    ['a public one', '198.41.0.4', '198.41.0.4'],
    ['a public one of IPv6, however it is written', '2001:4860::7', '2001:4860:0:0:0:0:0:7'],
  ])('is refused as such: %s', async (_, own, address) => {
    const { fetch } = egressWith({ 'self.example': [[address]] }, [], { ownAddresses: () => [own] });
    await expect(fetch('http://self.example/', {}, never)).rejects.toMatchObject({
      reason: 'permission_denied',
      message: expect.stringContaining('this machine itself') as string,
    });
    expect(socketCount).toBe(0);
  });

  test('may be allowed like one of loopback', async () => {
    await using server = await serve((_request, response) => response.end('own'));
    const { fetch } = egressWith({ 'self.example': [['127.0.0.1']] }, [`self.example:${server.port}`], {
      ownAddresses: () => ['127.0.0.1'],
    });
    expect((await fetch(`http://self.example:${server.port}/`, {}, never)).status).toBe(200);
  });
});

describe('a proxy', () => {
  function routeTo(port: number, of: Partial<Proxy>): Partial<EgressOptions> {
    const through: Proxy = { scheme: 'socks5', host: '127.0.0.1', port, resolves: 'here', ...of };
    const tunnels = createTunnels({ resolve: async () => [{ address: '127.0.0.1', family: 4 }] });
    return { proxy: () => proxyRoute({ proxy: through }, tunnels) };
  }

  test.each([
    ['SOCKS5', startSocksProxy, 'socks5'],
    ['HTTP', startHttpProxy, 'http'],
  ] as const)('of %s is given the address that was judged, never the name', async (_, start, scheme) => {
    await using server = await serve((request, response) => response.end(request.headers.host));
    await using proxy = await start();
    const egress = egressWith(
      { 'rebind.example': [['127.0.0.1'], ['127.0.0.2']] },
      [`127.0.0.1/32:${server.port}`],
      routeTo(proxy.port, { scheme }),
    );
    const { body } = await egress.fetch(`http://rebind.example:${server.port}/`, {}, never);
    expect(Buffer.from(body).toString()).toBe(`rebind.example:${server.port}`);
    expect(proxy.asked).toEqual([`127.0.0.1:${server.port}`]);
  });

  test('is not asked for what is refused', async () => {
    await using proxy = await startSocksProxy();
    const { fetch } = egressWith({ 'inside.example': [['10.0.0.7']] }, [], routeTo(proxy.port, {}));
    await expect(fetch('http://inside.example/', {}, never)).rejects.toMatchObject({ reason: 'permission_denied' });
    expect(proxy.asked).toEqual([]);
  });

  test('that looks names up by itself is not gone through', async () => {
    await using server = await serve((_request, response) => response.end());
    await using proxy = await startSocksProxy({ names: { 'pki.example': '127.0.0.1' } });
    const { fetch } = egressWith(
      { 'pki.example': [['127.0.0.1']] },
      [`pki.example:${server.port}`],
      routeTo(proxy.port, { resolves: 'proxy' }),
    );
    await fetch(`http://pki.example:${server.port}/`, {}, never);
    expect(proxy.asked).toEqual([]);
  });
});

describe('redirects', () => {
  test.each([
    ['to the metadata service', 'http://169.254.169.254/latest/meta-data/'],
    ['to this machine in an odd form', 'http://0x7f000001/'],
    ['to a name of the inside', 'http://inside.example/'],
    ['to another port', 'http://pki.example:6379/'],
    ['to a file', 'file:///etc/passwd'],
  ])('%s are refused', async (_, location) => {
    await using server = await serve((_request, response) => response.writeHead(302, { location }).end());
    const names = { 'pki.example': [['127.0.0.1']], 'inside.example': [['10.0.0.1']] };
    const { fetch } = egressWith(names, [`pki.example:${server.port}`]);
    await expect(fetch(`http://pki.example:${server.port}/`, {}, never)).rejects.toMatchObject({
      name: 'NetworkError',
    });
    expect([socketCount, server.connections.length]).toEqual([1, 1]);
  });

  test('to what is allowed are followed, also relative ones', async () => {
    await using server = await serve((request, response) => {
      if (request.url === '/a') response.writeHead(301, { location: '/b' }).end();
      else response.end(request.url);
    });
    const { fetch } = egressWith({ 'pki.example': [['127.0.0.1']] }, [`pki.example:${server.port}`]);
    const { body, status } = await fetch(`http://pki.example:${server.port}/a`, {}, never);
    expect([status, Buffer.from(body).toString()]).toEqual([200, '/b']);
  });

  test('without an end are given up', async () => {
    await using server = await serve((_request, response) => response.writeHead(302, { location: '/' }).end());
    const { fetch } = egressWith({ 'pki.example': [['127.0.0.1']] }, [`pki.example:${server.port}`]);
    await expect(fetch(`http://pki.example:${server.port}/`, {}, never)).rejects.toThrow(/more than 3 redirects/);
  });

  test('of a POST are an answer', async () => {
    await using server = await serve((_request, response) => response.writeHead(302, { location: '/b' }).end());
    const { fetch } = egressWith({ 'pki.example': [['127.0.0.1']] }, [`pki.example:${server.port}`]);
    const answer = await fetch(`http://pki.example:${server.port}/`, { method: 'POST', body: 'x' }, never);
    expect(answer.status).toBe(302);
  });
});

test('what is too long or too slow is ended', async () => {
  await using server = await serve((request, response) => {
    if (request.url === '/long') response.end(Buffer.alloc(100_000));
    else response.write('a');
  });
  const { fetch } = egressWith({ 'pki.example': [['127.0.0.1']] }, [`pki.example:${server.port}`]);
  const base = `http://pki.example:${server.port}`;
  await expect(fetch(`${base}/long`, { maxBytes: 1_000 }, never)).rejects.toMatchObject({ reason: 'too_large' });
  await expect(fetch(`${base}/slow`, { deadlineMs: 100 }, never)).rejects.toMatchObject({ reason: 'timeout' });
});
