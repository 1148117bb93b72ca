import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { createServer as createTls, type TlsOptions, type TLSSocket } from 'node:tls';

import type { Protocol } from '../../src/tls/starttls/dialogues.ts';
import { startTcpServer, type TestServer } from './loopback-servers.ts';
import { serverLeaf } from './rehearsal.ts';
import { play, SCRIPTS } from './starttls-scripts.ts';

const serving: TlsOptions = { key: serverLeaf.keyPem, cert: serverLeaf.pem };

/** TLS as a server of TDS sends it: in packets until its Finished is out. */
function inPackets(socket: Socket, isDone: () => boolean): Duplex {
  let rest = Buffer.alloc(0);
  const inner = new Duplex({
    read: () => undefined,
    write(bytes: Buffer, _encoding, done) {
      const head = Buffer.from([0x12, 1, (bytes.length + 8) >> 8, (bytes.length + 8) & 0xff, 0, 0, 1, 0]);
      socket.write(isDone() ? bytes : Buffer.concat([head, bytes]), () => done());
    },
    final(done) {
      socket.end(() => done());
    },
  });
  inner.on('error', () => undefined);
  socket.on('data', (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length >= 8 && rest[0] === 0x12 && rest.length >= rest.readUInt16BE(2)) {
      inner.push(rest.subarray(8, rest.readUInt16BE(2)));
      rest = rest.subarray(rest.readUInt16BE(2));
    }
    if (rest.length === 0 || rest[0] === 0x12) return;
    inner.push(rest);
    rest = Buffer.alloc(0);
  });
  socket.on('end', () => inner.push(null));
  socket.resume();
  return inner;
}

export interface Speaking extends TestServer {
  /** What was said inside TLS. */
  readonly said: Buffer[];
  /** Connections whose TLS came to an orderly end. */
  readonly endings: TLSSocket[];
  readonly errors: Error[];
}

/** A server that plays the script and then speaks TLS; `slip` puts in what does not belong there. */
export async function startSpeaking(
  protocol: Protocol,
  options: TlsOptions = {},
  { early = '', late = '' }: { readonly early?: string; readonly late?: string } = {},
): Promise<Speaking> {
  const said: Buffer[] = [];
  const endings: TLSSocket[] = [];
  const errors: Error[] = [];
  const tls = createTls({ ...serving, ...options }, (socket) => {
    socket.on('error', () => undefined);
    socket.on('end', () => endings.push(socket));
    socket.on('data', (bytes: Buffer) => {
      said.push(bytes);
      if (protocol === 'mysql') socket.write(Buffer.from('\x09\0\0\x03\xff\x15\x04denied', 'latin1'));
    });
  });
  tls.on('tlsClientError', (error) => errors.push(error));
  const server = await startTcpServer((socket) => {
    let isDone = false;
    tls.once('secureConnection', () => {
      isDone = true;
    });
    const script = SCRIPTS[protocol].map((step, index, all) =>
      'say' in step && index === all.length - 1 ? { say: Buffer.concat([step.say, Buffer.from(early)]) } : step,
    );
    void play(socket, script).then(async () => {
      if (late !== '') socket.write(late);
      socket.pause();
      tls.emit('connection', protocol === 'mssql' ? inPackets(socket, () => isDone) : socket);
    });
  });
  return Object.assign(server, { said, endings, errors });
}
