import { describe, expect, test } from 'vitest';

import { dial } from '../../../src/network/dialer.ts';
import type { ProbeOptions } from '../../../src/tls/full.ts';
import { createProber } from '../../../src/tls/probe.ts';
import { createScanner, type Scanner, type ScannerOptions } from '../../../src/tls/scanner/scanner.ts';
import { startSilentServer, startTlsServer } from '../../helpers/loopback-servers.ts';
import { createAuthority } from '../../helpers/pki.ts';

const FRAGILE = new URL('../../fixtures/scanner/fragile-thread.ts', import.meta.url);
const never = new AbortController().signal;
const root = createAuthority();
const leaf = createAuthority({ parent: root }).issue({ names: ['localhost'] });
const serving = { key: leaf.keyPem, cert: leaf.chainPem + root.certificate.pem };

type Opened = Scanner & AsyncDisposable & { readonly crashes: readonly Error[] };

function open(more: Partial<ScannerOptions> = {}): Opened {
  const crashes: Error[] = [];
  const scanner = createScanner({
    now: () => performance.now(),
    onCrash: (error) => crashes.push(error),
    worthwhile: 0,
    threads: 1,
    ...more,
  });
  return { ...scanner, crashes, [Symbol.asyncDispose]: () => scanner.close() };
}

/** What a thread cannot use, so that it tells where a probe was made. */
function counting(): { readonly connect: typeof dial; readonly made: () => number } {
  let made = 0;
  return {
    connect: (...call) => {
      made += 1;
      return dial(...call);
    },
    made: () => made,
  };
}

function options(port: number, more: Partial<ProbeOptions> = {}): ProbeOptions {
  return {
    connect: dial,
    isDirect: true,
    address: '127.0.0.1',
    port,
    serverName: 'localhost',
    timeoutMs: 10_000,
    ...more,
  };
}

describe('a scanner', () => {
  test.each(['hello', 'early', 'full'] as const)('sees in a thread what it sees without: %s', async (handshake) => {
    await using server = await startTlsServer({ ...serving, ALPNProtocols: ['h2'] });
    await using scanner = open();
    const here = counting();
    const asked = options(server.port, { connect: here.connect, alpn: ['h2'], transcript: true });
    const [there, expected] = await Promise.all([
      scanner.probe(asked, handshake, never),
      createProber({ now: () => performance.now() })({ ...asked, connect: dial }, handshake, never),
    ]);
    expect(there).toEqual({ ...expected, transcript: there.transcript });
    expect(there.chain).toHaveLength(3);
    expect(there.transcript?.length).toBe(expected.transcript?.length);
    expect(here.made()).toBe(0);
  });

  test('keeps at home what goes through a proxy or begins in the clear, and where there is little to do', async () => {
    await using server = await startTlsServer(serving);
    await using scanner = open({ worthwhile: 2 });
    const here = counting();
    const { connect } = here;
    for (const isDirect of [false, false, false, true, true]) {
      await scanner.probe(options(server.port, { connect, isDirect }), 'hello', never);
    }
    await scanner.probe(options(server.port, { connect, farewell: async () => {} }), 'hello', never);
    expect(here.made()).toBe(6);
    await scanner.probe(options(server.port, { connect }), 'hello', never);
    expect(here.made()).toBe(6);
  });

  test('counts what there is to do by the minute', async () => {
    await using server = await startTlsServer(serving);
    let time = 0;
    await using scanner = open({ worthwhile: 2, now: () => time });
    const here = counting();
    for (time of [0, 30_000, 60_000, 119_999, 120_000]) {
      await scanner.probe(options(server.port, { connect: here.connect }), 'early', never);
    }
    expect(here.made()).toBe(5);
  });

  test('keeps the deadline of a probe, and ends one that is stopped', async () => {
    await using server = await startSilentServer();
    await using scanner = open();
    const silent = await scanner.probe(options(server.port, { timeoutMs: 200 }), 'hello', never);
    expect(silent.failure?.reason).toBe('timeout');

    const stop = new AbortController();
    const stopped = scanner.probe(options(server.port), 'early', stop.signal);
    await expect.poll(() => server.connections.length).toBe(2);
    stop.abort(new Error('that is enough'));
    await expect(stopped).rejects.toThrow('that is enough');
    await expect.poll(() => server.connections.every((socket) => socket.destroyed)).toBe(true);
    await expect(scanner.probe(options(server.port), 'hello', stop.signal)).rejects.toThrow('that is enough');
  });

  test.each([
    ['throw', 'as I was told'],
    ['exit', 'the thread ended with code 3'],
  ])('fails what was under way when its thread ends by itself (%s), and goes on with another', async (name, why) => {
    await using scanner = open({ module: FRAGILE });
    await scanner.probe(options(1), 'hello', never);
    const waiting = scanner.probe(options(1, { serverName: 'silent' }), 'hello', never);
    const crashing = scanner.probe(options(1, { serverName: name }), 'hello', never);
    await expect(waiting).rejects.toThrow(`the thread that made the probe ended: ${why}`);
    await expect(crashing).rejects.toMatchObject({ name: 'ScannerError' });
    expect(scanner.crashes.map(({ message }) => message)).toEqual([why]);
    await expect(scanner.probe(options(1), 'hello', never)).resolves.toMatchObject({ established: true });
  });

  test('ends a thread that does not answer any more', async () => {
    let time = 0;
    await using scanner = open({ module: FRAGILE, now: () => time });
    await scanner.probe(options(1), 'hello', never);
    const hanging = scanner.probe(options(1, { serverName: 'hang' }), 'hello', never);
    time = 15_001;
    await expect(hanging).rejects.toThrow('did not answer by the deadline');
    time = 20_000;
    await expect(scanner.probe(options(1), 'hello', never)).resolves.toMatchObject({ established: true });
  });

  test('tells of a fault on our side, and fails what is under way when it is closed', async () => {
    await using scanner = open({ module: FRAGILE });
    const fault = scanner.probe(options(1, { serverName: 'fault' }), 'hello', never);
    await expect(fault).rejects.toThrow('no file descriptors are left');
    const waiting = scanner.probe(options(1, { serverName: 'silent' }), 'hello', never);
    await Promise.all([expect(waiting).rejects.toThrow('the scanner was closed'), scanner.close()]);
    await expect(scanner.probe(options(1), 'hello', never)).rejects.toThrow('the scanner was closed');
    expect(scanner.crashes).toEqual([]);
  });

  test('spreads targets over its threads', async () => {
    await using server = await startTlsServer(serving);
    await using scanner = open({ threads: 2 });
    const names = Array.from({ length: 8 }, (_value, index) => `host-${index}.example`);
    const results = await Promise.all(
      names.map((serverName) => scanner.probe(options(server.port, { serverName }), 'hello', never)),
    );
    expect(results.every(({ chain }) => chain.length === 3)).toBe(true);
  });
});
