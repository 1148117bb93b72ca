import { createServer as createHttps } from 'node:https';
import { constants, createSecureServer, type ServerHttp2Stream } from 'node:http2';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createTls, type TLSSocket } from 'node:tls';
import { describe, expect, test } from 'vitest';

import type { RehearsalRequest } from '../../../src/tls/rehearse/request.ts';
import { identityOf } from '../../helpers/client-identities.ts';
import { startServer, type TestServer } from '../../helpers/loopback-servers.ts';
import { insistent, login } from '../../helpers/rehearsal.ts';

const good = identityOf('good');
const expired = identityOf('expired');

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly version: string;
}

interface HttpServer extends TestServer {
  readonly asked: readonly Asked[];
}

type Answer = (request: Asked) => { readonly status: number; readonly body?: string };

/** A server that leaves all judging to its answer. */
async function startHttp(protocol: 'h2' | 'http/1.1' | 'none', answer: Answer): Promise<HttpServer> {
  const asked: Asked[] = [];
  function handle(request: Asked): { readonly status: number; readonly body?: string } {
    asked.push(request);
    return answer(request);
  }
  const lenient = insistent('TLSv1.3', { rejectUnauthorized: false });
  const server =
    protocol === 'h2'
      ? createSecureServer(lenient, (request, response) => {
          const { status, body } = handle({
            method: request.method,
            path: request.url,
            host: request.authority,
            version: request.httpVersion,
          });
          response.writeHead(status).end(body ?? '');
        })
      : createHttps(
          { ...lenient, ALPNProtocols: protocol === 'none' ? ['mqtt', 'x'] : ['http/1.1'] },
          (request: IncomingMessage, response: ServerResponse) => {
            const { status, body } = handle({
              method: request.method ?? '',
              path: request.url ?? '',
              host: request.headers.host ?? '',
              version: request.httpVersion,
            });
            response.writeHead(status).end(body ?? '');
          },
        );
  return Object.assign(await startServer(server), { asked });
}

function nginxPage(words: string, detail = words): string {
  return `<html>\r\n<head><title>${words}</title></head>\r\n<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n<center>${detail}</center>\r\n<hr><center>nginx/1.27.0</center>\r\n</body>\r\n</html>\r\n`;
}

describe.each(['h2', 'http/1.1'] as const)('a server that chooses %s', (protocol) => {
  test.each([
    [200, 'accepted', null],
    [204, 'accepted', null],
    [301, 'accepted', null],
    [400, 'rejected', 'http_400'],
    [401, 'accepted', null],
    [403, 'rejected', 'http_403'],
    [404, 'accepted', null],
    [405, 'accepted', null],
    [495, 'rejected', 'http_495'],
    [496, 'rejected', 'http_496'],
    [500, 'accepted', null],
    [503, 'accepted', null],
  ])('and answers %i has %s', async (status, expected, reason) => {
    await using server = await startHttp(protocol, () => ({ status }));

    const verdict = await login(server, { identity: good });

    const method = status === 400 ? 'GET' : 'HEAD';
    expect(verdict).toEqual({
      client: good?.chain[0].fingerprint,
      status: expected,
      reason,
      evidence: `HTTP ${status} to ${method} /`,
    });
    expect(server.asked[0]).toEqual({
      method: 'HEAD',
      path: '/',
      host: `localhost:${server.port}`,
      version: protocol === 'h2' ? '2.0' : '1.1',
    });
  });

  test('tells nginx that misses the certificate from nginx that dislikes the request', async () => {
    let page = '';
    await using server = await startHttp(protocol, () => ({ status: 400, body: page }));

    page = nginxPage('400 No required SSL certificate was sent', 'No required SSL certificate was sent');
    await expect(login(server)).resolves.toMatchObject({
      status: 'rejected',
      reason: 'http_400',
      evidence: 'HTTP 400 to GET /: No required SSL certificate was sent',
    });
    page = nginxPage('400 The SSL certificate error', 'The SSL certificate error');
    await expect(login(server, { identity: expired })).resolves.toMatchObject({
      status: 'rejected',
      evidence: 'HTTP 400 to GET /: The SSL certificate error',
    });
    page = nginxPage('400 Request Header Or Cookie Too Large');
    await expect(login(server, { identity: good })).resolves.toMatchObject({
      status: 'unknown',
      reason: 'http_400',
      evidence: 'HTTP 400 to GET /: 400 Request Header Or Cookie Too Large',
    });
  });

  test('and finds fault with HEAD alone has accepted', async () => {
    await using server = await startHttp(protocol, ({ method }) => ({ status: method === 'HEAD' ? 400 : 200 }));
    await expect(login(server, { identity: good })).resolves.toMatchObject({
      status: 'accepted',
      evidence: 'HTTP 200 to GET /',
    });
  });

  test('is not believed without a request', async () => {
    await using server = await startHttp(protocol, () => ({ status: 400 }));
    await expect(login(server, { identity: expired, request: { kind: 'none' } })).resolves.toMatchObject({
      status: 'unknown',
      reason: 'no_request',
    });
    expect(server.asked).toEqual([]);
  });

  test.each<
    [string, Omit<RehearsalRequest & { kind: 'http' }, 'kind' | 'method' | 'path'>, number, string, string | null]
  >([
    ['401', {}, 401, 'rejected', 'http_401'],
    ['404', {}, 404, 'accepted', null],
    ['what is expected', { expect: [401, 403] }, 403, 'accepted', null],
    ['something else than is expected', { expect: [204] }, 200, 'rejected', 'http_200'],
  ])('is judged by a configured request that it answers with %s', async (_what, more, status, expected, reason) => {
    await using server = await startHttp(protocol, () => ({ status, body: 'x'.repeat(10_000) }));
    const request = { kind: 'http', method: 'POST', path: '/v1/ping?x=1', ...more } as const;

    const verdict = await login(server, { identity: good, request, alpn: ['h2', 'http/1.1'] });

    expect(verdict).toMatchObject({ status: expected, reason, evidence: `HTTP ${status} to POST /v1/ping?x=1` });
    expect(server.asked).toMatchObject([{ method: 'POST', path: '/v1/ping?x=1' }]);
  });

  test('finds HTTP though the offered protocols leave it out', async () => {
    await using server = await startHttp(protocol, () => ({ status: 400 }));
    await expect(login(server, { identity: expired, alpn: [] })).resolves.toMatchObject({ status: 'rejected' });
    await expect(login(server, { identity: expired, alpn: ['mqtt'] })).resolves.toMatchObject({ status: 'rejected' });
  });
});

describe('HTTP', () => {
  test('is spoken in version 1.1 for a configured request when none is chosen', async () => {
    await using server = await startServer(
      createHttps(insistent('TLSv1.2', { ALPNProtocols: ['mqtt'] }), (_request, response) =>
        response.writeHead(403).end(),
      ),
    );
    const request = { kind: 'http', method: 'GET', path: '/' } as const;
    await expect(login(server, { identity: good, request, alpn: ['h2'] })).resolves.toMatchObject({
      status: 'rejected',
      reason: 'http_403',
    });
  });

  test('may be asked for in version 1.1', async () => {
    const server = createSecureServer({ ...insistent('TLSv1.3'), allowHTTP1: true }, (request, response) => {
      if (request.httpVersion === '2.0') request.stream.close(constants.NGHTTP2_HTTP_1_1_REQUIRED);
      else response.writeHead(403).end();
    });
    await using running = await startServer(server);
    await expect(login(running, { identity: good })).resolves.toMatchObject({ status: 'rejected', reason: 'http_403' });
  });

  test('waits for the answer behind the interim ones', async () => {
    await using server = await startServer(
      createTls(insistent('TLSv1.3', { ALPNProtocols: ['http/1.1'] }), (socket) => {
        socket.once('data', () => {
          socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r');
          setImmediate(() => socket.end('\nHTTP/1.1 403 No\r\n\r\n'));
        });
      }),
    );
    await expect(login(server, { identity: good })).resolves.toMatchObject({ status: 'rejected', reason: 'http_403' });
  });

  test.each(['220 hello\r\n', 'HTTP/9 200 OK\r\n', 'H\0\0\0'])('is not what %j is', async (answer) => {
    await using server = await startServer(
      createTls(insistent('TLSv1.3', { ALPNProtocols: ['http/1.1'] }), (socket) => {
        socket.once('data', () => socket.write(answer));
      }),
    );
    await expect(login(server, { identity: good })).resolves.toMatchObject({ status: 'unknown', reason: 'not_http' });
  });

  test('that gives no answer is waited for until the deadline', async () => {
    await using server = await startServer(
      createTls(insistent('TLSv1.3', { ALPNProtocols: ['http/1.1'] }), (socket) => socket.resume()),
    );
    await expect(login(server, { identity: good, timeoutMs: 700 })).resolves.toMatchObject({
      status: 'unknown',
      reason: 'timeout',
    });
  });

  test('is reset by a server of version 2 that gives no verdict', async () => {
    const server = createSecureServer(insistent('TLSv1.3'));
    server.on('stream', (stream: ServerHttp2Stream) => {
      stream.on('error', () => undefined);
      stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    });
    await using running = await startServer(server);
    await expect(login(running, { identity: good })).resolves.toMatchObject({ status: 'unknown', reason: 'reset' });
  });

  test('is accepted with a note where nobody asked for a certificate', async () => {
    await using server = await startServer(
      createHttps(insistent('TLSv1.3', { requestCert: false }), (_request, response) => response.end()),
    );
    await expect(login(server, { identity: good })).resolves.toMatchObject({
      status: 'accepted',
      evidence: 'HTTP 200 to HEAD /; the handshake asked for no client certificate',
    });
    await expect(login(server)).resolves.toMatchObject({ evidence: 'HTTP 200 to HEAD /' });
  });
});

describe('gRPC', () => {
  interface Call {
    readonly path: string;
    readonly body: Buffer;
    readonly authorized: boolean;
  }

  /** A server of the health service: authorization is its own business. */
  async function startGrpc(
    reply: (stream: ServerHttp2Stream) => void,
    rejectUnauthorized = false,
  ): Promise<TestServer & { readonly calls: readonly Call[] }> {
    const calls: Call[] = [];
    const server = createSecureServer(insistent('TLSv1.3', { rejectUnauthorized }));
    server.on('stream', (stream: ServerHttp2Stream, headers) => {
      const chunks: Buffer[] = [];
      stream.on('error', () => undefined);
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.once('end', () => {
        const authorized = (stream.session?.socket as TLSSocket | undefined)?.authorized === true;
        calls.push({ path: headers[':path'] ?? '', body: Buffer.concat(chunks), authorized });
        reply(stream);
      });
    });
    return Object.assign(await startServer(server), { calls });
  }

  function serving(stream: ServerHttp2Stream): void {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(Buffer.from([0, 0, 0, 0, 2, 8, 1]));
  }

  function failing(code: number): (stream: ServerHttp2Stream) => void {
    return (stream) =>
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': String(code) },
        { endStream: true },
      );
  }

  test('is asked for the health of the service', async () => {
    await using server = await startGrpc(serving);
    const request = { kind: 'grpc', service: 'pay.v1.Payments' } as const;
    await expect(login(server, { identity: good, request })).resolves.toMatchObject({
      status: 'accepted',
      evidence: 'gRPC status 0 to the health check',
    });
    const message = Buffer.concat([Buffer.from([0x0a, 15]), Buffer.from('pay.v1.Payments')]);
    expect(server.calls).toEqual([
      {
        path: '/grpc.health.v1.Health/Check',
        body: Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]),
        authorized: true,
      },
    ]);
  });

  test('is asked for the server as a whole with an empty name, and for a long one', async () => {
    await using server = await startGrpc(serving);
    await login(server, { identity: good, request: { kind: 'grpc', service: '' } });
    await login(server, { identity: good, request: { kind: 'grpc', service: 's'.repeat(300) } });
    expect(server.calls.map(({ body }) => body.subarray(0, 8).toString('hex'))).toEqual([
      '0000000000',
      '000000012f0aac02',
    ]);
  });

  test.each([
    [16, 'rejected', 'grpc_16'],
    [7, 'rejected', 'grpc_7'],
    [12, 'accepted', null],
    [5, 'accepted', null],
    [14, 'accepted', null],
  ])('that fails with status %i has %s', async (code, status, reason) => {
    await using server = await startGrpc(failing(code));
    await expect(login(server, { identity: good, request: { kind: 'grpc', service: '' } })).resolves.toMatchObject({
      status,
      reason,
    });
  });

  test('is judged by HTTP when something before it answers', async () => {
    await using server = await startGrpc((stream) => stream.respond({ ':status': 403 }, { endStream: true }));
    await expect(login(server, { request: { kind: 'grpc', service: '' } })).resolves.toMatchObject({
      status: 'rejected',
      reason: 'http_403',
    });
  });

  test('that refuses in the handshake is heard', async () => {
    await using server = await startGrpc(serving, true);
    await expect(login(server, { request: { kind: 'grpc', service: '' } })).resolves.toMatchObject({
      status: 'rejected',
      reason: 'certificate_required',
    });
    await expect(login(server, { identity: expired, request: { kind: 'grpc', service: '' } })).resolves.toMatchObject({
      status: 'rejected',
      reason: 'closed',
    });
    expect(server.calls).toEqual([]);
  });
});
