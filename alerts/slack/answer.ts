import { retryAfterOf, statusFailure, type Failure, type HttpResponse } from '../../src/plugin/delivery.ts';

/** An answer of Slack: taken, refused because of the form of the message, or failed. */
export type Answer =
  | { readonly status: 'taken'; readonly channel?: string; readonly ts?: string }
  | { readonly status: 'failed'; readonly error: string; readonly failure: Failure };

type Kind = 'authentication' | 'place' | 'rate' | 'server' | 'form' | 'thread' | 'editing';

/**
 * Errors of chat.postMessage (https://docs.slack.dev/reference/methods/chat.postMessage), chat.update
 * (https://docs.slack.dev/reference/methods/chat.update) and of incoming webhooks
 * (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).
 */
const ERRORS: ReadonlyMap<string, Kind> = new Map([
  ...kinds('authentication', [
    'access_denied',
    'account_inactive',
    'action_prohibited',
    'ekm_access_denied',
    'enterprise_is_restricted',
    'invalid_auth',
    'invalid_token',
    'missing_scope',
    'no_permission',
    'no_service',
    'no_service_id',
    'no_team',
    'not_allowed_token_type',
    'not_authed',
    'org_login_required',
    'team_access_not_granted',
    'team_disabled',
    'token_expired',
    'token_revoked',
    'two_factor_setup_required',
  ]),
  ...kinds('place', [
    'channel_is_archived',
    'channel_not_found',
    'is_archived',
    'not_in_channel',
    'posting_to_general_channel_denied',
    'restricted_action',
    'restricted_action_read_only_channel',
    'user_not_found',
  ]),
  ...kinds('rate', ['message_limit_exceeded', 'rate_limited', 'ratelimited']),
  ...kinds('server', [
    'accesslimited',
    'fatal_error',
    'internal_error',
    'request_timeout',
    'rollup_error',
    'service_unavailable',
  ]),
  ...kinds('form', [
    'block_mismatch',
    'blocks_too_long',
    'invalid_blocks',
    'invalid_blocks_format',
    'invalid_payload',
    'msg_blocks_too_long',
    'msg_too_long',
    'too_many_blocks',
  ]),
  ...kinds('thread', [
    'cannot_reply_to_message',
    'invalid_thread_ts',
    'message_not_found',
    'restricted_action_thread_locked',
    'thread_not_found',
  ]),
  ...kinds('editing', ['cant_update_message', 'edit_window_closed', 'update_failed']),
]);

function kinds(kind: Kind, errors: readonly string[]): readonly (readonly [string, Kind])[] {
  return errors.map((error) => [error, kind]);
}

/** The message was refused for its form: plain text may still pass. */
export function isAboutForm(answer: Answer): boolean {
  return answer.status === 'failed' && ERRORS.get(answer.error) === 'form';
}

/** The thread it answers to is gone: it can still begin a new one. */
export function isAboutThread(answer: Answer): boolean {
  return answer.status === 'failed' && ERRORS.get(answer.error) === 'thread';
}

/** A message may not be changed any more, by the rules of the workspace: what is new can still be said beside it. */
export function isAboutEditing(answer: Answer): boolean {
  return answer.status === 'failed' && ERRORS.get(answer.error) === 'editing';
}

/** An answer of the Web API: 200 with `ok: false` is a failure. */
export function apiAnswer(response: HttpResponse, now: number): Answer {
  if (response.status !== 200) return refused(response, errorOf(response.body), now);
  const answer = jsonOf(response.body);
  if (answer === undefined) return unintelligible();
  if (answer['ok'] !== true) return refused(response, nameOf(answer['error']), now);
  const { channel, ts } = answer;
  return typeof channel === 'string' && typeof ts === 'string' ? { status: 'taken', channel, ts } : { status: 'taken' };
}

/** An answer of an incoming webhook: `ok`, or a word for what is wrong. Services that imitate Slack answer in JSON. */
export function webhookAnswer(response: HttpResponse, now: number): Answer {
  const status = statusFailure(response.status);
  if (status !== undefined) return refused(response, errorOf(response.body), now);
  if (response.body.trimStart().startsWith('<')) return unintelligible();
  const answer = jsonOf(response.body);
  if (answer?.['ok'] === false || answer?.['success'] === false) return refused(response, nameOf(answer['error']), now);
  const word = wordOf(response.body);
  return ERRORS.has(word) ? refused(response, word, now) : { status: 'taken' };
}

function refused(response: HttpResponse, error: string, now: number): Answer {
  const byStatus = statusFailure(response.status);
  const byName = outcomeOf(ERRORS.get(error));
  // A status of 429 or 5xx says more than a word beside it.
  const outcome =
    byStatus?.retryable === true ? byStatus : (byName ?? byStatus ?? { reason: 'rejected', retryable: false });
  const said = error === '' ? `HTTP ${response.status}` : `${error}${advice(ERRORS.get(error))}`;
  const failure: Failure = {
    ...outcome,
    // Somebody can renew a token or a URL while the message waits: both are read anew at each use.
    retryable: outcome.retryable || outcome.reason === 'authentication',
    detail: `Slack answered ${said}`,
    ...retryAfterOf(response, now),
  };
  return { status: 'failed', error, failure };
}

function outcomeOf(kind: Kind | undefined): Pick<Failure, 'reason' | 'retryable'> | undefined {
  switch (kind) {
    case 'authentication':
      return { reason: 'authentication', retryable: true };
    case 'place':
      // Somebody can invite the app or restore the channel while the message waits.
      return { reason: 'rejected', retryable: true };
    case 'rate':
      return { reason: 'rate_limited', retryable: true };
    case 'server':
      return { reason: 'server_error', retryable: true };
    case 'form':
    case 'thread':
    case 'editing':
      return { reason: 'rejected', retryable: false };
    case undefined:
      return undefined;
  }
}

function advice(kind: Kind | undefined): string {
  switch (kind) {
    case 'authentication':
      return ': renew the token or the webhook URL, and see that the app may post';
    case 'place':
      return ': see that the channel exists and that the app was invited to it';
    case 'rate':
    case 'server':
    case 'form':
    case 'thread':
    case 'editing':
    case undefined:
      return '';
  }
}

function unintelligible(): Answer {
  const failure: Failure = {
    reason: 'server_error',
    detail: 'the answer is not one of Slack: a proxy may stand between',
    retryable: true,
  };
  return { status: 'failed', error: '', failure };
}

function errorOf(body: string): string {
  return nameOf(jsonOf(body)?.['error']) || wordOf(body);
}

function wordOf(body: string): string {
  return nameOf(body.trim());
}

/** Only what looks like a name of an error is repeated: anything else could hold anything. */
function nameOf(value: unknown): string {
  return typeof value === 'string' && /^[a-z][a-z_]{1,63}$/.test(value) ? value : '';
}

function jsonOf(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
