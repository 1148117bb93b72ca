import { CollectError } from '../plugin/error.ts';
import { type CloudCall, quote, retryAfterMs, transportReason } from './failure.ts';

/** An answer of Azure that is not a success. */
export interface AzureAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
}

/** Every error class of @azure/identity. */
const CREDENTIAL_ERROR =
  /^(?:AuthenticationError|AggregateAuthenticationError|CredentialUnavailableError|AuthenticationRequiredError)$/;

/**
 * Turns an answer into a CollectError
 * (https://learn.microsoft.com/azure/key-vault/general/rest-error-codes). `role` is what to assign when it is denied.
 */
export function azureAnswerError(answer: AzureAnswer, call: CloudCall, role: string, now: number): CollectError {
  const where = `${call.action} on ${call.on}`;
  const { codes, message } = readFault(answer.body);
  const said = `HTTP ${answer.status}${codes.length === 0 ? '' : ` ${codes.join('/')}`}${message === '' ? '' : `: ${message}`}`;
  switch (answer.status) {
    case 401:
      return new CollectError(
        'authentication_failed',
        `${where}: Azure did not accept the token (${said}). Check that the identity belongs to the tenant of the vault`,
      );
    case 403: {
      const todo = codes.some((code) => /^ForbiddenBy(?:Firewall|Connection)$/.test(code))
        ? 'Let this machine through the firewall of the vault'
        : `Assign the role ${role} to the identity that notafter uses, or an access policy with ${call.action}`;
      return new CollectError('permission_denied', `${where} was denied (${said}). ${todo}`);
    }
    case 404:
      return new CollectError('not_found', `${where}: ${said}`);
    case 429: {
      const wait = retryAfterMs(answer.retryAfter, now);
      return new CollectError(
        'throttled',
        `${where} was throttled (${said})`,
        wait === undefined ? {} : { retryAfterMs: wait },
      );
    }
    default:
      return new CollectError('service_error', `${where}: ${said}`);
  }
}

/** Turns whatever a client or credential of Azure threw into a CollectError. */
export function azureError(error: unknown, call: CloudCall): CollectError {
  if (error instanceof CollectError) return error;
  const where = `${call.action} on ${call.on}`;
  const name = error instanceof Error ? error.name : '';
  const said = quote(error instanceof Error ? error.message : String(error));
  const transport = transportReason(error);
  if (transport !== undefined) return new CollectError(transport, `${where}: ${said}`, { cause: error });
  if (CREDENTIAL_ERROR.test(name)) {
    return new CollectError('authentication_failed', `${where}: no token from Microsoft Entra: ${said}`, {
      cause: error,
    });
  }
  return new CollectError('service_error', `${where}: the answer is not one of Azure: ${said}`, { cause: error });
}

/** `{error: {code, message, innererror: {code}}}`; anything else is no fault of Azure's and gives its first characters. */
function readFault(body: string): { readonly codes: readonly string[]; readonly message: string } {
  try {
    const { error } = JSON.parse(body) as {
      error?: { code?: unknown; message?: unknown; innererror?: { code?: unknown } };
    };
    const codes = [error?.code, error?.innererror?.code].filter((code) => typeof code === 'string');
    return {
      codes: codes.map((code) => quote(code)),
      message: typeof error?.message === 'string' ? quote(error.message) : '',
    };
  } catch {
    return { codes: [], message: quote(body.slice(0, 200)) };
  }
}
