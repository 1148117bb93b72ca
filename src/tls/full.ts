import { constants } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { connect as startTls, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';

import { startDeadline, isTimeout } from '../network/deadline.ts';
import { NO_APPLICATION_PROTOCOL } from './alerts.ts';
import { connectFailure, type Connect, type Farewell } from './connect.ts';
import {
  alertFailure,
  closedFailure,
  faultFailure,
  socketFailure,
  timeoutFailure,
  type ProbeFailure,
} from './failure.ts';
import { summarize, type ProbeResult } from './probe-result.ts';
import { ServerFlight } from './server-flight.ts';
import { overhear, type Overhearing } from './overhearing.ts';
import { createTap } from './tap.ts';
import { WireLog } from './wire-log.ts';

/** After a handshake the server is given this long to close in its turn. */
const CLOSE_GRACE_MS = 500;

/** When the TLS library has given up, the rest of the server's flight is waited for this long. */
const DRAIN_MS = 2_000;

export interface ProbeOptions {
  readonly connect: Connect;
  /** Whether `connect` does no more than connect this machine with the address: any thread can do that. */
  readonly isDirect?: boolean;
  /** What is said inside TLS before it ends; only the TLS library says it. */
  readonly farewell?: Farewell;
  /** A literal address. */
  readonly address: string;
  readonly port: number;
  /** The name for SNI; absent when the target is an address (RFC 6066 section 3). */
  readonly serverName?: string;
  /** Application protocols to offer; without any the extension is not sent. */
  readonly alpn?: readonly string[];
  /** One absolute deadline over connecting, handshake and close. */
  readonly timeoutMs: number;
  /** Whether to find out if the server holds the key of its certificate. The TLS library always does. */
  readonly verifyPossession?: boolean;
  /** Whether to write down what passes. */
  readonly transcript?: boolean;
}

/**
 * A complete handshake with one address, and everything that the server showed in it.
 *
 * Does not verify: an expired, self-signed or broken certificate is what one wants to see. Does not throw for the other
 * side's failures: they are in the result, beside what was seen before. Throws the signal's reason when it aborts.
 */
export async function probeFull(options: ProbeOptions, signal: AbortSignal): Promise<ProbeResult> {
  using deadline = startDeadline(options.timeoutMs, signal);
  const { alpn = [] } = options;
  const log = options.transcript === true ? new WireLog() : undefined;
  let result = await attempt(options, alpn, log, deadline.signal);
  if (result.failure?.alert?.number === NO_APPLICATION_PROTOCOL && alpn.length > 0) {
    // A server that insists on a protocol of its own still has a certificate to show.
    log?.note('again, offering no application protocol');
    result = await attempt(options, [], log, deadline.signal);
  }
  return log === undefined ? result : { ...result, transcript: log.lines };
}

async function attempt(
  options: ProbeOptions,
  alpn: readonly string[],
  log: WireLog | undefined,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const flight = new ServerFlight();
  let socket: Duplex;
  try {
    socket = await options.connect(options.address, options.port, signal);
  } catch (error) {
    return summarize(flight, 'full', false, connectFailure(error));
  }
  const overhearing = log === undefined ? undefined : overhear(log);
  try {
    return await handshake(socket, flight, options, alpn, overhearing, signal);
  } finally {
    socket.destroy();
    flight.wipe();
    overhearing?.wipe();
  }
}

/** How a handshake came to its end. */
type Ending =
  | { readonly kind: 'established' }
  | { readonly kind: 'tls'; readonly error: Error }
  | { readonly kind: 'socket'; readonly error: Error }
  | { readonly kind: 'closed' | 'fault' | 'aborted' };

async function handshake(
  socket: Duplex,
  flight: ServerFlight,
  options: ProbeOptions,
  alpn: readonly string[],
  overhearing: Overhearing | undefined,
  signal: AbortSignal,
): Promise<ProbeResult> {
  let onProgress: (() => void) | undefined;
  const tap = createTap(
    socket,
    (chunk) => {
      flight.push(chunk);
      overhearing?.received(chunk);
      onProgress?.();
    },
    overhearing?.sent,
  );
  const tls = startTls({
    socket: tap,
    secureContext: context(),
    rejectUnauthorized: false,
    ...(options.serverName === undefined ? {} : { servername: options.serverName.replace(/\.$/, '') }),
    ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
  });
  tls.on('keylog', (line: Buffer) => {
    overhearing?.useKeyLog(line);
    flight.useKeyLog(line);
    onProgress?.();
  });

  try {
    const ending = await new Promise<Ending>((resolve) => {
      tls.once('secureConnect', () => resolve({ kind: 'established' }));
      // `on`, not `once`: later errors of a connection that is being given up have no other listener.
      tls.on('error', (error) => resolve({ kind: 'tls', error }));
      socket.once('error', (error) => resolve({ kind: 'socket', error }));
      socket.once('close', () => resolve({ kind: 'closed' }));
      signal.addEventListener('abort', () => resolve({ kind: 'aborted' }), { once: true });
      onProgress = () => {
        if (flight.fault !== undefined) resolve({ kind: 'fault' });
      };
      if (signal.aborted) resolve({ kind: 'aborted' });
      else if (socket.destroyed) resolve({ kind: 'closed' });
    });

    if (ending.kind === 'established') {
      await options.farewell?.(tls, signal);
      await close(tls, socket, flight, signal);
    } else if (ending.kind === 'tls' && !flight.ended) {
      await drain(socket, flight, signal, (listener) => {
        onProgress = listener;
      });
    }
    if (signal.aborted && !isTimeout(signal)) throw signal.reason;
    const possession = options.verifyPossession === true ? possessionAfter(ending) : undefined;
    return {
      ...summarize(flight, 'full', ending.kind === 'established', failureOf(ending, flight, options)),
      ...(possession === undefined ? {} : { possession }),
    };
  } finally {
    tls.destroy();
  }
}

/** Says goodbye (close_notify, then the end of the stream) and gives the server a moment to do the same. */
async function close(tls: TLSSocket, socket: Duplex, flight: ServerFlight, signal: AbortSignal): Promise<void> {
  // What the server says after the handshake is thrown away, and counted: a flood is cut off.
  tls.resume();
  tls.end();
  await until(socket, CLOSE_GRACE_MS, signal, (done) => {
    socket.on('data', () => {
      if (flight.fault === 'too_large') done();
    });
  });
}

/** Lets the rest of the server's flight arrive after the TLS library has given up on it. */
async function drain(
  socket: Duplex,
  flight: ServerFlight,
  signal: AbortSignal,
  listen: (listener: () => void) => void,
): Promise<void> {
  await until(socket, DRAIN_MS, signal, (done) => {
    listen(() => {
      if (flight.ended) done();
    });
  });
}

/** Waits for the socket to close, for `done`, for the time to pass or for the signal, whatever comes first. */
async function until(
  socket: Duplex,
  ms: number,
  signal: AbortSignal,
  arrange: (done: () => void) => void,
): Promise<void> {
  using limit = startDeadline(ms, signal);
  await new Promise<void>((resolve) => {
    function done(): void {
      resolve();
    }
    socket.once('close', done);
    limit.signal.addEventListener('abort', done, { once: true });
    arrange(done);
    if (socket.closed || limit.signal.aborted) done();
  });
}

/** The TLS library goes on only when the server's signature over the handshake is right. */
function possessionAfter(ending: Ending): ProbeResult['possession'] {
  if (ending.kind === 'established') return 'proven';
  return ending.kind === 'tls' && 'code' in ending.error && ending.error.code === 'ERR_SSL_BAD_SIGNATURE'
    ? 'failed'
    : undefined;
}

function failureOf(ending: Ending, flight: ServerFlight, options: ProbeOptions): ProbeFailure | undefined {
  if (ending.kind === 'established') return undefined;
  if (flight.alert !== undefined) return alertFailure(options, flight.alert, flight.acceptableIssuers !== undefined);
  if (flight.fault !== undefined) return faultFailure(options, flight.fault, flight.firstBytes());
  switch (ending.kind) {
    case 'aborted':
      return timeoutFailure(options, flight.received === 0);
    case 'socket':
      return socketFailure(options, ending.error);
    case 'tls':
      if (isEndOfStream(ending.error)) return closedFailure(options);
      return {
        reason: 'tls_error',
        detail: `the handshake with ${options.address} port ${options.port} failed on our side: ${openSslReason(ending.error)}`,
      };
    case 'closed':
    case 'fault':
      return closedFailure(options);
  }
}

/** Node's word for a stream that ended inside the handshake; a real reset is an error of the socket below. */
function isEndOfStream(error: Error): boolean {
  return 'code' in error && (error.code === 'ECONNRESET' || error.code === 'ERR_STREAM_PREMATURE_CLOSE');
}

/** OpenSSL's reason (`unsupported protocol`): constant texts of the library. */
function openSslReason(error: Error): string {
  if ('reason' in error && typeof error.reason === 'string') return error.reason;
  return 'code' in error && typeof error.code === 'string' ? error.code : 'unknown reason';
}

/** In the order of our own hello, so that both ways see the same. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256',
  // DEFAULT, which has to be first to be understood.
  'ALL:!COMPLEMENTOFDEFAULT:!eNULL:!PSK:!SRP:@SECLEVEL=0',
].join(':');

let shared: SecureContext | undefined;

/**
 * One context for all probes, as permissive as the library can be: it is there to see, not to protect.
 *
 * No CA at all, so that no verification result is ever positive and none is worked on. The first group alone gets a key
 * share, which keeps the hello in one TCP segment for servers that read it in one piece.
 */
function context(): SecureContext {
  shared ??= createSecureContext({
    ca: [],
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.3',
    ciphers: CIPHERS,
    ecdhCurve: 'X25519:P-256:P-384:P-521:X25519MLKEM768',
    secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT,
  });
  return shared;
}
