import { describe, expect, it } from 'vitest';

import { awsError } from '../../src/cloud/aws-errors.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Reason } from '../../src/plugin/reason.ts';

const NOW = Date.UTC(2026, 10, 23, 12);
const CALL = { action: 'acm:ListCertificates', on: 'eu-west-1' };

function named(name: string, message = 'why', extra: object = {}): Error {
  return Object.assign(new Error(message), { name, ...extra });
}

const REASONS: readonly (readonly [string, Error, Reason])[] = [
  ['AccessDeniedException', named('AccessDeniedException'), 'permission_denied'],
  ['AccessDenied', named('AccessDenied'), 'permission_denied'],
  ['UnrecognizedClientException', named('UnrecognizedClientException'), 'authentication_failed'],
  ['ExpiredTokenException', named('ExpiredTokenException'), 'authentication_failed'],
  ['ExpiredToken', named('ExpiredToken'), 'authentication_failed'],
  ['InvalidSignatureException', named('InvalidSignatureException'), 'authentication_failed'],
  ['InvalidClientTokenId', named('InvalidClientTokenId'), 'authentication_failed'],
  ['CredentialsProviderError', named('CredentialsProviderError'), 'authentication_failed'],
  ['ThrottlingException', named('ThrottlingException'), 'throttled'],
  ['Throttling', named('Throttling'), 'throttled'],
  ['TooManyRequestsException', named('TooManyRequestsException'), 'throttled'],
  ['RequestLimitExceeded', named('RequestLimitExceeded'), 'throttled'],
  ['any error with HTTP 429', named('Unknown', 'slow down', { $metadata: { httpStatusCode: 429 } }), 'throttled'],
  ['ResourceNotFoundException', named('ResourceNotFoundException'), 'not_found'],
  ['RequestInProgressException', named('RequestInProgressException'), 'empty'],
  ['InternalFailure', named('InternalFailure', 'oops', { $metadata: { httpStatusCode: 500 } }), 'service_error'],
  [
    'a body that is no JSON',
    named('SyntaxError', "Unexpected token '<'", { $metadata: { httpStatusCode: 500 } }),
    'service_error',
  ],
  ['an unknown name', named('Error', 'getaddrinfo', { code: 'ENOTFOUND' }), 'dns'],
  ['a refused connection', named('Error', 'connect', { code: 'ECONNREFUSED' }), 'refused'],
  [
    'a cut connection under the name of the SDK',
    named('TimeoutError', 'socket hang up', { code: 'ECONNRESET' }),
    'reset',
  ],
  ['a connection that was not made in time', named('Error', 'connect', { code: 'ETIMEDOUT' }), 'timeout'],
  [
    'a proxy with a certificate of its own',
    named('Error', 'self-signed', { code: 'SELF_SIGNED_CERT_IN_CHAIN' }),
    'tls_error',
  ],
];

describe('reasons', () => {
  it.each(REASONS)('%s', (_what, error, reason) => {
    const mapped = awsError(error, CALL, NOW);

    expect(mapped).toBeInstanceOf(CollectError);
    expect(mapped.reason).toBe(reason);
    expect(mapped.message).toContain('acm:ListCertificates in eu-west-1');
    expect(mapped.cause).toBe(error);
  });

  it('maps a failure hidden in the causes and in the parts of an error', () => {
    const inner = Object.assign(new Error('connect'), { code: 'EHOSTUNREACH' });
    const error = new Error('outer', { cause: new AggregateError([inner], 'all failed') });

    expect(awsError(error, CALL, NOW).reason).toBe('unreachable');
  });

  it('leaves a CollectError as it is', () => {
    const error = new CollectError('timeout', 'late');

    expect(awsError(error, CALL, NOW)).toBe(error);
  });

  it('makes something of what is no error at all', () => {
    expect(awsError('boom', CALL, NOW)).toMatchObject({ reason: 'service_error' });
  });
});

describe('texts', () => {
  it('names the missing permission', () => {
    const error = named(
      'AccessDeniedException',
      'User: arn:aws:iam::1:user/x is not authorized to perform: acm:ListCertificates',
    );

    expect(awsError(error, CALL, NOW).message).toBe(
      'acm:ListCertificates in eu-west-1 was denied: User: arn:aws:iam::1:user/x is not authorized to perform: acm:ListCertificates. Allow acm:ListCertificates to the identity that notafter uses',
    );
  });

  it('names the permission that is really missing when a role could not be assumed', () => {
    const error = named(
      'AccessDenied',
      'User: arn:aws:iam::1:user/x is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::2:role/y',
    );

    expect(awsError(error, CALL, NOW).message).toContain('Allow sts:AssumeRole to');
  });

  it('never quotes the signed request, which holds the session token', () => {
    const error = named(
      'SignatureDoesNotMatch',
      "The request signature we calculated does not match.\n\nThe Canonical String for this request should have been\n'POST\nx-amz-security-token:FwoGZXIvYXdzEBY'",
    );

    const { message } = awsError(error, CALL, NOW);

    expect(message).toContain('The request signature we calculated does not match.');
    expect(message).not.toContain('FwoGZXIvYXdzEBY');
  });

  it('keeps a long text short', () => {
    expect(awsError(named('InternalFailure', 'x'.repeat(100_000)), CALL, NOW).message.length).toBeLessThan(700);
  });
});

describe('Retry-After', () => {
  const cases: readonly (readonly [string, string | undefined, number | undefined])[] = [
    ['seconds', '7', 7000],
    ['a date', 'Mon, 23 Nov 2026 12:00:30 GMT', 30_000],
    ['a date in the past', 'Mon, 23 Nov 2026 11:00:00 GMT', 0],
    ['nonsense', 'soon', undefined],
    ['nothing', undefined, undefined],
  ];

  it.each(cases)('%s', (_what, header, expected) => {
    const error = named('ThrottlingException', 'Rate exceeded', {
      $response: { headers: header === undefined ? {} : { 'retry-after': header } },
    });

    expect(awsError(error, CALL, NOW).retryAfterMs).toBe(expected);
  });
});
