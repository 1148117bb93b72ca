import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions, type Server as TlsServer } from 'node:tls';

import type { TestCertificate } from './pki.ts';

/** Something that listens on loopback until it is closed. */
export interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

export interface RunningTls extends Listening {
  /** Serves another certificate from the next connection on. */
  use(certificate: TestCertificate): void;
}

/** A real TLS server that answers every connection with one HTTP response. */
export async function startTlsServer(
  certificate: TestCertificate,
  options: TlsOptions = {},
  port = 0,
  host = '127.0.0.1',
): Promise<RunningTls> {
  const server: TlsServer = createTlsServer(
    { cert: certificate.chainPem, key: certificate.keyPem, ...options },
    (socket) => {
      socket.on('error', () => socket.destroy());
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'));
    },
  );
  // A client that only wants to see the certificate is no fault of this server.
  server.on('tlsClientError', () => undefined);
  const listening = await listen(server, port, host);
  return {
    ...listening,
    use: (next) => server.setSecureContext({ cert: next.chainPem, key: next.keyPem }),
  };
}

/** A server that accepts and then does what `behave` does with the plain socket. */
export async function startTcpServer(
  behave: (socket: Socket) => void,
  port = 0,
  host = '127.0.0.1',
): Promise<Listening> {
  return listen(
    createTcpServer((socket) => {
      socket.on('error', () => socket.destroy());
      behave(socket);
    }),
    port,
    host,
  );
}

/** A port of loopback on which nothing listens. */
export async function closedPort(): Promise<number> {
  const { port, close } = await startTcpServer(() => undefined);
  await close();
  return port;
}

async function listen(server: Server, port: number, host: string): Promise<Listening> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
