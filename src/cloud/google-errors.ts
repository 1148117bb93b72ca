import { CollectError } from '../plugin/error.ts';
import { listAt, textAt } from './answer.ts';
import { callText, type CloudCall, quote, retryAfterMs, transportReason } from './failure.ts';
import type { RestAnswer } from './rest.ts';

/** `Permission 'x.y.list' denied on resource` (IAM), `Required 'x.y.list' permission for` (Compute). */
const MISSING_PERMISSION = /(?:Permission|Required) '([a-zA-Z0-9.]+)'/;

/**
 * Turns an answer of Google into a CollectError (https://cloud.google.com/apis/design/errors). An API that nobody enabled in
 * a project that was only found, and not named, is `empty`: there is nothing of it there.
 */
export function googleAnswerError(answer: RestAnswer, call: CloudCall, isNamed: boolean, now: number): CollectError {
  const where = callText(call);
  const fault = readFault(answer.body);
  const { status, message, reasons } = fault;
  const said = `HTTP ${answer.status}${status === undefined ? '' : ` ${status}`}${message === '' ? '' : `: ${message}`}`;
  if (answer.status === 429 || reasons.some((reason) => /^(?:rateLimitExceeded|RATE_LIMIT_EXCEEDED)$/.test(reason))) {
    const wait = retryAfterMs(answer.retryAfter ?? fault.delay, now);
    return new CollectError(
      'throttled',
      `${where} was throttled (${said})`,
      wait === undefined ? {} : { retryAfterMs: wait },
    );
  }
  if (reasons.includes('SERVICE_DISABLED') || reasons.includes('accessNotConfigured')) {
    return isNamed
      ? new CollectError(
          'permission_denied',
          `${where}: the API is not enabled in the project (${said}). Enable it, or take the project out of the source`,
        )
      : new CollectError('empty', `${where}: the API is not enabled in the project`);
  }
  switch (answer.status) {
    case 401:
      return new CollectError(
        'authentication_failed',
        `${where}: Google did not accept the token (${said}). Log in again, or check that the clock of this machine is right`,
      );
    case 403: {
      const permission = MISSING_PERMISSION.exec(message)?.[1] ?? fault.permission ?? call.action;
      return new CollectError(
        'permission_denied',
        `${where} was denied (${said}). Grant ${permission} to the identity that notafter uses`,
      );
    }
    case 404:
      return new CollectError('not_found', `${where}: ${said}`);
    default:
      return new CollectError('service_error', `${where}: ${said}`);
  }
}

/** What the library for logins threw: no credentials, a refused refresh, an unreachable token endpoint. */
export function googleLoginError(error: unknown, call: CloudCall): CollectError {
  if (error instanceof CollectError) return error;
  const said = quote(error instanceof Error ? error.message : String(error));
  const transport = transportReason(error);
  if (transport !== undefined) {
    return new CollectError(transport, `${callText(call)}: no token from Google: ${said}`, { cause: error });
  }
  return new CollectError(
    'authentication_failed',
    `${callText(call)}: no token from Google: ${said}. Give notafter a service account, or set credentials_file or GOOGLE_APPLICATION_CREDENTIALS`,
    { cause: error },
  );
}

interface Fault {
  readonly status: string | undefined;
  readonly message: string;
  /** Of ErrorInfo, and of the older form that Compute still has. */
  readonly reasons: readonly string[];
  readonly permission: string | undefined;
  /** Seconds to wait, as a Retry-After header writes them. */
  readonly delay: string | undefined;
}

function readFault(body: string): Fault {
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch {
    return {
      status: undefined,
      message: quote(body.slice(0, 200)),
      reasons: [],
      permission: undefined,
      delay: undefined,
    };
  }
  const details = listAt(answer, 'error', 'details');
  const older = listAt(answer, 'error', 'errors');
  return {
    status: textAt(answer, 'error', 'status'),
    message: quote(textAt(answer, 'error', 'message') ?? ''),
    reasons: [...details, ...older].flatMap((one) => textAt(one, 'reason') ?? []),
    permission: details.map((one) => textAt(one, 'metadata', 'permission')).find((one) => one !== undefined),
    delay: details
      .map((one) => /^(\d+)(?:\.\d+)?s$/.exec(textAt(one, 'retryDelay') ?? '')?.[1])
      .find((one) => one !== undefined),
  };
}
