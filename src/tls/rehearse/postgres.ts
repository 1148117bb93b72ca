import type { Socket } from 'node:net';

import { isTimeout } from '../../network/deadline.ts';
import { NetworkError, type Network } from '../../network/network.ts';
import { accepted, judgeEnd, rejected, unknown, type Judgement } from './judgement.ts';
import type { PostgresRehearsal } from './request.ts';
import type { Wire } from './wire.ts';

/** https://www.postgresql.org/docs/current/protocol-message-formats.html */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);
const PROTOCOL_3_0 = 196_608;
const TERMINATE = Buffer.from([0x58, 0, 0, 0, 4]);

const MESSAGE = { authentication: 0x52, error: 0x45, negotiateProtocol: 0x76, notice: 0x4e } as const;

/** Class of SQLSTATE: invalid authorization specification. */
const INVALID_AUTHORIZATION = '28';
/** Invalid catalog name and insufficient privilege: said to who has been authenticated. */
const PAST_LOGIN: ReadonlySet<string> = new Set(['3D000', '42501']);

/** No message before the end of a login is nearly as long. */
const MAX_MESSAGE = 32 * 1024;

/** Connects, and asks PostgreSQL to begin TLS: what comes next on the socket is a hello. Throws NetworkError. */
export function postgresConnect(connect: Network['connect']): Network['connect'] {
  return async (address, port, signal) => {
    const socket = await connect(address, port, signal);
    try {
      await requestTls(socket, `${address} port ${port}`, signal);
      return socket;
    } catch (error) {
      socket.destroy();
      throw error;
    }
  };
}

async function requestTls(socket: Socket, where: string, signal: AbortSignal): Promise<void> {
  socket.write(SSL_REQUEST);
  const answer = await firstChunk(socket, signal);
  if (signal.aborted) {
    if (!isTimeout(signal)) throw signal.reason;
    throw new NetworkError('timeout', `${where} did not answer whether PostgreSQL speaks TLS there`);
  }
  switch (answer?.toString('latin1', 0, 1)) {
    case undefined:
      throw new NetworkError('closed', `${where} closed the connection when PostgreSQL was asked for TLS`);
    case 'S':
      break;
    case 'N':
      throw new NetworkError('refused', `${where} does not begin TLS: PostgreSQL is configured without it (ssl = off)`);
    default:
      throw new NetworkError('refused', `${where} does not begin TLS: it is no PostgreSQL server`);
  }
  if (answer !== undefined && answer.length > 1) {
    throw new NetworkError(
      'closed',
      `${where} sent more than its answer before TLS: somebody may be tampering with it`,
    );
  }
}

/** What comes first on the socket; nothing when it ends or the signal aborts before. */
function firstChunk(socket: Socket, signal: AbortSignal): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    function settle(chunk?: Buffer): void {
      socket.pause();
      socket.off('data', settle);
      socket.off('close', onEnd);
      socket.off('end', onEnd);
      signal.removeEventListener('abort', onEnd);
      resolve(chunk);
    }
    function onEnd(): void {
      settle();
    }
    socket.once('data', settle);
    socket.once('close', onEnd);
    socket.once('end', onEnd);
    signal.addEventListener('abort', onEnd, { once: true });
    if (socket.destroyed || signal.aborted) settle();
  });
}

/** Begins a session and judges the first answer: a request to authenticate further is the certificate's acceptance. */
export async function judgePostgres(wire: Wire, { user, database }: PostgresRehearsal): Promise<Judgement> {
  wire.tls.write(startupMessage({ user, database, application_name: 'notafter' }));
  await wire.until(() => readAnswer(wire.course.data).kind !== 'incomplete');
  const answer = readAnswer(wire.course.data);
  switch (answer.kind) {
    case 'incomplete':
      return judgeEnd(wire);
    case 'other':
      return unknown('not_postgres', 'an answer that is not PostgreSQL');
    case 'authentication':
      wire.tls.write(TERMINATE);
      return accepted(
        answer.method === 0
          ? 'PostgreSQL: authenticated'
          : `PostgreSQL: asked to authenticate by method ${answer.method}`,
      );
    case 'error':
      return judgeError(answer.sqlState);
  }
}

function judgeError(sqlState: string): Judgement {
  const evidence = `PostgreSQL: SQLSTATE ${sqlState}`;
  if (sqlState.startsWith(INVALID_AUTHORIZATION)) return rejected(`postgres_${sqlState}`, evidence);
  if (PAST_LOGIN.has(sqlState)) return accepted(`${evidence}, which is said behind the login`);
  return unknown(`postgres_${sqlState}`, evidence);
}

type Answer =
  | { readonly kind: 'incomplete' | 'other' }
  | { readonly kind: 'authentication'; readonly method: number }
  | { readonly kind: 'error'; readonly sqlState: string };

/** The first message that decides. */
function readAnswer(data: Buffer): Answer {
  let rest = data;
  for (;;) {
    if (rest.length < 5) return { kind: 'incomplete' };
    const type = rest.readUInt8(0);
    const length = rest.readUInt32BE(1);
    if (length < 4 || length > MAX_MESSAGE) return { kind: 'other' };
    if (rest.length < 1 + length) return { kind: 'incomplete' };
    const body = rest.subarray(5, 1 + length);
    switch (type) {
      case MESSAGE.authentication:
        return body.length < 4 ? { kind: 'other' } : { kind: 'authentication', method: body.readUInt32BE(0) };
      case MESSAGE.error:
        return { kind: 'error', sqlState: sqlStateOf(body) };
      case MESSAGE.negotiateProtocol:
      case MESSAGE.notice:
        rest = rest.subarray(1 + length);
        break;
      default:
        return { kind: 'other' };
    }
  }
}

/** Field C of an ErrorResponse; `XX000` (internal error) when there is none that could be one. */
function sqlStateOf(body: Buffer): string {
  const fields = body.toString('latin1').split('\0');
  return fields.find((field) => /^C[0-9A-Z]{5}$/.test(field))?.slice(1) ?? 'XX000';
}

function startupMessage(parameters: Readonly<Record<string, string>>): Buffer {
  const pairs = Object.entries(parameters).flatMap(([name, value]) => [name, value]);
  const text = Buffer.from(`${pairs.join('\0')}\0\0`);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + text.length, 0);
  head.writeUInt32BE(PROTOCOL_3_0, 4);
  return Buffer.concat([head, text]);
}
