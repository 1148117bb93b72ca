import { describe, expect, test } from 'vitest';

import { dial } from '../../../src/network/dialer.ts';
import { createProber } from '../../../src/tls/probe.ts';
import type { Handshake, ProbeResult } from '../../../src/tls/probe-result.ts';
import { rehearse } from '../../../src/tls/rehearse/rehearse.ts';
import { DIALOGUES, type Protocol } from '../../../src/tls/starttls/dialogues.ts';
import { startTlsIn, type TlsStart } from '../../../src/tls/starttls/start.ts';
import { startTcpServer, type TestServer } from '../../helpers/loopback-servers.ts';
import { insistent, serverLeaf } from '../../helpers/rehearsal.ts';
import { identityOf } from '../../helpers/client-identities.ts';
import { play, SCRIPTS } from '../../helpers/starttls-scripts.ts';
import { startSpeaking } from '../../helpers/starttls-server.ts';

const never = new AbortController().signal;
const PROTOCOLS = Object.keys(DIALOGUES) as Protocol[];

function startOf(protocol: Protocol): TlsStart {
  return startTlsIn(protocol, dial, { host: 'mail.example.com', own: 'monitor.example.com' });
}

function look(server: TestServer, start: TlsStart, handshake: Handshake): Promise<ProbeResult> {
  const probe = createProber({ now: () => performance.now() });
  const target = { address: '127.0.0.1', port: server.port, serverName: 'localhost', timeoutMs: 5_000 };
  return probe(
    { connect: start.connect, ...(start.farewell && { farewell: start.farewell }), ...target },
    handshake,
    never,
  );
}

const CELLS = PROTOCOLS.flatMap((protocol) =>
  (['TLSv1.2', 'TLSv1.3'] as const)
    // In the packets of TDS there is no TLS 1.3: that came with TDS 8.
    .filter((version) => protocol !== 'mssql' || version === 'TLSv1.2')
    .map((version): [Protocol, 'TLSv1.2' | 'TLSv1.3'] => [protocol, version]),
);

describe('TLS behind a dialogue', () => {
  test.each(CELLS)('is looked at in every way: %s, %s', async (protocol, version) => {
    for (const handshake of ['hello', 'early', 'full'] as const) {
      await using server = await startSpeaking(protocol, { minVersion: version, maxVersion: version });
      const start = startOf(protocol);
      const result = await look(server, start, handshake);
      const actual = protocol === 'mysql' ? 'full' : handshake;
      expect(result).toMatchObject({
        handshake: actual,
        chain: [serverLeaf.der],
        established: actual !== 'early',
        tlsVersion: version.slice(4),
      });
      expect([result.failure, start.injected]).toEqual([undefined, 0]);
      if (actual !== 'early') expect(server.endings).toHaveLength(1);
      expect(server.errors).toEqual([]);
    }
  });

  test.each(PROTOCOLS)('is rehearsed: %s', async (protocol) => {
    await using server = await startSpeaking(protocol, insistent('TLSv1.2'));
    const { connect, farewell } = startOf(protocol);
    const verdict = await rehearse(
      {
        connect,
        ...(farewell && { farewell }),
        offersHttp: false,
        address: '127.0.0.1',
        port: server.port,
        identity: identityOf('good'),
        request: { kind: 'none' },
        timeoutMs: 5_000,
      },
      never,
    );
    expect(verdict).toMatchObject({ status: 'accepted', reason: null });
  });

  test('ends with a login at MySQL, which does not count it then', async () => {
    await using server = await startSpeaking('mysql');
    await look(server, startOf('mysql'), 'early');
    expect(Buffer.concat(server.said).toString('latin1')).toContain('notafter\0\0mysql_native_password\0');
    expect(server.endings).toHaveLength(1);
  });

  const confirming = PROTOCOLS.filter((protocol) => protocol !== 'mysql' && protocol !== 'mssql');
  test.each(confirming)('is looked at and told when somebody slips in bytes before it: %s', async (protocol) => {
    for (const handshake of ['hello', 'full'] as const) {
      await using together = await startSpeaking(protocol, {}, { early: '250 evil\r\n' });
      const first = startOf(protocol);
      const result = await look(together, first, handshake);
      expect([result.chain.length, result.failure, first.injected]).toEqual([1, undefined, 10]);

      await using apart = await startSpeaking(protocol, {}, { late: 'S\x16' });
      const second = startOf(protocol);
      const again = await look(apart, second, handshake);
      expect([again.chain.length, again.failure, second.injected]).toEqual([1, undefined, 2]);
    }
  });

  test('is not found where only what was slipped in comes', async () => {
    await using server = await startTcpServer((socket) => {
      void play(socket, SCRIPTS.postgres).then(() => socket.end('ERROR'));
    });
    const start = startOf('postgres');
    const result = await look(server, start, 'hello');
    expect([result.chain.length, result.failure?.reason, start.injected > 0]).toEqual([0, 'closed', true]);
  });

  test('is given up where nothing but other bytes ever comes', async () => {
    await using server = await startTcpServer((socket) => {
      void play(socket, SCRIPTS.pop3).then(() => socket.write(Buffer.alloc(128 * 1_024, 'A')));
    });
    const result = await look(server, startOf('pop3'), 'hello');
    // As much of it may come with the agreement as is too much for a dialogue.
    expect(['not_tls', 'too_large']).toContain(result.failure?.reason);
  });

  test('says what a server of MySQL sends in place of TLS', async () => {
    await using server = await startTcpServer((socket) => {
      void play(socket, SCRIPTS.mysql).then(() => socket.end('\x09\0\0\x02\xff\x15\x04denied'));
    });
    const start = startOf('mysql');
    const result = await look(server, start, 'hello');
    expect([result.failure?.reason, start.injected]).toEqual(['not_tls', 0]);
  });

  test.each([
    ['a packet without room for its own header', '1201000400000000'],
    ['something else than packets', '1704030300'],
  ])('is none where a server of TDS sends %s', async (_what, hex) => {
    await using server = await startTcpServer((socket) => {
      void play(socket, SCRIPTS.mssql).then(() => socket.end(Buffer.alloc(70_000, Buffer.from(hex, 'hex'))));
    });
    const result = await look(server, startOf('mssql'), 'hello');
    expect(['not_tls', 'closed']).toContain(result.failure?.reason);
    expect(result.chain).toEqual([]);
  });
});
