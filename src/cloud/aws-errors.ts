import { CollectError } from '../plugin/error.ts';
import { type CloudCall, callText, quote, quoteFirstLine, retryAfterMs, transportReason } from './failure.ts';

/** What an error of the SDK may carry; every part may be missing. */
interface AwsFailure {
  readonly name?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
}

const DENIED = /^(?:AccessDenied|UnauthorizedOperation|Unauthorized|NotAuthorized|Forbidden)/;
const NOT_ACCEPTED =
  /^(?:UnrecognizedClient|InvalidClientTokenId|ExpiredToken|InvalidToken|InvalidSignature|SignatureDoesNotMatch|MissingAuthenticationToken|IncompleteSignature|AuthFailure|InvalidAccessKeyId|TokenRefreshRequired)/;
/** The signature bears a time that is too far from that of AWS. */
const CLOCK_OFF = /^(?:RequestExpired|RequestTimeTooSkewed|RequestInTheFuture)/;
const CLOCK_OFF_TEXT = /^Signature (?:expired|not yet current)/i;
const NOT_ENABLED = /^(?:OptInRequired|RegionDisabled)/;
const THROTTLED =
  /^(?:Throttl|TooManyRequests|RequestLimitExceeded|RequestThrottled|SlowDown|BandwidthLimitExceeded|LimitExceededException$)/;
const NOT_FOUND = /NotFound|^NoSuch/;
/** There is a place for it, and nothing in it yet. */
const IN_PROGRESS = /^RequestInProgress/;
/** The credential chain has these names for every way of ending without credentials. */
const NO_CREDENTIALS = /^(?:CredentialsProviderError|TokenProviderError|ProviderError)$/;

/** What an IAM denial calls the missing permission, also when it was another than the one of the call (`sts:AssumeRole`). */
const MISSING_ACTION = /not authorized to perform: ([a-z0-9-]+:[A-Za-z0-9]+)(?: on resource: (arn:[^\s"']+))?/;
/** A policy that forbids: to allow the action elsewhere does not help. */
const FORBIDDEN_BY = /with an explicit deny(?: in an? ([a-z -]+?policy))?/;

/** Enabled for every account from the first day (https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html). */
const ALWAYS_ENABLED =
  /^(?:us-(?:east|west)-[12]|ap-south-1|ap-northeast-[123]|ap-southeast-[12]|ca-central-1|eu-central-1|eu-west-[123]|eu-north-1|sa-east-1)\b/;

/**
 * Turns whatever an SDK call threw into a CollectError, by the error's name
 * (https://docs.aws.amazon.com/acm/latest/APIReference/CommonErrors.html). An answer that is not AWS's (the HTML page of
 * a proxy, cut JSON) is a `service_error`.
 */
export function awsError(error: unknown, call: CloudCall, now: number): CollectError {
  if (error instanceof CollectError) return error;
  const failure: AwsFailure = error instanceof Error ? error : {};
  const name = failure.name ?? '';
  const status = failure.$metadata?.httpStatusCode;
  const said = quoteFirstLine(failure.message ?? String(error));
  const where = callText(call);

  if (DENIED.test(name)) {
    return new CollectError('permission_denied', `${where} was denied: ${said}. ${whatToAllow(said, call)}`, {
      cause: error,
    });
  }
  if (NO_CREDENTIALS.test(name)) {
    return new CollectError(
      'authentication_failed',
      `${where}: no usable AWS credentials: ${quote(failure.message ?? '')}. Give notafter a role, or set AWS_PROFILE or AWS_ACCESS_KEY_ID`,
      { cause: error },
    );
  }
  if (CLOCK_OFF.test(name) || CLOCK_OFF_TEXT.test(said)) {
    return new CollectError(
      'authentication_failed',
      `${where}: AWS did not accept the time of the request (${name}: ${said}). ${clockText(failure, now)}`,
      { cause: error },
    );
  }
  if (NOT_ENABLED.test(name)) {
    return new CollectError(
      'authentication_failed',
      `${where}: ${said}. Enable the region for the account, or take it out of regions`,
      { cause: error },
    );
  }
  if (NOT_ACCEPTED.test(name)) {
    return new CollectError(
      'authentication_failed',
      `${where}: AWS did not accept the credentials (${name}: ${said}). ${whyNotAccepted(name, call)}`,
      { cause: error },
    );
  }
  if (THROTTLED.test(name) || status === 429) {
    const wait = retryAfterMs(failure.$response?.headers?.['retry-after'], now);
    return new CollectError('throttled', `${where} was throttled: ${said}`, {
      cause: error,
      ...(wait === undefined ? {} : { retryAfterMs: wait }),
    });
  }
  if (IN_PROGRESS.test(name)) return new CollectError('empty', `${where}: ${said}`, { cause: error });
  const transport = transportReason(error);
  if (transport !== undefined) return new CollectError(transport, `${where}: ${said}`, { cause: error });
  if (NOT_FOUND.test(name)) return new CollectError('not_found', `${where}: ${said}`, { cause: error });
  const answer = status === undefined ? '' : ` (HTTP ${status})`;
  return new CollectError(
    'service_error',
    `${where}: the answer is not one of AWS or says that it failed${answer}: ${name}: ${said}`,
    {
      cause: error,
    },
  );
}

/** The exact action that is missing; where a policy forbids it, that policy. */
function whatToAllow(said: string, call: CloudCall): string {
  const [, action = call.action, resource] = MISSING_ACTION.exec(said) ?? [];
  const by = FORBIDDEN_BY.exec(said);
  if (by !== null) {
    const policy = by[1] ?? 'policy';
    return `A ${policy} forbids ${action}: lift that, or leave this region or account out of the source`;
  }
  return `Allow ${action}${resource === undefined ? '' : ` on ${resource}`} to the identity that notafter uses`;
}

/** How far the clocks are apart, when the answer bears the time of AWS. */
function clockText({ $response: response }: AwsFailure, now: number): string {
  const theirs = Date.parse(response?.headers?.['date'] ?? '');
  if (Number.isNaN(theirs)) return 'Set the clock of this machine';
  const seconds = Math.round((now - theirs) / 1000);
  return `The clock of this machine is ${Math.abs(seconds)} s ${seconds < 0 ? 'behind' : 'ahead of'} that of AWS: set it`;
}

function whyNotAccepted(name: string, call: CloudCall): string {
  if (name.startsWith('ExpiredToken')) {
    return 'They have expired: log in again, or give notafter a role whose credentials renew themselves';
  }
  const optIn = ALWAYS_ENABLED.test(call.on)
    ? 'that the region is enabled for the account'
    : 'that the region is enabled for the account, which it is not by default';
  return `Check that they are current, that the clock of this machine is right, and ${optIn}`;
}
