import { CollectError } from '../plugin/error.ts';
import { type CloudCall, quote, quoteFirstLine, retryAfterMs, transportReason } from './failure.ts';

/** What an error of the SDK may carry; every part may be missing. */
interface AwsFailure {
  readonly name?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
}

const DENIED = /^(?:AccessDenied|UnauthorizedOperation|NotAuthorized)/;
const NOT_ACCEPTED =
  /^(?:UnrecognizedClient|InvalidClientTokenId|ExpiredToken|InvalidSignature|SignatureDoesNotMatch|MissingAuthenticationToken|IncompleteSignature|AuthFailure|RequestExpired|InvalidAccessKeyId)/;
const THROTTLED = /^(?:Throttl|TooManyRequests|RequestLimitExceeded|RequestThrottled|SlowDown|BandwidthLimitExceeded)/;
const NOT_FOUND = /^(?:ResourceNotFound|NotFound)/;
/** There is a place for it, and nothing in it yet. */
const IN_PROGRESS = /^RequestInProgress/;
/** The credential chain has these names for every way of ending without credentials. */
const NO_CREDENTIALS = /^(?:CredentialsProviderError|TokenProviderError|ProviderError)$/;

/** What an IAM denial calls the missing permission, also when it was another than the one of the call (`sts:AssumeRole`). */
const MISSING_ACTION = /not authorized to perform: ([a-z0-9-]+:[A-Za-z0-9]+)/;

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
  const where = `${call.action} in ${call.on}`;

  if (DENIED.test(name)) {
    const action = MISSING_ACTION.exec(said)?.[1] ?? call.action;
    return new CollectError(
      'permission_denied',
      `${where} was denied: ${said}. Allow ${action} to the identity that notafter uses`,
      { cause: error },
    );
  }
  if (NO_CREDENTIALS.test(name)) {
    return new CollectError(
      'authentication_failed',
      `${where}: no usable AWS credentials: ${quote(failure.message ?? '')}. Give notafter a role, or set AWS_PROFILE or AWS_ACCESS_KEY_ID`,
      { cause: error },
    );
  }
  if (NOT_ACCEPTED.test(name)) {
    return new CollectError(
      'authentication_failed',
      `${where}: AWS did not accept the credentials (${name}: ${said}). Check that they are current, that the clock of this machine is right, and that the region is enabled for the account`,
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
  if (NOT_FOUND.test(name)) return new CollectError('not_found', `${where}: ${said}`, { cause: error });
  const transport = transportReason(error);
  if (transport !== undefined) return new CollectError(transport, `${where}: ${said}`, { cause: error });
  const answer = status === undefined ? '' : ` (HTTP ${status})`;
  return new CollectError(
    'service_error',
    `${where}: the answer is not one of AWS or says that it failed${answer}: ${name}: ${said}`,
    {
      cause: error,
    },
  );
}
