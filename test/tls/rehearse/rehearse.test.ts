import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { createServer as createHttps } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:net';
import { createServer as createTls, type TLSSocket } from 'node:tls';
import { describe, expect, test } from 'vitest';

import { CLIENT_KINDS, identityOf, type ClientKind } from '../../helpers/client-identities.ts';
import { startServer } from '../../helpers/loopback-servers.ts';
import { insistent, login, type TlsVersion } from '../../helpers/rehearsal.ts';

const identities = new Map(CLIENT_KINDS.map((kind) => [kind, identityOf(kind)]));

/** What a server of Node let in, by its own account. */
interface Account {
  readonly server: Server;
  /** Whether somebody got through to the application. */
  readonly accepted: () => boolean;
}

type Serve = (version: TlsVersion) => Account;

/** An account by the callback for authorized connections. */
function byConnection(server: Server): Account {
  let accepted = false;
  server.on('secureConnection', (socket: TLSSocket) => {
    accepted ||= socket.authorized;
  });
  server.on('tlsClientError', () => undefined);
  server.on('secureConnection', (socket: TLSSocket) => socket.on('error', () => undefined));
  return { server, accepted: () => accepted };
}

/** An account by the log of the request handler. */
function byRequest(start: (handle: (socket: TLSSocket) => number) => Server): Account {
  let accepted = false;
  const server = start((socket) => {
    accepted ||= socket.authorized;
    return socket.authorized ? 200 : 400;
  });
  server.on('tlsClientError', () => undefined);
  return { server, accepted: () => accepted };
}

const SERVERS: Readonly<Record<string, Serve>> = {
  'a TLS server without ALPN': (version) => byConnection(createTls(insistent(version), (socket) => socket.resume())),
  'a TLS server with a protocol of its own': (version) =>
    byConnection(createTls(insistent(version, { ALPNProtocols: ['mqtt'] }), (socket) => socket.resume())),
  'an HTTP/1.1 server that refuses in the handshake': (version) =>
    byConnection(
      createHttps(insistent(version, { ALPNProtocols: ['http/1.1'] }), (_request, response) => response.end()),
    ),
  'an HTTP/2 server that refuses in the handshake': (version) =>
    byConnection(createSecureServer(insistent(version), (_request, response) => response.end())),
  'an HTTP/1.1 server that refuses in its answer': (version) =>
    byRequest((handle) =>
      createHttps(
        insistent(version, { rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] }),
        (request: IncomingMessage, response: ServerResponse) => {
          response.writeHead(handle(request.socket as TLSSocket)).end();
        },
      ),
    ),
  'an HTTP/2 server that refuses in its answer': (version) =>
    byRequest((handle) =>
      createSecureServer(
        insistent(version, { rejectUnauthorized: false }),
        (request: Http2ServerRequest, response: Http2ServerResponse) => {
          response.writeHead(handle(request.stream.session?.socket as TLSSocket)).end();
        },
      ),
    ),
};

const CELLS = Object.keys(SERVERS).flatMap((name) =>
  (['TLSv1.2', 'TLSv1.3'] as const).flatMap((version) =>
    CLIENT_KINDS.map((kind): [string, TlsVersion, ClientKind] => [name, version, kind]),
  ),
);

describe('a rehearsal', () => {
  test.each(CELLS)('says of %s over %s what the server says of a client that is %s', async (name, version, kind) => {
    const account = SERVERS[name]?.(version);
    if (account === undefined) throw new Error(`no server ${name}`);
    await using server = await startServer(account.server);
    const identity = identities.get(kind) ?? null;

    const verdict = await login(server, { identity });

    expect(account.accepted()).toBe(kind === 'good');
    expect(verdict).toMatchObject({
      status: account.accepted() ? 'accepted' : 'rejected',
      client: identity?.chain[0].fingerprint ?? null,
    });
    expect(verdict.reason === null).toBe(account.accepted());
    expect(verdict.evidence).toMatch(/\S/);
  });
});
