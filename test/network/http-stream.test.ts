import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterEach, expect, it } from 'vitest';

import { createNetwork } from '../../src/network/create-network.ts';
import type { TlsSettings } from '../../src/network/network.ts';
import { createAuthority } from '../helpers/pki.ts';

const never = new AbortController().signal;
const network = createNetwork({ userAgent: 'notafter/test', hostsFile: '/dev/null', resolvConf: '/dev/null' });
const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close();
    if ('closeAllConnections' in server) (server as { closeAllConnections(): void }).closeAllConnections();
    await once(server, 'close');
  }
});

async function portOf(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

it('gives an answer piece by piece while the receiver is still writing', async () => {
  let finish = (): void => undefined;
  const port = await portOf(
    createServer((_request, response) => {
      response.write('one');
      finish = () => response.end('two');
    }),
  );

  using stream = await network.stream(`http://127.0.0.1:${port}/`, { deadlineMs: 5_000 }, never);
  const pieces: string[] = [];
  for await (const piece of stream.body) {
    pieces.push(Buffer.from(piece).toString());
    finish();
  }

  expect(stream.status).toBe(200);
  expect(pieces).toEqual(['one', 'two']);
});

it('says that an answer was cut off in its middle', async () => {
  const port = await portOf(
    createServer((_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('one', () => response.destroy());
    }),
  );

  using stream = await network.stream(`http://127.0.0.1:${port}/secret-path`, { deadlineMs: 5_000 }, never);
  const reading = Array.fromAsync(stream.body);

  await expect(reading).rejects.toMatchObject({ name: 'NetworkError', reason: 'closed' });
  await expect(reading).rejects.not.toThrow('secret-path');
});

it('ends the connection of an answer that nobody reads any more', async () => {
  const server = createServer((_request, response) => {
    response.write('one');
  });
  const port = await portOf(server);
  const closed = once(server, 'connection').then(([socket]) => once(socket as TLSSocket, 'close'));

  const stream = await network.stream(`http://127.0.0.1:${port}/`, { deadlineMs: 60_000 }, never);
  stream[Symbol.dispose]();

  await expect(closed).resolves.toEqual([false]);
});

it('ends a body that stops at the deadline', async () => {
  const port = await portOf(
    createServer((_request, response) => {
      response.write('one');
    }),
  );

  using stream = await network.stream(`http://127.0.0.1:${port}/`, { deadlineMs: 200 }, never);

  await expect(Array.fromAsync(stream.body)).rejects.toMatchObject({ name: 'NetworkError', reason: 'timeout' });
});

it('speaks TLS as the request wants it, and never shares a connection with another way', async () => {
  const authority = createAuthority({ name: 'Cluster CA' });
  const server = authority.issue({ names: ['kubernetes.default'] });
  const clients = ['billing', 'audit'].map((name) => authority.issue({ names: [name] }));
  const port = await portOf(
    createTlsServer(
      {
        key: server.keyPem,
        cert: server.chainPem,
        ca: authority.certificate.pem,
        requestCert: true,
        rejectUnauthorized: false,
      },
      (request, response) => {
        const { subject } = (request.socket as TLSSocket).getPeerX509Certificate() ?? { subject: 'nobody' };
        response.end(subject);
      },
    ),
  );
  const ask = async (tls: TlsSettings | undefined): Promise<string> =>
    (await network.fetch(`https://127.0.0.1:${port}/`, tls === undefined ? {} : { tls }, never)).body;
  const ours = { ca: authority.certificate.pem, serverName: 'kubernetes.default' };

  const answers: string[] = [];
  for (const client of clients) answers.push(await ask({ ...ours, cert: client.pem, key: client.keyPem }));
  answers.push(await ask(ours), await ask({ verify: false }));

  expect(answers).toEqual(['CN=billing', 'CN=audit', 'nobody', 'nobody']);
  await expect(ask(undefined)).rejects.toMatchObject({ reason: 'tls_error' });
  await expect(ask({ ca: authority.certificate.pem })).rejects.toMatchObject({ reason: 'tls_error' });
});
