import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { dial } from '../../src/network/dialer.ts';
import { createProber } from '../../src/tls/probe.ts';
import type { ProbeResult } from '../../src/tls/probe-result.ts';
import { closedPort } from '../helpers/loopback-servers.ts';
import { createAuthority } from '../helpers/pki.ts';

const never = new AbortController().signal;
const probe = createProber({ now: () => performance.now() });
const intermediate = createAuthority({ name: 'Intermediate', parent: createAuthority({ name: 'Root' }) });
const identities = {
  ec: intermediate.issue({ names: ['localhost'] }),
  rsa: intermediate.issue({ names: ['localhost'], keyType: 'rsa' }),
  ed25519: intermediate.issue({ names: ['localhost'], keyType: 'ed25519' }),
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'notafter-peers-'));
  for (const [name, { chainPem, keyPem, pem }] of Object.entries(identities)) {
    writeFileSync(path.join(folder, `${name}.pem`), chainPem);
    writeFileSync(path.join(folder, `${name}-leaf.pem`), pem);
    writeFileSync(path.join(folder, `${name}.key`), keyPem);
  }
  writeFileSync(path.join(folder, 'issuer.pem'), intermediate.certificate.pem);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A server in a process of its own, and what it complained about. */
interface Peer extends AsyncDisposable {
  readonly port: number;
  log(): string;
}

/** Waits until somebody listens; `log` is shown when the server ends instead. */
async function accepting(child: ChildProcess, port: number, log: () => string): Promise<void> {
  let isOver = false;
  await vi.waitFor(
    async () => {
      isOver = child.exitCode !== null;
      if (isOver) return;
      const socket = await dial('127.0.0.1', port, never);
      socket.destroy();
    },
    { timeout: 10_000, interval: 50 },
  );
  if (isOver) throw new Error(`the server ended with ${child.exitCode}: ${log()}`);
}

function disposing(child: ChildProcess): () => Promise<void> {
  return async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
}

function look(
  port: number,
  handshake: 'hello' | 'early' | 'full',
  verifyPossession = handshake === 'hello',
): Promise<ProbeResult> {
  return probe(
    {
      connect: dial,
      address: '127.0.0.1',
      port,
      serverName: 'localhost',
      alpn: ['h2', 'http/1.1'],
      timeoutMs: 5_000,
      verifyPossession,
    },
    handshake,
    never,
  );
}

function shown({ chain, tlsVersion, cipher, alpn, requestsClientCertificate, acceptableIssuers }: ProbeResult) {
  return {
    chain: chain.map((der) => Buffer.from(der).toString('hex')),
    tlsVersion,
    cipher,
    alpn,
    requestsClientCertificate,
    acceptableIssuers,
  };
}

/** Looks in all three ways, the noisy one last. */
async function agree(port: number): Promise<ProbeResult> {
  const hello = await look(port, 'hello');
  const full = await look(port, 'full');
  expect([hello.fallback, hello.failure, hello.possession]).toEqual([undefined, undefined, 'proven']);
  expect(shown(hello)).toEqual(shown(full));
  expect(hello.established).toBe(true);
  return hello;
}

/** The minor version of Go 1. */
const goVersion = ((): number | undefined => {
  try {
    return Number(/go1\.(\d+)/.exec(execFileSync('go', ['version'], { encoding: 'utf8' }))?.[1]);
  } catch {
    return undefined;
  }
})();
const knowsHybrid = (goVersion ?? 0) >= 24;

describe.skipIf(goVersion === undefined)('against a server in Go', () => {
  let binary: string;
  beforeAll(async () => {
    const source = path.join(folder, 'go');
    mkdirSync(source);
    writeFileSync(path.join(source, 'main.go'), GO_SERVER);
    // Without a version Go behaves as it did long ago.
    writeFileSync(path.join(source, 'go.mod'), `module peer\n\ngo 1.${goVersion ?? 0}\n`);
    binary = path.join(folder, 'server');
    await promisify(execFile)('go', ['build', '-o', binary, '.'], { cwd: source });
  });

  interface GoOptions {
    readonly identity?: keyof typeof identities;
    readonly version?: '1.2' | '1.3' | 'any';
    readonly clients?: 'none' | 'request' | 'require';
    readonly group?: string;
  }

  async function startGo({ identity = 'ec', version = 'any', clients = 'none', group = '' }: GoOptions): Promise<Peer> {
    const child = spawn(binary, [path.join(folder, identity), version, clients, group], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let log = '';
    child.stderr.on('data', (chunk: Buffer) => {
      log += chunk.toString();
    });
    const [first] = (await once(child.stdout, 'data')) as [Buffer];
    return { port: Number(first.toString().trim()), log: () => log, [Symbol.asyncDispose]: disposing(child) };
  }

  const cases: readonly (readonly [string, GoOptions])[] = [
    ['the defaults', {}],
    ['TLS 1.2', { version: '1.2' }],
    ['TLS 1.3', { version: '1.3' }],
    ['TLS 1.2 and RSA', { version: '1.2', identity: 'rsa' }],
    ['TLS 1.3 and RSA', { version: '1.3', identity: 'rsa' }],
    ['TLS 1.2 and Ed25519', { version: '1.2', identity: 'ed25519' }],
    ['TLS 1.3 and Ed25519', { version: '1.3', identity: 'ed25519' }],
    ['X25519 alone', { group: 'X25519', identity: 'rsa' }],
    ['P-256 alone', { group: 'P-256' }],
    ['P-384 alone', { group: 'P-384', version: '1.3' }],
    ['P-521 alone', { group: 'P-521', version: '1.3' }],
    ...(knowsHybrid ? [['X25519MLKEM768 alone', { group: 'X25519MLKEM768', version: '1.3' }] as const] : []),
    ['TLS 1.2, which requests a certificate', { clients: 'request', version: '1.2' }],
    ['TLS 1.3, which requests a certificate', { clients: 'request', version: '1.3' }],
  ];

  test.each(cases)('with %s, hello agrees with full and leaves no line in its log', async (name, options) => {
    await using server = await startGo(options);
    const result = await agree(server.port);
    expect(result.requestsClientCertificate).toBe(options.clients === 'request');
    if (options.group !== undefined) expect(result.group).toBe(options.group);
    expect(shown(await look(server.port, 'early'))).toEqual(shown(result));
    // An early look leaves a line in Go's log: by then any other line is there. A hybrid is offered only to who has
    // refused a first hello, which is a line as well.
    const count = name.startsWith('X25519MLKEM768') ? 3 : 1;
    await vi.waitFor(() => expect(server.log().match(/.*\n/g)).toHaveLength(count));
    expect(server.log().match(/TLS handshake error/g)).toHaveLength(count);
  });

  test('reads what one shows that demands a client certificate', async () => {
    for (const version of ['1.2', '1.3'] as const) {
      await using server = await startGo({ clients: 'require', version });
      const hello = await look(server.port, 'hello');
      const full = await look(server.port, 'full');
      expect(shown(hello)).toEqual(shown(full));
      expect(hello).toMatchObject({ handshake: 'hello', requestsClientCertificate: true });
      expect([hello.established, hello.failure]).toEqual([full.established, full.failure]);
    }
  });
});

describe('against nginx', () => {
  async function startNginx(lines: string): Promise<Peer> {
    const port = await closedPort();
    const root = mkdtempSync(path.join(folder, 'nginx-'));
    const file = path.join(root, 'nginx.conf');
    writeFileSync(
      file,
      `daemon off; master_process off; pid nginx.pid; error_log error.log info; events {}
       http { access_log access.log; server { listen 127.0.0.1:${port} ssl; ${lines} return 204; } }`,
    );
    const child = spawn('nginx', ['-p', root, '-c', file, '-e', 'error.log'], { stdio: 'ignore' });
    const log = (): string => readFileSync(path.join(root, 'error.log'), 'utf8');
    await accepting(child, port, log);
    return {
      port,
      // The first connection found out whether it listens.
      log: () => log().replace(/^.* \*1 .*$/m, ''),
      [Symbol.asyncDispose]: disposing(child),
    };
  }

  const files = (name: keyof typeof identities): string =>
    `ssl_certificate ${folder}/${name}.pem; ssl_certificate_key ${folder}/${name}.key;`;

  test.each([
    ['ec', 'TLSv1.2', ''],
    ['ec', 'TLSv1.3', ''],
    ['rsa', 'TLSv1.2', ''],
    ['rsa', 'TLSv1.3', ''],
    ['ec', 'TLSv1.2', 'ssl_verify_client optional_no_ca;'],
    ['ec', 'TLSv1.3', 'ssl_verify_client optional_no_ca;'],
    ['ec', 'TLSv1.3', 'ssl_ecdh_curve secp384r1;'],
  ] as const)(
    'with %s, %s and "%s" hello agrees with full and leaves no line in its log',
    async (identity, version, more) => {
      await using server = await startNginx(`${files(identity)} ssl_protocols ${version}; ${more}`);
      const result = await look(server.port, 'hello');
      expect(result).toMatchObject({ handshake: 'hello', established: true });
      expect(result.requestsClientCertificate).toBe(more.includes('verify'));
      // The next connection is served after what was logged about this one.
      expect(shown(await look(server.port, 'full'))).toEqual(shown(result));
      // At the level of information nginx tells of everyone who leaves without a request.
      const lines = server
        .log()
        .trim()
        .split('\n')
        .filter((line) => line !== '' && !line.includes('[notice]'));
      expect(lines.filter((line) => !line.includes('client closed connection while waiting for request'))).toEqual([]);
    },
  );
});

describe('against openssl s_server', () => {
  async function startOpenssl(options: readonly string[]): Promise<Peer> {
    const port = await closedPort();
    const child = spawn('openssl', ['s_server', '-accept', `127.0.0.1:${port}`, '-quiet', ...options], {
      cwd: folder,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let log = '';
    child.stderr.on('data', (chunk: Buffer) => {
      log += chunk.toString();
    });
    child.stdout.resume();
    await accepting(child, port, () => log);
    return { port, log: () => log, [Symbol.asyncDispose]: disposing(child) };
  }

  const identity = (name: keyof typeof identities): readonly string[] => [
    '-cert',
    `${name}-leaf.pem`,
    '-key',
    `${name}.key`,
    '-cert_chain',
    'issuer.pem',
  ];

  const versions = ['-tls1_2', '-tls1_3'] as const;
  const cases = versions.flatMap((version) => [
    ...(['ec', 'rsa', 'ed25519'] as const).map((name) => [[version, ...identity(name)]] as const),
    ...['X25519', 'P-256', 'P-384', 'P-521'].map((group) => [[version, '-curves', group, ...identity('rsa')]] as const),
    [[version, '-verify', '3', ...identity('ec')]] as const,
    // A handshake in the smallest records that it cuts.
    [[version, '-max_send_frag', '512', ...identity('rsa')]] as const,
  ]);

  test.each(cases)('%j', async (options) => {
    await using server = await startOpenssl(options);
    const result = await agree(server.port);
    expect(shown(await look(server.port, 'early'))).toEqual(shown(result));
  });

  test.each(versions)('yields the staple that it serves over %s', async (version) => {
    // An OCSP response of nothing but a status: tryLater.
    const response = Buffer.from([0x30, 3, 0x0a, 1, 3]);
    const file = path.join(folder, 'response.der');
    writeFileSync(file, response);
    await using server = await startOpenssl([version, '-status_file', file, ...identity('ec')]);
    for (const handshake of ['hello', 'early'] as const) {
      const { ocspStaple } = await look(server.port, handshake);
      expect(Buffer.from(ocspStaple ?? [])).toEqual(response);
    }
  });
});

/** Whether there is a Java that runs a source file: one with a compiler in it. */
const hasJava = ((): boolean => {
  try {
    return execFileSync('java', ['--list-modules'], { encoding: 'utf8' }).includes('jdk.compiler');
  } catch {
    return false;
  }
})();

describe.skipIf(!hasJava)('against a server in Java', () => {
  async function startJava(identity: keyof typeof identities, version: string): Promise<Peer> {
    const port = await closedPort();
    const keystore = path.join(folder, `${identity}.p12`);
    const parts = ['-in', `${identity}.pem`, '-inkey', `${identity}.key`, '-passout', 'pass:changeit'];
    execFileSync('openssl', ['pkcs12', '-export', ...parts, '-out', keystore], { cwd: folder });
    const file = path.join(folder, 'Server.java');
    writeFileSync(file, JAVA_SERVER);
    const child = spawn('java', [file, keystore, version, String(port)], { stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    child.stderr.on('data', (chunk: Buffer) => {
      log += chunk.toString();
    });
    await accepting(child, port, () => log);
    return { port, log: () => log, [Symbol.asyncDispose]: disposing(child) };
  }

  test.each([
    ['ec', 'TLSv1.2'],
    ['ec', 'TLSv1.3'],
    ['rsa', 'TLSv1.2'],
    ['rsa', 'TLSv1.3'],
  ] as const)('with %s and %s, hello agrees with full and leaves no line in its log', async (identity, version) => {
    await using server = await startJava(identity, version);
    // The first connection found out whether it listens.
    await vi.waitFor(() => expect(server.log()).toMatch(/error.*\n/));
    const before = server.log();
    const result = await agree(server.port);
    expect(shown(await look(server.port, 'early'))).toEqual(shown(result));
    // An early look leaves a line in Java's log: by then any other line is there.
    await vi.waitFor(() => expect(server.log().slice(before.length)).toMatch(/error.*\n/));
    expect(
      server
        .log()
        .slice(before.length)
        .match(/error.*\n/g),
    ).toHaveLength(1);
  });
});

const JAVA_SERVER = `
import java.io.*;
import java.security.KeyStore;
import javax.net.ssl.*;

public class Server {
  public static void main(String[] arguments) throws Exception {
    char[] password = "changeit".toCharArray();
    KeyStore keys = KeyStore.getInstance("PKCS12");
    keys.load(new FileInputStream(arguments[0]), password);
    KeyManagerFactory factory = KeyManagerFactory.getInstance("PKIX");
    factory.init(keys, password);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(factory.getKeyManagers(), null, null);
    SSLServerSocket server = (SSLServerSocket) context.getServerSocketFactory().createServerSocket(
      Integer.parseInt(arguments[2]), 50, java.net.InetAddress.getByName("127.0.0.1"));
    server.setEnabledProtocols(new String[] {arguments[1]});
    while (true) {
      SSLSocket socket = (SSLSocket) server.accept();
      new Thread(() -> {
        try (socket) {
          socket.startHandshake();
          while (socket.getInputStream().read() >= 0);
        } catch (IOException error) {
          System.err.println("error: " + error.getMessage());
        }
      }).start();
    }
  }
}
`;

const GO_SERVER = `
package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
)

func main() {
	certificate, err := tls.LoadX509KeyPair(os.Args[1]+".pem", os.Args[1]+".key")
	if err != nil {
		panic(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}}
	switch os.Args[2] {
	case "1.2":
		config.MaxVersion = tls.VersionTLS12
	case "1.3":
		config.MinVersion = tls.VersionTLS13
	}
	switch os.Args[3] {
	case "request":
		config.ClientAuth = tls.RequestClientCert
	case "require":
		config.ClientAuth = tls.RequireAnyClientCert
	}
	groups := map[string]tls.CurveID{"X25519": tls.X25519, "P-256": tls.CurveP256, "P-384": tls.CurveP384, "P-521": tls.CurveP521, "X25519MLKEM768": 0x11ec}
	if group, found := groups[os.Args[4]]; found {
		config.CurvePreferences = []tls.CurveID{group}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	server := &http.Server{TLSConfig: config}
	server.ServeTLS(listener, "", "")
}
`;
