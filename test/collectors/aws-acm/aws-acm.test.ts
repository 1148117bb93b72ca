import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { awsAcm } from '../../../collectors/aws-acm/index.ts';
import type { CollectorInstance, Known } from '../../../src/plugin/collector.ts';
import type { Context, Rate } from '../../../src/plugin/context.ts';
import { CollectError } from '../../../src/plugin/error.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import type { Reason } from '../../../src/plugin/reason.ts';
import { collect, deafContext, NOTHING_KNOWN } from '../../contract/collector.ts';
import {
  accessDenied,
  type AcmCertificate,
  awsFault,
  awsJson,
  type AwsReply,
  type FakeAws,
  html,
  reset,
  slowBody,
  startFakeAws,
  truncatedJson,
} from '../../helpers/fake-aws.ts';
import { createAuthority } from '../../helpers/pki.ts';

const NOW = Date.UTC(2026, 10, 23);
const DAY = 86_400_000;
const REGION = 'eu-west-1';

const root = createAuthority({ name: 'Root' });
const issuing = createAuthority({ name: 'Issuing', parent: root });
const leaf = issuing.issue({ names: ['api.example.com'], extendedKeyUsage: ['serverAuth'] });
const client = issuing.issue({ commonName: 'billing', names: [], extendedKeyUsage: ['clientAuth'] });

function arn(id: number | string, region = REGION): string {
  return `arn:aws:acm:${region}:111122223333:certificate/${id}`;
}

/** A certificate that is far from its end and renewed by ACM. */
function certificate(id: number | string, changes: Partial<AcmCertificate> = {}): AcmCertificate {
  return {
    arn: arn(id),
    domain: 'api.example.com',
    names: ['api.example.com'],
    pem: leaf.pem,
    chainPem: issuing.certificate.pem + root.certificate.pem,
    notBefore: new Date(NOW - 30 * DAY),
    notAfter: new Date(NOW + 168 * DAY),
    eligibility: 'ELIGIBLE',
    ...changes,
  };
}

let aws: FakeAws;
let instances: CollectorInstance[];

beforeEach(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIATEST');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
  vi.stubEnv('AWS_SESSION_TOKEN', undefined);
  vi.stubEnv('AWS_PROFILE', undefined);
  vi.stubEnv('AWS_ENDPOINT_URL', undefined);
  vi.stubEnv('AWS_CONFIG_FILE', '/dev/null');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/dev/null');
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  instances = [];
  aws = await startFakeAws();
});

afterEach(async () => {
  for (const instance of instances) await instance.close?.();
  await aws[Symbol.asyncDispose]();
  vi.unstubAllEnvs();
  vi.useRealTimers();
});

async function create(
  options: object = {},
  context: Context = { ...deafContext(), clock: { now: () => NOW } },
): Promise<CollectorInstance> {
  const instance = await awsAcm.create(
    awsAcm.options.parse({ regions: [REGION], endpoint: aws.url, ...options }),
    context,
  );
  instances.push(instance);
  return instance;
}

async function look(
  known: Known = NOTHING_KNOWN,
  region = REGION,
  signal = new AbortController().signal,
): Promise<Observation[]> {
  const instance = await create({ regions: [region] });
  return collect(instance.observe({ key: region, data: { region } }, known, signal));
}

function keep(...certificates: readonly AcmCertificate[]): void {
  aws.certificates.set(REGION, [...certificates]);
}

/** What the host would answer after these observations. */
function knownOf(observations: readonly Observation[]): Known {
  const versions = new Map(observations.map((observation) => [observation.location, observation.version]));
  return { version: (location) => versions.get(location), checkpoint: undefined };
}

function answerWith(operation: string, reply: AwsReply): void {
  aws.intercept = (request) => (request.operation === operation ? reply : undefined);
}

function byPage(page: number, reply: AwsReply): void {
  aws.intercept = (request) => {
    const start = Number((request.body.NextToken ?? 'page:0').slice('page:'.length));
    return request.operation === 'ListCertificates' && start === (page - 1) * aws.pageSize ? reply : undefined;
  };
}

describe('the listing', () => {
  it('asks for every key algorithm and every origin by name', async () => {
    await look();

    expect(aws.requests).toHaveLength(1);
    expect(aws.requests[0]).toMatchObject({
      service: 'acm',
      region: REGION,
      operation: 'ListCertificates',
      accessKeyId: 'AKIATEST',
    });
    const { Includes, CertificateKeyPairOrigins, MaxItems } = aws.requests[0]?.body ?? {};
    expect(Includes?.keyTypes?.toSorted()).toEqual(
      ['RSA_1024', 'RSA_2048', 'RSA_3072', 'RSA_4096', 'EC_prime256v1', 'EC_secp384r1', 'EC_secp521r1'].toSorted(),
    );
    expect(CertificateKeyPairOrigins?.toSorted()).toEqual(['ACME', 'AWS_MANAGED', 'CUSTOMER_PROVIDED']);
    expect(MaxItems).toBe(1000);
  });

  it('sees what a listing without filters hides', async () => {
    keep(
      certificate('ec', { keyAlgorithm: 'EC_prime256v1' }),
      certificate('large', { keyAlgorithm: 'RSA_4096' }),
      certificate('acme', { origin: 'ACME' }),
      certificate('imported', { origin: 'CUSTOMER_PROVIDED', type: 'IMPORTED' }),
    );

    const observations = await look();

    expect(observations.map((observation) => observation.location)).toEqual([
      arn('ec'),
      arn('large'),
      arn('acme'),
      arn('imported'),
    ]);
  });

  it('follows the pages with the filters on each', async () => {
    aws.pageSize = 2;
    keep(...[1, 2, 3, 4, 5].map((id) => certificate(id)));

    const observations = await look();

    const lists = aws.requests.filter((request) => request.operation === 'ListCertificates');
    expect(lists.map((request) => request.body.NextToken)).toEqual([undefined, 'page:2', 'page:4']);
    for (const list of lists) {
      expect(list.body.Includes?.keyTypes).toHaveLength(7);
      expect(list.body.CertificateKeyPairOrigins).toHaveLength(3);
    }
    expect(observations.map((observation) => observation.location)).toEqual([1, 2, 3, 4, 5].map((id) => arn(id)));
  });

  it('does not go round in circles when the same page comes again', async () => {
    answerWith('ListCertificates', awsJson({ CertificateSummaryList: [], NextToken: 'again' }));

    const observations = await look();

    expect(aws.requests).toHaveLength(2);
    expect(observations).toMatchObject([
      { location: 'acm:eu-west-1', problems: [{ reason: 'partial', place: 'ListCertificates' }] },
    ]);
  });

  it('leaves out requests that were never issued', async () => {
    keep(
      certificate(1, { status: 'PENDING_VALIDATION' }),
      certificate(2, { status: 'VALIDATION_TIMED_OUT' }),
      certificate(3, { status: 'FAILED' }),
      certificate(4, { status: 'EXPIRED', notAfter: new Date(NOW - DAY) }),
      certificate(5, { status: 'REVOKED' }),
      certificate(6, { status: 'INACTIVE' }),
    );

    const observations = await look();

    expect(observations.map((observation) => observation.location)).toEqual([arn(4), arn(5), arn(6)]);
  });

  it('looks at each region with its own signature', async () => {
    aws.certificates.set('us-east-1', [certificate('cloudfront', { arn: arn('cloudfront', 'us-east-1') })]);

    const observations = await look(NOTHING_KNOWN, 'us-east-1');

    expect(observations).toHaveLength(1);
    expect(new Set(aws.requests.map((request) => request.region))).toEqual(new Set(['us-east-1']));
  });
});

describe('a certificate', () => {
  it('comes as its DER, with its chain as ACM holds it', async () => {
    keep(certificate(1, { inUseBy: ['arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/web/1'] }));

    const [observation] = await look();

    expect(observation).toEqual({
      location: arn(1),
      version: expect.stringMatching(/^ISSUED .*;[0-9a-f]{16}$/),
      problems: [],
      items: [
        {
          kind: 'certificate',
          der: leaf.der,
          place: { key: 'certificate' },
          role: 'server',
          usedBy: [{ type: 'aws', id: 'arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/web/1' }],
          renewal: { mode: 'automatic', due: new Date(NOW + (168 - 45) * DAY) },
        },
        { kind: 'certificate', der: issuing.certificate.der, place: { key: 'chain', index: 0 }, role: 'intermediate' },
        { kind: 'certificate', der: root.certificate.der, place: { key: 'chain', index: 1 }, role: 'trust-anchor' },
      ],
    });
    expect(aws.operations()).toEqual([
      'ListCertificates',
      'DescribeCertificate',
      'GetCertificate',
      'ListTagsForCertificate',
    ]);
  });

  it('for clients alone has the role of a client', async () => {
    keep(certificate(1, { type: 'IMPORTED', pem: client.pem, chainPem: '' }));

    const [observation] = await look();

    expect(observation?.items).toMatchObject([{ kind: 'certificate', role: 'client', der: client.der }]);
    expect(observation?.problems).toEqual([]);
  });

  it("that is in nobody's use names no user", async () => {
    keep(certificate(1));

    const [observation] = await look();

    expect(observation?.items[0]).not.toHaveProperty('usedBy');
  });

  const cname = { Name: '_a1.api.example.com.', Type: 'CNAME', Value: '_b2.acm-validations.aws.' };
  const renewals: readonly (readonly [string, Partial<AcmCertificate>, object])[] = [
    ['renewed by ACM', {}, { mode: 'automatic', due: new Date(NOW + 123 * DAY) }],
    [
      'of a week that ACM renews',
      { notBefore: new Date(NOW - DAY), notAfter: new Date(NOW + 6 * DAY) },
      { mode: 'automatic' },
    ],
    ['imported', { type: 'IMPORTED', eligibility: 'INELIGIBLE' }, { mode: 'manual' }],
    ['that ACM would not renew', { eligibility: 'INELIGIBLE' }, { mode: 'manual' }],
    ['of an ACME client', { origin: 'ACME', eligibility: 'INELIGIBLE' }, { mode: 'unknown' }],
    ['of which nothing is said', { eligibility: undefined as never }, { mode: 'unknown' }],
    [
      'that waits for a DNS record',
      {
        renewalSummary: {
          RenewalStatus: 'PENDING_VALIDATION',
          DomainValidationOptions: [
            {
              DomainName: 'ok.example.com',
              ValidationStatus: 'SUCCESS',
              ResourceRecord: { Name: '_ok', Type: 'CNAME', Value: '_ok' },
            },
            { DomainName: 'api.example.com', ValidationStatus: 'PENDING_VALIDATION', ResourceRecord: cname },
          ],
        },
      },
      {
        mode: 'automatic',
        due: new Date(NOW + 123 * DAY),
        stuck:
          'ACM cannot renew it before its domains are validated: for api.example.com set the DNS record _a1.api.example.com. CNAME _b2.acm-validations.aws.',
      },
    ],
    [
      'that waits for a mail to be read',
      {
        renewalSummary: {
          RenewalStatus: 'PENDING_VALIDATION',
          DomainValidationOptions: [
            {
              DomainName: 'api.example.com',
              ValidationStatus: 'PENDING_VALIDATION',
              ValidationEmails: ['admin@example.com'],
            },
          ],
        },
      },
      {
        mode: 'automatic',
        due: new Date(NOW + 123 * DAY),
        stuck:
          'ACM cannot renew it before its domains are validated: for api.example.com follow the link in the mail sent to admin@example.com',
      },
    ],
    [
      'whose renewal failed',
      {
        type: 'PRIVATE',
        renewalSummary: {
          RenewalStatus: 'FAILED',
          RenewalStatusReason: 'PCA_ACCESS_DENIED',
          DomainValidationOptions: [],
        },
      },
      { mode: 'automatic', due: new Date(NOW + 123 * DAY), stuck: 'ACM failed to renew it (PCA_ACCESS_DENIED)' },
    ],
    [
      'whose renewal succeeded',
      { renewalSummary: { RenewalStatus: 'SUCCESS', DomainValidationOptions: [] } },
      { mode: 'automatic', due: new Date(NOW + 123 * DAY) },
    ],
    [
      'with a status that is newer than this SDK',
      { renewalSummary: { RenewalStatus: 'PONDERING', DomainValidationOptions: [] } },
      { mode: 'automatic', due: new Date(NOW + 123 * DAY) },
    ],
  ];

  it.each(renewals)('%s says so', async (_what, changes, renewal) => {
    keep(certificate(1, changes));

    const [observation] = await look();

    expect(observation?.items[0]?.renewal).toEqual(renewal);
  });
});

describe('a second look', () => {
  const soon = { notAfter: new Date(NOW + 40 * DAY) };

  it('costs nothing but the list while a certificate is far from its end', async () => {
    keep(certificate(1), certificate(2));
    const first = await look();
    aws.requests.splice(0);

    const second = await look(knownOf(first));

    expect(aws.operations()).toEqual(['ListCertificates']);
    expect(second).toEqual(
      first.map(({ location, version }) => ({ location, version, unchanged: true, items: [], problems: [] })),
    );
  });

  it('asks for the details near the end, and for no certificate when they are the same', async () => {
    keep(certificate(1, soon));
    const first = await look();
    aws.requests.splice(0);

    const second = await look(knownOf(first));

    expect(aws.operations()).toEqual(['ListCertificates', 'DescribeCertificate']);
    expect(second).toMatchObject([{ location: arn(1), unchanged: true }]);
  });

  it('notices a renewal that got stuck though the certificate is the same', async () => {
    keep(certificate(1, soon));
    const first = await look();
    keep(
      certificate(1, {
        ...soon,
        renewalSummary: { RenewalStatus: 'FAILED', RenewalStatusReason: 'CAA_ERROR', DomainValidationOptions: [] },
      }),
    );

    const [second] = await look(knownOf(first));

    expect(second?.unchanged).toBeUndefined();
    expect(second?.items[0]?.renewal?.stuck).toBe('ACM failed to renew it (CAA_ERROR)');
    expect(second?.version).not.toBe(first[0]?.version);
  });

  it.each([
    ['was renewed', { notAfter: new Date(NOW + 198 * DAY) }],
    ['was imported again with the same dates', { importedAt: new Date(NOW) }],
    ['expired', { status: 'EXPIRED' }],
    ['was put into use', { inUseBy: ['arn:aws:cloudfront::1:distribution/E1'] }],
  ])('takes a certificate that %s for a changed one', async (_what, changes) => {
    keep(certificate(1));
    const first = await look();
    keep(certificate(1, changes));
    aws.requests.splice(0);

    const [second] = await look(knownOf(first));

    expect(aws.operations()).toContain('GetCertificate');
    expect(second?.unchanged).toBeUndefined();
    expect(second?.items[0]).toMatchObject({ kind: 'certificate' });
  });
});

describe('a certificate that cannot be had in full', () => {
  const full = certificate(1, { serial: '0a:1b:2c', issuer: 'Amazon', names: ['api.example.com', 'www.example.com'] });

  it('is described when GetCertificate is denied, with the missing permission', async () => {
    keep(full);
    answerWith('GetCertificate', accessDenied('acm:GetCertificate'));

    const [observation] = await look();

    expect(observation).toEqual({
      location: arn(1),
      items: [
        {
          kind: 'described',
          place: { key: 'certificate' },
          role: 'server',
          issuer: 'Amazon',
          serial: '0A1B2C',
          names: ['api.example.com', 'www.example.com'],
          notBefore: full.notBefore,
          notAfter: full.notAfter,
          renewal: { mode: 'automatic', due: new Date(NOW + 123 * DAY) },
        },
      ],
      problems: [
        { reason: 'permission_denied', place: 'chain', detail: expect.stringContaining('Allow acm:GetCertificate to') },
      ],
    });
  });

  it('is described when ACM has not handed it out yet', async () => {
    keep(certificate(1, { pem: undefined as never }));

    const [observation] = await look();

    expect(observation).toMatchObject({
      items: [{ kind: 'described' }],
      problems: [{ reason: 'empty', place: 'chain' }],
    });
    expect(observation).not.toHaveProperty('version');
  });

  it('is described when what ACM holds is no certificate', async () => {
    keep(certificate(1, { pem: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' }));

    const [observation] = await look();

    expect(observation).toMatchObject({
      items: [{ kind: 'described', notAfter: full.notAfter }, { place: { key: 'chain' } }, { place: { key: 'chain' } }],
      problems: [{ reason: 'malformed', place: 'chain' }],
    });
  });

  it('is described with the role that the list tells', async () => {
    keep(certificate(1, { extendedKeyUsages: ['TLS_WEB_CLIENT_AUTHENTICATION'] }));
    answerWith('GetCertificate', accessDenied('acm:GetCertificate'));

    const [observation] = await look();

    expect(observation?.items).toMatchObject([{ kind: 'described', role: 'client' }]);
  });

  it('has an unknown end when ACM names none', async () => {
    keep(certificate(1, { pem: undefined as never, notAfter: undefined as never }));

    const [observation] = await look();

    expect(observation?.items).toMatchObject([{ kind: 'described', notAfter: 'unknown' }]);
  });

  it('still comes as its DER when DescribeCertificate is denied', async () => {
    keep(full);
    answerWith('DescribeCertificate', accessDenied('acm:DescribeCertificate'));

    const [observation] = await look();

    expect(observation?.items).toHaveLength(3);
    expect(observation?.items[0]).toMatchObject({ kind: 'certificate', der: leaf.der, renewal: { mode: 'automatic' } });
    expect(observation?.problems).toEqual([
      {
        reason: 'permission_denied',
        place: 'details',
        detail: expect.stringContaining('Allow acm:DescribeCertificate to'),
      },
    ]);
    expect(observation).not.toHaveProperty('version');
  });

  it('gives the part of its chain that can be read, and says that there is more', async () => {
    const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    keep(certificate(1, { chainPem: issuing.certificate.pem + broken }));

    const [observation] = await look();

    expect(observation?.items).toMatchObject([{ der: leaf.der }, { der: issuing.certificate.der }]);
    expect(observation?.problems).toMatchObject([{ reason: 'malformed', place: 'chain' }]);
    expect(observation).not.toHaveProperty('version');
  });

  it('is looked at in full again the next time', async () => {
    keep(full);
    answerWith('GetCertificate', accessDenied('acm:GetCertificate'));
    const first = await look();
    aws.intercept = undefined;

    const [second] = await look(knownOf(first));

    expect(second).toMatchObject({ items: [{ kind: 'certificate' }, {}, {}], problems: [] });
  });

  it.each(['DescribeCertificate', 'GetCertificate'])('is gone when it was deleted before %s', async (operation) => {
    keep(full, certificate(2));
    aws.intercept = (request) =>
      request.operation === operation && request.body.CertificateArn === arn(1)
        ? awsFault(400, 'ResourceNotFoundException', 'Could not find certificate.')
        : undefined;

    const observations = await look();

    expect(observations[0]).toEqual({ location: arn(1), gone: true, items: [], problems: [] });
    expect(observations[1]).toMatchObject({ location: arn(2), problems: [] });
  });

  it('does not keep others from being looked at when it alone is denied', async () => {
    keep(full, certificate(2));
    aws.intercept = (request) =>
      request.body.CertificateArn === arn(1) && request.operation === 'GetCertificate'
        ? accessDenied('acm:GetCertificate')
        : undefined;

    const observations = await look();

    expect(observations).toMatchObject([
      { items: [{ kind: 'described' }] },
      { items: [{ kind: 'certificate' }, {}, {}], problems: [] },
    ]);
    expect(observations).toHaveLength(2);
  });
});

describe('a first page that fails', () => {
  const failures: readonly (readonly [string, AwsReply, Reason, RegExp])[] = [
    ['denied', accessDenied('acm:ListCertificates'), 'permission_denied', /Allow acm:ListCertificates to/],
    [
      'with an expired token',
      awsFault(400, 'ExpiredTokenException', 'The security token included in the request is expired'),
      'authentication_failed',
      /expired/,
    ],
    [
      'with a bad key',
      awsFault(400, 'UnrecognizedClientException', 'The security token included in the request is invalid.'),
      'authentication_failed',
      /region is enabled/,
    ],
    [
      'throttled',
      awsFault(400, 'ThrottlingException', 'Rate exceeded', { 'retry-after': '7' }),
      'throttled',
      /Rate exceeded/,
    ],
    ['with an HTML page', html(500), 'service_error', /HTTP 500/],
    ['with an HTML page that claims success', html(200), 'service_error', /not one of AWS/],
    ['in the middle of its JSON', truncatedJson(), 'service_error', /JSON/],
    ['with a cut connection', reset(), 'reset', /acm:ListCertificates in eu-west-1/],
  ];

  it.each(failures)('%s throws, after one attempt', async (_what, reply, reason, text) => {
    keep(certificate(1));
    answerWith('ListCertificates', reply);

    const failure = look();

    await expect(failure).rejects.toBeInstanceOf(CollectError);
    await expect(failure).rejects.toMatchObject({ reason, message: expect.stringMatching(text) });
    expect(aws.requests).toHaveLength(1);
  });

  it('tells the host how long AWS wants to be left alone', async () => {
    answerWith('ListCertificates', awsFault(400, 'ThrottlingException', 'Rate exceeded', { 'retry-after': '7' }));

    await expect(look()).rejects.toMatchObject({ retryAfterMs: 7000 });
  });

  it('in one region says nothing of another', async () => {
    keep(certificate(1));
    aws.intercept = (request) => (request.region === 'us-east-1' ? accessDenied('acm:ListCertificates') : undefined);

    await expect(look(NOTHING_KNOWN, 'us-east-1')).rejects.toMatchObject({
      reason: 'permission_denied',
      message: expect.stringContaining('us-east-1'),
    });
    expect(await look()).toHaveLength(1);
  });

  it('because there are no credentials says what to do', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);

    await expect(look()).rejects.toMatchObject({
      reason: 'authentication_failed',
      message: expect.stringContaining('AWS_PROFILE'),
    });
    expect(aws.requests).toEqual([]);
  });

  it('because nobody listens is refused', async () => {
    const instance = await create({ endpoint: 'http://127.0.0.1:1' });

    const failure = collect(instance.observe({ key: REGION, data: {} }, NOTHING_KNOWN, new AbortController().signal));

    await expect(failure).rejects.toMatchObject({ name: 'CollectError', reason: 'refused' });
  });
});

describe('a second page that fails', () => {
  const failures: readonly (readonly [string, AwsReply, Reason])[] = [
    ['denied', accessDenied('acm:ListCertificates'), 'permission_denied'],
    ['throttled', awsFault(400, 'ThrottlingException', 'Rate exceeded'), 'throttled'],
    ['with an HTML page', html(502), 'partial'],
    ['in the middle of its JSON', truncatedJson(), 'partial'],
    ['with a cut connection', reset(), 'partial'],
  ];

  it.each(failures)('%s keeps the first, and keeps the rest from being withdrawn', async (_what, reply, reason) => {
    aws.pageSize = 2;
    keep(certificate(1), certificate(2), certificate(3));
    byPage(2, reply);

    const observations = await look();

    expect(observations.map((observation) => observation.location)).toEqual([arn(1), arn(2), 'acm:eu-west-1']);
    expect(observations[0]).toMatchObject({ items: [{ kind: 'certificate' }, {}, {}], problems: [] });
    expect(observations[2]).toEqual({
      location: 'acm:eu-west-1',
      items: [],
      problems: [
        {
          reason,
          place: 'ListCertificates',
          detail: expect.stringContaining('the list is incomplete: acm:ListCertificates in eu-west-1'),
        },
      ],
    });
  });

  it('names the missing permission', async () => {
    aws.pageSize = 1;
    keep(certificate(1), certificate(2));
    byPage(2, accessDenied('acm:ListCertificates'));

    const observations = await look();

    expect(observations.at(-1)?.problems[0]?.detail).toContain('Allow acm:ListCertificates to');
  });
});

describe('a failure in the middle of the details', () => {
  const stops: readonly (readonly [string, AwsReply, Reason])[] = [
    ['AWS throttles', awsFault(400, 'ThrottlingException', 'Rate exceeded'), 'throttled'],
    ['the token expires', awsFault(400, 'ExpiredTokenException', 'expired'), 'authentication_failed'],
    ['the connection is cut', reset(), 'reset'],
  ];

  it.each(stops)('once %s, no more details are asked for and the list still counts', async (_what, reply, reason) => {
    aws.pageSize = 2;
    keep(certificate(1), certificate(2), certificate(3));
    aws.intercept = (request) =>
      request.operation === 'DescribeCertificate' && request.body.CertificateArn === arn(2) ? reply : undefined;

    const observations = await look();

    expect(aws.operations()).toEqual([
      'ListCertificates',
      'DescribeCertificate',
      'GetCertificate',
      'ListTagsForCertificate',
      'DescribeCertificate',
      'ListCertificates',
    ]);
    expect(observations).toMatchObject([
      { location: arn(1), items: [{ kind: 'certificate' }, {}, {}], problems: [] },
      {
        location: arn(2),
        items: [{ kind: 'described', notAfter: new Date(NOW + 168 * DAY) }],
        problems: [{ reason, place: 'chain' }],
      },
      { location: arn(3), items: [{ kind: 'described' }], problems: [] },
      { location: 'acm:eu-west-1', items: [], problems: [{ reason, place: 'DescribeCertificate' }] },
    ]);
    expect(observations.some((observation) => observation.unchanged === true)).toBe(false);
  });

  it('leaves what is known of a certificate near its end as it is', async () => {
    keep(
      certificate(1, { notAfter: new Date(NOW + 20 * DAY) }),
      certificate(2, { notAfter: new Date(NOW + 20 * DAY) }),
    );
    const first = await look();
    answerWith('DescribeCertificate', awsFault(400, 'ThrottlingException', 'Rate exceeded'));
    aws.requests.splice(0);

    const second = await look(knownOf(first));

    expect(aws.operations()).toEqual(['ListCertificates', 'DescribeCertificate']);
    expect(second).toMatchObject([
      { location: arn(1), unchanged: true, problems: [] },
      { location: arn(2), unchanged: true, problems: [] },
      { location: 'acm:eu-west-1', problems: [{ reason: 'throttled', place: 'DescribeCertificate' }] },
    ]);
  });

  it('of GetCertificate stops likewise', async () => {
    keep(certificate(1), certificate(2));
    answerWith('GetCertificate', awsFault(400, 'ThrottlingException', 'Rate exceeded'));

    const observations = await look();

    expect(aws.operations()).toEqual(['ListCertificates', 'DescribeCertificate', 'GetCertificate']);
    expect(observations).toMatchObject([
      { items: [{ kind: 'described' }] },
      { items: [{ kind: 'described' }] },
      { location: 'acm:eu-west-1' },
    ]);
  });
});

describe('time', () => {
  it('ends a look at once when it is aborted in the middle of a slow answer, and lets go of the connection', async () => {
    const controller = new AbortController();
    const reason = new Error('notafter stops');
    const closed = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    aws.intercept = () => {
      begun.resolve();
      return slowBody(() => closed.resolve());
    };

    const looking = look(NOTHING_KNOWN, REGION, controller.signal);
    void begun.promise.then(() => controller.abort(reason));

    await expect(looking).rejects.toBe(reason);
    await closed.promise;
  });

  it('gives up on an answer that takes longer than 15 s', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const begun = Promise.withResolvers<void>();
    aws.intercept = () => {
      begun.resolve();
      return slowBody();
    };

    const looking = look();
    void begun.promise.then(() => vi.advanceTimersByTimeAsync(15_000));

    await expect(looking).rejects.toMatchObject({
      name: 'CollectError',
      reason: 'timeout',
      message: 'acm:ListCertificates in eu-west-1: no complete answer within 15 s',
    });
  });

  it('keeps to a rate that all sources of a region share', async () => {
    const limits: (readonly [string, Rate])[] = [];
    let running = 0;
    const context: Context = {
      ...deafContext(),
      clock: { now: () => NOW },
      limit: (key, rate) => {
        limits.push([key, rate]);
        return {
          async run(work) {
            running++;
            return work();
          },
        };
      },
    };
    keep(certificate(1));
    const instance = await create({}, context);

    await collect(instance.observe({ key: REGION, data: {} }, NOTHING_KNOWN, new AbortController().signal));

    expect(running).toBe(aws.requests.length);
    expect(new Set(limits.map(([key]) => key))).toEqual(
      new Set(['aws:acm:own:eu-west-1', 'aws:acm:ListCertificates:own:eu-west-1']),
    );
    expect(limits.map(([, { perSecond }]) => perSecond)).toEqual([1, 5, 5, 5]);
  });
});

describe('the way to AWS', () => {
  it('follows AWS_ENDPOINT_URL like every AWS tool', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL', aws.url);
    keep(certificate(1));
    const instance = await awsAcm.create(awsAcm.options.parse({ regions: [REGION] }), deafContext());
    instances.push(instance);

    expect(
      await collect(instance.observe({ key: REGION, data: {} }, NOTHING_KNOWN, new AbortController().signal)),
    ).toHaveLength(1);
  });

  it('uses the credentials of the profile', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'notafter-aws-'));
    try {
      const file = join(folder, 'credentials');
      writeFileSync(file, '[audit]\naws_access_key_id = AKIAAUDIT\naws_secret_access_key = secret\n');
      vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', file);
      vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
      vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
      const instance = await create({ profile: 'audit' });

      await collect(instance.observe({ key: REGION, data: {} }, NOTHING_KNOWN, new AbortController().signal));

      expect(aws.requests.map((request) => request.accessKeyId)).toEqual(['AKIAAUDIT']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
