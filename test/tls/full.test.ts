import { execFile } from 'node:child_process';
import { connect } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { promisify } from 'node:util';
import { describe, expect, test, vi } from 'vitest';

import { dial } from '../../src/network/dialer.ts';
import { probeFull, type ProbeOptions } from '../../src/tls/full.ts';
import type { ProbeResult } from '../../src/tls/probe-result.ts';
import { encode, oid, sequence, bitString } from '../helpers/der.ts';
import { createAuthority, nameOf, selfSigned } from '../helpers/pki.ts';
import {
  alertRecord,
  handshakeMessage,
  records,
  serveTls12,
  serveTls13,
  tls12Flight,
  tls12List,
} from '../helpers/raw-tls.ts';
import { serveTls13Peer, tls13List, VERIFY } from '../helpers/tls13-peer.ts';
import {
  closedPort,
  startSilentServer,
  startTcpServer,
  startTlsServer,
  type TestServer,
} from '../helpers/loopback-servers.ts';

const never = new AbortController().signal;
const root = createAuthority({ name: 'Root' });
const intermediate = createAuthority({ name: 'Intermediate', parent: root });
const leaf = intermediate.issue({ names: ['localhost'] });

function probe(server: { readonly port: number }, options: Partial<ProbeOptions> = {}): Promise<ProbeResult> {
  return probeFull(
    { connect: dial, address: '127.0.0.1', port: server.port, serverName: 'localhost', timeoutMs: 5_000, ...options },
    never,
  );
}

/** Everything a version needs, also from a library that has long turned it off. */
function only(version: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3', more: TlsOptions = {}): TlsOptions {
  return {
    key: leaf.keyPem,
    cert: leaf.chainPem,
    minVersion: version,
    maxVersion: version,
    ciphers: 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:DEFAULT:@SECLEVEL=0',
    ...more,
  };
}

/** A public key of an algorithm that does not exist. */
const unknownKey = sequence(sequence(oid('1.3.6.1.4.1.99999.1')), bitString(Buffer.alloc(65, 4)));

describe('a full probe', () => {
  test.each<[string, Buffer, string | undefined]>([
    ['is wrong', VERIFY, 'failed'],
    ['is missing', handshakeMessage(15), undefined],
  ])('tells, where it is asked for, that the signature of the server %s', async (_, verify, possession) => {
    const messages = [handshakeMessage(11, tls13List([leaf.der])), verify];
    await using server = await startTcpServer(serveTls13Peer({ messages }));
    const result = await probe(server, { verifyPossession: true });
    expect(result).toMatchObject({ established: false, chain: [leaf.der], failure: { reason: 'tls_error' } });
    expect(result.possession).toBe(possession);
    expect((await probe(server)).possession).toBeUndefined();
  });

  describe.each([
    ['TLSv1', '1.0'],
    ['TLSv1.1', '1.1'],
    ['TLSv1.2', '1.2'],
    ['TLSv1.3', '1.3'],
  ] as const)('of a server that speaks only %s', (version, tlsVersion) => {
    test('yields the served list, the version, the suite and the protocol, and ends the connection properly', async () => {
      await using server = await startTlsServer(only(version, { ALPNProtocols: ['http/1.1'] }));

      const result = await probe(server, { alpn: ['h2', 'http/1.1'] });

      expect(result).toEqual({
        handshake: 'full',
        chain: [leaf.der, intermediate.certificate.der],
        servedCount: 2,
        established: true,
        tlsVersion,
        cipher: expect.stringMatching(/^TLS_/),
        alpn: 'http/1.1',
        group: tlsVersion === '1.3' ? 'X25519MLKEM768' : 'X25519',
        requestsClientCertificate: false,
        acceptableIssuers: [],
      });
      await vi.waitFor(() => expect(server.endings).toHaveLength(1));
      expect(server.errors).toEqual([]);
    });

    test('yields the served list and the acceptable issuers of one that demands a client certificate', async () => {
      const other = createAuthority({ name: 'Partner CA', organization: 'Example, Inc.' });
      await using server = await startTlsServer(
        only(version, {
          requestCert: true,
          rejectUnauthorized: true,
          ca: [root.certificate.pem, other.certificate.pem],
        }),
      );

      const result = await probe(server);

      expect(result.chain).toEqual([leaf.der, intermediate.certificate.der]);
      expect(result.requestsClientCertificate).toBe(true);
      expect(result.acceptableIssuers.toSorted()).toEqual(['CN=Partner CA,O=Example\\, Inc.', 'CN=Root']);
      // In TLS 1.3 the judgement comes after the handshake, and is not waited for.
      const refusal = {
        reason: 'tls_alert',
        alert: { number: 40, name: 'handshake_failure' },
        detail: `127.0.0.1 port ${server.port} ended the handshake with alert 40 (handshake_failure): it asked for a client certificate and got none`,
      };
      expect(result.failure).toEqual(version === 'TLSv1.3' ? undefined : refusal);
    });
  });

  test.each(['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'])(
    'reads what is sealed with %s',
    async (cipher) => {
      await using server = await startTlsServer(only('TLSv1.3', { ciphers: cipher }));
      await expect(probe(server)).resolves.toMatchObject({ cipher, chain: [leaf.der, intermediate.certificate.der] });
    },
  );

  test.each(['P-256', 'P-384', 'P-521', 'X25519MLKEM768'])(
    'follows the HelloRetryRequest of a server that insists on the group %s',
    async (group) => {
      await using server = await startTlsServer(only('TLSv1.3', { ecdhCurve: group }));
      await expect(probe(server)).resolves.toMatchObject({
        established: true,
        tlsVersion: '1.3',
        chain: [leaf.der, intermediate.certificate.der],
      });
    },
  );

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'yields doubles, strangers and any order exactly as served over %s',
    async (version) => {
      const stranger = selfSigned({ commonName: 'stranger' });
      const odd = root.issue({ commonName: 'odd key', publicKeyInfo: unknownKey, ca: true });
      const served = [leaf, root.certificate, stranger, leaf, odd, intermediate.certificate];
      await using server = await startTlsServer(only(version, { cert: served.map(({ pem }) => pem).join('') }));

      const result = await probe(server);

      expect(result.chain).toEqual(served.map(({ der }) => der));
    },
  );

  test.each([
    ['expired', root.issue({ notAfter: new Date(Date.now() - 1000) })],
    ['not yet valid', root.issue({ notBefore: new Date(Date.now() + 86_400_000) })],
    ['self-signed', selfSigned()],
    ['for another name', root.issue({ names: ['other.example'] })],
    ['without any name', root.issue({ names: [] })],
    ['for clients only', root.issue({ extendedKeyUsage: ['clientAuth'] })],
  ])('yields a certificate that is %s', async (_what, certificate) => {
    await using server = await startTlsServer({ key: certificate.keyPem, cert: certificate.pem });
    await expect(probe(server)).resolves.toMatchObject({ established: true, chain: [certificate.der] });
  });

  test('sends the name that it is given, without a trailing dot, and none for an address', async () => {
    await using server = await startTlsServer(only('TLSv1.3'));
    await probe(server, { serverName: 'api.example.com.' });
    await probeFull({ connect: dial, address: '127.0.0.1', port: server.port, timeoutMs: 5_000 }, never);
    await vi.waitFor(() => expect(server.serverNames).toEqual(['api.example.com', false]));
  });

  test('gets the certificate of a server that speaks none of the offered protocols', async () => {
    await using server = await startTlsServer(only('TLSv1.3', { ALPNProtocols: ['postgresql'] }));
    const result = await probe(server, { alpn: ['h2'] });
    expect(result).toMatchObject({ established: true, chain: [leaf.der, intermediate.certificate.der] });
    expect(result.alpn).toBeUndefined();
  });

  test('sends a hello that fits into one segment', async () => {
    const length = Promise.withResolvers<number>();
    await using server = await startTcpServer((socket) => {
      socket.once('data', (chunk: Buffer) => {
        length.resolve(chunk.length);
        socket.destroy();
      });
    });
    await probe(server, { alpn: ['h2', 'http/1.1'], serverName: 'a'.repeat(63) + '.example.com' });
    expect(await length.promise).toBeLessThan(1_200);
  });

  test('leaves no connection behind, also when many run at once', async () => {
    await using server = await startTlsServer(only('TLSv1.3'));
    const results = await Promise.all(Array.from({ length: 40 }, () => probe(server)));
    expect(results.filter(({ established }) => established)).toHaveLength(40);
    await vi.waitFor(() => expect(server.connections.filter((socket) => !socket.destroyed)).toEqual([]));
    expect(server.errors).toEqual([]);
  });

  test('says goodbye with a close_notify', async () => {
    await using server = await startTlsServer(only('TLSv1.2'));
    const sent: Buffer[] = [];
    await using relay = await startTcpServer((socket) => {
      const upstream = connect(server.port, '127.0.0.1');
      upstream.on('error', () => undefined);
      socket.on('data', (chunk: Buffer) => sent.push(chunk));
      socket.pipe(upstream).pipe(socket);
    });
    await expect(probe(relay)).resolves.toMatchObject({ established: true });

    const types: number[] = [];
    const bytes = Buffer.concat(sent);
    for (let offset = 0; offset < bytes.length; offset += 5 + bytes.readUInt16BE(offset + 3)) {
      types.push(bytes.readUInt8(offset));
    }
    // Hello, key exchange, change of cipher, Finished; then the sealed alert.
    expect(types).toEqual([22, 22, 20, 22, 21]);
  });

  test('is not kept by a server that never closes', async () => {
    await using server = await startTlsServer(only('TLSv1.3', { allowHalfOpen: true }));
    const startedAt = performance.now();
    await expect(probe(server)).resolves.toMatchObject({ established: true });
    expect(performance.now() - startedAt).toBeLessThan(1_500);
  });
});

describe('a full probe, of what no library serves,', () => {
  const good = selfSigned();
  const oddKey = selfSigned({ publicKeyInfo: unknownKey });
  const offCurve = selfSigned({
    publicKeyInfo: sequence(
      sequence(oid('1.2.840.10045.2.1'), oid('1.2.840.10045.3.1.7')),
      bitString(Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 7)])),
    ),
  });
  const manyNames = selfSigned({ names: Array.from({ length: 20_000 }, (_value, index) => `host-${index}.example`) });
  const lists: readonly [string, readonly Uint8Array[]][] = [
    ['an empty entry', [good.der, new Uint8Array(), good.der]],
    ['bytes behind the certificate', [Buffer.concat([good.der, Buffer.from('tail')])]],
    ['a certificate that is cut off', [good.der.subarray(0, -20)]],
    ['no certificate at all', [Buffer.from('hello, world')]],
    ['a key of an unknown kind', [oddKey.der]],
    ['a key that is no point of its curve', [offCurve.der]],
    ['a list of more than 100 KiB', [manyNames.der, good.der]],
    ['a long list', Array.from({ length: 100 }, () => good.der)],
  ];

  test.each(lists)('yields %s from a TLS 1.2 server', async (_what, list) => {
    await using server = await startTcpServer(serveTls12(tls12Flight(tls12List(list), [nameOf('Partner CA')])));
    const result = await probe(server, { timeoutMs: 3_000 });
    expect(result.chain.map((der) => Buffer.from(der))).toEqual(list.map((der) => Buffer.from(der)));
    expect(result).toMatchObject({
      established: false,
      tlsVersion: '1.2',
      cipher: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
      requestsClientCertificate: true,
      acceptableIssuers: ['CN=Partner CA'],
    });
  });

  test.each(lists)('yields %s from a TLS 1.3 server', async (_what, list) => {
    await using server = await startTcpServer(serveTls13(list));
    const result = await probe(server, { timeoutMs: 3_000 });
    expect(result.chain.map((der) => Buffer.from(der))).toEqual(list.map((der) => Buffer.from(der)));
    expect(result).toMatchObject({ established: false, tlsVersion: '1.3', cipher: 'TLS_AES_128_GCM_SHA256' });
  });

  test('reads a message that is cut into the smallest records', async () => {
    await using server = await startTcpServer(serveTls13([good.der], { size: 1 }));
    await expect(probe(server, { timeoutMs: 3_000 })).resolves.toMatchObject({ chain: [good.der] });
  });

  test('keeps the first 100 of a longer list and says how many there were', async () => {
    const flight = tls12Flight(tls12List(Array.from({ length: 130 }, () => good.der)));
    await using server = await startTcpServer(serveTls12(flight));
    const result = await probe(server, { timeoutMs: 3_000 });
    expect([result.chain.length, result.servedCount]).toEqual([100, 130]);
  });

  test('stops reading a flight without end', async () => {
    const huge = Buffer.alloc(4 * 1024 * 1024);
    await using server = await startTcpServer(serveTls12(tls12Flight(tls12List([huge]))));
    const startedAt = performance.now();
    await expect(probe(server)).resolves.toMatchObject({ chain: [], failure: { reason: 'too_large' } });
    expect(performance.now() - startedAt).toBeLessThan(1_500);
  });

  test('says that a message contradicts itself', async () => {
    const list = tls12List([good.der]);
    list.writeUIntBE(list.length + 100, 0, 3);
    await using server = await startTcpServer(serveTls12(tls12Flight(list)));
    await expect(probe(server, { timeoutMs: 3_000 })).resolves.toMatchObject({ failure: { reason: 'malformed' } });
  });

  test('shows an acceptable issuer that is no name in hex', async () => {
    const flight = tls12Flight(tls12List([good.der]), [Buffer.from('zz'), encode(0x30, Buffer.alloc(0))]);
    await using server = await startTcpServer(serveTls12(flight));
    await expect(probe(server, { timeoutMs: 3_000 })).resolves.toMatchObject({ acceptableIssuers: ['#7a7a', ''] });
  });
});

describe('a full probe that fails', () => {
  const where = (server: { readonly port: number }): string => `127.0.0.1 port ${server.port}`;

  async function failing(
    serve: Parameters<typeof startTcpServer>[0],
  ): Promise<{ server: TestServer; result: ProbeResult }> {
    await using server = await startTcpServer(serve);
    return { server, result: await probe(server, { timeoutMs: 2_000 }) };
  }

  test.each([
    ['SSH-2.0-OpenSSH_9.2\r\n', 'SSH'],
    ['220 mail.example.com ESMTP\r\n', 'SMTP or FTP (the TLS of which begins with STARTTLS)'],
    ['+OK POP3 ready\r\n', 'POP3 (the TLS of which begins with STLS)'],
    ['* OK IMAP ready\r\n', 'IMAP (the TLS of which begins with STARTTLS)'],
    ['RFB 003.008\n', 'VNC'],
    ['J\0\0\0\n8.0.36\0', 'MySQL'],
    ['whatever', 'something else'],
    ['\u0016\u0002\0\0\0', 'something else'],
    ['\u0016\u0003\u0003\u00ff\u00ff', 'something else'],
  ])('recognises a server that greets with %j', async (greeting, protocol) => {
    const { server, result } = await failing((socket) => {
      socket.write(greeting, 'latin1');
    });
    expect(result.failure).toEqual({
      reason: 'not_tls',
      detail: `${where(server)} answered with ${protocol} instead of TLS; check the port`,
    });
  });

  test('recognises a server that speaks plain HTTP, as soon as it answers', async () => {
    const { server, result } = await failing((socket) => {
      socket.once('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n'));
    });
    expect(result.failure).toEqual({
      reason: 'not_tls',
      detail: `${where(server)} answered with plain HTTP instead of TLS; check the port`,
    });
  });

  test.each([
    [112, 'unrecognized_name', /server_name/],
    [70, 'protocol_version', /TLS 1\.0 to 1\.3/],
    [40, 'handshake_failure', /cipher/],
    [80, 'internal_error', /its log/],
    [255, 'alert_255', /log/],
  ])('gives the number, the name and an advice for alert %i', async (number, name, advice) => {
    const { result } = await failing((socket) => {
      socket.once('data', () => socket.end(alertRecord(2, number)));
    });
    expect(result.failure).toMatchObject({ reason: 'tls_alert', alert: { number, name } });
    expect(result.failure?.detail).toMatch(advice);
    expect(result.failure?.detail).toContain(`alert ${number} (${name})`);
  });

  test('does not take a warning for the end', async () => {
    const certificate = selfSigned();
    const { result } = await failing((socket) => {
      socket.once('data', () => {
        socket.write(alertRecord(1, 112));
        socket.end(records(22, tls12Flight(tls12List([certificate.der]))));
      });
    });
    expect(result.chain).toEqual([certificate.der]);
    expect(result.failure?.reason).not.toBe('tls_alert');
  });

  test('says that the port is closed', async () => {
    const port = await closedPort();
    await expect(probe({ port })).resolves.toMatchObject({
      chain: [],
      established: false,
      failure: { reason: 'refused' },
    });
  });

  test('says that the connection was reset', async () => {
    const { result } = await failing((socket) => {
      socket.once('data', () => socket.resetAndDestroy());
    });
    expect(result.failure).toMatchObject({ reason: 'reset' });
  });

  test.each([
    ['without a word', Buffer.alloc(0)],
    ['within a record', Buffer.from([22, 3])],
    ['within the list', records(22, tls12Flight(tls12List([selfSigned().der]))).subarray(0, 200)],
  ])('says that the connection was closed %s', async (_when, bytes) => {
    const { result } = await failing((socket) => {
      socket.once('data', () => socket.end(bytes));
    });
    expect(result.failure).toMatchObject({ reason: 'closed' });
  });

  test('ends at its deadline when the server says nothing', async () => {
    await using server = await startSilentServer();
    const startedAt = performance.now();
    const result = await probe(server, { timeoutMs: 300 });
    const elapsed = performance.now() - startedAt;
    expect(result.failure).toEqual({
      reason: 'timeout',
      detail: `${where(server)} accepted the connection and then sent nothing until the deadline of 300 ms`,
    });
    expect([elapsed >= 295, elapsed < 550]).toEqual([true, true]);
  });

  test('ends at its deadline when the server drips', async () => {
    const flight = records(22, tls12Flight(tls12List([selfSigned().der])));
    await using server = await startTcpServer((socket) => {
      let sent = 0;
      const timer = setInterval(() => socket.write(flight.subarray(sent, ++sent)), 20);
      socket.on('close', () => clearInterval(timer));
    });
    const startedAt = performance.now();
    await expect(probe(server, { timeoutMs: 300 })).resolves.toMatchObject({ failure: { reason: 'timeout' } });
    expect(performance.now() - startedAt).toBeLessThan(550);
  });

  test('keeps what it saw before the deadline', async () => {
    const certificate = selfSigned();
    await using server = await startTcpServer(serveTls13([certificate.der], { stall: true }));
    await expect(probe(server, { timeoutMs: 300 })).resolves.toMatchObject({
      chain: [certificate.der],
      tlsVersion: '1.3',
      failure: { reason: 'timeout', detail: expect.stringContaining('stalled') },
    });
  });

  test('throws the reason of the caller who stops', async () => {
    await using server = await startSilentServer();
    const controller = new AbortController();
    const pending = probeFull(
      { connect: dial, address: '127.0.0.1', port: server.port, timeoutMs: 5_000 },
      controller.signal,
    );
    await vi.waitFor(() => expect(server.connections).toHaveLength(1));
    const stop = new Error('stopping');
    controller.abort(stop);
    await expect(pending).rejects.toBe(stop);
    await vi.waitFor(() => expect(server.connections[0]?.destroyed).toBe(true));
  });
});

test('a probe leaves nothing that keeps the process alive', async () => {
  await using server = await startTlsServer(only('TLSv1.3'));
  const program = `
    import { dial } from ${JSON.stringify(new URL('../../src/network/dialer.ts', import.meta.url).href)};
    import { probeFull } from ${JSON.stringify(new URL('../../src/tls/full.ts', import.meta.url).href)};
    const result = await probeFull({ connect: dial, address: '127.0.0.1', port: ${server.port}, timeoutMs: 60_000 }, new AbortController().signal);
    process.stdout.write(String(result.chain.length));
  `;
  const startedAt = performance.now();
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
  expect([stdout, stderr]).toEqual(['2', '']);
  expect(performance.now() - startedAt).toBeLessThan(10_000);
});
