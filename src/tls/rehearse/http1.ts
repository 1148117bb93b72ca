import type { HttpAnswer } from './http-status.ts';
import { judgeEnd, unknown, type Judgement } from './judgement.ts';
import type { Wire } from './wire.ts';

/** Behind the status line the content is waited for this long. */
const BODY_MS = 1_000;
const MAX_BODY = 4_096;

export interface HttpAsk {
  readonly method: string;
  readonly path: string;
  /** `host`, or `host:port`. */
  readonly authority: string;
  /** The answer is waited for this long; without it until the deadline. */
  readonly withinMs?: number;
}

/** Asks over HTTP/1.1. Gives a judgement when there is no answer. */
export async function askHttp1(wire: Wire, ask: HttpAsk): Promise<HttpAnswer | Judgement> {
  const request = `${ask.method} ${ask.path}`;
  wire.tls.write(
    [
      `${request} HTTP/1.1`,
      `Host: ${ask.authority}`,
      'User-Agent: notafter',
      'Accept: */*',
      ...(ask.method === 'GET' || ask.method === 'HEAD' ? [] : ['Content-Length: 0']),
      'Connection: close',
      '\r\n',
    ].join('\r\n'),
  );
  let answer: Answer = { kind: 'incomplete' };
  await wire.until(() => {
    answer = readAnswer(wire.course.data);
    return answer.kind !== 'incomplete';
  }, ask.withinMs);
  answer = readAnswer(wire.course.data);
  switch (answer.kind) {
    case 'incomplete':
      return judgeUnanswered(wire, ask);
    case 'other':
      return unknown('not_http', `an answer to ${request} that is not HTTP`);
    case 'status':
      break;
  }
  const { status } = answer;
  // Only a refusal is read further: it may say why.
  if (status === 400 && ask.method !== 'HEAD') {
    await wire.until(() => bodyOf(wire).length >= MAX_BODY || bodyOf(wire).includes('</html>'), BODY_MS);
  }
  return { request, status, body: bodyOf(wire) };
}

/** What it means that no answer came. */
export function judgeUnanswered(wire: Wire, { method, path, withinMs }: HttpAsk): Judgement {
  if (wire.over || withinMs === undefined) return judgeEnd(wire);
  return unknown('timeout', `no answer to ${method} ${path} for ${withinMs / 1_000} s`);
}

type Answer = { readonly kind: 'incomplete' | 'other' } | { readonly kind: 'status'; readonly status: number };

/** The final status: interim answers (RFC 9110 section 15.2) come before it. */
function readAnswer(data: Buffer): Answer {
  let text = data.toString('latin1');
  for (;;) {
    const digits = /^HTTP\/1\.[01] (\d{3})[ \r\n]/.exec(text)?.[1];
    if (digits === undefined) return text.length >= 13 || !isPrefix(text) ? { kind: 'other' } : { kind: 'incomplete' };
    const status = Number(digits);
    if (status >= 200) return { kind: 'status', status };
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) return { kind: 'incomplete' };
    text = text.slice(end + 4);
  }
}

/** Whether this may yet become a status line. */
function isPrefix(text: string): boolean {
  return /^H?T?T?P?\/?1?\.?[01]? ?\d{0,3}$/.test(text);
}

function bodyOf({ course }: Wire): string {
  const text = course.data.toString('latin1');
  const start = text.indexOf('\r\n\r\n');
  return start < 0 ? '' : text.slice(start + 4, start + 4 + MAX_BODY);
}
