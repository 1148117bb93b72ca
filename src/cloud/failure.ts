import { codeOf, meaningOf } from '../network/failure.ts';
import type { Reason } from '../plugin/reason.ts';

/** One call, as error texts name it. */
export interface CloudCall {
  /** What the permission for it is called: `acm:ListCertificates`, `certificates/list`. */
  readonly action: string;
  /** The call itself, where one permission is for many: `GetDomainNames` needs `apigateway:GET`. */
  readonly call?: string;
  /** What it asks about, where that is a thing of its own: an ARN, an object in S3. */
  readonly of?: string;
  /** Where: a region, the URL of a vault. */
  readonly on: string;
}

/** `acm:GetCertificate of arn:… in eu-west-1`. */
export function callText({ action, call, of, on }: CloudCall): string {
  return `${call ?? action}${of === undefined ? '' : ` of ${of}`} in ${on}`;
}

const MAX_QUOTE = 400;
const MAX_CAUSES = 5;

/** Codes that are not those of a socket: of name resolution and of TLS, which the clients of a cloud do by themselves. */
const ABOVE_SOCKETS: Readonly<Record<string, Reason>> = {
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_FAIL: 'dns',
  ENODATA: 'dns',
  EPROTO: 'tls_error',
  CERT_HAS_EXPIRED: 'tls_error',
  CERT_NOT_YET_VALID: 'tls_error',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls_error',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls_error',
  UNABLE_TO_GET_ISSUER_CERT: 'tls_error',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'tls_error',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls_error',
  ERR_TLS_CERT_ALTNAME_INVALID: 'tls_error',
};

/** Why a call did not get through, when that is what happened: from the codes of the error and its causes. */
export function transportReason(error: unknown): Reason | undefined {
  let current: unknown = error;
  for (let depth = 0; depth < MAX_CAUSES && current instanceof Error; depth++) {
    const reason = meaningOf(current)?.reason ?? ABOVE_SOCKETS[codeOf(current) ?? ''];
    if (reason !== undefined) return reason;
    current = current instanceof AggregateError ? current.errors[0] : current.cause;
  }
  return undefined;
}

/** What the other side said, short enough for one line. */
export function quote(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > MAX_QUOTE ? `${line.slice(0, MAX_QUOTE)}…` : line;
}

/** The first line alone: AWS appends the whole signed request, session token included, to the text of a signature error. */
export function quoteFirstLine(text: string): string {
  return quote(text.split(/[\r\n]/, 1)[0] ?? '');
}

/** A Retry-After header (RFC 9110 section 10.2.3) in milliseconds from `now`; undefined when it is absent or makes no sense. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
