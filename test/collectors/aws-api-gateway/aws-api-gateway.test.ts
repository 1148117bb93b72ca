import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { awsApiGateway } from '../../../collectors/aws-api-gateway/index.ts';
import type { Collector } from '../../../src/plugin/collector.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { describeAwsList, lookAt, permissionsOf } from '../../contract/aws-collector.ts';
import { useAwsEnvironment } from '../../helpers/aws-environment.ts';
import { serveApiGateway, type FakeApiGateway } from '../../helpers/aws/api-gateway.ts';
import { s3Fault, serveS3, type FakeBuckets } from '../../helpers/aws/s3.ts';
import { accessDenied, startFakeAws, type FakeAws } from '../../helpers/fake-aws.ts';
import { createAuthority } from '../../helpers/pki.ts';

const collector = awsApiGateway as unknown as Collector;
const REGION = 'eu-west-1';
const ACM_ARN = `arn:aws:acm:${REGION}:111122223333:certificate/1`;
const DOMAIN_ARN = `arn:aws:apigateway:${REGION}::/domainnames/api.example.com`;

const root = createAuthority({ name: 'Root' });
const partners = createAuthority({ name: 'Partner CA', parent: root });
const leaf = partners.issue({ names: ['api.example.com'] });
const own = partners.issue({ commonName: 'ApiGateway', names: [], extendedKeyUsage: ['clientAuth'] });

describe('failures', () => {
  describeAwsList(
    collector,
    { regions: [REGION] },
    {
      target: `${REGION}/domains`,
      action: 'apigateway:GET',
      protocol: 'json',
      isList: ({ operation }) => operation === 'GET /domainnames',
      isNextPage: ({ operation, query }) => operation === 'GET /domainnames' && query.has('position'),
      fill: (aws) => {
        serveApiGateway(aws).domains = ['one', 'two', 'three'].map((domainName) => ({ domainName }));
        return [`arn:aws:apigateway:${REGION}::/domainnames/one`];
      },
    },
  );
  describeAwsList(
    collector,
    { regions: [REGION] },
    {
      target: `${REGION}/domains`,
      action: 'apigateway:GET',
      protocol: 'json',
      isSecond: true,
      isList: ({ operation }) => operation === 'GET /v2/domainnames',
      isNextPage: ({ operation, query }) => operation === 'GET /v2/domainnames' && query.has('nextToken'),
      fill: (aws) => {
        serveApiGateway(aws).httpDomains = ['one', 'two', 'three'].map((domainName) => ({ domainName }));
        return [`arn:aws:apigateway:${REGION}::/domainnames/one`];
      },
    },
  );
  describeAwsList(
    collector,
    { regions: [REGION] },
    {
      target: `${REGION}/client-certificates`,
      action: 'apigateway:GET',
      protocol: 'json',
      isList: ({ operation }) => operation === 'GET /clientcertificates',
      isNextPage: ({ operation, query }) => operation === 'GET /clientcertificates' && query.has('position'),
      fill: (aws) => {
        serveApiGateway(aws).clientCertificates = ['one', 'two', 'three'].map((id) => ({ id, pem: own.pem }));
        return [`arn:aws:apigateway:${REGION}::/clientcertificates/one`];
      },
    },
  );
});

describe('what it sees', () => {
  useAwsEnvironment();
  let aws: FakeAws;
  let gateway: FakeApiGateway;
  let buckets: FakeBuckets;

  beforeEach(async () => {
    aws = await startFakeAws();
    gateway = serveApiGateway(aws);
    buckets = serveS3(aws);
    aws.certificates.set(REGION, [{ arn: ACM_ARN, pem: leaf.pem, chainPem: partners.certificate.pem }]);
    buckets.set('trust/mtls.pem', [{ id: 'v1', body: partners.certificate.pem + root.certificate.pem }]);
  });

  afterEach(async () => {
    await aws[Symbol.asyncDispose]();
  });

  const look = (part: string, options: object = {}): Promise<Observation[]> =>
    lookAt(collector, { regions: [REGION], endpoint: aws.url, ...options }, `${REGION}/${part}`);

  function domain(changes: object = {}, mutual: object = {}): Record<string, unknown> {
    return {
      domainName: 'api.example.com',
      regionalCertificateArn: ACM_ARN,
      mutualTlsAuthentication: { truststoreUri: 's3://trust/mtls.pem', truststoreVersion: 'v1', ...mutual },
      tags: { Owner: 'payments' },
      ...changes,
    };
  }

  it('gives a domain its certificate and the CAs that decide about its clients, in the version that is in force', async () => {
    gateway.domains = [domain()];

    const observations = await look('domains');

    const usedBy = [{ type: 'endpoint', id: 'api.example.com:443' }];
    const trusted = { role: 'trust-anchor', usedBy, renewal: { mode: 'manual' } };
    expect(observations).toEqual([
      {
        location: DOMAIN_ARN,
        labels: { owner: 'payments' },
        problems: [],
        items: [
          { kind: 'certificate', der: leaf.der, place: { key: 'certificate' }, role: 'server', usedBy },
          {
            kind: 'certificate',
            der: partners.certificate.der,
            place: { key: 'chain', index: 0 },
            role: 'intermediate',
          },
          { kind: 'certificate', der: partners.certificate.der, place: { key: 'truststore', index: 0 }, ...trusted },
          { kind: 'certificate', der: root.certificate.der, place: { key: 'truststore', index: 1 }, ...trusted },
        ],
      },
    ]);
    expect(aws.requests.map(({ service, operation }) => `${service} ${operation}`)).toEqual([
      'apigateway GET /domainnames',
      'acm GetCertificate',
      's3 GET /trust/mtls.pem',
      'apigateway GET /v2/domainnames',
    ]);
    expect(aws.requests[0]?.query.get('limit')).toBe('500');
    expect(aws.requests[3]?.query.get('maxResults')).toBe('100');
  });

  it('sees a domain that both versions of the API list once, and one of the second alone, too', async () => {
    gateway.domains = [domain()];
    const second = (name: string): object => ({
      domainName: name,
      domainNameConfigurations: [{ certificateArn: ACM_ARN, domainNameStatus: 'AVAILABLE' }],
      mutualTlsAuthentication: { truststoreUri: 's3://trust/mtls.pem', truststoreVersion: 'v1' },
    });
    gateway.httpDomains = [second('api.example.com'), second('ws.example.com')] as Record<string, unknown>[];

    const observations = await look('domains');

    expect(observations.map(({ location }) => location)).toEqual([
      DOMAIN_ARN,
      `arn:aws:apigateway:${REGION}::/domainnames/ws.example.com`,
    ]);
    expect(observations[1]?.items.map(({ place }) => place.key)).toEqual([
      'certificate',
      'chain',
      'truststore',
      'truststore',
    ]);
    // The certificate is fetched once for both.
    expect(aws.operations().filter((operation) => operation === 'GetCertificate')).toHaveLength(1);
  });

  it('reads the version that the domain is pinned to, and says that a newer one is not in force', async () => {
    const modified = new Date(Date.UTC(2026, 10, 1));
    buckets.get('trust/mtls.pem')?.push({ id: 'v2', body: root.certificate.pem, modified });
    gateway.domains = [domain()];

    const [observation] = await look('domains');

    const trusted = observation?.items.filter(({ place }) => place.key === 'truststore') ?? [];
    expect(trusted).toMatchObject([{ der: partners.certificate.der }, { der: root.certificate.der }]);
    expect(trusted.map(({ remarks }) => remarks)).toEqual([
      [
        's3://trust/mtls.pem has the newer version v2 since 2026-11-01T00:00:00.000Z, which api.example.com does not use: update the domain to it, or nothing of it is in force',
      ],
      undefined,
    ]);
  });

  it('says that the object was deleted while its old version is in force', async () => {
    buckets.set('trust/mtls.pem', [{ id: 'v1', body: root.certificate.pem }]);
    gateway.domains = [domain()];
    aws.intercept = ({ service, query }) =>
      service === 's3' && !query.has('versionId') ? s3Fault(404, 'NoSuchKey', 'gone') : undefined;

    const [observation] = await look('domains');

    expect(observation?.items.at(-1)?.remarks).toEqual([
      's3://trust/mtls.pem was deleted; api.example.com goes on with its version v1',
    ]);
  });

  it('passes on what API Gateway warned of, and what it waits for', async () => {
    gateway.domains = [
      domain(
        { domainNameStatus: 'PENDING_CERTIFICATE_REIMPORT', domainNameStatusMessage: 'reimport it' },
        { truststoreWarnings: ['certificate 2 has expired'] },
      ),
    ];

    const [observation] = await look('domains');

    expect(observation?.items.flatMap(({ remarks = [] }) => remarks)).toEqual([
      'API Gateway waits for the certificate to be imported again (reimport it): import it under the same ARN',
      'API Gateway warned at the last update: certificate 2 has expired',
    ]);
  });

  it.each([
    ['a status that is newer than this SDK', { domainNameStatus: 'PONDERING' }],
    ['a domain that is being updated', { domainNameStatus: 'UPDATING' }],
  ])('has no trouble with %s', async (_what, changes) => {
    gateway.domains = [domain(changes)];

    const [observation] = await look('domains');

    expect(observation?.items).toHaveLength(4);
    expect(observation?.items.flatMap(({ remarks = [] }) => remarks)).toEqual([]);
  });

  it('names the exact action where a truststore or a certificate may not be read, and sees the rest', async () => {
    gateway.domains = [domain(), domain({ domainName: 'other.example.com', mutualTlsAuthentication: undefined })];
    aws.intercept = ({ service, operation }) => {
      if (service === 's3') return s3Fault(403, 'AccessDenied', 'Access Denied');
      return operation === 'GetCertificate' ? accessDenied('acm:GetCertificate') : undefined;
    };

    const [observation, other] = await look('domains');

    expect(observation?.items).toEqual([]);
    expect(observation?.problems).toMatchObject([
      { reason: 'permission_denied', place: 'certificate' },
      { reason: 'permission_denied', place: 'truststore' },
    ]);
    expect(observation?.problems[0]?.detail).toContain('Allow acm:GetCertificate to');
    expect(observation?.problems[1]?.detail).toContain('Allow s3:GetObjectVersion to');
    expect(other?.problems).toMatchObject([{ place: 'certificate' }]);
  });

  it('says what cannot be read in a truststore', async () => {
    buckets.set('trust/mtls.pem', [
      { id: 'v1', body: `${root.certificate.pem}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n` },
    ]);
    gateway.domains = [domain()];

    const [observation] = await look('domains');

    expect(observation?.items.filter(({ role }) => role === 'trust-anchor')).toHaveLength(1);
    expect(observation?.problems).toMatchObject([{ reason: 'malformed', place: 'truststore' }]);
  });

  it.each([
    ['is empty', '', 'empty'],
    ['is far too large', Buffer.alloc(5 * 1024 * 1024, 'a'), 'too_large'],
  ])('says that a truststore %s', async (_what, body, reason) => {
    buckets.set('trust/mtls.pem', [{ id: 'v1', body }]);
    gateway.domains = [domain()];

    const [observation] = await look('domains');

    expect(observation?.problems).toMatchObject([{ reason, place: 'truststore' }]);
  });

  it('gives a client certificate the stages that log in with it', async () => {
    gateway.clientCertificates = [
      { id: 'a1', pem: own.pem, tags: { owner: 'payments' } },
      { id: 'b2', pem: own.pem },
    ];
    gateway.restApis = [
      { id: 'api1', stages: [{ stageName: 'prod', clientCertificateId: 'a1' }, { stageName: 'test' }] },
      { id: 'api2', stages: [{ stageName: 'live', clientCertificateId: 'a1' }] },
    ];

    const observations = await look('client-certificates');

    expect(observations).toEqual([
      {
        location: `arn:aws:apigateway:${REGION}::/clientcertificates/a1`,
        labels: { owner: 'payments' },
        problems: [],
        items: [
          {
            kind: 'certificate',
            der: own.der,
            place: { key: 'certificate' },
            role: 'client',
            renewal: { mode: 'manual' },
            usedBy: [
              { type: 'aws', id: `arn:aws:apigateway:${REGION}::/restapis/api1/stages/prod` },
              { type: 'aws', id: `arn:aws:apigateway:${REGION}::/restapis/api2/stages/live` },
            ],
          },
        ],
      },
      expect.objectContaining({ location: `arn:aws:apigateway:${REGION}::/clientcertificates/b2` }),
    ]);
  });

  it('knows a client certificate that cannot be read by what API Gateway says of it', async () => {
    const expires = new Date(Date.UTC(2027, 0, 1));
    gateway.clientCertificates = [{ id: 'a1', pem: 'garbage', expires }];

    const [observation] = await look('client-certificates');

    expect(observation?.items).toMatchObject([{ kind: 'described', role: 'client', notAfter: expires }]);
    expect(observation?.problems).toMatchObject([{ place: 'chain' }]);
  });

  it('asks for no stages where there is no client certificate', async () => {
    await look('client-certificates');

    expect(aws.operations()).toEqual(['GET /clientcertificates']);
  });

  it('sees client certificates without their users where the REST APIs may not be listed', async () => {
    gateway.clientCertificates = [{ id: 'a1', pem: own.pem }];
    aws.intercept = ({ operation }) => (operation === 'GET /restapis' ? accessDenied('apigateway:GET') : undefined);

    const observations = await look('client-certificates');

    expect(observations).toMatchObject([
      { items: [{ kind: 'certificate' }] },
      {
        location: `apigateway:${REGION}/client-certificates`,
        problems: [{ reason: 'permission_denied', place: 'GetRestApis' }],
      },
    ]);
  });

  it('finds out what is allowed', async () => {
    gateway.domains = [domain()];
    aws.intercept = ({ service }) => (service === 's3' ? s3Fault(403, 'AccessDenied', 'Access Denied') : undefined);
    const options = { regions: [REGION], endpoint: aws.url };

    expect(await permissionsOf(collector, options, `${REGION}/domains`)).toEqual({
      'apigateway:GET': 'allowed',
      's3:GetObject': 'denied',
      's3:GetObjectVersion': 'denied',
      'acm:GetCertificate': 'allowed',
      'iam:GetServerCertificate': 'untried',
    });
  });
});
