import {
  connect as startSession,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';

import type { HttpAnswer } from './http-status.ts';
import { judgeUnanswered, type HttpAsk } from './http1.ts';
import { judgeEnd, unknown, type Judgement } from './judgement.ts';
import type { Wire } from './wire.ts';

/** Behind the headers the rest of the answer is waited for this long. */
const REST_MS = 1_000;
const MAX_BODY = 4_096;

/** What a stream gave, as far as it came. */
export interface Exchange {
  /** Absent when no headers came. */
  readonly status?: number;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: string;
  /** The code by which the server reset the stream or the session (RFC 9113 section 7). */
  readonly resetCode?: number;
}

/** Asks over HTTP/2. Gives a judgement when there is no answer, and `http1` when the server wants to be asked so. */
export async function askHttp2(wire: Wire, ask: HttpAsk): Promise<HttpAnswer | Judgement | 'http1'> {
  const { method, path } = ask;
  const exchange = await exchangeHttp2(wire, ask, { ':method': method, ':path': path }, undefined);
  // IIS does so when it wants to ask for a certificate in the middle of a connection.
  if (exchange.resetCode === constants.NGHTTP2_HTTP_1_1_REQUIRED) return 'http1';
  if (exchange.status === undefined) {
    return exchange.resetCode === undefined ? judgeUnanswered(wire, ask) : judgeMissing(wire, exchange);
  }
  return { request: `${method} ${path}`, status: exchange.status, body: exchange.body };
}

/** What it means that no answer came. */
export function judgeMissing(wire: Wire, exchange: Exchange): Judgement {
  const { resetCode } = exchange;
  if (resetCode === undefined || wire.course.alert !== undefined) return judgeEnd(wire);
  return unknown('reset', `the server reset the request with HTTP/2 code ${resetCode}`);
}

/** Sends one request on a new session, and takes what comes of the answer. Ends the session. */
export async function exchangeHttp2(
  wire: Wire,
  { authority, withinMs }: Pick<HttpAsk, 'authority' | 'withinMs'>,
  headers: OutgoingHttpHeaders,
  content: Uint8Array | undefined,
): Promise<Exchange> {
  const got: { -readonly [Key in keyof Exchange]: Exchange[Key] } = { headers: {}, trailers: {}, body: '' };
  let isDone = false;
  const session = startSession(`https://${authority}`, {
    createConnection: () => wire.tls,
    settings: { enablePush: false },
  });
  function finish(): void {
    isDone = true;
    wire.stir();
  }
  session.on('error', finish);
  session.once('close', finish);
  session.once('goaway', (code: number) => {
    if (code !== constants.NGHTTP2_NO_ERROR) got.resetCode = code;
  });
  const stream = openStream(session, headers, content);
  stream.once('response', (response) => {
    got.headers = response;
    got.status = Number(response[':status']);
    wire.stir();
  });
  stream.once('trailers', (trailers: IncomingHttpHeaders) => {
    got.trailers = trailers;
  });
  stream.on('data', (chunk: Buffer) => {
    if (got.body.length < MAX_BODY) got.body += chunk.toString('latin1').slice(0, MAX_BODY - got.body.length);
  });
  stream.on('error', () => undefined);
  stream.once('close', () => {
    if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) got.resetCode ??= stream.rstCode;
    finish();
  });

  await wire.until(() => isDone || got.status !== undefined, withinMs);
  if (got.status !== undefined) await wire.until(() => isDone, REST_MS);
  stream.close();
  session.close();
  return got;
}

function openStream(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  content: Uint8Array | undefined,
): ClientHttp2Stream {
  const stream = session.request({ 'user-agent': 'notafter', ...headers }, { endStream: content === undefined });
  if (content !== undefined) stream.end(content);
  return stream;
}
