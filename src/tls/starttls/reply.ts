import type { Exchange } from './exchange.ts';

/** A reply of SMTP, FTP or NNTP. */
export interface Reply {
  readonly code: number;
  /** What is behind the code, line by line. */
  readonly lines: readonly string[];
}

/**
 * Reads a reply that may have many lines, of which the last has a space behind its code: in SMTP all begin with it (RFC
 * 5321 section 4.2.1), in FTP those between may be anything (RFC 959 section 4.2).
 */
export async function readReply(exchange: Exchange, between: 'coded' | 'free' = 'coded'): Promise<Reply> {
  const lines: string[] = [];
  let code: string | undefined;
  for (;;) {
    const line = await exchange.line();
    const [, digits, separator, text = ''] = /^(\d{3})(?:([ -])(.*))?$/.exec(line) ?? [];
    const isCoded = digits !== undefined && (code === undefined || digits === code);
    if (!isCoded && (code === undefined || between === 'coded')) throw exchange.foreign();
    lines.push(isCoded ? text : line);
    code ??= digits;
    if (isCoded && separator !== '-') return { code: Number(code), lines };
  }
}

/** Whether the reply says that all is well. */
export function isPositive({ code }: Reply): boolean {
  return code >= 200 && code < 300;
}

/** Why there is no TLS when the command for it is answered so: for good, or for the moment (RFC 5321 section 4.2.1). */
export function refusal(exchange: Exchange, command: string, { code }: Reply): Error {
  return code >= 500 && code < 600
    ? exchange.notOffered(`it answers ${command} with ${code}`)
    : exchange.failure('service_error', `answers ${command} with ${code}: it does not begin TLS at the moment`);
}

/** The server does not want to talk to us. */
export function turnedAway(exchange: Exchange, when: string, { code }: Reply): Error {
  return exchange.failure(
    'service_error',
    `answers ${when} with ${code}: it turns notafter away; see its log and its access rules`,
  );
}
