import { duplexPair } from 'node:stream';
import { connect as startTls, TLSSocket, type SecureContext } from 'node:tls';

import { startDeadline } from '../../network/deadline.ts';
import { ServerFlight } from '../server-flight.ts';
import { createTap } from '../tap.ts';
import { rehearsalContext } from './context.ts';

/** A handshake in memory takes milliseconds. */
const LIMIT_MS = 5_000;

/**
 * The certificates that somebody with this context shows in a handshake, DER, in order; none when it can complete none.
 *
 * Node does not tell what a keystore holds, so the identity shows itself: as the server of a handshake in memory.
 */
export async function presentedChain(context: SecureContext, signal: AbortSignal): Promise<readonly Uint8Array[]> {
  using limit = startDeadline(LIMIT_MS, signal);
  const flight = new ServerFlight();
  const [near, far] = duplexPair();
  const server = new TLSSocket(far, { isServer: true, secureContext: context });
  const client = startTls({
    socket: createTap(near, (chunk) => flight.push(chunk)),
    secureContext: rehearsalContext({}),
    rejectUnauthorized: false,
  });
  client.on('keylog', (line: Buffer) => flight.useKeyLog(line));
  try {
    await new Promise<void>((resolve) => {
      function done(): void {
        resolve();
      }
      client.once('secureConnect', done);
      client.on('error', done);
      server.on('error', done);
      limit.signal.addEventListener('abort', done, { once: true });
    });
    signal.throwIfAborted();
    return flight.certificates?.certificates ?? [];
  } finally {
    client.destroy();
    server.destroy();
    near.destroy();
    far.destroy();
    flight.wipe();
  }
}
