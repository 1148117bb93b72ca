import { quote, retryAfterMs, transportReason } from '../../src/cloud/failure.ts';
import { CollectError } from '../../src/plugin/error.ts';
import { networkFailure } from '../../src/plugin/network-failure.ts';

/** What is asked of the API server: all that a rule of RBAC names. */
export interface Ask {
  readonly verb: 'list' | 'get' | 'watch';
  readonly resource: string;
  /** The API group; empty for the core. */
  readonly group: string;
  readonly namespace?: string;
}

/** A failed answer of the API server. */
export interface Refusal {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
}

/** The resource version, or the token of the next page, is too old (410 Gone): the list begins anew. */
export class ExpiredError extends Error {
  override readonly name = 'ExpiredError';
  /** Goes on where the old token stood, over what the cluster holds now. */
  readonly next: string | undefined;

  constructor(message: string, next?: string) {
    super(message);
    this.next = next;
  }
}

/** The API server itself says that it has no such kind or object; that a kubeconfig is not there is another matter. */
export class AbsentError extends CollectError {}

/** `list secrets in the namespace shop of https://…` */
export function askText({ verb, resource, group, namespace }: Ask, server: string): string {
  const named = group === '' ? resource : `${resource}.${group}`;
  return `${verb} ${named} ${namespace === undefined ? '' : `in the namespace ${namespace} `}of ${server}`;
}

/** Turns an answer into the error that it means (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/). */
export function refusalError(refusal: Refusal, ask: Ask, server: string, now: number): CollectError | ExpiredError {
  const where = askText(ask, server);
  const { message, next, waitMs } = readStatus(refusal.body);
  const said = message === '' ? `HTTP ${refusal.status}` : message;
  switch (refusal.status) {
    case 401:
      return new CollectError(
        'authentication_failed',
        `${where}: the cluster did not accept the credentials (${said}). Check that the token or client certificate is current, and belongs to this cluster`,
      );
    case 403:
      return new CollectError('permission_denied', `${where} was denied: ${said}. ${grantText(ask)}`);
    case 404:
      return new AbsentError('not_found', `${where}: ${said}`);
    case 410:
      return new ExpiredError(`${where}: ${said}`, next);
    case 429: {
      const wait = retryAfterMs(refusal.retryAfter, now) ?? waitMs;
      return new CollectError(
        'throttled',
        `${where} was throttled: ${said}`,
        wait === undefined ? {} : { retryAfterMs: wait },
      );
    }
    default:
      return new CollectError('service_error', `${where}: HTTP ${refusal.status}: ${said}`);
  }
}

/** The rule that is missing, as it is written into a Role. */
export function grantText({ verb, resource, group, namespace }: Ask): string {
  const kind = namespace === undefined ? 'ClusterRole' : `Role in ${namespace}`;
  return `Allow the verb ${verb} on ${resource} (apiGroups: ["${group}"]) by a ${kind}`;
}

/** Turns whatever a request threw into a CollectError. */
export function requestError(error: unknown, ask: Ask, server: string): CollectError {
  if (error instanceof CollectError) return error;
  const where = askText(ask, server);
  const failure = networkFailure(error);
  if (failure !== undefined) {
    return new CollectError(failure.reason, `${where}: ${failure.message}`, { cause: error });
  }
  const said = quote(error instanceof Error ? error.message : String(error));
  return new CollectError(transportReason(error) ?? 'service_error', `${where}: ${said}`, { cause: error });
}

function readStatus(body: string): {
  readonly message: string;
  readonly next?: string;
  readonly waitMs?: number;
} {
  let status: unknown;
  try {
    status = JSON.parse(body);
  } catch {
    return { message: quote(body.slice(0, 200)) };
  }
  if (typeof status !== 'object' || status === null) return { message: '' };
  const { message, metadata, details } = status as {
    message?: unknown;
    metadata?: { continue?: unknown } | null;
    details?: { retryAfterSeconds?: unknown } | null;
  };
  const next = metadata?.continue;
  const wait = details?.retryAfterSeconds;
  return {
    message: typeof message === 'string' ? quote(message) : '',
    ...(typeof next === 'string' && next !== '' ? { next } : {}),
    ...(typeof wait === 'number' && wait > 0 ? { waitMs: wait * 1000 } : {}),
  };
}
