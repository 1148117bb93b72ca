import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';

import { isTimeout, startDeadline } from '../../network/deadline.ts';
import { NO_APPLICATION_PROTOCOL } from '../alerts.ts';
import { connectFailure, type Connect, type Farewell } from '../connect.ts';
import { rehearsalContext } from './context.ts';
import { judgeGrpc } from './grpc.ts';
import { askHttp1, type HttpAsk } from './http1.ts';
import { askHttp2 } from './http2.ts';
import { judgeConfigured, judgeStatus, type HttpAnswer } from './http-status.ts';
import type { ClientIdentity } from './identity.ts';
import { isPast, judgeEnd, unknown, type Judgement } from './judgement.ts';
import { judgePostgres, POSTGRES_PROTOCOL } from './postgres.ts';
import type { RehearsalRequest } from './request.ts';
import { judgeSilence } from './silence.ts';
import { openWire, type Wire } from './wire.ts';
import { WireLog } from '../wire-log.ts';

/**
 * A request waits so long for the server's word about the client: where the server hangs up on a request that it has
 * not read, the reset may swallow the alert that came before it.
 */
const WORD_MS = 250;

/** A server that chooses HTTP and then answers nothing is not waited for as long as one that was configured. */
const ANSWER_MS = 5_000;

const HTTP = ['h2', 'http/1.1'] as const;

/** Connections made for one verdict, at most. */
const MAX_ATTEMPTS = 4;

export interface RehearsalOptions {
  readonly connect: Connect;
  /** What is said inside TLS before it ends. */
  readonly farewell?: Farewell;
  /** Whether HTTP is offered unasked; default true. Not where TLS belongs to another protocol. */
  readonly offersHttp?: boolean;
  /** A literal address. */
  readonly address: string;
  readonly port: number;
  /** The name for SNI, and the host of a request; absent when the target is an address. */
  readonly serverName?: string;
  /** Application protocols to offer beside those of HTTP, in order of preference. */
  readonly alpn?: readonly string[];
  /** Who logs in; null for nobody. */
  readonly identity: ClientIdentity | null;
  readonly request: RehearsalRequest;
  /** One absolute deadline over everything. */
  readonly timeoutMs: number;
  /** Whether to write down what passes. */
  readonly transcript?: boolean;
}

/** A server's judgement of one client identity. */
export interface RehearsalVerdict {
  /** Fingerprint of the client certificate, `null` for none. */
  readonly client: string | null;
  readonly status: 'accepted' | 'rejected' | 'unknown';
  /**
   * Null when accepted. Rejected: an alert name of RFC 8446, `http_<status>`, `grpc_<code>`, `postgres_<sqlstate>` or
   * `closed`. Unknown: one of these, or why there is no verdict (`timeout`, `silent`, `no_request`, `refused`, …).
   */
  readonly reason: string | null;
  /** What the server did. May hold hostile text. */
  readonly evidence: string;
  /** What passed on the wire, a line each, for people; only when that was asked for. May hold hostile text. */
  readonly transcript?: readonly string[];
}

/**
 * A real login to one address, for the server's verdict.
 *
 * That the handshake completes is no acceptance: in TLS 1.3 the server judges afterwards. Nothing is verified on our
 * side, and no session is resumed. Never `accepted` for a client that the server refused; `unknown` where the protocol
 * cannot tell, and when the server cannot be reached. Throws the signal's reason when it aborts.
 */
export async function rehearse(options: RehearsalOptions, signal: AbortSignal): Promise<RehearsalVerdict> {
  using deadline = startDeadline(options.timeoutMs, signal);
  const log = options.transcript === true ? new WireLog() : undefined;
  const judgement = await judge(options, log, deadline.signal);
  if (deadline.signal.aborted && !isTimeout(deadline.signal)) throw deadline.signal.reason;
  return {
    client: options.identity?.chain[0].fingerprint ?? null,
    ...judgement,
    ...(log === undefined ? {} : { transcript: log.lines }),
  };
}

/** What one connection gave: a judgement, or how to ask again. */
type Outcome = Judgement | { readonly again: Attempt; readonly otherwise?: Judgement };

/** How one connection is made. */
interface Attempt {
  readonly alpn: readonly string[];
  readonly request: RehearsalRequest;
  /** HEAD says that something is wrong, GET says what. */
  readonly method: 'HEAD' | 'GET';
}

async function judge(options: RehearsalOptions, log: WireLog | undefined, signal: AbortSignal): Promise<Judgement> {
  let attempt: Attempt = { alpn: protocolsFor(options), request: options.request, method: 'HEAD' };
  let before: Judgement | undefined;
  for (let count = 1; ; count++) {
    const outcome = await connectAndJudge(options, attempt, log, signal);
    if (!('again' in outcome)) {
      // What is asked to learn more is not to make us know less.
      return before !== undefined && outcome.status === 'unknown' && outcome.reason !== before.reason
        ? before
        : outcome;
    }
    before = outcome.otherwise;
    if (count === MAX_ATTEMPTS) return before ?? unknown('unsupported', 'the server asks for ever other ways');
    attempt = outcome.again;
    log?.note(
      `again, offering ${attempt.alpn.length === 0 ? 'no application protocol' : attempt.alpn.join(' and ')}, asking by ${attempt.method}`,
    );
  }
}

/** HTTP is always offered where the server's choice of it tells how it will judge. */
function protocolsFor({ request, alpn = [], offersHttp = true }: RehearsalOptions): readonly string[] {
  switch (request.kind) {
    case 'auto':
    case 'none':
      return offersHttp ? [...new Set([...alpn, ...HTTP])] : alpn;
    case 'http':
      return alpn;
    case 'grpc':
      return ['h2'];
    case 'postgres':
      return [POSTGRES_PROTOCOL];
  }
}

async function connectAndJudge(
  options: RehearsalOptions,
  attempt: Attempt,
  log: WireLog | undefined,
  signal: AbortSignal,
): Promise<Outcome> {
  let socket: Duplex;
  try {
    socket = await options.connect(options.address, options.port, signal);
  } catch (error) {
    const { reason, detail } = connectFailure(error);
    return unknown(reason, detail);
  }
  const context = options.identity?.context ?? nobody();
  const wire = openWire(
    socket,
    { ...options, alpn: attempt.alpn, context, ...(log === undefined ? {} : { log }) },
    signal,
  );
  try {
    await wire.until(() => wire.course.established);
    const outcome = wire.course.established ? await judgeWire(wire, options, attempt) : judgeEnd(wire);
    if (wire.course.alert?.number === NO_APPLICATION_PROTOCOL && attempt.alpn.length > 0) {
      return { again: { ...attempt, alpn: [] } };
    }
    await wire.close();
    return 'again' in outcome ? outcome : withNote(outcome, wire, options);
  } finally {
    wire.destroy();
  }
}

async function judgeWire(wire: Wire, options: RehearsalOptions, attempt: Attempt): Promise<Outcome> {
  const { request, method } = attempt;
  const chosen = wire.tls.alpnProtocol;
  const isHttp2 = chosen === 'h2';
  if (request.kind === 'none' || (request.kind === 'auto' && !isHttp2 && chosen !== 'http/1.1')) {
    return judgeSilence(wire);
  }
  if (!isHttp2 && request.kind !== 'grpc') wire.read();
  await wire.until(() => isPast(wire), WORD_MS);
  if (wire.over) return judgeEnd(wire);
  switch (request.kind) {
    case 'auto': {
      const ask = { method, path: '/', authority: authorityOf(options), withinMs: ANSWER_MS };
      return askHttp(wire, attempt, ask, (answer) => {
        const judgement = judgeStatus(answer);
        // Some servers find fault with HEAD itself, and only the content that GET has tells a client certificate's fault.
        return answer.status === 400 && method === 'HEAD'
          ? { again: { ...attempt, method: 'GET' }, otherwise: judgement }
          : judgement;
      });
    }
    case 'http': {
      const ask = { method: request.method, path: request.path, authority: authorityOf(options) };
      return askHttp(wire, attempt, ask, (answer) => judgeConfigured(answer, request.expect));
    }
    case 'grpc':
      return judgeGrpc(wire, authorityOf(options), request.service);
    case 'postgres':
      return judgePostgres(wire, request);
  }
}

async function askHttp(
  wire: Wire,
  attempt: Attempt,
  ask: HttpAsk,
  judgeAnswer: (answer: HttpAnswer) => Outcome,
): Promise<Outcome> {
  const answer = wire.tls.alpnProtocol === 'h2' ? await askHttp2(wire, ask) : await askHttp1(wire, ask);
  if (answer === 'http1') return { again: { ...attempt, alpn: ['http/1.1'] } };
  return 'body' in answer ? judgeAnswer(answer) : answer;
}

/** Being accepted without having been asked for a certificate says little, and is said. */
function withNote(judgement: Judgement, { flight }: Wire, { identity }: RehearsalOptions): Judgement {
  const isAsked = flight.acceptableIssuers !== undefined || !flight.complete;
  if (judgement.status !== 'accepted' || identity === null || isAsked) return judgement;
  return { ...judgement, evidence: `${judgement.evidence}; the handshake asked for no client certificate` };
}

function authorityOf({ serverName, address, port }: RehearsalOptions): string {
  const host = serverName?.replace(/\.$/, '') ?? (isIP(address) === 6 ? `[${address}]` : address);
  return port === 443 ? host : `${host}:${port}`;
}

let anonymous: ReturnType<typeof rehearsalContext> | undefined;

/** The context of a client without a certificate. */
function nobody(): ReturnType<typeof rehearsalContext> {
  anonymous ??= rehearsalContext({});
  return anonymous;
}
