import { CollectError } from '../plugin/error.ts';
import { type CloudCall, quote, retryAfterMs, transportReason } from './failure.ts';
import type { RestAnswer } from './rest.ts';

/** What to do about an answer that is not a success, with the name of what is asked. */
export interface AzureAdvice {
  /** Whoever asks lacks a permission. */
  readonly denied: string;
  /** Whose tenant the identity must belong to. */
  readonly owner: string;
}

/** Every error class of @azure/identity. */
const CREDENTIAL_ERROR =
  /^(?:AuthenticationError|AggregateAuthenticationError|CredentialUnavailableError|AuthenticationRequiredError)$/;

/**
 * Turns an answer into a CollectError
 * (https://learn.microsoft.com/azure/key-vault/general/rest-error-codes,
 * https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors).
 */
export function azureAnswerError(answer: RestAnswer, call: CloudCall, advice: AzureAdvice, now: number): CollectError {
  const where = whereText(call);
  const { codes, message } = readFault(answer.body);
  const said = `HTTP ${answer.status}${codes.length === 0 ? '' : ` ${codes.join('/')}`}${message === '' ? '' : `: ${message}`}`;
  switch (answer.status) {
    case 400:
      // A thing that the tier of the resource does not have.
      if (codes.includes('MethodNotAllowedInPricingTier')) return new CollectError('empty', `${where}: ${said}`);
      return new CollectError('service_error', `${where}: ${said}`);
    case 401:
      return new CollectError(
        'authentication_failed',
        `${where}: Azure did not accept the token (${said}). Check that the identity belongs to the tenant of ${advice.owner}`,
      );
    case 403: {
      const todo = codes.some((code) => /^ForbiddenBy(?:Firewall|Connection)$/.test(code))
        ? 'Let this machine through the firewall of the vault'
        : `${missingText(message)}${advice.denied}`;
      return new CollectError('permission_denied', `${where} was denied (${said}). ${todo}`);
    }
    case 409:
      // The subscription never had anything of the kind.
      if (codes.includes('MissingSubscriptionRegistration')) return new CollectError('empty', `${where}: ${said}`);
      return new CollectError('service_error', `${where}: ${said}`);
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
  const where = whereText(call);
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

function whereText({ action, call, of, on }: CloudCall): string {
  return `${call ?? action}${of === undefined ? '' : ` of ${of}`} on ${on}`;
}

/** What Resource Manager calls the permission that is missing, which may be another than that of the call. */
const MISSING_ACTION = /perform action '([A-Za-z0-9./*]+)' over scope '([^']+)'/;

function missingText(message: string): string {
  const [, action, scope] = MISSING_ACTION.exec(message) ?? [];
  return action === undefined || scope === undefined ? '' : `${action} over ${scope} is missing. `;
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
