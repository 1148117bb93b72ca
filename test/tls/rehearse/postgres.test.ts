import { createServer as createTls } from 'node:tls';
import { describe, expect, test } from 'vitest';

import { dial } from '../../../src/network/dialer.ts';
import { CLIENT_KINDS, identityOf, type ClientKind } from '../../helpers/client-identities.ts';
import { authentication, byCertificate, failure, message, startPostgres } from '../../helpers/fake-postgres.ts';
import { startServer, startSilentServer, startTcpServer } from '../../helpers/loopback-servers.ts';
import { insistent, login, type TlsVersion } from '../../helpers/rehearsal.ts';

const good = identityOf('good');
const request = { kind: 'postgres', user: 'billing', database: 'ledger' } as const;

const CELLS = (['TLSv1.2', 'TLSv1.3'] as const).flatMap((version) =>
  CLIENT_KINDS.map((kind): [TlsVersion, ClientKind] => [version, kind]),
);

describe('a rehearsal with PostgreSQL', () => {
  test.each(CELLS)('says over %s what the server says of a client that is %s', async (version, kind) => {
    await using server = await startPostgres(version, byCertificate);

    const verdict = await login(server, { identity: identityOf(kind), request });

    const [seen] = server.logins;
    expect(seen?.authorized).toBe(kind === 'good');
    expect(verdict).toMatchObject(
      seen?.authorized === true
        ? { status: 'accepted', reason: null, evidence: 'PostgreSQL: authenticated' }
        : { status: 'rejected', reason: 'postgres_28000', evidence: 'PostgreSQL: SQLSTATE 28000' },
    );
    expect(seen?.startup).toBe('\0\0\0\x40\0\x03\0\0user\0billing\0database\0ledger\0application_name\0notafter\0\0');
  });

  test.each([
    ['a password', authentication(3), 'accepted', null],
    ['SCRAM', message('R', Buffer.from('\0\0\0\x0aSCRAM-SHA-256\0\0')), 'accepted', null],
    [
      'an older protocol, then GSS',
      Buffer.concat([message('v', Buffer.alloc(8)), authentication(7)]),
      'accepted',
      null,
    ],
    [
      'a notice, then a refusal',
      Buffer.concat([message('N', Buffer.from('\0')), failure('28P01')]),
      'rejected',
      'postgres_28P01',
    ],
    ['no such database', failure('3D000'), 'accepted', null],
    ['too many clients', failure('53300'), 'unknown', 'postgres_53300'],
    ['an error without a state', message('E', Buffer.from('SFATAL\0\0')), 'unknown', 'postgres_XX000'],
    ['something else', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'unknown', 'not_postgres'],
    ['a message that is far too long', Buffer.from('R\x7f\xff\xff\xff\0\0\0\0', 'latin1'), 'unknown', 'not_postgres'],
  ])('judges by %s', async (_what, reply, status, reason) => {
    await using server = await startPostgres('TLSv1.3', () => reply);
    await expect(login(server, { identity: good, request })).resolves.toMatchObject({ status, reason });
  });

  test.each([
    ['has no TLS', 'N', 'tls_not_offered', /ssl = off/],
    ['is none', 'HTTP/1.1 400', 'not_tls', /plain HTTP instead of PostgreSQL/],
    ['cannot take us', 'E', 'service_error', /an error/],
  ])('knows nothing of a server that %s', async (_what, answer, reason, evidence) => {
    await using server = await startTcpServer((socket) => socket.once('data', () => socket.write(answer)));
    await expect(login(server, { identity: good, request })).resolves.toEqual({
      client: good?.chain[0].fingerprint,
      status: 'unknown',
      reason,
      evidence: expect.stringMatching(evidence),
    });
  });

  test('knows nothing of a server that closes or says nothing when it is asked for TLS', async () => {
    await using closing = await startTcpServer((socket) => socket.once('data', () => socket.end()));
    await expect(login(closing, { request })).resolves.toMatchObject({ status: 'unknown', reason: 'closed' });
    await using silent = await startSilentServer();
    await expect(login(silent, { request, timeoutMs: 300 })).resolves.toMatchObject({
      status: 'unknown',
      reason: 'timeout',
    });
  });

  test('needs no SSLRequest where TLS comes first, and says by ALPN that it is PostgreSQL', async () => {
    const startup: string[] = [];
    await using server = await startServer(
      createTls(insistent('TLSv1.3', { ALPNProtocols: ['postgresql'] }), (socket) => {
        socket.on('error', () => undefined);
        socket.once('data', (bytes: Buffer) => {
          startup.push(`${String(socket.alpnProtocol)} ${bytes.toString('latin1', 8, 12)}`);
          socket.write(authentication(0));
        });
      }),
    );
    await expect(login(server, { connect: dial, identity: good, request })).resolves.toMatchObject({
      status: 'accepted',
    });
    expect(startup).toEqual(['postgresql user']);
  });

  test('throws the reason of a stop while it waits for TLS', async () => {
    await using server = await startSilentServer();
    const controller = new AbortController();
    const stop = new Error('stopping');
    setImmediate(() => controller.abort(stop));
    await expect(login(server, { request }, controller.signal)).rejects.toBe(stop);
  });
});
