import { connect as connectSocket, isIP, type OnReadOpts, type Socket } from 'node:net';

import { isTimeout } from './deadline.ts';
import { meaningOf } from './failure.ts';
import { NetworkError } from './network.ts';

/** No TCP connection is waited for longer than this, whatever the caller's signal says. */
const CONNECT_CAP_MS = 30_000;
const CAP = new Error(`no connection within ${CONNECT_CAP_MS} ms`);

const READ_LENGTH = 64 * 1024;

/**
 * One buffer for the reads of all sockets that have a `receive`: the system's read and the callback follow on each other
 * without anything in between. Not so on Windows, where a read begins long before it ends.
 */
const readBuffer: Buffer | (() => Buffer) =
  process.platform === 'win32' ? () => Buffer.allocUnsafe(READ_LENGTH) : Buffer.allocUnsafeSlow(READ_LENGTH);

/** Sockets whose `receive` was taken. */
const receiving = new WeakSet<object>();

/** Whether what arrives on this connection goes to the `receive` it was made with; else it comes by 'data'. */
export function isReceiving(socket: object): boolean {
  return receiving.has(socket);
}

/**
 * Connects to a literal address: no name is looked up, and no other address is tried in its place. For `receive` see
 * `Network.connect`.
 *
 * Throws NetworkError when the other side cannot be reached in time, the signal's reason when the caller stopped, and
 * the system's own error when the fault is ours (no file descriptors left).
 */
export async function dial(
  address: string,
  port: number,
  signal: AbortSignal,
  receive?: (bytes: Buffer) => void,
): Promise<Socket> {
  const family = isIP(address);
  if (family === 0) throw new TypeError('a connection is made to a literal address');
  signal.throwIfAborted();

  const socket = connectSocket({
    host: address,
    port,
    family,
    autoSelectFamily: false,
    // Who takes what arrives by `receive` holds a conversation, in which nothing waits for a second write of ours.
    ...(receive === undefined ? { noDelay: true } : { onread: readInto(receive) }),
  });
  if (receive !== undefined) receiving.add(socket);
  // Between here and the caller's own listener an error must not end the process; the caller hears of it by 'close'.
  socket.on('error', () => undefined);

  try {
    await connected(socket, signal);
    return socket;
  } catch (error) {
    socket.destroy();
    if (signal.aborted && error === signal.reason && !isTimeout(signal)) throw error;
    if (error === CAP || error === signal.reason) {
      throw new NetworkError(
        'timeout',
        `${address} port ${port} did not answer in time; a firewall that drops packets looks like this`,
      );
    }
    const meaning = meaningOf(error);
    if (meaning === undefined) throw error;
    throw new NetworkError(meaning.reason, `${address} port ${port} ${meaning.text}`, { cause: error });
  }
}

function readInto(receive: (bytes: Buffer) => void): OnReadOpts {
  return {
    buffer: readBuffer,
    callback(count, bytes) {
      receive((bytes as Buffer).subarray(0, count));
      return true;
    },
  };
}

function connected(socket: Socket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    // A timer and no more: this runs for every probe.
    const timer = setTimeout(() => settle(CAP), CONNECT_CAP_MS);
    function settle(error?: Error): void {
      clearTimeout(timer);
      socket.off('connect', onConnect);
      socket.off('error', settle);
      signal.removeEventListener('abort', onAbort);
      if (error === undefined) resolve();
      else reject(error);
    }
    function onConnect(): void {
      settle();
    }
    function onAbort(): void {
      settle(signal.reason as Error);
    }
    socket.on('connect', onConnect);
    socket.on('error', settle);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
