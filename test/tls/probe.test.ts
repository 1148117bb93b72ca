import { describe, expect, test } from 'vitest';

import { dial } from '../../src/network/dialer.ts';
import type { ProbeOptions } from '../../src/tls/full.ts';
import { createProber } from '../../src/tls/probe.ts';
import { createAuthority } from '../helpers/pki.ts';
import { closedPort, startSilentServer, startTcpServer, startTlsServer } from '../helpers/loopback-servers.ts';

const never = new AbortController().signal;
const leaf = createAuthority().issue({ names: ['localhost'], keyType: 'rsa' });
const serving = { key: leaf.keyPem, cert: leaf.chainPem };
/** What our own reader cannot complete. */
const old = { ...serving, maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256' } as const;

function options(server: { readonly port: number }, more: Partial<ProbeOptions> = {}): ProbeOptions {
  return { connect: dial, address: '127.0.0.1', port: server.port, serverName: 'localhost', timeoutMs: 3_000, ...more };
}

describe('a prober', () => {
  test.each(['hello', 'early', 'full'] as const)('looks the way it is told: %s', async (handshake) => {
    await using server = await startTlsServer(serving);
    const result = await createProber({ now: () => performance.now() })(options(server), handshake, never);
    expect(result).toMatchObject({ handshake, established: handshake !== 'early', chain: [leaf.der] });
    expect(result.fallback).toBeUndefined();
  });

  test('falls back to a full look where hello does not work, says why, and remembers it for an hour', async () => {
    await using server = await startTlsServer(old);
    let time = 0;
    const probe = createProber({ now: () => time });
    const expected = { handshake: 'full', fallback: 'alert_40', established: true, chain: [leaf.der] };

    await expect(probe(options(server), 'hello', never)).resolves.toMatchObject(expected);
    const errors = server.errors.length;
    expect(errors).toBeGreaterThan(0);
    time = 3_599_999;
    await expect(probe(options(server), 'hello', never)).resolves.toMatchObject(expected);
    expect(server.errors).toHaveLength(errors);
    // Another name may be served by another virtual host.
    await probe(options(server, { serverName: 'other.example' }), 'hello', never);
    expect(server.errors.length).toBeGreaterThan(errors);

    const before = server.errors.length;
    time = 3_600_000;
    await expect(probe(options(server), 'hello', never)).resolves.toMatchObject(expected);
    expect(server.errors.length).toBeGreaterThan(before);
  });

  test('reads an old server early without a full look', async () => {
    await using server = await startTlsServer(old);
    const result = await createProber({ now: () => performance.now() })(options(server), 'early', never);
    expect(result).toMatchObject({ handshake: 'early', chain: [leaf.der], cipher: 'TLS_RSA_WITH_AES_128_GCM_SHA256' });
  });

  test('does not remember what fails both ways', async () => {
    await using server = await startTcpServer((socket) => {
      socket.once('data', () => socket.destroy());
    });
    const probe = createProber({ now: () => performance.now() });
    for (const connections of [2, 4]) {
      const result = await probe(options(server), 'hello', never);
      expect(result).toMatchObject({ handshake: 'full', fallback: 'closed', failure: { reason: 'closed' } });
      expect(server.connections).toHaveLength(connections);
    }
  });

  test('keeps to one deadline, and looks fully the next time at a server that did not say a word', async () => {
    await using server = await startSilentServer();
    const probe = createProber({ now: () => performance.now() });
    const startedAt = performance.now();
    const first = await probe(options(server, { timeoutMs: 300 }), 'hello', never);
    expect(performance.now() - startedAt).toBeLessThan(600);
    expect(first).toMatchObject({ handshake: 'hello', failure: { reason: 'timeout' } });
    await expect(probe(options(server, { timeoutMs: 300 }), 'hello', never)).resolves.toMatchObject({
      handshake: 'full',
      fallback: 'silent',
      failure: { reason: 'timeout' },
    });
  });

  test('does not look twice at what cannot be reached', async () => {
    const port = await closedPort();
    const result = await createProber({ now: () => performance.now() })(options({ port }), 'hello', never);
    expect(result).toMatchObject({ handshake: 'hello', failure: { reason: 'refused' } });
    expect(result.fallback).toBeUndefined();
  });

  test('proves possession also by a full look', async () => {
    await using server = await startTlsServer(old);
    const probe = createProber({ now: () => performance.now() });
    const result = await probe(options(server, { verifyPossession: true }), 'hello', never);
    expect(result).toMatchObject({ handshake: 'full', possession: 'proven' });
  });

  test('throws the reason of the caller who stops', async () => {
    await using server = await startSilentServer();
    const stop = new Error('stopping');
    const probe = createProber({ now: () => performance.now() });
    await expect(probe(options(server), 'hello', AbortSignal.abort(stop))).rejects.toBe(stop);
  });
});
