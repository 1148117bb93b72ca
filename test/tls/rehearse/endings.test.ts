import { connect, type Socket } from 'node:net';
import { createServer as createTls } from 'node:tls';
import { describe, expect, test } from 'vitest';

import { dial } from '../../../src/network/dialer.ts';
import { rehearse } from '../../../src/tls/rehearse/rehearse.ts';
import { identityOf } from '../../helpers/client-identities.ts';
import {
  closedPort,
  startServer,
  startSilentServer,
  startTcpServer,
  type TestServer,
} from '../../helpers/loopback-servers.ts';
import { alertRecord, records, serveTls12, tls12Flight, tls12List } from '../../helpers/raw-tls.ts';
import { insistent, login, serverLeaf, type TlsVersion } from '../../helpers/rehearsal.ts';

const good = identityOf('good');
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;

/** The two ends of a connection through a middlebox. */
interface Middle {
  readonly client: Socket;
  readonly server: Socket;
  /** What the server says when it has seen what the client shows: its tickets, or up to TLS 1.2 its Finished. */
  readonly word: Buffer;
}

/** A server that would accept, behind something that meddles once the client has shown its certificate. */
async function startMeddler(version: TlsVersion, meddle: (middle: Middle) => void): Promise<TestServer> {
  const behind = await startServer(
    // No group without a key share, so that the hello is not asked for again.
    createTls(insistent(version, { ecdhCurve: 'X25519:P-256' }), (socket) => socket.on('error', () => undefined)),
  );
  const front = await startTcpServer((client) => {
    const server = connect(behind.port, '127.0.0.1');
    let hasShown = false;
    let heard = 0;
    server.on('error', () => undefined);
    client.on('data', (chunk: Buffer) => {
      // The first is the hello; what follows the server's flight shows the client.
      if (heard > 0) hasShown = true;
      server.write(chunk);
    });
    client.once('close', () => server.destroy());
    server.on('data', (chunk: Buffer) => {
      heard += 1;
      if (!hasShown) {
        client.write(chunk);
        return;
      }
      server.removeAllListeners('data');
      server.on('data', (rest: Buffer) => client.write(rest));
      meddle({ client, server, word: chunk });
    });
  });
  return Object.assign(front, {
    async [Symbol.asyncDispose]() {
      for (const socket of front.connections) socket.destroy();
      await behind[Symbol.asyncDispose]();
    },
  });
}

describe('a rehearsal whose connection ends without an answer', () => {
  test.each(VERSIONS)('is a rejection over %s when the server closes before its word', async (version) => {
    await using server = await startMeddler(version, ({ client }) => client.end());
    await expect(login(server, { identity: good })).resolves.toMatchObject({ status: 'rejected', reason: 'closed' });
  });

  test.each(VERSIONS)('is a rejection over %s when the server resets instead of its word', async (version) => {
    await using server = await startMeddler(version, ({ client }) => client.resetAndDestroy());
    await expect(login(server, { identity: good })).resolves.toMatchObject({ status: 'rejected', reason: 'closed' });
  });

  test.each(VERSIONS)('proves nothing over %s when the server closes behind its word', async (version) => {
    await using server = await startMeddler(version, ({ client, word }) => client.end(word));
    await expect(login(server, { identity: good })).resolves.toMatchObject({ status: 'unknown', reason: 'closed' });
  });

  test.each(VERSIONS)('proves nothing over %s when the server resets behind its word', async (version) => {
    await using server = await startMeddler(version, ({ client, word }) => {
      client.write(word, () => setImmediate(() => client.resetAndDestroy()));
    });
    await expect(login(server, { identity: good })).resolves.toMatchObject({ status: 'unknown', reason: 'closed' });
  });

  test.each(VERSIONS)('proves nothing over %s when the server of HTTP closes on the request', async (version) => {
    await using server = await startServer(
      createTls(insistent(version, { ALPNProtocols: ['http/1.1'] }), (socket) =>
        socket.once('data', () => socket.end()),
      ),
    );
    await expect(login(server, { identity: good })).resolves.toMatchObject({ status: 'unknown', reason: 'closed' });
  });

  test.each(VERSIONS)('is a rejection over %s when an alert follows the word', async (version) => {
    await using server = await startMeddler(version, ({ client, server: behind, word }) => {
      client.write(word);
      // A record that was not sealed by the client: the server's TLS library answers with bad_record_mac.
      behind.write(records(23, Buffer.alloc(64, 7)));
    });
    await expect(login(server, { identity: good })).resolves.toEqual({
      client: good?.chain[0].fingerprint,
      status: 'rejected',
      reason: 'bad_record_mac',
      evidence: 'alert 20',
    });
  });

  test('is unknown when the server says nothing at all behind the handshake', async () => {
    await using server = await startMeddler('TLSv1.3', () => undefined);
    await expect(login(server, { identity: good, timeoutMs: 500 })).resolves.toMatchObject({
      status: 'unknown',
      reason: 'timeout',
    });
    await expect(login(server, { identity: good, timeoutMs: 7_000 })).resolves.toMatchObject({
      status: 'unknown',
      reason: 'silent',
    });
  });

  test('accepts a server that speaks first, and goes on', async () => {
    await using server = await startServer(createTls(insistent('TLSv1.3'), (socket) => socket.write('220 ready\r\n')));
    await expect(login(server, { identity: good })).resolves.toMatchObject({ status: 'accepted', reason: null });
  });

  test.each([
    [40, 'handshake_failure'],
    [42, 'bad_certificate'],
    [43, 'unsupported_certificate'],
    [44, 'certificate_revoked'],
    [45, 'certificate_expired'],
    [46, 'certificate_unknown'],
    [48, 'unknown_ca'],
    [49, 'access_denied'],
    [112, 'unrecognized_name'],
    [116, 'certificate_required'],
    [199, 'alert_199'],
  ])('names alert %i by its number', async (number, name) => {
    await using server = await startTcpServer((socket) => {
      socket.once('data', () => socket.end(alertRecord(2, number)));
    });
    await expect(login(server)).resolves.toEqual({
      client: null,
      status: 'rejected',
      reason: name,
      evidence: `alert ${number}, in answer to the hello`,
    });
  });
});

describe('a rehearsal that does not come to the client certificate', () => {
  test('knows nothing of a port on which nobody listens', async () => {
    const port = await closedPort();
    await expect(login({ port })).resolves.toEqual({
      client: null,
      status: 'unknown',
      reason: 'refused',
      evidence: expect.stringContaining(`127.0.0.1 port ${port} refused the connection`),
    });
  });

  test('knows nothing of a server that closes upon the hello', async () => {
    await using server = await startTcpServer((socket) => socket.once('data', () => socket.end()));
    await expect(login(server, { identity: good })).resolves.toMatchObject({ status: 'unknown', reason: 'closed' });
  });

  test('knows nothing of a server that does not speak TLS', async () => {
    await using server = await startTcpServer((socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n'));
    await expect(login(server)).resolves.toMatchObject({
      status: 'unknown',
      reason: 'not_tls',
      evidence: expect.stringContaining('SSH'),
    });
  });

  test('knows nothing of a server that offers no TLS 1.2', async () => {
    await using server = await startServer(
      createTls({
        key: serverLeaf.keyPem,
        cert: serverLeaf.pem,
        minVersion: 'TLSv1',
        maxVersion: 'TLSv1.1',
        ciphers: 'DEFAULT:@SECLEVEL=0',
      }),
    );
    const { status, reason } = await login(server);
    expect([status, reason]).not.toContain('accepted');
  });

  test('is done by its deadline with a server that says nothing', async () => {
    await using server = await startSilentServer();
    const startedAt = performance.now();
    const verdict = await login(server, { timeoutMs: 300 });
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(verdict).toMatchObject({ status: 'unknown', reason: 'timeout' });
  });

  test('is done by its deadline with a server that drips', async () => {
    const flight = records(22, tls12Flight(tls12List([serverLeaf.der])));
    await using server = await startTcpServer((socket) => {
      let sent = 0;
      const timer = setInterval(() => socket.write(flight.subarray(sent, ++sent)), 20);
      socket.once('close', () => clearInterval(timer));
    });
    const startedAt = performance.now();
    await expect(login(server, { timeoutMs: 300 })).resolves.toMatchObject({ status: 'unknown', reason: 'timeout' });
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  test('knows nothing when the handshake cannot be completed on our side', async () => {
    const broken = serveTls12(Buffer.concat([tls12Flight(tls12List([Buffer.from('no certificate')]))]));
    await using server = await startTcpServer(broken);
    await expect(login(server)).resolves.toMatchObject({ status: 'unknown', reason: 'tls_error' });
  });

  test('throws the reason of a stop', async () => {
    await using server = await startSilentServer();
    const controller = new AbortController();
    const stop = new Error('stopping');
    setImmediate(() => controller.abort(stop));
    await expect(login(server, {}, controller.signal)).rejects.toBe(stop);
  });
});

describe('every rehearsal', () => {
  test('is a session of its own', async () => {
    const reused: boolean[] = [];
    await using server = await startServer(
      createTls(insistent('TLSv1.3'), (socket) => {
        reused.push(socket.isSessionReused());
        socket.resume();
      }),
    );
    await login(server, { identity: good });
    await login(server, { identity: good });
    expect(reused).toEqual([false, false]);
  });

  test('ends the connection in an orderly way', async () => {
    const endings: string[] = [];
    const ended = Promise.withResolvers<void>();
    await using server = await startServer(
      createTls(insistent('TLSv1.3'), (socket) => {
        socket.resume();
        socket.on('error', (error) => endings.push(error.message));
        socket.once('end', () => endings.push('end'));
        socket.once('close', () => ended.resolve());
      }),
    );
    await login(server, { identity: good });
    await ended.promise;
    expect(endings).toEqual(['end']);
  });

  test('asks for the name that it is given, and for none where that is an address', async () => {
    const names: (string | false | null)[] = [];
    await using server = await startServer(
      createTls(insistent('TLSv1.3'), (socket) => {
        names.push(socket.servername);
        socket.resume();
      }),
    );
    await login(server, { identity: good, serverName: 'pay.example.' });
    await rehearse(
      {
        connect: dial,
        address: '127.0.0.1',
        port: server.port,
        identity: good,
        request: { kind: 'auto' },
        timeoutMs: 5_000,
      },
      new AbortController().signal,
    );
    expect(names).toEqual(['pay.example', false]);
  });
});
