import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { serve } from '@hono/node-server';
import type { Hono } from 'hono';

export interface WebServer {
  /** What a person types into a browser. */
  readonly url: string;
  close(): Promise<void>;
}

/** Answers under way get this long to end when the server closes, milliseconds. */
const CLOSE_GRACE_MS = 2_000;

/** Listens. Throws an Error that says what to do when the port cannot be had. */
export async function listen(app: Hono, host: string, port: number): Promise<WebServer> {
  const server = serve({ fetch: app.fetch, hostname: host, port }) as Server;
  server.requestTimeout = 30_000;
  server.headersTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new Error(explain(error, host, port), { cause: error })),
    );
  });
  const bound = server.address() as AddressInfo;
  const name =
    bound.address === '::' || bound.address === '0.0.0.0'
      ? 'localhost'
      : bound.family === 'IPv6'
        ? `[${bound.address}]`
        : bound.address;
  return {
    url: `http://${name}:${bound.port}`,
    close: () => close(server),
  };
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
