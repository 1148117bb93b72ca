import type { Duplex } from 'node:stream';

import { isTimeout, startDeadline } from '../../network/deadline.ts';
import { isReceiving } from '../../network/dialer.ts';
import { HANDSHAKE_FAILURE, NO_APPLICATION_PROTOCOL, UNRECOGNIZED_NAME } from '../alerts.ts';
import { connectFailure } from '../connect.ts';
import {
  alertFailure,
  closedFailure,
  faultFailure,
  socketFailure,
  timeoutFailure,
  type ProbeFailure,
} from '../failure.ts';
import type { ProbeOptions } from '../full.ts';
import { summarize, type Obstacle, type ProbeResult } from '../probe-result.ts';
import type { Ephemerals } from './ephemerals.ts';
import { HYBRID } from './groups.ts';
import { WireLog } from '../wire-log.ts';
import { HelloSession, type SessionOptions } from './session.ts';

/** After our close_notify, most servers close in their turn at once; for others we end our side after this long. */
const END_AFTER_MS = 100;
/** After that, the server is given this long. */
const CLOSE_GRACE_MS = 400;

export interface HelloOptions extends ProbeOptions {
  /** Where to stop: `hello` completes the handshake and says goodbye, `early` leaves at the certificate. */
  readonly handshake: 'hello' | 'early';
}

export interface HelloOutcome {
  readonly result: ProbeResult;
  /** Set when the cause may lie in our own reader or hello, and a full probe might see more. */
  readonly obstacle?: Obstacle;
}

/**
 * Reads what one address shows, with our own hello and without the TLS library.
 *
 * Does not verify the certificate, nor (unless asked) that the server holds its key: an on-path attacker can show
 * anything. Does not throw for the other side's failures. Throws the signal's reason when it aborts.
 */
export async function probeHello(
  options: HelloOptions,
  ephemerals: Ephemerals,
  signal: AbortSignal,
): Promise<HelloOutcome> {
  using deadline = startDeadline(options.timeoutMs, signal);
  const { alpn = [] } = options;
  const log = options.transcript === true ? new WireLog() : undefined;
  const outcome = await attempts(options, alpn, log, ephemerals, deadline.signal);
  return log === undefined ? outcome : { ...outcome, result: { ...outcome.result, transcript: log.lines } };
}

async function attempts(
  options: HelloOptions,
  alpn: readonly string[],
  log: WireLog | undefined,
  ephemerals: Ephemerals,
  signal: AbortSignal,
): Promise<HelloOutcome> {
  const noted = log === undefined ? {} : { log };
  const outcome = await attempt(options, { alpn, offerHybrid: false, ...noted }, ephemerals, signal);
  const number = outcome.result.failure?.alert?.number;
  if (number === NO_APPLICATION_PROTOCOL && alpn.length > 0) {
    // A server that insists on a protocol of its own still has a certificate to show.
    log?.note('again, offering no application protocol');
    return attempt(options, { alpn: [], offerHybrid: false, ...noted }, ephemerals, signal);
  }
  if (number === HANDSHAKE_FAILURE && outcome.result.tlsVersion === undefined && HYBRID !== undefined) {
    log?.note('again, offering X25519MLKEM768 as well');
    return attempt(options, { alpn, offerHybrid: true, ...noted }, ephemerals, signal);
  }
  return outcome;
}

/** How a connection came to its end. */
type Ending = { readonly kind: 'over' | 'closed' | 'aborted' } | { readonly kind: 'broken'; readonly error: Error };

const OVER: Ending = { kind: 'over' };
const CLOSED: Ending = { kind: 'closed' };
const ABORTED: Ending = { kind: 'aborted' };

async function attempt(
  options: HelloOptions,
  offer: Pick<SessionOptions, 'alpn' | 'offerHybrid' | 'log'>,
  ephemerals: Ephemerals,
  signal: AbortSignal,
): Promise<HelloOutcome> {
  const session = new HelloSession(
    {
      depth: options.handshake === 'hello' ? 'handshake' : 'certificate',
      verifyPossession: options.verifyPossession === true,
      serverName: options.serverName,
      ...offer,
    },
    ephemerals,
  );
  let receive: (bytes: Buffer) => void = (bytes) => {
    session.receive(bytes);
  };
  let socket: Duplex;
  try {
    socket = await options.connect(options.address, options.port, signal, (bytes) => receive(bytes));
  } catch (error) {
    return { result: summarize(session.sight, options.handshake, false, connectFailure(error)) };
  }
  try {
    const ending = await converse(socket, session, signal, (listener) => {
      receive = listener;
    });
    if (signal.aborted && !isTimeout(signal)) throw signal.reason;
    return conclude(session, ending, options);
  } finally {
    socket.destroy();
  }
}

/**
 * The conversation on a connection, up to the end of it or of what is wanted. After a handshake the server is given a
 * moment to close in its turn; a flood is cut off.
 */
function converse(
  socket: Duplex,
  session: HelloSession,
  signal: AbortSignal,
  listen: (receive: (bytes: Buffer) => void) => void,
): Promise<Ending> {
  return new Promise((resolve) => {
    let grace: NodeJS.Timeout | undefined;
    function settle(ending: Ending): void {
      // At once: what is destroyed does not end its side first, which is a system call for nothing.
      socket.destroy();
      clearTimeout(grace);
      signal.removeEventListener('abort', onAbort);
      resolve(grace === undefined ? ending : OVER);
    }
    function onAbort(): void {
      settle(ABORTED);
    }
    function onClose(): void {
      settle(CLOSED);
    }
    function onPatienceOver(): void {
      socket.end();
      grace = setTimeout(onClose, CLOSE_GRACE_MS);
    }
    function onReceive(bytes: Buffer): void {
      const answer = session.receive(bytes);
      if (grace !== undefined) {
        if (session.flooded) settle(OVER);
      } else if (!session.over) {
        if (answer !== undefined) socket.write(answer);
      } else {
        if (answer !== undefined) socket.write(answer);
        if (session.established) grace = setTimeout(onPatienceOver, END_AFTER_MS);
        else settle(OVER);
      }
    }

    if (session.over) return resolve(OVER);
    if (signal.aborted) return resolve(ABORTED);
    if (socket.destroyed) return resolve(CLOSED);
    listen(onReceive);
    socket.on('error', (error) => settle({ kind: 'broken', error }));
    socket.on('end', onClose);
    socket.on('close', onClose);
    signal.addEventListener('abort', onAbort, { once: true });
    if (!isReceiving(socket)) {
      // It took no notice of `receive`, as one that began in the clear.
      socket.on('data', onReceive);
      socket.resume();
    }
    socket.write(session.begin());
  });
}

function conclude(session: HelloSession, ending: Ending, options: HelloOptions): HelloOutcome {
  const { sight } = session;
  const trouble = session.achieved ? undefined : troubleOf(session, ending, options);
  const { ocspStaple, possession, request } = sight;
  const result: ProbeResult = {
    ...summarize(sight, options.handshake, session.established, trouble?.failure),
    ...(ocspStaple === undefined ? {} : { ocspStaple }),
    ...(possession === undefined ? {} : { possession }),
    ...(request === undefined ? {} : { signatureSchemes: request.signatureSchemes }),
  };
  return trouble?.obstacle === undefined ? { result } : { result, obstacle: trouble.obstacle };
}

interface Trouble {
  readonly failure: ProbeFailure;
  readonly obstacle?: Obstacle;
}

function troubleOf(session: HelloSession, ending: Ending, options: HelloOptions): Trouble {
  const { alert, fault, sight } = session;
  if (alert !== undefined) {
    const asked = sight.request !== undefined;
    const failure = alertFailure(options, alert, asked);
    const isPlain = asked || alert.number === UNRECOGNIZED_NAME || alert.number === NO_APPLICATION_PROTOCOL;
    return isPlain ? { failure } : { failure, obstacle: `alert_${alert.number}` };
  }
  switch (fault) {
    case 'not_tls':
    case 'too_large':
      return { failure: faultFailure(options, fault, session.firstBytes()) };
    case 'malformed':
      return { failure: faultFailure(options, fault, session.firstBytes()), obstacle: fault };
    case 'unsupported_version':
    case 'unsupported_suite':
    case 'unsupported_group':
    case 'unanswerable_retry':
    case 'undecryptable':
    case 'bad_finished':
      return { failure: ownFailure(options, fault), obstacle: fault };
    case undefined:
      break;
  }
  switch (ending.kind) {
    case 'aborted': {
      const isSilent = session.received === 0;
      const failure = timeoutFailure(options, isSilent);
      return isSilent ? { failure, obstacle: 'silent' } : { failure };
    }
    case 'broken': {
      const failure = socketFailure(options, ending.error);
      return sight.complete ? { failure } : { failure, obstacle: 'reset' };
    }
    case 'over':
    case 'closed': {
      const failure = closedFailure(options);
      return sight.complete ? { failure } : { failure, obstacle: 'closed' };
    }
  }
}

function ownFailure({ address, port }: HelloOptions, obstacle: Obstacle): ProbeFailure {
  return {
    reason: 'tls_error',
    detail: `the handshake with ${address} port ${port} failed on our side: ${obstacle.replaceAll('_', ' ')}`,
  };
}
