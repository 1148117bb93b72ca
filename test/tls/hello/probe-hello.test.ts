import { once } from 'node:events';
import { connect } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { brotliCompressSync, deflateSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test, vi } from 'vitest';

import { dial } from '../../../src/network/dialer.ts';
import { probeFull } from '../../../src/tls/full.ts';
import { createEphemerals } from '../../../src/tls/hello/ephemerals.ts';
import { probeHello, type HelloOptions, type HelloOutcome } from '../../../src/tls/hello/probe-hello.ts';
import type { ProbeResult } from '../../../src/tls/probe-result.ts';
import { bitString, oid, sequence } from '../../helpers/der.ts';
import { createAuthority, nameOf, selfSigned } from '../../helpers/pki.ts';
import {
  alertRecord,
  extension,
  handshakeMessage,
  records,
  serveTls12,
  tls12Flight,
  tls12List,
  vector,
} from '../../helpers/raw-tls.ts';
import { readRecording, importKeys, recordedEphemerals, stagesOf } from '../../helpers/recorded-flights.ts';
import { startSilentServer, startTcpServer, startTlsServer, type TestServer } from '../../helpers/loopback-servers.ts';
import {
  compressedCertificate,
  serveTls13Peer,
  tls13List,
  VERIFY,
  type PeerOptions,
} from '../../helpers/tls13-peer.ts';

const never = new AbortController().signal;
const root = createAuthority({ name: 'Root' });
const intermediate = createAuthority({ name: 'Intermediate', parent: root });
const leaf = intermediate.issue({ names: ['localhost'] });
const chain = [leaf.der, intermediate.certificate.der];
const ephemerals = createEphemerals(() => performance.now());

function options(server: { readonly port: number }, more: Partial<HelloOptions> = {}): HelloOptions {
  return {
    connect: dial,
    address: '127.0.0.1',
    port: server.port,
    serverName: 'localhost',
    timeoutMs: 5_000,
    handshake: 'hello',
    ...more,
  };
}

function probe(server: { readonly port: number }, more: Partial<HelloOptions> = {}): Promise<HelloOutcome> {
  return probeHello(options(server, more), ephemerals(), never);
}

/** What every way of looking must agree on. */
function common({
  chain: served,
  servedCount,
  tlsVersion,
  cipher,
  alpn,
  requestsClientCertificate,
  acceptableIssuers,
}: ProbeResult) {
  return {
    chain: served.map((der) => Buffer.from(der).toString('hex')),
    servedCount,
    tlsVersion,
    cipher,
    alpn,
    requestsClientCertificate,
    acceptableIssuers,
  };
}

const identities = {
  ECDSA: leaf,
  RSA: intermediate.issue({ names: ['localhost'], keyType: 'rsa' }),
  Ed25519: intermediate.issue({ names: ['localhost'], keyType: 'ed25519' }),
};
type Identity = keyof typeof identities;

function serving(identity: Identity, version: 'TLSv1.2' | 'TLSv1.3', more: TlsOptions = {}): TlsOptions {
  const { keyPem, chainPem } = identities[identity];
  return { key: keyPem, cert: chainPem, minVersion: version, maxVersion: version, ALPNProtocols: ['h2'], ...more };
}

const servers: readonly (readonly [string, TlsOptions])[] = [
  ...(['ECDSA', 'RSA', 'Ed25519'] as const).flatMap((identity) =>
    (['TLSv1.2', 'TLSv1.3'] as const).flatMap((version) => [
      [`${version} with ${identity}`, serving(identity, version)] as const,
      ...['X25519', 'P-256', 'P-384', 'P-521'].map(
        (group) =>
          [`${version} with ${identity}, ${group} alone`, serving(identity, version, { ecdhCurve: group })] as const,
      ),
    ]),
  ),
  ...['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'].flatMap((ciphers) => [
    [ciphers, serving('ECDSA', 'TLSv1.3', { ciphers })] as const,
    [`${ciphers} after a HelloRetryRequest`, serving('ECDSA', 'TLSv1.3', { ciphers, ecdhCurve: 'P-384' })] as const,
  ]),
  ...['AES128-GCM-SHA256', 'AES256-GCM-SHA384', 'CHACHA20-POLY1305'].flatMap((suite) => [
    [`ECDHE-RSA-${suite}`, serving('RSA', 'TLSv1.2', { ciphers: `ECDHE-RSA-${suite}` })] as const,
    [`ECDHE-ECDSA-${suite}`, serving('ECDSA', 'TLSv1.2', { ciphers: `ECDHE-ECDSA-${suite}` })] as const,
  ]),
  ['X25519MLKEM768 alone', serving('ECDSA', 'TLSv1.3', { ecdhCurve: 'X25519MLKEM768' })],
  ['the default groups of the library', serving('ECDSA', 'TLSv1.3', { ecdhCurve: 'auto' })],
  ['no protocol of ours', serving('ECDSA', 'TLSv1.3', { ALPNProtocols: ['postgresql'] })],
  ...(['TLSv1.2', 'TLSv1.3'] as const).map(
    (version) =>
      [
        `${version}, asking for a client certificate`,
        serving('ECDSA', version, { requestCert: true, rejectUnauthorized: false, ca: [root.certificate.pem] }),
      ] as const,
  ),
];

describe.each(servers)('against a server with %s', (name, serverOptions) => {
  test('hello shows what full shows, proves possession, ends properly and leaves no error in the log', async () => {
    await using server = await startTlsServer(serverOptions);
    const alpn = ['h2', 'http/1.1'];
    const { result, obstacle } = await probe(server, { alpn, verifyPossession: true });
    expect(obstacle).toBeUndefined();
    expect(result).toMatchObject({ handshake: 'hello', established: true, possession: 'proven' });
    expect(result.failure).toBeUndefined();
    await vi.waitFor(() => expect(server.endings).toHaveLength(1));
    await vi.waitFor(() => expect(server.connections.every((socket) => socket.destroyed)).toBe(true));
    // A first hello may be refused for what it offers; that is an error for the library.
    if (!name.includes('MLKEM') && !name.includes('protocol')) expect(server.errors).toEqual([]);

    const full = await probeFull(options(server, { alpn }), never);
    expect(common(result)).toEqual(common(full));
    expect(result.requestsClientCertificate).toBe(name.includes('asking'));
    if (name.includes('asking')) expect(result.signatureSchemes).toContain(0x0403);
    const group = /(\S+) alone/.exec(name)?.[1];
    if (group !== undefined) expect(result.group).toBe(group);
  });

  test('early shows the same without a complete handshake', async () => {
    await using server = await startTlsServer(serverOptions);
    const alpn = ['h2', 'http/1.1'];
    const { result, obstacle } = await probe(server, { alpn, handshake: 'early' });
    expect(obstacle).toBeUndefined();
    expect(result).toMatchObject({ handshake: 'early', established: false });
    expect([result.failure, result.possession]).toEqual([undefined, undefined]);
    const proving = await probe(server, { alpn, handshake: 'early', verifyPossession: true });
    expect(proving.result.possession).toBe('proven');
    const full = await probeFull(options(server, { alpn }), never);
    expect(common(result)).toEqual(common(full));
  });
});

describe('a hello', () => {
  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'shows a server that demands a client certificate over %s',
    async (version) => {
      const other = createAuthority({ name: 'Partner CA', organization: 'Example, Inc.' });
      await using server = await startTlsServer(
        serving('ECDSA', version, {
          requestCert: true,
          rejectUnauthorized: true,
          ca: [root.certificate.pem, other.certificate.pem],
        }),
      );
      const { result, obstacle } = await probe(server);
      const full = await probeFull(options(server), never);
      expect(obstacle).toBeUndefined();
      expect(common(result)).toEqual(common(full));
      expect(result.acceptableIssuers).toContain('CN=Partner CA,O=Example\\, Inc.');
      // Over TLS 1.3 the judgement comes after the handshake, and is not waited for.
      expect([result.established, result.failure]).toEqual([full.established, full.failure]);
      expect(result.established).toBe(version === 'TLSv1.3');
      const early = await probe(server, { handshake: 'early' });
      expect(common(early.result)).toEqual(common(full));
    },
  );

  test('sends the name that it is given, without a trailing dot, and none for an address', async () => {
    await using server = await startTlsServer(serving('ECDSA', 'TLSv1.3'));
    await probe(server, { serverName: 'api.example.com.' });
    const { serverName, ...nameless } = options(server);
    await probeHello(nameless, ephemerals(), never);
    expect(serverName).toBe('localhost');
    await vi.waitFor(() => expect(server.serverNames).toEqual(['api.example.com', false]));
  });

  test('fits into one segment, of a length that no load balancer loses', async () => {
    for (const serverName of ['a', 'a'.repeat(20), 'a'.repeat(63) + '.example.com', `${'a.'.repeat(100)}com`]) {
      const first = Promise.withResolvers<Buffer>();
      await using server = await startTcpServer((socket) => {
        socket.once('data', (chunk: Buffer) => {
          first.resolve(chunk);
          socket.destroy();
        });
      });
      await probe(server, { serverName, alpn: ['h2', 'http/1.1'] });
      const bytes = await first.promise;
      expect(bytes.length).toBeLessThan(1_200);
      expect(bytes.length - 5 >= 512 || bytes.length - 5 < 256).toBe(true);
      expect(bytes.readUInt16BE(3)).toBe(bytes.length - 5);
    }
  });

  test('uses keys that nobody can guess, one pair for up to a minute', () => {
    let time = 0;
    const create = createEphemerals(() => time);
    const shareOf = (): string[] => create().shares.map(({ agreement }) => agreement.share.toString('hex'));
    const before = shareOf();
    time = 59_999;
    expect(shareOf()).toEqual(before);
    time = 60_000;
    const after = shareOf();
    expect(new Set([...before, ...after]).size).toBe(4);
    const draws = Array.from({ length: 500 }, () => create().random(32).toString('hex'));
    expect(new Set(draws).size).toBe(500);
  });

  test('says goodbye with a close_notify over TLS 1.2', async () => {
    await using server = await startTlsServer(serving('ECDSA', 'TLSv1.2'));
    const sent: Buffer[] = [];
    await using relay = await startTcpServer((socket) => {
      const upstream = connect(server.port, '127.0.0.1');
      upstream.on('error', () => undefined);
      socket.on('data', (chunk: Buffer) => sent.push(chunk));
      socket.pipe(upstream).pipe(socket);
    });
    await expect(probe(relay)).resolves.toMatchObject({ result: { established: true } });
    const types: number[] = [];
    const bytes = Buffer.concat(sent);
    for (let offset = 0; offset < bytes.length; offset += 5 + bytes.readUInt16BE(offset + 3)) {
      types.push(bytes.readUInt8(offset));
    }
    expect(types).toEqual([22, 22, 20, 22, 21]);
  });

  test('leaves no connection behind, also when many run at once', async () => {
    await using server = await startTlsServer(serving('ECDSA', 'TLSv1.3'));
    const outcomes = await Promise.all(Array.from({ length: 100 }, () => probe(server)));
    expect(outcomes.filter(({ result }) => result.established)).toHaveLength(100);
    await vi.waitFor(() => expect(server.connections.filter((socket) => !socket.destroyed)).toEqual([]));
    expect(server.errors).toEqual([]);
  });

  test('reads from a connection that began in the clear', async () => {
    await using server = await startTlsServer(serving('ECDSA', 'TLSv1.3'));
    await using relay = await startTcpServer((socket) => {
      socket.once('data', (request: Buffer) => {
        socket.write(request.toString() === 'START' ? 'S' : 'N');
        const upstream = connect(server.port, '127.0.0.1');
        upstream.on('error', () => undefined);
        socket.pipe(upstream).pipe(socket);
      });
    });
    const startTls: HelloOptions['connect'] = async (address, port, signal) => {
      const socket = await dial(address, port, signal);
      const answer = once(socket, 'data');
      socket.write('START');
      expect(String((await answer)[0])).toBe('S');
      socket.pause();
      return socket;
    };
    for (const handshake of ['hello', 'early'] as const) {
      const { result } = await probe(relay, { connect: startTls, handshake });
      expect(result).toMatchObject({ handshake, chain });
      expect(result.failure).toBeUndefined();
    }
  });

  test('is not kept by a server that never closes', async () => {
    await using server = await startTlsServer(serving('ECDSA', 'TLSv1.3', { allowHalfOpen: true }));
    const startedAt = performance.now();
    await expect(probe(server)).resolves.toMatchObject({ result: { established: true } });
    expect(performance.now() - startedAt).toBeLessThan(1_500);
  });
});

const good = selfSigned();
const oddKey = selfSigned({
  publicKeyInfo: sequence(sequence(oid('1.3.6.1.4.1.99999.1')), bitString(Buffer.alloc(65, 4))),
});

function big(names: number): Uint8Array {
  return selfSigned({ names: Array.from({ length: names }, (_value, index) => `host-${index}.example`) }).der;
}

const lists: readonly (readonly [string, readonly Uint8Array[]])[] = [
  [
    'doubles, strangers and any order',
    [leaf.der, root.certificate.der, good.der, leaf.der, intermediate.certificate.der],
  ],
  ['an empty entry', [good.der, new Uint8Array(), good.der]],
  ['bytes behind the certificate', [Buffer.concat([good.der, Buffer.from('tail')])]],
  ['a certificate that is cut off', [good.der.subarray(0, -20)]],
  ['no certificate at all', [Buffer.from('hello, world')]],
  ['a key of an unknown kind', [oddKey.der]],
  ['a list of more than 16 KiB', Array.from({ length: 40 }, () => good.der)],
  ['a list of more than 200 KiB', [big(10_000), good.der]],
  ['the longest list', Array.from({ length: 100 }, () => good.der)],
];

function withList(list: readonly Uint8Array[], more: Partial<PeerOptions> = {}): PeerOptions {
  return { messages: [handshakeMessage(11, tls13List(list)), VERIFY], ...more };
}

async function against(peer: PeerOptions, more: Partial<HelloOptions> = {}): Promise<HelloOutcome> {
  await using server = await startTcpServer(serveTls13Peer(peer));
  return await probe(server, { timeoutMs: 3_000, ...more });
}

describe('a hello, of what no library serves,', () => {
  test.each(lists)('yields %s from a TLS 1.3 server, byte for byte', async (_what, list) => {
    const { result } = await against(withList(list));
    expect(result.chain.map((der) => Buffer.from(der))).toEqual(list.map((der) => Buffer.from(der)));
    expect(result).toMatchObject({ established: true, servedCount: list.length });
  });

  test.each(lists)('yields %s from a TLS 1.2 server, byte for byte', async (_what, list) => {
    await using server = await startTcpServer(serveTls12(tls12Flight(tls12List(list), [nameOf('Partner CA')])));
    const { result } = await probe(server, { handshake: 'early' });
    expect(result.chain.map((der) => Buffer.from(der))).toEqual(list.map((der) => Buffer.from(der)));
    expect(result).toMatchObject({
      tlsVersion: '1.2',
      requestsClientCertificate: true,
      acceptableIssuers: ['CN=Partner CA'],
    });
    // Without a key exchange the handshake cannot go on.
    const hello = await probe(server);
    expect(hello).toMatchObject({ obstacle: 'malformed', result: { established: false, servedCount: list.length } });
  });

  test.each([
    ['records of one octet', { recordSize: 1 }],
    ['pieces of one octet', { writeSize: 1 }],
    ['records and pieces that do not fit', { recordSize: 7, writeSize: 5 }],
  ])('reads what comes in %s', async (_what, cut) => {
    await expect(against(withList([good.der], cut))).resolves.toMatchObject({
      result: { established: true, chain: [good.der] },
    });
  });

  test('keeps the first 100 of a longer list and says how many there were', async () => {
    const { result } = await against(withList(Array.from({ length: 130 }, () => good.der)));
    expect([result.chain.length, result.servedCount]).toEqual([100, 130]);
  });

  test('yields the OCSP response that comes with the certificate', async () => {
    const response = Buffer.from('an OCSP response');
    const staple = extension(5, Buffer.concat([Buffer.from([1]), vector(3, response)]));
    const list = handshakeMessage(11, tls13List([good.der, leaf.der], [extension(18, Buffer.alloc(3)), staple]));
    const { result } = await against({ messages: [list, VERIFY] });
    expect(Buffer.from(result.ocspStaple ?? []).toString()).toBe('an OCSP response');
    const broken = handshakeMessage(11, tls13List([good.der], [Buffer.from([0, 5, 0])]));
    await expect(against({ messages: [broken, VERIFY] })).resolves.toMatchObject({ result: { chain: [good.der] } });
  });

  test('tells a signature that the key of the certificate did not make', async () => {
    const { result } = await against(withList([good.der]), { verifyPossession: true });
    expect(result).toMatchObject({ possession: 'failed', established: true, chain: [good.der] });
    // A key of an unknown kind proves nothing, and disproves nothing.
    const unknown = await against(withList([oddKey.der]), { verifyPossession: true });
    expect(unknown.result.possession).toBeUndefined();
  });

  describe('with a compressed certificate', () => {
    const list = tls13List([leaf.der, intermediate.certificate.der]);

    test.each([
      ['zlib', 1, deflateSync(list)],
      ['Brotli', 2, brotliCompressSync(list)],
      ['Zstandard', 3, zstdCompressSync(list)],
    ])('undoes %s', async (_name, algorithm, bytes) => {
      const { result } = await against({ messages: [compressedCertificate(algorithm, list.length, bytes), VERIFY] });
      expect(result).toMatchObject({ established: true, chain });
    });

    const bomb = Buffer.alloc(64 * 1024 * 1024);
    test.each([
      [
        'a bomb that says how large it is',
        compressedCertificate(2, bomb.length / 8, brotliCompressSync(bomb)),
        'too_large',
      ],
      ['a zlib bomb that lies', compressedCertificate(1, 1_000, deflateSync(bomb)), 'malformed'],
      ['a Brotli bomb that lies', compressedCertificate(2, 1_000, brotliCompressSync(bomb)), 'malformed'],
      ['a Zstandard bomb that lies', compressedCertificate(3, 1_000, zstdCompressSync(bomb)), 'malformed'],
      ['more than it said', compressedCertificate(1, list.length - 1, deflateSync(list)), 'malformed'],
      ['less than it said', compressedCertificate(1, list.length + 1, deflateSync(list)), 'malformed'],
      ['what is not compressed', compressedCertificate(2, list.length, list), 'malformed'],
      ['an algorithm that was not offered', compressedCertificate(9, list.length, deflateSync(list)), 'malformed'],
    ])('stops at %s', async (_what, message, reason) => {
      const before = process.memoryUsage().arrayBuffers;
      const { result } = await against({ messages: [message, VERIFY] });
      expect(result).toMatchObject({ chain: [], failure: { reason } });
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 1024 * 1024);
    });
  });

  describe('with a HelloRetryRequest', () => {
    const cookie = extension(44, vector(2, Buffer.from('cookie')));
    const group = (number: number): Buffer => extension(51, Buffer.from([number >> 8, number & 0xff]));

    test('gives the cookie back', async () => {
      await expect(against(withList(chain, { retries: [[cookie]] }))).resolves.toMatchObject({
        result: { established: true, chain },
      });
    });

    test.each([
      ['without end', [[cookie], [cookie], [cookie]]],
      ['for a group that it has a key of', [[group(0x001d)]]],
      ['for a group that was not offered', [[group(0x001e)]]],
      ['for the hybrid that was not offered', [[group(0x11ec)]]],
      ['that asks for nothing', [[]]],
    ])('gives up on one %s', async (_what, retries) => {
      await expect(against(withList(chain, { retries }))).resolves.toMatchObject({
        obstacle: 'unanswerable_retry',
        result: { established: false, chain: [] },
      });
    });
  });

  test.each([
    ['a wrong Finished', withList(chain, { badFinished: true }), 'bad_finished', chain],
    ['messages out of order', { messages: [VERIFY, handshakeMessage(11, tls13List(chain))] }, 'malformed', []],
    ['no certificate', { messages: [] }, 'malformed', []],
    ['an empty record of handshake, sealed', { messages: [handshakeMessage(11, Buffer.alloc(2))] }, 'malformed', []],
    [
      'a second certificate',
      { messages: [handshakeMessage(11, tls13List(chain)), handshakeMessage(11, tls13List(chain)), VERIFY] },
      'malformed',
      chain,
    ],
    [
      'a hello of another session',
      {
        messages: [],
        instead: records(
          22,
          handshakeMessage(
            2,
            Buffer.concat([
              Buffer.from([3, 3]),
              Buffer.alloc(32),
              vector(1, Buffer.alloc(32)),
              Buffer.from([0x13, 1, 0]),
              vector(2, extension(43, Buffer.from([3, 4]))),
            ]),
          ),
        ),
      },
      'malformed',
      [],
    ],
    [
      'SSL 3.0',
      {
        messages: [],
        instead: records(
          22,
          handshakeMessage(
            2,
            Buffer.concat([Buffer.from([3, 0]), Buffer.alloc(32), vector(1), Buffer.from([0, 0x2f, 0])]),
          ),
        ),
      },
      'unsupported_version',
      [],
    ],
    [
      'TLS 1.1',
      {
        messages: [],
        instead: records(
          22,
          handshakeMessage(
            2,
            Buffer.concat([Buffer.from([3, 2]), Buffer.alloc(32), vector(1), Buffer.from([0, 0x2f, 0])]),
          ),
        ),
      },
      'unsupported_version',
      [],
    ],
    [
      'a suite that was not offered',
      {
        messages: [],
        instead: records(
          22,
          handshakeMessage(
            2,
            Buffer.concat([Buffer.from([3, 3]), Buffer.alloc(32), vector(1), Buffer.from([0, 0x2f, 0])]),
          ),
        ),
      },
      'unsupported_suite',
      [],
    ],
  ] as readonly (readonly [string, PeerOptions, string, readonly Uint8Array[]])[])(
    'leaves %s to the library, and keeps what it saw',
    async (_what, peer, obstacle, seen) => {
      const outcome = await against(peer);
      expect(outcome).toMatchObject({ obstacle, result: { established: false, chain: seen } });
      expect(outcome.result.failure).toBeDefined();
    },
  );

  test('is not impressed by a flood of session tickets', async () => {
    const ticket = handshakeMessage(4, Buffer.alloc(8), vector(1), vector(2, Buffer.alloc(8_000)), vector(2));
    const startedAt = performance.now();
    const { result } = await against(
      withList(chain, {
        after(socket, send) {
          const timer = setInterval(() => {
            for (let count = 0; count < 50; count++) send(22, ticket);
          }, 1);
          socket.on('close', () => clearInterval(timer));
        },
      }),
    );
    expect(result).toMatchObject({ established: true, chain });
    expect(performance.now() - startedAt).toBeLessThan(1_500);
  });

  test('stops at a message of 16 MB as soon as it is announced', async () => {
    await using server = await startTcpServer((socket) => {
      socket.once('data', () => {
        const flight = tls12Flight(tls12List([good.der]));
        const hello = flight.subarray(0, 4 + flight.readUIntBE(1, 3));
        socket.write(records(22, Buffer.concat([hello, Buffer.from([11, 0xff, 0xff, 0xff]), Buffer.alloc(100)])));
      });
    });
    const { result, obstacle } = await probe(server);
    expect([result.failure?.reason, obstacle]).toEqual(['too_large', undefined]);
  });

  test('stops at records without end', async () => {
    await using server = await startTcpServer((socket) => {
      const endless = records(21, Buffer.concat(Array.from({ length: 100 }, () => Buffer.from([1, 100]))), 2);
      const timer = setInterval(() => socket.write(endless), 1);
      socket.on('close', () => clearInterval(timer));
    });
    await expect(probe(server)).resolves.toMatchObject({ result: { failure: { reason: 'too_large' } } });
  });

  test('yields the certificate of a TLS 1.0 or 1.1 server in an early look', async () => {
    for (const version of ['TLSv1', 'TLSv1.1'] as const) {
      await using server = await startTlsServer({
        key: leaf.keyPem,
        cert: leaf.chainPem,
        minVersion: version,
        maxVersion: version,
        ciphers: 'DEFAULT:@SECLEVEL=0',
      });
      const { result } = await probe(server, { handshake: 'early' });
      const full = await probeFull(options(server), never);
      expect(common(result)).toEqual(common(full));
      await expect(probe(server)).resolves.toMatchObject({ obstacle: 'alert_70' });
    }
  });
});

describe('a hello that fails', () => {
  async function failing(
    serve: Parameters<typeof startTcpServer>[0],
  ): Promise<{ server: TestServer; outcome: HelloOutcome }> {
    await using server = await startTcpServer(serve);
    return { server, outcome: await probe(server, { timeoutMs: 2_000 }) };
  }

  test.each([
    ['SSH-2.0-OpenSSH_9.2\r\n', 'SSH'],
    ['220 mail.example.com ESMTP\r\n', 'SMTP or FTP (the TLS of which begins with STARTTLS)'],
    ['HTTP/1.1 400 Bad Request\r\n', 'plain HTTP'],
  ])('recognises a server that greets with %j', async (greeting, protocol) => {
    const { server, outcome } = await failing((socket) => {
      socket.write(greeting, 'latin1');
    });
    expect(outcome).toMatchObject({
      result: {
        failure: {
          reason: 'not_tls',
          detail: `127.0.0.1 port ${server.port} answered with ${protocol} instead of TLS; check the port`,
        },
      },
    });
    expect(outcome.obstacle).toBeUndefined();
  });

  test.each([40, 47, 50, 70, 80, 86, 109])('takes alert %i for an obstacle', async (number) => {
    const { outcome } = await failing((socket) => {
      socket.once('data', () => socket.end(alertRecord(2, number)));
    });
    expect(outcome).toMatchObject({ obstacle: `alert_${number}`, result: { failure: { alert: { number } } } });
  });

  test('takes an unknown name for what it is', async () => {
    const { outcome } = await failing((socket) => {
      socket.once('data', () => socket.end(alertRecord(2, 112)));
    });
    expect(outcome).toMatchObject({ result: { failure: { alert: { name: 'unrecognized_name' } } } });
    expect(outcome.obstacle).toBeUndefined();
  });

  test('goes on after a warning', async () => {
    await using server = await startTlsServer(serving('ECDSA', 'TLSv1.2'));
    await using relay = await startTcpServer((socket) => {
      const upstream = connect(server.port, '127.0.0.1');
      upstream.on('error', () => undefined);
      socket.write(alertRecord(1, 112));
      socket.pipe(upstream).pipe(socket);
    });
    await expect(probe(relay)).resolves.toMatchObject({ result: { established: true, chain } });
  });

  test('ends at its deadline when the server says nothing, or drips', async () => {
    await using silent = await startSilentServer();
    const startedAt = performance.now();
    const outcome = await probe(silent, { timeoutMs: 300 });
    const elapsed = performance.now() - startedAt;
    expect(outcome).toMatchObject({
      obstacle: 'silent',
      result: {
        failure: {
          reason: 'timeout',
          detail: `127.0.0.1 port ${silent.port} accepted the connection and then sent nothing until the deadline of 300 ms`,
        },
      },
    });
    expect([elapsed >= 295, elapsed < 600]).toEqual([true, true]);

    const flight = records(22, tls12Flight(tls12List([good.der])));
    await using drip = await startTcpServer((socket) => {
      let sent = 0;
      const timer = setInterval(() => socket.write(flight.subarray(sent, ++sent)), 20);
      socket.on('close', () => clearInterval(timer));
    });
    const dripping = await probe(drip, { timeoutMs: 300 });
    expect([dripping.result.failure?.reason, dripping.obstacle]).toEqual(['timeout', undefined]);
  });

  test('throws the reason of the caller who stops', async () => {
    await using server = await startSilentServer();
    const controller = new AbortController();
    const pending = probeHello(options(server), ephemerals(), controller.signal);
    await vi.waitFor(() => expect(server.connections).toHaveLength(1));
    const stop = new Error('stopping');
    controller.abort(stop);
    await expect(pending).rejects.toBe(stop);
    await vi.waitFor(() => expect(server.connections[0]?.destroyed).toBe(true));
  });

  describe.each(['reset', 'close'] as const)('by a %s', (how) => {
    test.each([
      ['TLS 1.3, small', 1],
      ['TLS 1.3, RSA, ChaCha20', 7],
      ['TLS 1.2, EC', 7],
    ])('has a name at every byte of a flight (%s, every %i)', async (name, step) => {
      const recording = readRecording();
      const flight = recording.flights.find((one) => one.name === name && one.handshake === 'hello');
      if (flight === undefined) throw new Error('the recording is incomplete');
      const keys = importKeys(recording.keys);
      const [stage = Buffer.alloc(0), second = Buffer.alloc(0)] = stagesOf(flight);
      const total = stage.length + second.length;
      let cut = 0;
      await using server = await startTcpServer((socket) => {
        const at = cut;
        socket.once('data', () => {
          if (at <= stage.length) return finish(stage.subarray(0, at));
          socket.once('data', () => finish(second.subarray(0, at - stage.length)));
          socket.write(stage);
        });
        function finish(last: Buffer): void {
          if (how === 'close') socket.end(last);
          else socket.write(last, () => socket.resetAndDestroy());
        }
      });
      const seen = { reasons: new Set<string>(), established: 0 };
      for (cut = 0; cut <= total; cut += step) {
        const chance = recordedEphemerals(keys, Buffer.from(flight.random, 'base64'));
        const { result } = await probeHello(options(server, { alpn: ['h2', 'http/1.1'] }), chance, never);
        if (result.established) seen.established += 1;
        else seen.reasons.add(result.failure?.reason ?? 'none');
      }
      expect([...seen.reasons].toSorted()).toEqual(how === 'close' ? ['closed'] : expect.arrayContaining(['reset']));
      expect([...seen.reasons].filter((reason) => reason !== 'reset' && reason !== 'closed')).toEqual([]);
    });
  });
});
