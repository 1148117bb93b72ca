import { describe, expect, it } from 'vitest';

import { googleAnswerError, googleLoginError } from '../../src/cloud/google-errors.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Reason } from '../../src/plugin/reason.ts';

const NOW = Date.UTC(2026, 10, 23, 12);
const CALL = { action: 'certificatemanager.certs.list', on: 'the project payments' };

function answer(status: number, body: unknown = {}, retryAfter?: string, isNamed = true): CollectError {
  return googleAnswerError(
    { status, retryAfter, body: typeof body === 'string' ? body : JSON.stringify(body) },
    CALL,
    isNamed,
    NOW,
  );
}

const fault = (message: string, details: readonly object[] = [], more: object = {}): object => ({
  error: { status: 'SOME_STATUS', message, details, ...more },
});

describe('answers', () => {
  const cases: readonly (readonly [number, Reason])[] = [
    [400, 'service_error'],
    [401, 'authentication_failed'],
    [403, 'permission_denied'],
    [404, 'not_found'],
    [409, 'service_error'],
    [429, 'throttled'],
    [500, 'service_error'],
    [503, 'service_error'],
  ];

  it.each(cases)('HTTP %i is %s', (status, reason) => {
    const error = answer(status);

    expect(error).toBeInstanceOf(CollectError);
    expect(error.reason).toBe(reason);
    expect(error.message).toContain('certificatemanager.certs.list in the project payments');
  });

  it.each([
    ["Permission 'certificatemanager.certs.list' denied on resource", [], 'certificatemanager.certs.list'],
    ["Required 'compute.urlMaps.list' permission for 'projects/payments'", [], 'compute.urlMaps.list'],
    [
      'The caller does not have permission',
      [{ reason: 'IAM_PERMISSION_DENIED', metadata: { permission: 'privateca.certificates.list' } }],
      'privateca.certificates.list',
    ],
    ['no more than that', [], 'certificatemanager.certs.list'],
  ])('names the permission that is missing: %s', (message, details, permission) => {
    expect(answer(403, fault(message, details)).message).toContain(
      `Grant ${permission} to the identity that notafter uses`,
    );
  });

  it.each([
    ['a header in seconds', '11', [], 11_000],
    ['a header with a date', 'Mon, 23 Nov 2026 12:00:30 GMT', [], 30_000],
    ['the details', undefined, [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '7.5s' }], 7_000],
    ['nothing', undefined, [{ retryDelay: 'soon' }], undefined],
  ])('waits as long as it is told by %s', (_what, retryAfter, details, expected) => {
    expect(answer(429, fault('Slow down.', details), retryAfter).retryAfterMs).toBe(expected);
  });

  it('takes a quota that is used up for what it is, whatever the status', () => {
    expect(answer(403, fault('Quota exceeded.', [{ reason: 'RATE_LIMIT_EXCEEDED' }])).reason).toBe('throttled');
    const older = fault('Rate Limit Exceeded', [], { errors: [{ reason: 'rateLimitExceeded' }] });
    expect(answer(403, older).reason).toBe('throttled');
  });

  it.each([
    ['of today', fault('not enabled', [{ reason: 'SERVICE_DISABLED' }])],
    ['of Compute', fault('not enabled', [], { errors: [{ reason: 'accessNotConfigured' }] })],
  ])('takes an API that is not enabled for a fault only where the project was named, in words %s', (_what, body) => {
    expect(answer(403, body)).toMatchObject({
      reason: 'permission_denied',
      message: expect.stringContaining('Enable it') as unknown,
    });
    expect(answer(403, body, undefined, false).reason).toBe('empty');
  });

  it.each(['<html>Bad gateway</html>', '[]', 'null', '{"error": "text"}', '{"error": {"details": [null, 5]}}'])(
    'bears with a body that is none of Google: %s',
    (body) => {
      expect(answer(502, body)).toMatchObject({
        reason: 'service_error',
        message: expect.stringContaining('HTTP 502') as unknown,
      });
    },
  );
});

describe('a login', () => {
  it('that was refused says what Google said, and what to do', () => {
    const error = googleLoginError(new Error('invalid_grant: Token has been expired or revoked.'), CALL);

    expect(error.reason).toBe('authentication_failed');
    expect(error.message).toContain('expired or revoked');
    expect(error.message).toContain('GOOGLE_APPLICATION_CREDENTIALS');
  });

  it('that did not get through is a matter of the network', () => {
    const cause = Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' });

    expect(googleLoginError(new Error('request failed', { cause }), CALL).reason).toBe('dns');
  });
});
