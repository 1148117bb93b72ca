import { describe, expect, it } from 'vitest';

import { azureAnswerError, azureError } from '../../src/cloud/azure-errors.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Reason } from '../../src/plugin/reason.ts';

const NOW = Date.UTC(2026, 10, 23, 12);
const CALL = { action: 'certificates/list', on: 'https://example.vault.azure.net' };
const ADVICE = { denied: 'Assign the role Key Vault Reader', owner: 'the vault' };

function answer(status: number, body: unknown = {}, retryAfter?: string): CollectError {
  return azureAnswerError(
    { status, retryAfter, body: typeof body === 'string' ? body : JSON.stringify(body) },
    CALL,
    ADVICE,
    NOW,
  );
}

describe('answers', () => {
  const cases: readonly (readonly [number, Reason])[] = [
    [400, 'service_error'],
    [401, 'authentication_failed'],
    [403, 'permission_denied'],
    [404, 'not_found'],
    [409, 'service_error'],
    [429, 'throttled'],
    [500, 'service_error'],
    [502, 'service_error'],
    [503, 'service_error'],
  ];

  it.each(cases)('HTTP %i is %s', (status, reason) => {
    const error = answer(status);

    expect(error).toBeInstanceOf(CollectError);
    expect(error.reason).toBe(reason);
    expect(error.message).toContain('certificates/list on https://example.vault.azure.net');
    expect(error.message).toContain(`HTTP ${status}`);
  });

  it('names the role that is missing', () => {
    const error = answer(403, {
      error: { code: 'Forbidden', message: 'Caller is not authorized.', innererror: { code: 'ForbiddenByRbac' } },
    });

    expect(error.message).toBe(
      'certificates/list on https://example.vault.azure.net was denied (HTTP 403 Forbidden/ForbiddenByRbac: Caller is not authorized.). Assign the role Key Vault Reader',
    );
  });

  it.each(['ForbiddenByFirewall', 'ForbiddenByConnection'])('tells %s from a missing role', (code) => {
    const { message } = answer(403, {
      error: { code: 'Forbidden', message: 'Client address is not authorized', innererror: { code } },
    });

    expect(message).toContain('Let this machine through the firewall');
    expect(message).not.toContain('Assign the role');
  });

  it('names the action that is missing where Resource Manager says so', () => {
    const { message } = answer(403, {
      error: {
        code: 'AuthorizationFailed',
        message:
          "The client 'a' with object id 'b' does not have authorization to perform action 'Microsoft.Web/sites/read' over scope '/subscriptions/1' or the scope is invalid.",
      },
    });

    expect(message).toContain('Microsoft.Web/sites/read over /subscriptions/1 is missing. Assign the role');
  });

  it('takes a provider that was never registered for an empty one', () => {
    expect(answer(409, { error: { code: 'MissingSubscriptionRegistration', message: 'no' } }).reason).toBe('empty');
  });

  it('takes what a tier does not have for an empty one', () => {
    expect(answer(400, { error: { code: 'MethodNotAllowedInPricingTier', message: 'no' } }).reason).toBe('empty');
  });

  it('waits as long as it is told', () => {
    expect(answer(429, {}, '11').retryAfterMs).toBe(11_000);
    expect(answer(429, {}).retryAfterMs).toBeUndefined();
  });

  it.each([
    ['HTML', '<html>'.repeat(1000)],
    ['another shape', JSON.stringify({ error: 'no' })],
    ['odd types', JSON.stringify({ error: { code: 5, message: { a: 1 }, innererror: null } })],
    ['null', 'null'],
    ['nothing', ''],
  ])('survives a body that is %s', (_what, body) => {
    const error = answer(500, body);

    expect(error.reason).toBe('service_error');
    expect(error.message.length).toBeLessThan(600);
  });
});

describe('errors of a client', () => {
  function named(name: string, message: string, extra: object = {}): Error {
    return Object.assign(new Error(message), { name, ...extra });
  }

  const cases: readonly (readonly [string, Error, Reason])[] = [
    [
      'a wrong secret',
      named('AuthenticationError', 'AADSTS7000215: Invalid client secret provided.'),
      'authentication_failed',
    ],
    [
      'no identity at all',
      named('AggregateAuthenticationError', 'ChainedTokenCredential authentication failed.\nnothing'),
      'authentication_failed',
    ],
    [
      'a credential that is not there',
      named('CredentialUnavailableError', 'EnvironmentCredential is unavailable.'),
      'authentication_failed',
    ],
    [
      'Entra that cannot be reached',
      named('AuthenticationError', 'network', { cause: Object.assign(new Error('x'), { code: 'ENOTFOUND' }) }),
      'dns',
    ],
    ['a vault that does not exist', named('RestError', 'getaddrinfo ENOTFOUND', { code: 'ENOTFOUND' }), 'dns'],
    ['a cut connection', named('RestError', 'socket hang up', { code: 'ECONNRESET' }), 'reset'],
    [
      'a body that cannot be parsed',
      named('RestError', 'Unterminated string', { code: 'PARSE_ERROR' }),
      'service_error',
    ],
  ];

  it.each(cases)('%s', (_what, error, reason) => {
    expect(azureError(error, CALL)).toMatchObject({ name: 'CollectError', reason, cause: error });
  });

  it('keeps what every credential said', () => {
    const error = named(
      'AggregateAuthenticationError',
      'ChainedTokenCredential authentication failed.\nEnvironmentCredential: incomplete',
    );

    expect(azureError(error, CALL).message).toContain('EnvironmentCredential: incomplete');
  });
});
