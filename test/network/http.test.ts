import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';

import type { NetworkError } from '../../src/network/network.ts';
import { createNetwork } from '../../src/network/create-network.ts';
import { selfSigned } from '../helpers/pki.ts';

const never = new AbortController().signal;
const network = createNetwork({ userAgent: 'notafter/test', hostsFile: '/dev/null', resolvConf: '/dev/null' });
const servers: (Server | TcpServer)[] = [];
const sockets = new Set<Socket>();

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers.splice(0)) {
    server.close();
    await once(server, 'close');
  }
});

async function listen(server: Server | TcpServer): Promise<number> {
  servers.push(server);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function serve(handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  return `http://localhost:${await listen(createServer(handler))}`;
}

describe('fetch', () => {
  test('sends method, headers and body, and gives status, headers and body back', async () => {
    const seen: { method?: string; agent?: string; type?: string; body: string } = { body: '' };
    const base = await serve((request, response) => {
      seen.method = request.method ?? '';
      seen.agent = request.headers['user-agent'] ?? '';
      seen.type = request.headers['content-type'] ?? '';
      request.on('data', (chunk: Buffer) => (seen.body += chunk.toString()));
      request.on('end', () => response.writeHead(202, { 'X-Id': ['a', 'b'], 'retry-after': '7' }).end('grün'));
    });

    const response = await network.fetch(
      `${base}/hook?x=1`,
      { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"a":1}' },
      never,
    );

    expect(seen).toEqual({ method: 'POST', agent: 'notafter/test', type: 'application/json', body: '{"a":1}' });
    expect([response.status, response.body]).toEqual([202, 'grün']);
    expect([response.headers.get('x-id'), response.headers.get('retry-after')]).toEqual(['a, b', '7']);
  });

  test('gives a redirect as the answer and does not follow it', async () => {
    let requests = 0;
    const base = await serve((_request, response) => {
      requests += 1;
      response.writeHead(302, { location: '/elsewhere' }).end();
    });
    const response = await network.fetch(`${base}/`, {}, never);
    expect([response.status, response.headers.get('location'), requests]).toEqual([302, '/elsewhere', 1]);
  });

  test('does not unpack a compressed answer', async () => {
    const bomb = gzipSync(Buffer.alloc(10_000_000));
    const base = await serve((_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb));
    const response = await network.fetch(`${base}/`, {}, never);
    expect(response.body.length).toBeLessThan(20_000);
  });

  test.each([
    ['with a length', { 'content-length': '2000' }],
    ['in chunks', {}],
  ])('stops reading an answer that is too long, sent %s', async (_how, headers) => {
    const base = await serve((_request, response) => {
      response.writeHead(200, headers);
      response.write('x'.repeat(1000));
      response.end('x'.repeat(1000));
    });
    await expect(network.fetch(`${base}/`, { maxBytes: 1999 }, never)).rejects.toMatchObject({ reason: 'too_large' });
    const whole = await network.fetch(`${base}/`, { maxBytes: 2000 }, never);
    expect(whole.body).toHaveLength(2000);
  });

  test('ends at the deadline though the answer drips', async () => {
    const base = await serve((_request, response) => {
      const timer = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(timer));
    });
    const startedAt = performance.now();
    await expect(network.fetch(`${base}/`, { deadlineMs: 150 }, never)).rejects.toMatchObject({ reason: 'timeout' });
    expect(performance.now() - startedAt).toBeLessThan(400);
  });

  test('passes on the reason when the caller stops', async () => {
    const base = await serve(() => undefined);
    const controller = new AbortController();
    const pending = network.fetch(`${base}/`, {}, controller.signal);
    const stop = new Error('stopping');
    controller.abort(stop);
    await expect(pending).rejects.toBe(stop);
  });

  test('says why the certificate of a receiver is not accepted', async () => {
    const certificate = selfSigned();
    const port = await listen(createTlsServer({ key: certificate.keyPem, cert: certificate.pem }));
    await expect(network.fetch(`https://localhost:${port}/secret`, {}, never)).rejects.toMatchObject({
      reason: 'tls_error',
      message: `GET https://localhost:${port}: its certificate is self-signed; name its CA in NODE_EXTRA_CA_CERTS`,
    });
  });

  test('is not led to an address by a number in the place of a host', async () => {
    const port = await listen(createServer((_request, response) => response.end()));
    for (const host of ['2130706433', '0x7f.1', '127.1', '0177.0.0.1', 'user@2130706433', '１２７.0.0.1']) {
      await expect(network.fetch(`http://${host}:${port}/`, {}, never)).rejects.toMatchObject({ reason: 'dns' });
    }
    await expect(network.fetch(`http://127.0.0.1:${port}/`, {}, never)).resolves.toMatchObject({ status: 200 });
  });
});

describe('an error of fetch', () => {
  const secret = 'T0PSECRET';

  /** The error's text and everything that a logger would print of it. */
  async function failure(url: string): Promise<{ reason: string; text: string }> {
    try {
      await network.fetch(url, { deadlineMs: 300, maxBytes: 10, headers: { authorization: secret } }, never);
    } catch (error) {
      const { reason, message, stack, cause } = error as NetworkError;
      return { reason, text: `${message} ${stack ?? ''} ${String(cause)} ${JSON.stringify(error)}` };
    }
    throw new Error('it should have failed');
  }

  async function raw(answer: (socket: Socket) => void): Promise<number> {
    return listen(
      createTcpServer((socket) => {
        socket.once('data', () => answer(socket));
      }),
    );
  }

  test.each([
    ['refused', async () => 1],
    ['closed', () => raw((socket) => socket.end())],
    ['closed', () => raw((socket) => socket.end('SSH-2.0-x\r\n'))],
    ['closed', () => raw((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx'))],
    ['reset', () => raw((socket) => socket.resetAndDestroy())],
    ['too_large', () => raw((socket) => socket.end(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(99_000)}\r\n\r\n`))],
    ['too_large', () => raw((socket) => socket.end(`HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n${'x'.repeat(11)}`))],
    ['timeout', () => raw(() => undefined)],
  ])('has the reason %s and never shows path, query or user of the URL', async (reason, start) => {
    const port = await start();
    const error = await failure(`http://${secret}:${secret}@127.0.0.1:${port}/services/${secret}?token=${secret}`);
    expect(error.reason).toBe(reason);
    expect(error.text).not.toContain(secret);
    expect(error.text).toContain(`127.0.0.1:${port}`);
  });

  test.each([
    `://${secret}`,
    `https://exa mple/${secret}`,
    `ftp://example.com/${secret}`,
    `hooks.example.com/${secret}`,
    '',
  ])('does not show the malformed URL %j', async (url) => {
    const error = await failure(url);
    expect(error.reason).toBe('dns');
    expect(error.text).not.toContain(secret);
  });

  test('says which name could not be resolved', async () => {
    const offline = createNetwork({
      userAgent: 'notafter/test',
      nameServers: ['127.0.0.1:1'],
      hostsFile: '/dev/null',
      resolvConf: '/dev/null',
    });
    await expect(offline.fetch(`https://hooks.example/${secret}`, {}, never)).rejects.toMatchObject({
      reason: 'dns',
      message: expect.stringMatching(/^GET https:\/\/hooks\.example: hooks\.example could not be resolved/),
    });
  });
});
