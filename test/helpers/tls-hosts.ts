import { createServer, type AddressInfo, type Socket } from 'node:net';
import { createSecureContext, TLSSocket, type SecureContext } from 'node:tls';

import type { TestCertificate } from './pki.ts';

/** Any number of TLS servers that cost as much as one: each has an address of its own in 127.0.0.0/8, all have one port. */
export interface TlsHosts {
  /** Where the host of this index is found. */
  target(index: number): string;
  address(index: number): string;
  /** Serves this certificate there from the next connection on. */
  use(index: number, certificate: TestCertificate): void;
  close(): Promise<void>;
}

/** Nothing is served at an address before it was given a certificate. */
export async function startTlsHosts(): Promise<TlsHosts> {
  const contexts = new Map<string, SecureContext>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
    sockets.add(socket);
    const secureContext = contexts.get(socket.localAddress ?? '');
    if (secureContext === undefined) {
      socket.destroy();
      return;
    }
    const secure = new TLSSocket(socket, { isServer: true, secureContext });
    secure.on('error', () => socket.destroy());
    secure.once('data', () => secure.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '0.0.0.0', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    target: (index) => `${addressOf(index)}:${port}`,
    address: addressOf,
    use: (index, { chainPem, keyPem }) =>
      void contexts.set(addressOf(index), createSecureContext({ cert: chainPem, key: keyPem })),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function addressOf(index: number): string {
  return `127.1.${index >> 8}.${index & 255}`;
}
