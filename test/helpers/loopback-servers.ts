import { once } from 'node:events';
import { createServer as createTcp, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTls, type TlsOptions, type TLSSocket } from 'node:tls';

/** A server on loopback; disposing it ends every connection. */
export interface TestServer extends AsyncDisposable {
  readonly port: number;
  /** Connections accepted so far. */
  readonly connections: readonly Socket[];
}

export interface TlsTestServer extends TestServer {
  /** What went wrong on the server's side, in order. */
  readonly errors: readonly Error[];
  /** Names asked for by SNI, in order; `false` for none. */
  readonly serverNames: readonly (string | false)[];
  /** Connections that the client closed in an orderly way. */
  readonly endings: readonly TLSSocket[];
}

export interface Listen {
  readonly host?: string;
  readonly port?: number;
}

/** Listens with any server of Node's. Closed when nobody is connected any more. */
export async function startServer(server: Server, { host = '127.0.0.1', port = 0 }: Listen = {}): Promise<TestServer> {
  const connections: Socket[] = [];
  server.on('connection', (socket) => {
    connections.push(socket);
    socket.on('error', () => undefined);
  });
  server.listen(port, host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    async [Symbol.asyncDispose]() {
      for (const socket of connections) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A TCP server that does with each connection as it is told. */
export async function startTcpServer(serve: (socket: Socket) => void, listen: Listen = {}): Promise<TestServer> {
  return startServer(createTcp(serve), listen);
}

/** A server that lets everyone in and says nothing. */
export async function startSilentServer(): Promise<TestServer> {
  return startTcpServer((socket) => socket.resume());
}

/** A port on which nothing listens. */
export async function closedPort(): Promise<number> {
  await using server = await startSilentServer();
  return server.port;
}

export async function startTlsServer(options: TlsOptions, listen: Listen = {}): Promise<TlsTestServer> {
  const errors: Error[] = [];
  const serverNames: (string | false)[] = [];
  const endings: TLSSocket[] = [];
  const server = createTls(options, (socket) => {
    serverNames.push(typeof socket.servername === 'string' ? socket.servername : false);
    socket.on('error', (error) => errors.push(error));
    socket.on('end', () => endings.push(socket));
    socket.resume();
  });
  server.on('tlsClientError', (error) => errors.push(error));
  return Object.assign(await startServer(server, listen), { errors, serverNames, endings });
}
