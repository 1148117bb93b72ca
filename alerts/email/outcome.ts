import type { NodemailerError, SMTPSentMessageInfo } from 'nodemailer';

import type { Failure } from '../../src/plugin/delivery.ts';

/** What became of each recipient: undefined when the server took the mail for it. */
export type Outcome = (recipient: string) => Failure | undefined;

/** Takes secrets out of what a server said. */
export type Conceal = (text: string) => string;

/** The server took the mail, perhaps not for everybody. */
export function acceptedOutcome(info: SMTPSentMessageInfo, conceal: Conceal): Outcome {
  const refused = refusals(info.rejectedErrors, conceal);
  const accepted = new Set(info.accepted);
  return (recipient) => {
    if (accepted.has(recipient)) return undefined;
    return (
      refused.get(recipient) ?? {
        reason: 'internal',
        detail: 'the server was not asked for this recipient',
        retryable: true,
      }
    );
  };
}

/** The server took the mail for nobody. */
export function refusedOutcome(error: unknown, conceal: Conceal): Outcome {
  const fault = error as NodemailerError;
  const refused = refusals(fault.rejectedErrors, conceal);
  return (recipient) => refused.get(recipient) ?? failureOf(fault, conceal);
}

function refusals(errors: readonly NodemailerError[] | undefined, conceal: Conceal): ReadonlyMap<string, Failure> {
  return new Map((errors ?? []).map((error) => [error.recipient ?? '', replyFailure(error, conceal)]));
}

/** Codes of nodemailer: https://nodemailer.com/errors. */
function failureOf(error: NodemailerError, conceal: Conceal): Failure {
  switch (error.code) {
    case 'EAUTH':
    case 'ENOAUTH':
    case 'EOAUTH2':
      // Nothing of what was said: some servers repeat what they were given.
      return {
        reason: 'authentication',
        detail: `the mail server did not accept the login${error.responseCode === undefined ? '' : ` (${error.responseCode})`}`,
        retryable: true,
      };
    case 'ETIMEDOUT':
      return { reason: 'timeout', detail: 'the mail server did not answer in time', retryable: true };
    case 'ETLS':
      return { reason: 'network', detail: tlsText(error, conceal), retryable: true };
    case 'ECONNECTION':
    case 'ESOCKET':
    case 'EDNS':
      // A server that says why it hangs up (421) says more than that it did.
      if (error.responseCode !== undefined) return replyFailure(error, conceal);
      return {
        reason: 'network',
        detail: `the connection to the mail server broke: ${conceal(error.message)}`,
        retryable: true,
      };
    case 'EENVELOPE':
    case 'EMESSAGE':
    case 'EPROTOCOL':
      return replyFailure(error, conceal);
    default:
      return {
        reason: 'internal',
        detail: `the mail could not be made (${error.code ?? error.name})`,
        retryable: true,
      };
  }
}

/** A reply of the server (RFC 5321 section 4.2.1): 4yz may pass later, 5yz will not. */
function replyFailure(error: NodemailerError, conceal: Conceal): Failure {
  const code = error.responseCode ?? 0;
  const detail = conceal(error.response ?? error.message);
  if (code === 421) return { reason: 'server_error', detail, retryable: true };
  return { reason: 'rejected', detail, retryable: code < 500 || code === 503 };
}

function tlsText(error: NodemailerError, conceal: Conceal): string {
  const refused = error.command === 'STARTTLS' && error.response !== undefined;
  return refused
    ? `the mail server does not do STARTTLS: ${conceal(error.response ?? '')}; use secure: tls or none if that is right`
    : `TLS with the mail server failed: ${conceal(error.message)}`;
}
