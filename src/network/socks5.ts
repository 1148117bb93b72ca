import { isIP, type Socket } from 'node:net';

import { addressOctets } from './address-kind.ts';
import { NetworkError, type NetworkFailure, type ProxyCredentials } from './network.ts';

const VERSION = 5;
const CONNECT = 1;

const METHOD = { none: 0x00, password: 0x02, refused: 0xff } as const;
const ADDRESS = { ipv4: 0x01, name: 0x03, ipv6: 0x04 } as const;

/** RFC 1928 and RFC 1929 give each of these one octet of length. */
const MAX_FIELD = 255;

/** RFC 1928 section 6: what the proxy says instead of 0, as the end of "the proxy … says: …". */
const REPLIES: Readonly<Record<number, { readonly reason: NetworkFailure; readonly text: string }>> = {
  1: { reason: 'unreachable', text: 'general failure; its log may say more' },
  2: { reason: 'permission_denied', text: 'its rules do not allow the connection' },
  3: { reason: 'unreachable', text: 'it has no route to that network' },
  4: { reason: 'unreachable', text: 'it cannot reach the host, or does not know its name' },
  5: {
    reason: 'refused',
    text: 'the connection was refused; check that the service runs there and listens on this port',
  },
  6: { reason: 'timeout', text: 'the connection took too long' },
  7: { reason: 'unreachable', text: 'it makes no connections (CONNECT is not supported)' },
  8: { reason: 'unreachable', text: 'it does not speak that address family' },
};

/**
 * Asks a SOCKS5 proxy at the other end of the socket for a connection (RFC 1928, RFC 1929). Not an octet more is read
 * than the proxy's own answers: what the target says first is left in the socket. Throws NetworkError whose text is the
 * end of a sentence about the proxy.
 */
export async function askSocks5(
  socket: Socket,
  credentials: ProxyCredentials | undefined,
  host: string,
  port: number,
  signal: AbortSignal,
): Promise<void> {
  const methods = credentials === undefined ? [METHOD.none] : [METHOD.none, METHOD.password];
  socket.write(Buffer.from([VERSION, methods.length, ...methods]));
  const [version, method] = await read(socket, 2, signal);
  if (version !== VERSION) throw new NetworkError('malformed', 'does not speak SOCKS5; check its address and port');
  if (method === METHOD.refused) {
    throw new NetworkError(
      'authentication_failed',
      credentials === undefined
        ? 'wants a login; give it a username and a password'
        : 'takes neither a password nor nothing for a login',
    );
  }
  if (method === METHOD.password && credentials !== undefined) await logIn(socket, credentials, signal);
  else if (method !== METHOD.none) throw new NetworkError('malformed', 'chose a way to log in that was not offered');

  socket.write(
    Buffer.concat([Buffer.from([VERSION, CONNECT, 0]), addressOf(host), Buffer.from([port >> 8, port & 0xff])]),
  );
  const [again, reply = 0, , kind] = await read(socket, 4, signal);
  if (again !== VERSION) throw new NetworkError('malformed', 'sent an answer that is not SOCKS5');
  if (reply !== 0) {
    const { reason, text } = REPLIES[reply] ?? { reason: 'unreachable', text: `failure ${reply}` };
    throw new NetworkError(reason, `says: ${text}`);
  }
  // Where the connection leaves the proxy: of no interest, but it has to be read.
  await read(socket, (await addressLength(socket, kind, signal)) + 2, signal);
}

async function logIn(socket: Socket, { username, password }: ProxyCredentials, signal: AbortSignal): Promise<void> {
  const fields = [username, password].map((text) => Buffer.from(text, 'utf8'));
  if (fields.some((field) => field.length === 0 || field.length > MAX_FIELD)) {
    throw new NetworkError('authentication_failed', `takes a username and a password of 1 to ${MAX_FIELD} octets each`);
  }
  socket.write(Buffer.concat([Buffer.from([1]), ...fields.flatMap((field) => [Buffer.from([field.length]), field])]));
  const [, status] = await read(socket, 2, signal);
  if (status !== 0) throw new NetworkError('authentication_failed', 'does not accept the username and the password');
}

function addressOf(host: string): Buffer {
  if (isIP(host) !== 0) {
    const octets = addressOctets(host);
    return Buffer.from([octets.length === 4 ? ADDRESS.ipv4 : ADDRESS.ipv6, ...octets]);
  }
  const name = Buffer.from(host, 'latin1');
  if (name.length > MAX_FIELD) throw new NetworkError('dns', `takes names of at most ${MAX_FIELD} octets`);
  return Buffer.concat([Buffer.from([ADDRESS.name, name.length]), name]);
}

async function addressLength(socket: Socket, kind: number | undefined, signal: AbortSignal): Promise<number> {
  switch (kind) {
    case ADDRESS.ipv4:
      return 4;
    case ADDRESS.ipv6:
      return 16;
    case ADDRESS.name:
      return (await read(socket, 1, signal))[0] ?? 0;
    default:
      throw new NetworkError('malformed', 'sent an answer that is not SOCKS5');
  }
}

/** Exactly so many octets; what follows them stays in the stream. */
async function read(socket: Socket, length: number, signal: AbortSignal): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let missing = length; missing > 0;) {
    signal.throwIfAborted();
    // What is there is taken at once: a stream with something left in it is readable again and again.
    const piece = socket.read(Math.min(missing, socket.readableLength)) as Buffer | null;
    if (piece !== null && piece.length > 0) {
      pieces.push(piece);
      missing -= piece.length;
    } else if (socket.readableEnded || socket.destroyed) {
      throw new NetworkError('closed', 'closed the connection in the middle of its answer');
    } else {
      await readable(socket, signal);
    }
  }
  return Buffer.concat(pieces);
}

function readable(socket: Socket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    function done(): void {
      for (const event of ['readable', 'end', 'close']) socket.off(event, done);
      signal.removeEventListener('abort', done);
      resolve();
    }
    for (const event of ['readable', 'end', 'close']) socket.once(event, done);
    signal.addEventListener('abort', done, { once: true });
  });
}
