import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { dial } from '../../src/network/dialer.ts';
import { createProber } from '../../src/tls/probe.ts';
import { WireLog } from '../../src/tls/wire-log.ts';
import { identityOf, type ClientKind } from '../helpers/client-identities.ts';
import { startTcpServer, startTlsServer } from '../helpers/loopback-servers.ts';
import { insistent, login, serverLeaf, type TlsVersion } from '../helpers/rehearsal.ts';
import { alertRecord, handshakeMessage } from '../helpers/raw-tls.ts';
import { serveTls13Peer, tls13List } from '../helpers/tls13-peer.ts';

const never = new AbortController().signal;

async function probed(
  port: number,
  handshake: 'hello' | 'early' | 'full',
  more: { readonly alpn?: readonly string[] } = {},
): Promise<readonly string[]> {
  const probe = createProber({ now: () => performance.now() });
  const options = { connect: dial, address: '127.0.0.1', port, serverName: 'localhost', timeoutMs: 5_000 };
  return (await probe({ ...options, ...more, transcript: true }, handshake, never)).transcript ?? [];
}

/** Without the numbers that say how large a certificate is. */
function sizeless(lines: readonly string[]): readonly string[] {
  return lines.map((line) =>
    line.replace(/of \d[\d, ]* octets/, 'of N octets').replace(/\d+ signature/, 'N signature'),
  );
}

/** Messages and alerts alone. */
function brief(lines: readonly string[]): readonly string[] {
  return lines.filter((line) => /^[<>-]/.test(line)).map((line) => line.replace(/:.*/, ''));
}

describe('what passes in a probe', () => {
  const server = (version: TlsVersion) =>
    startTlsServer(insistent(version, { rejectUnauthorized: false, ecdhCurve: 'P-384', ALPNProtocols: ['h2'] }));

  test('of TLS 1.3 is told message by message, a HelloRetryRequest and the extensions included', async () => {
    await using running = await server('TLSv1.3');
    const lines = sizeless(await probed(running.port, 'hello', { alpn: ['h2'] }));
    expect(lines[0]).toBe(
      '> ClientHello (1): TLS 1.3/TLS 1.2, for localhost, 9 suites, X25519/P-256/P-384/P-521, protocols h2',
    );
    expect(lines[1]).toMatch(/^ {4}server_name \(0\), /);
    const suite = /TLS_AES_\w+/.exec(lines.join(' '))?.[0];
    const [again] = lines.flatMap((line, index) => (index > 0 && line.startsWith('> ClientHello') ? [index] : []));
    expect(lines.slice((again ?? 0) - 2, again)).toEqual([
      `< HelloRetryRequest (2): TLS 1.3, ${suite}, wants P-384`,
      '    supported_versions (43), key_share (51)',
    ]);
    expect(lines.slice(lines.indexOf(`< ServerHello (2): TLS 1.3, ${suite}, P-384`) + 1)).toEqual([
      '    supported_versions (43), key_share (51)',
      '< EncryptedExtensions (8): protocol h2',
      '    application_layer_protocol_negotiation (16)',
      '< CertificateRequest (13): 1 acceptable issuer, N signature schemes',
      '    signature_algorithms (13), certificate_authorities (47)',
      '< Certificate (11): 1 certificate of N octets',
      '< CertificateVerify (15): ecdsa_secp256r1_sha256',
      '< Finished (20)',
      '> Certificate (11): none',
      '> Finished (20)',
    ]);
  });

  test('of TLS 1.2 is told likewise', async () => {
    await using running = await server('TLSv1.2');
    const lines = await probed(running.port, 'hello', { alpn: ['h2'] });
    expect(lines.join('\n')).toMatch(/\n< ServerHello \(2\): TLS 1\.2, TLS_ECDHE_ECDSA_\w+, protocol h2\n/);
    expect(lines).toContain('< ServerKeyExchange (12): P-384');
    expect(brief(lines)).toEqual([
      '> ClientHello (1)',
      '< ServerHello (2)',
      '< Certificate (11)',
      '< ServerKeyExchange (12)',
      '< CertificateRequest (13)',
      '< ServerHelloDone (14)',
      '> Certificate (11)',
      '> ClientKeyExchange (16)',
      '> ChangeCipherSpec',
      '> Finished (20)',
      '< ChangeCipherSpec',
      '< Finished (20)',
    ]);
  });

  test.each<[TlsVersion, readonly string[]]>([
    ['TLSv1.2', ['< ServerHelloDone (14)', '> Certificate (11)', '> Finished (20), encrypted']],
    ['TLSv1.3', ['< CertificateVerify (15)', '> Certificate (11)', '> Finished (20)']],
  ])('of %s is told by the TLS library as by our reader', async (version, some) => {
    await using running = await server(version);
    const [hello, full] = await Promise.all([probed(running.port, 'hello'), probed(running.port, 'full')]);
    const served = (lines: readonly string[]): readonly string[] =>
      lines.filter((line) => /^< (?:Cert|ServerK|Encr)/.test(line));
    expect(served(full)).toEqual(served(hello));
    expect(brief(full)).toEqual(expect.arrayContaining([...some]));
  });

  test('ends with the certificate where the look does', async () => {
    await using running = await server('TLSv1.3');
    expect(brief(await probed(running.port, 'early')).at(-1)).toBe('< Certificate (11)');
  });

  test('has the alert, and the look of the library after ours', async () => {
    await using running = await startTcpServer((socket) => {
      socket.once('data', () => socket.end(alertRecord(2, 47)));
    });
    expect(brief(await probed(running.port, 'hello'))).toEqual([
      '> ClientHello (1)',
      '< alert 47 illegal_parameter',
      '- again, with the TLS library (alert_47)',
      '> ClientHello (1)',
      '< alert 47 illegal_parameter',
    ]);
  });

  test('is the same each time, so that a store need not be written', async () => {
    await using running = await server('TLSv1.3');
    const first = await probed(running.port, 'hello');
    expect(await probed(running.port, 'hello')).toEqual(first);
    const full = await probed(running.port, 'full');
    expect(await probed(running.port, 'full')).toEqual(full);
  });
});

describe('what passes in a login', () => {
  test.each<[TlsVersion, ClientKind, RegExp]>([
    [
      'TLSv1.3',
      'good',
      /^> Certificate \(11\): 2 certificates\n> CertificateVerify \(15\)[^]*\n< NewSessionTicket \(4\)/,
    ],
    ['TLSv1.3', 'none', /^> Certificate \(11\): none\n> Finished \(20\)\n< alert 116 certificate_required$/],
    ['TLSv1.2', 'none', /^> Certificate \(11\): none\n[^]*\n< alert 40 handshake_failure$/],
  ])('over %s by the client %s is told to its end', async (version, kind, expected) => {
    await using running = await startTlsServer(insistent(version, { requestCert: true }));
    const { transcript = [] } = await login(running, { identity: identityOf(kind), transcript: true });
    const own = transcript.map((line) => line.replace(/ of \d.*/, '').replace(/(Verify \(15\)).*/, '$1'));
    expect(own.slice(own.findIndex((line) => line.startsWith('> Certificate'))).join('\n')).toMatch(expected);
  });

  test('is not written down unasked', async () => {
    await using running = await startTlsServer(insistent('TLSv1.3'));
    expect(await login(running)).not.toHaveProperty('transcript');
  });
});

describe('the log', () => {
  test('of a server that goes on for ever is cut, and says so', async () => {
    const list = handshakeMessage(11, tls13List([serverLeaf.der]));
    const noise = Array.from({ length: 200 }, () => handshakeMessage(99, Buffer.alloc(3)));
    await using running = await startTcpServer(serveTls13Peer({ messages: [list, ...noise] }));
    const lines = await probed(running.port, 'full');
    expect(lines.length).toBeLessThan(130);
    expect(lines).toContain('< unknown message (99)');
  });

  test('names a message that breaks its format, whatever is in it', () => {
    fc.assert(
      fc.property(fc.nat(255), fc.uint8Array({ maxLength: 200 }), fc.boolean(), (type, body, isNew) => {
        const log = new WireLog();
        const hello = Buffer.from(`0303${'00'.repeat(32)}00130100${isNew ? '0006002b00020304' : ''}`, 'hex');
        log.handshake('received', 2, hello);
        log.handshake('received', type, Buffer.from(body));
        const last = log.lines.findLast((line) => line.startsWith('<'));
        expect(last).toContain(`(${type})`);
        expect(Math.max(...log.lines.map(({ length }) => length))).toBeLessThan(200);
      }),
    );
    const log = new WireLog();
    log.handshake('received', 11, Buffer.from([1]));
    expect(log.lines).toEqual(['< Certificate (11): breaks its format']);
  });
});
