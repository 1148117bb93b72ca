/**
 * Why a look, or a part of one, failed. The list is closed: every reason is a metric label that exists at 0 from the
 * start, and has an anchor in docs/reference/errors.md.
 */
export const REASONS = {
  dns: 'the name could not be resolved',
  refused: 'the connection was refused',
  unreachable: 'no route to the host or network',
  reset: 'the connection was reset by the other side',
  closed: 'the connection was closed before the answer was complete',
  timeout: 'no complete answer within the deadline',
  tls_alert: 'the server ended the handshake with a TLS alert',
  tls_error: 'the handshake failed on our side',
  not_tls: 'the server does not speak TLS on this port',
  tls_not_offered: 'the server speaks the protocol but does not offer TLS',
  injected: 'bytes arrived in the clear where TLS had to begin',
  not_found: 'it does not exist',
  permission_denied: 'notafter is not allowed to read it',
  authentication_failed: 'the credentials were not accepted',
  malformed: 'the content breaks its format',
  empty: 'there is nothing in it',
  wrong_password: 'the password is wrong or the file is damaged',
  unsupported: 'the format is known but not supported',
  too_large: 'it is larger than notafter reads',
  too_costly: 'opening it takes more work than notafter spends on it',
  throttled: 'the service asked to be left alone for a while',
  partial: 'only a part of the list could be read',
  service_error: 'the service answered with an error',
  internal: 'a fault inside notafter',
} as const satisfies Record<string, string>;

export type Reason = keyof typeof REASONS;

export const REASON_LIST = Object.keys(REASONS) as readonly Reason[];
