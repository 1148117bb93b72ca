import { readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { createServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

import { serve } from '@hono/node-server';
import type { Hono } from 'hono';

export interface WebServer {
  /** What a person types into a browser. */
  readonly url: string;
  close(): Promise<void>;
}

/** Files by which to serve TLS; with `clientAuthorityFile`, to clients that show a certificate alone. */
export interface TlsFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly clientAuthorityFile?: string;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
}

export interface ListenOptions {
  readonly tls?: TlsFiles;
  /** The files have changed and cannot be used; the old ones stay in force. */
  onTlsError?(error: unknown): void;
  /** How often they are looked at, milliseconds. */
  readonly tlsCheckMs?: number;
  readonly patience?: Patience;
}

/** How long a slow client is waited for, milliseconds. */
export interface Patience {
  /** Until it has said what it wants. */
  readonly headersMs: number;
  /** Until it has sent all of it. */
  readonly requestMs: number;
  /** While it says nothing and takes nothing. */
  readonly silenceMs: number;
  /** How often the first two are looked at. */
  readonly checkMs: number;
}

const PATIENCE: Patience = { headersMs: 10_000, requestMs: 30_000, silenceMs: 60_000, checkMs: 5_000 };

/** Answers under way get this long to end when the server closes, milliseconds. */
const CLOSE_GRACE_MS = 2_000;
const MAX_CONNECTIONS = 2_000;
const TLS_CHECK_MS = 60_000;

/** Listens. Throws an Error that says what to do when the port cannot be had. */
export async function listen(
  app: Hono,
  host: string,
  port: number,
  { tls, onTlsError, tlsCheckMs = TLS_CHECK_MS, patience = PATIENCE }: ListenOptions = {},
): Promise<WebServer> {
  const material = tls === undefined ? undefined : await readTls(tls);
  const waits = {
    headersTimeout: patience.headersMs,
    requestTimeout: patience.requestMs,
    connectionsCheckingInterval: patience.checkMs,
  };
  const server = serve({
    fetch: app.fetch,
    hostname: host,
    port,
    ...(material === undefined || tls === undefined
      ? { serverOptions: waits }
      : {
          createServer,
          serverOptions: {
            ...waits,
            ...material,
            minVersion: tls.minVersion,
            handshakeTimeout: 10_000,
            ...(tls.clientAuthorityFile === undefined ? {} : { requestCert: true, rejectUnauthorized: true }),
          },
        }),
  }) as Server;
  server.timeout = patience.silenceMs;
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new Error(explain(error, host, port), { cause: error })),
    );
  });
  const watching =
    tls === undefined || material === undefined
      ? undefined
      : setInterval(() => void renew(server as TlsServer, tls, material, onTlsError), tlsCheckMs);
  watching?.unref();
  const bound = server.address() as AddressInfo;
  const name =
    bound.address === '::' || bound.address === '0.0.0.0'
      ? 'localhost'
      : bound.family === 'IPv6'
        ? `[${bound.address}]`
        : bound.address;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${name}:${bound.port}`,
    close() {
      clearInterval(watching);
      return close(server);
    },
  };
}

interface Material {
  cert: string;
  key: string;
  ca?: string;
}

async function readTls({ certificateFile, keyFile, clientAuthorityFile }: TlsFiles): Promise<Material> {
  const [cert, key, ca] = await Promise.all([
    readPem(certificateFile, 'cert_file'),
    readPem(keyFile, 'key_file'),
    clientAuthorityFile === undefined ? undefined : readPem(clientAuthorityFile, 'client_ca_file'),
  ]);
  return { cert, key, ...(ca === undefined ? {} : { ca }) };
}

async function readPem(file: string, key: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'error';
    throw new Error(`web.tls_server_config.${key}: ${file} cannot be read (${code})`, { cause: error });
  }
}

/** Who watches certificates does not serve one that ended because nobody started it anew. */
async function renew(
  server: TlsServer,
  tls: TlsFiles,
  known: Material,
  onError: ListenOptions['onTlsError'],
): Promise<void> {
  try {
    const now = await readTls(tls);
    if (now.cert === known.cert && now.key === known.key && now.ca === known.ca) return;
    server.setSecureContext({ ...now, minVersion: tls.minVersion });
    Object.assign(known, now);
  } catch (error) {
    onError?.(error);
  }
}

/** Lets answers under way end, but not for ever: a client that is slow, or says nothing, does not hold the daemon up. */
async function close(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeIdleConnections();
  const grace = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
  await promise;
  clearTimeout(grace);
}

function explain(error: NodeJS.ErrnoException, host: string, port: number): string {
  const where = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return `${where} is in use already; is another notafter running? Choose another address with web: {listen: …}`;
    case 'EACCES':
      return `notafter may not listen on ${where}; choose a port above 1023 with web: {listen: …}`;
    default:
      return `cannot listen on ${where}: ${error.message}`;
  }
}
