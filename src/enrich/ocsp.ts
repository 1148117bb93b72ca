import type { Certificate } from '../certificate/certificate.ts';
import { MAX_OCSP_BYTES, judgeOcsp } from '../certificate/ocsp.ts';
import { ocspRequest } from '../certificate/ocsp-request.ts';
import type { BinaryResponse } from '../network/http.ts';
import type { Answer, CertificateEnricher, EnrichContext, Learned, WantedCertificate } from './enricher.ts';
import { DAY_MS, HOUR_MS, LONG_WAIT_MS, backoffAt, clamp, httpUrls, problemOf, retryAfterMs, vain } from './retry.ts';

const MAX_URLS = 2;
const DEADLINE_MS = 10_000;
/** Longer requests are sent by POST (RFC 6960 appendix A.1). */
const MAX_GET_LENGTH = 255;

/**
 * Asks the OCSP responder of a certificate that names no CRL: by GET, which caches can answer, and by POST where that is
 * refused. No nonce, for most responders ignore it (RFC 5019); an answer is held to its dates instead.
 */
export const ocsp: CertificateEnricher = {
  name: 'ocsp',
  applies: (certificate, issuer) =>
    issuer !== undefined &&
    httpUrls(certificate.crlUrls, 1).length === 0 &&
    httpUrls(certificate.ocspUrls, 1).length > 0,
  async *enrich(wanted, context, signal) {
    for (const one of wanted) yield await ask(one, context, signal);
  },
};

async function ask(wanted: WantedCertificate, context: EnrichContext, signal: AbortSignal): Promise<Answer> {
  const { certificate, issuer } = wanted;
  const request = issuer === undefined ? undefined : ocspRequest(certificate, issuer);
  if (issuer === undefined || request === undefined) {
    return vain(wanted, context.clock.now(), 'the public key of the issuer cannot be read');
  }
  let problem = 'the certificate names no responder that can be asked';
  let askAgainAt: number | undefined;
  for (const url of httpUrls(certificate.ocspUrls, MAX_URLS)) {
    try {
      const response = await send(url, request, context, signal);
      const now = context.clock.now();
      const answer = judge(wanted, { certificate, issuer }, url, response, now);
      if (answer.learned !== undefined) return answer;
      problem = answer.problem ?? problem;
      askAgainAt = answer.askAgainAt;
    } catch (error) {
      problem = problemOf(error);
    }
  }
  return vain(wanted, context.clock.now(), problem, askAgainAt);
}

async function send(
  url: string,
  request: Uint8Array,
  context: EnrichContext,
  signal: AbortSignal,
): Promise<BinaryResponse> {
  const limits = { maxBytes: MAX_OCSP_BYTES, deadlineMs: DEADLINE_MS };
  const encoded = encodeURIComponent(Buffer.from(request).toString('base64'));
  const get = `${url.replace(/\/$/, '')}/${encoded}`;
  if (get.length <= MAX_GET_LENGTH && !/[?#]/.test(url)) {
    const response = await context.fetch(get, limits, signal);
    // Who is overloaded has said so; who does not know GET says so in many ways.
    if (response.status === 200 || response.status === 429 || response.status === 503) return response;
  }
  return context.fetch(
    url,
    { ...limits, method: 'POST', headers: { 'content-type': 'application/ocsp-request' }, body: request },
    signal,
  );
}

function judge(
  wanted: WantedCertificate,
  { certificate, issuer }: { readonly certificate: Certificate; readonly issuer: Certificate },
  url: string,
  response: BinaryResponse,
  now: number,
): Answer {
  if (response.status !== 200) {
    const wished = retryAfterMs(response.headers.get('retry-after'), now);
    const problem = `the OCSP responder answers HTTP ${response.status}`;
    if (wished === undefined) return vain(wanted, now, problem);
    return vain(wanted, now, problem, now + clamp(wished, backoffAt(now, 0) - now, DAY_MS));
  }
  const { problem, ...statement } = judgeOcsp(response.body, certificate, issuer, now);
  if (statement.status === 'invalid') {
    return vain(wanted, now, `the answer of the OCSP responder cannot be used: ${problem ?? ''}`);
  }
  const { status, thisUpdateAt = now, nextUpdateAt } = statement;
  const base = { ...statement, kind: 'revocation', at: now, by: 'ocsp', url } as const;
  // What is out of date proves nothing; but that a certificate was revoked does not pass.
  const isOutdated = status === 'good' && nextUpdateAt !== undefined && nextUpdateAt <= now;
  const learned: Learned = isOutdated
    ? { ...base, status: 'unknown', problem: 'the answer is out of date' }
    : { ...base, status };
  const untilHalf = nextUpdateAt === undefined ? LONG_WAIT_MS : (thisUpdateAt + nextUpdateAt) / 2 - now;
  return { subject: wanted.subject, learned, askAgainAt: now + clamp(untilHalf, HOUR_MS, DAY_MS) };
}
