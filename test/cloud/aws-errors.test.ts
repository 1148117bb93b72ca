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
  ['RequestExpired', named('RequestExpired'), 'authentication_failed'],
  ['RequestTimeTooSkewed', named('RequestTimeTooSkewed'), 'authentication_failed'],
  ['OptInRequired', named('OptInRequired'), 'authentication_failed'],
  ['RegionDisabledException', named('RegionDisabledException'), 'authentication_failed'],
  ['NoSuchKey', named('NoSuchKey'), 'not_found'],
  ['NoSuchEntityException', named('NoSuchEntityException'), 'not_found'],
  ['TrustStoreNotFoundException', named('TrustStoreNotFoundException'), 'not_found'],
  ['SlowDown', named('SlowDown'), 'throttled'],
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

    expect(awsError(error, CALL, NOW).message).toContain('Allow sts:AssumeRole on arn:aws:iam::2:role/y to');
  });

  it('says that a policy forbids it, where to allow it would not help', () => {
    const error = named(
      'AccessDeniedException',
      'User: arn:aws:iam::1:user/x is not authorized to perform: acm:ListCertificates with an explicit deny in a service control policy',
    );

    expect(awsError(error, CALL, NOW).message).toContain(
      'A service control policy forbids acm:ListCertificates: lift that, or leave this region or account out of the source',
    );
  });

  it('names the call where one action is for many', () => {
    const error = named('AccessDeniedException', 'denied');

    expect(awsError(error, { action: 'apigateway:GET', call: 'GetDomainNames', on: 'eu-west-1' }, NOW).message).toBe(
      'GetDomainNames in eu-west-1 was denied: denied. Allow apigateway:GET to the identity that notafter uses',
    );
  });

  it.each([
    ['behind', 600_000, '600 s behind that of AWS'],
    ['ahead', -600_000, '600 s ahead of that of AWS'],
  ])('measures a clock that is %s', (_what, offsetMs, said) => {
    const error = named('InvalidSignatureException', 'Signature expired: 20261123T115000Z is now earlier than …', {
      $response: { headers: { date: new Date(NOW + offsetMs).toUTCString() } },
    });

    expect(awsError(error, CALL, NOW)).toMatchObject({ reason: 'authentication_failed' });
    expect(awsError(error, CALL, NOW).message).toContain(said);
  });

  it.each([
    ['eu-west-1', 'that the region is enabled for the account'],
    ['af-south-1', 'that the region is enabled for the account, which it is not by default'],
  ])('of credentials that are not accepted in %s think of the region', (on, said) => {
    const error = named('UnrecognizedClientException', 'The security token included in the request is invalid.');

    expect(awsError(error, { ...CALL, on }, NOW).message.endsWith(said)).toBe(true);
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
