import { accepted, rejected, unknown, type Judgement } from './judgement.ts';

/** Bad Request, Forbidden, and nginx's own for a wrong and a missing client certificate. */
const REJECTING: ReadonlySet<number> = new Set([400, 403, 495, 496]);

const UNAUTHORIZED = 401;

/** nginx names the client certificate in the page that it answers with. */
const NGINX_CERTIFICATE = /No required SSL certificate was sent|The SSL certificate error/;

/** The title of a page of nginx's own. */
const NGINX_PAGE = /<title>(4\d\d [\w -]{1,60})<\/title>[^]*<center>nginx/;

/** An answer, and what was asked. */
export interface HttpAnswer {
  /** `HEAD /`. */
  readonly request: string;
  readonly status: number;
  /** The beginning of the content; empty for HEAD. */
  readonly body: string;
}

/** Judges the answer to a request that nobody configured: only what is common for client certificates is a rejection. */
export function judgeStatus(answer: HttpAnswer): Judgement {
  return REJECTING.has(answer.status) ? rejection(answer) : accepted(evidenceOf(answer));
}

/** Judges the answer to a configured request: one that a client would make, for which 401 is a rejection as well. */
export function judgeConfigured(answer: HttpAnswer, expect: readonly number[] | undefined): Judgement {
  if (expect !== undefined) {
    return expect.includes(answer.status)
      ? accepted(evidenceOf(answer))
      : rejected(`http_${answer.status}`, evidenceOf(answer));
  }
  return answer.status === UNAUTHORIZED ? rejection(answer) : judgeStatus(answer);
}

function rejection(answer: HttpAnswer): Judgement {
  const reason = `http_${answer.status}`;
  if (NGINX_CERTIFICATE.test(answer.body)) return rejected(reason, evidenceOf(answer));
  // nginx finds fault with the form of a request before it looks at the client certificate.
  if (answer.status === 400 && NGINX_PAGE.test(answer.body)) return unknown(reason, evidenceOf(answer));
  return rejected(reason, evidenceOf(answer));
}

function evidenceOf({ request, status, body }: HttpAnswer): string {
  const words = NGINX_CERTIFICATE.exec(body)?.[0] ?? NGINX_PAGE.exec(body)?.[1];
  return `HTTP ${status} to ${request}${words === undefined ? '' : `: ${words}`}`;
}
