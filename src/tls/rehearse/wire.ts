import type { Duplex } from 'node:stream';
import { connect as startTls, type SecureContext, type TLSSocket } from 'node:tls';

import { startDeadline } from '../../network/deadline.ts';
import { codeOf } from '../../network/failure.ts';
import { alertOf, type TlsAlert } from '../alerts.ts';
import type { Farewell } from '../connect.ts';
import { faultFailure, type Attempt, type ProbeFailure } from '../failure.ts';
import { ServerFlight } from '../server-flight.ts';
import { overhear } from '../overhearing.ts';
import { createTap } from '../tap.ts';
import type { WireLog } from '../wire-log.ts';

/** Octets of the server's answer that are kept. */
const MAX_DATA = 64 * 1024;

/** How long the server may take to close in its turn. */
const CLOSE_GRACE_MS = 250;

/** How a connection has gone so far. */
export interface Course {
  /** The handshake is complete on our side. It says nothing about the server's side. */
  readonly established: boolean;
  /** `TLSv1.2` or `TLSv1.3`, once established. */
  readonly protocol?: string;
  /** Session tickets received. */
  readonly tickets: number;
  /** What the server sent, up to a limit; only after `read()`. */
  readonly data: Buffer;
  /** The alert by which the server ended the connection. */
  readonly alert?: TlsAlert;
  /** The server is done writing, orderly or by a reset. */
  readonly closed: boolean;
  /** What went wrong that is no word of the server about the client. */
  readonly fault?: ProbeFailure;
}

/** One TLS connection that is watched for what the server says about the client. */
export interface Wire {
  readonly tls: TLSSocket;
  /** What the server said up to its Finished. */
  readonly flight: ServerFlight;
  readonly course: Course;
  readonly timeoutMs: number;
  /** Nothing more is to be expected: an alert, a close, a fault, or the deadline. */
  readonly over: boolean;
  /** Begins to take what the server sends. Whoever hands the socket to somebody else does not call it. */
  read(): void;
  /** Looks at the conditions of `until` anew. */
  stir(): void;
  /** Waits for the condition, for the end of the connection or for the time to pass, whatever comes first. */
  until(condition: () => boolean, ms?: number): Promise<void>;
  /** Says goodbye, and waits a moment for the server to do the same. */
  close(): Promise<void>;
  /** Ends everything now. */
  destroy(): void;
}

export interface WireOptions extends Attempt {
  readonly context: SecureContext;
  /** Application protocols to offer; without any the extension is not sent. */
  readonly alpn: readonly string[];
  /** What is said inside TLS before it ends. */
  readonly farewell?: Farewell;
  /** Where what passes is written down. */
  readonly log?: WireLog;
}

/** Begins TLS on a connected socket, which is from now on the wire's to destroy. Never resumes a session. */
export function openWire(socket: Duplex, options: WireOptions, signal: AbortSignal): Wire {
  const flight = new ServerFlight();
  const waiting = new Set<() => void>();
  const course: { -readonly [Key in keyof Course]: Course[Key] } = {
    established: false,
    tickets: 0,
    data: Buffer.alloc(0),
    closed: false,
  };

  function stir(): void {
    for (const look of waiting) look();
  }
  function onClosed(): void {
    course.closed = true;
    // A reset may end the TLS library before it has read the alert that came right before: the tap has seen it.
    if (flight.alert !== undefined) course.alert ??= flight.alert;
    stir();
  }
  function fail(failure: ProbeFailure): void {
    course.fault ??= failure;
    stir();
  }

  const overhearing = options.log === undefined ? undefined : overhear(options.log);
  const tap = createTap(
    socket,
    (chunk) => {
      flight.push(chunk);
      overhearing?.received(chunk);
      // A message that contradicts itself is for the TLS library to judge.
      if (flight.fault === undefined || flight.fault === 'malformed') return;
      fail(faultFailure(options, flight.fault, flight.firstBytes()));
    },
    overhearing?.sent,
  );
  const tls = startTls({
    socket: tap,
    secureContext: options.context,
    rejectUnauthorized: false,
    ...(options.serverName === undefined ? {} : { servername: options.serverName.replace(/\.$/, '') }),
    ...(options.alpn.length === 0 ? {} : { ALPNProtocols: [...options.alpn] }),
  });
  tls.on('keylog', (line: Buffer) => {
    overhearing?.useKeyLog(line);
    flight.useKeyLog(line);
  });
  tls.once('secureConnect', () => {
    course.established = true;
    course.protocol = tls.getProtocol() ?? '';
    stir();
  });
  tls.on('session', () => {
    course.tickets += 1;
    stir();
  });
  // `on`, not `once`: later errors of a connection that is being given up have no other listener.
  tls.on('error', (error) => {
    const alert = flight.alert ?? alertIn(error);
    if (alert !== undefined) {
      course.alert ??= alert;
      options.log?.alertKnown(alert.number);
      stir();
    } else if (isEndOfStream(error)) {
      onClosed();
    } else {
      fail({
        reason: 'tls_error',
        detail: `TLS with ${options.address} port ${options.port} failed on our side: ${openSslReason(error)}`,
      });
    }
  });
  tls.once('close', onClosed);
  // A reset may overtake what the TLS library is still working on.
  socket.once('close', () => setImmediate(onClosed));
  if (socket.destroyed) setImmediate(onClosed);

  const wire: Wire = {
    tls,
    flight,
    course,
    timeoutMs: options.timeoutMs,
    get over() {
      return course.alert !== undefined || course.closed || course.fault !== undefined || signal.aborted;
    },
    read() {
      tls.once('end', onClosed);
      tls.on('data', (chunk: Buffer) => {
        if (course.data.length < MAX_DATA) course.data = Buffer.concat([course.data, chunk]).subarray(0, MAX_DATA);
        stir();
      });
    },
    stir,
    async until(condition, ms = options.timeoutMs) {
      using limit = startDeadline(ms, signal);
      await new Promise<void>((resolve) => {
        function look(): void {
          if (!condition() && !wire.over && !limit.signal.aborted) return;
          waiting.delete(look);
          resolve();
        }
        waiting.add(look);
        limit.signal.addEventListener('abort', look, { once: true });
        look();
      });
    },
    async close() {
      if (wire.over) return;
      await options.farewell?.(tls, signal);
      tls.resume();
      tls.end();
      await wire.until(() => false, CLOSE_GRACE_MS);
    },
    destroy() {
      tls.destroy();
      socket.destroy();
      flight.wipe();
      overhearing?.wipe();
    },
  };
  return wire;
}

/** The alert in an error of the TLS library. Its number is stable where names and codes change with the version. */
function alertIn(error: Error): TlsAlert | undefined {
  const number = /\balert number (\d{1,3})\b/.exec(error.message)?.[1];
  return number === undefined ? undefined : alertOf(Number(number));
}

const END_OF_STREAM: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'EPIPE',
  'ECONNABORTED',
  'ERR_STREAM_PREMATURE_CLOSE',
]);

function isEndOfStream(error: Error): boolean {
  return END_OF_STREAM.has(codeOf(error) ?? '');
}

/** OpenSSL's reason (`unsupported protocol`): constant texts of the library. */
function openSslReason(error: Error): string {
  if ('reason' in error && typeof error.reason === 'string') return error.reason;
  return codeOf(error) ?? 'unknown reason';
}
