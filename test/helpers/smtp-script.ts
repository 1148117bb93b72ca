import { createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

export interface SmtpScript {
  readonly port: number;
  /** Every line that clients sent, commands and content. */
  readonly lines: readonly string[];
  readonly connections: number;
  /** Connections that have not ended yet. */
  readonly open: number;
  close(): Promise<void>;
}

/** What to answer to a line; `undefined` leaves it to the polite default, `hang up` ends the connection without a word. */
export type Reply = (line: string) => string | undefined;

/** A mail server that misbehaves on cue. It speaks no TLS. */
export async function startSmtpScript(reply: Reply, banner = '220 script ESMTP'): Promise<SmtpScript> {
  const lines: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    let inData = false;
    let rest = '';
    if (banner !== '') socket.write(`${banner}\r\n`);
    socket.on('data', (chunk) => {
      const parts = (rest + chunk.toString('utf8')).split('\r\n');
      rest = parts.pop() ?? '';
      for (const line of parts) {
        lines.push(line);
        if (inData && line !== '.') continue;
        const answer = reply(line) ?? politely(line);
        inData = answer.startsWith('354');
        if (answer === 'hang up') socket.destroy();
        else if (answer !== '') socket.write(`${answer}\r\n`);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    lines,
    get connections() {
      return connections;
    },
    get open() {
      return sockets.size;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function politely(line: string): string {
  const verb = line.slice(0, 4).toUpperCase();
  switch (verb) {
    case 'EHLO':
      return '250 script';
    case 'DATA':
      return '354 go on';
    case 'QUIT':
      return '221 bye';
    default:
      return '250 ok';
  }
}
