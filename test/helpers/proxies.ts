import { createServer as createHttpServer, request } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';

import { startServer, type TestServer } from './loopback-servers.ts';

export interface Login {
  readonly username: string;
  readonly password: string;
}

export interface ProxyServer extends TestServer {
  /** What was asked for, in order: `api.example:443`, `127.0.0.1:8443`. */
  readonly asked: readonly string[];
}

export interface ProxyBehaviour {
  /** Without one everybody is let in. */
  readonly login?: Login;
  /** Where names lead; a name that is not listed cannot be reached. */
  readonly names?: Readonly<Record<string, string>>;
  /** Where ports lead that no test may listen at; the others lead where they say. */
  readonly ports?: Readonly<Record<number, number>>;
}

/** A real SOCKS5 proxy (RFC 1928, RFC 1929): it connects, and carries bytes both ways. */
export async function startSocksProxy({ login, names = {} }: ProxyBehaviour = {}): Promise<ProxyServer> {
  const asked: string[] = [];
  const server = createServer((client) => {
    client.on('error', () => undefined);
    void serveSocks(client, login, names, asked);
  });
  return Object.assign(await startServer(server), { asked });
}

async function serveSocks(
  client: Socket,
  login: Login | undefined,
  names: Readonly<Record<string, string>>,
  asked: string[],
): Promise<void> {
  const read = reader(client);
  const [, count = 0] = await read(2);
  const methods = await read(count);
  const wanted = login === undefined ? 0 : 2;
  if (!methods.includes(wanted)) {
    client.end(Buffer.from([5, 0xff]));
    return;
  }
  client.write(Buffer.from([5, wanted]));
  if (login !== undefined) {
    const [, userLength = 0] = await read(2);
    const user = (await read(userLength)).toString();
    const password = (await read((await read(1))[0] ?? 0)).toString();
    const isRight = user === login.username && password === login.password;
    client.write(Buffer.from([1, isRight ? 0 : 1]));
    if (!isRight) {
      client.end();
      return;
    }
  }
  const [, , , kind] = await read(4);
  const host =
    kind === 3
      ? (await read((await read(1))[0] ?? 0)).toString()
      : kind === 4
        ? ((await read(16)).toString('hex').match(/.{4}/g) ?? [])
            .map((group) => group.replace(/^0+(?=.)/, ''))
            .join(':')
        : [...(await read(4))].join('.');
  const port = (await read(2)).readUInt16BE(0);
  asked.push(`${host}:${port}`);
  carry(client, kind === 3 ? names[host] : host, port, {
    onConnect: () => client.write(Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0x1f, 0x90])),
    onFailure: (code) => client.end(Buffer.from([5, code === 'ECONNREFUSED' ? 5 : 4, 0, 1, 0, 0, 0, 0, 0, 0])),
  });
}

/** A real HTTP proxy: tunnels for CONNECT, and requests in absolute form. */
export async function startHttpProxy({ login, names = {}, ports = {} }: ProxyBehaviour = {}): Promise<ProxyServer> {
  const asked: string[] = [];
  const token =
    login === undefined ? undefined : `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;
  const mayPass = (given: string | undefined): boolean => token === undefined || given === token;
  const server = createHttpServer((incoming, outgoing) => {
    asked.push(incoming.url ?? '');
    if (!mayPass(incoming.headers['proxy-authorization'])) {
      outgoing.writeHead(407, { 'proxy-authenticate': 'Basic realm="test"' }).end('who are you?');
      return;
    }
    const url = new URL(incoming.url ?? '');
    const forwarded = request(
      {
        host: names[url.hostname] ?? url.hostname,
        port: url.port,
        path: url.pathname + url.search,
        headers: { host: url.host },
      },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    forwarded.on('error', () => outgoing.writeHead(502).end());
    incoming.pipe(forwarded);
  });
  server.on('connect', (incoming, stream) => {
    const client = stream as Socket;
    client.on('error', () => undefined);
    asked.push(incoming.url ?? '');
    if (!mayPass(incoming.headers['proxy-authorization'])) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="test"\r\n\r\n');
      return;
    }
    const [, host = '', port] = /^\[?(.*?)\]?:(\d+)$/.exec(incoming.url ?? '') ?? [];
    carry(client, /^[\d.]+$|:/.test(host) ? host : names[host], ports[Number(port)] ?? Number(port), {
      onConnect: () => client.write('HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n'),
      onFailure: () => client.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n'),
    });
  });
  return Object.assign(await startServer(server), { asked });
}

function carry(
  client: Socket,
  host: string | undefined,
  port: number,
  then: { onConnect(): void; onFailure(code: string): void },
): void {
  if (host === undefined) {
    then.onFailure('ENOTFOUND');
    return;
  }
  const target = connect({ host, port, noDelay: true });
  let isConnected = false;
  target.once('connect', () => {
    isConnected = true;
    then.onConnect();
    client.pipe(target);
    target.pipe(client);
  });
  target.on('error', (error: NodeJS.ErrnoException) => {
    if (isConnected) client.destroy();
    else then.onFailure(error.code ?? '');
  });
  client.once('close', () => target.destroy());
}

/** Exactly so many octets; of a connection that ends before, zeros. */
function reader(socket: Socket): (length: number) => Promise<Buffer> {
  return async (length) => {
    const pieces: Buffer[] = [];
    for (let missing = length; missing > 0;) {
      const piece = socket.read(Math.min(missing, socket.readableLength)) as Buffer | null;
      if (piece !== null && piece.length > 0) {
        pieces.push(piece);
        missing -= piece.length;
      } else if (socket.readableEnded || socket.destroyed) {
        return Buffer.alloc(length);
      } else {
        await new Promise((resolve) => {
          for (const event of ['readable', 'end', 'close']) socket.once(event, resolve);
        });
      }
    }
    return Buffer.concat(pieces);
  };
}
