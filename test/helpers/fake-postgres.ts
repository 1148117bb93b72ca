import { createServer as createTls } from 'node:tls';

import { startTcpServer, type TestServer } from './loopback-servers.ts';
import { insistent, type TlsVersion } from './rehearsal.ts';

/** A message of the server: a type, and the content behind its length. */
export function message(type: string, content: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(4 + content.length);
  return Buffer.concat([Buffer.from(type), length, content]);
}

export function authentication(method: number): Buffer {
  return message('R', Buffer.from([0, 0, 0, method]));
}

export function failure(sqlState: string): Buffer {
  return message('E', Buffer.from(`SFATAL\0VFATAL\0C${sqlState}\0Mno\0\0`));
}

export interface Login {
  readonly startup: string;
  readonly authorized: boolean;
}

export interface Postgres extends TestServer {
  readonly logins: readonly Login[];
}

/**
 * PostgreSQL as far as the end of a login: SSLRequest, TLS, StartupMessage, one reply. Like the real one it leaves it to
 * its configuration what becomes of a client without a certificate.
 */
export async function startPostgres(version: TlsVersion, reply: (authorized: boolean) => Buffer): Promise<Postgres> {
  const logins: Login[] = [];
  const tls = createTls(insistent(version, { rejectUnauthorized: false }), (socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (startup: Buffer) => {
      logins.push({ startup: startup.toString('latin1'), authorized: socket.authorized });
      socket.write(reply(socket.authorized));
    });
  });
  const server = await startTcpServer((socket) => {
    socket.once('data', (preamble: Buffer) => {
      if (preamble.toString('hex') !== '0000000804d2162f') socket.destroy();
      socket.pause();
      socket.write('S', () => tls.emit('connection', socket));
    });
  });
  return Object.assign(server, { logins });
}

/** Lets in whom the certificate speaks for. */
export function byCertificate(authorized: boolean): Buffer {
  return authorized ? authentication(0) : failure('28000');
}
