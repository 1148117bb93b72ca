import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { awsCloudfront } from '../../../collectors/aws-cloudfront/index.ts';
import type { Collector } from '../../../src/plugin/collector.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { describeAwsList, lookAt } from '../../contract/aws-collector.ts';
import { useAwsEnvironment } from '../../helpers/aws-environment.ts';
import { distributionArn, serveCloudFront, trustStoreArn, type FakeCloudFront } from '../../helpers/aws/cloudfront.ts';
import { serveIam } from '../../helpers/aws/iam.ts';
import { serveS3, type FakeBuckets } from '../../helpers/aws/s3.ts';
import { awsXmlFault, startFakeAws, type FakeAws } from '../../helpers/fake-aws.ts';
import { createAuthority } from '../../helpers/pki.ts';

const collector = awsCloudfront as unknown as Collector;
const REGION = 'us-east-1';
const acmArn = (id: string): string => `arn:aws:acm:us-east-1:111122223333:certificate/${id}`;

const root = createAuthority({ name: 'Root' });
const partners = createAuthority({ name: 'Partner CA', parent: root });
const leaf = partners.issue({ names: ['www.example.com'] });
const login = partners.issue({ commonName: 'cloudfront', names: [], extendedKeyUsage: ['clientAuth'] });
const bundle = partners.certificate.pem + root.certificate.pem;

describe('failures', () => {
  describeAwsList(
    collector,
    {},
    {
      target: REGION,
      action: 'cloudfront:ListDistributions',
      protocol: 'xml',
      isList: ({ operation }) => operation === 'GET /2020-05-31/distribution',
      isNextPage: ({ operation, query }) => operation === 'GET /2020-05-31/distribution' && query.has('Marker'),
      fill: (aws) => {
        aws.certificates.set(REGION, [{ arn: acmArn('a'), pem: leaf.pem }]);
        serveCloudFront(aws).distributions = ['E1', 'E2', 'E3'].map((id) => ({
          id,
          viewer: { ACMCertificateArn: acmArn('a') },
        }));
        return [distributionArn('E1')];
      },
    },
  );
  describeAwsList(
    collector,
    { trust_stores: { t: 's3://trust/ca.pem' } },
    {
      target: REGION,
      action: 'cloudfront:ListTrustStores',
      protocol: 'xml',
      isSecond: true,
      isList: ({ operation }) => operation === 'POST /2020-05-31/trust-stores',
      isNextPage: ({ operation, text }) => operation === 'POST /2020-05-31/trust-stores' && text.includes('<Marker>'),
      fill: (aws) => {
        serveS3(aws).set('trust/ca.pem', [{ id: 'v1', body: root.certificate.pem }]);
        serveCloudFront(aws).trustStores = ['T1', 'T2', 'T3'].map((id) => ({ id, name: 't', count: 1 }));
        return [trustStoreArn('T1')];
      },
    },
  );
});

describe('what it sees', () => {
  useAwsEnvironment();
  let aws: FakeAws;
  let cloudfront: FakeCloudFront;
  let buckets: FakeBuckets;

  beforeEach(async () => {
    aws = await startFakeAws();
    cloudfront = serveCloudFront(aws);
    buckets = serveS3(aws);
    buckets.set('trust/partners.pem', [{ id: 'v1', body: bundle }]);
    aws.certificates.set(REGION, [
      { arn: acmArn('web'), pem: leaf.pem, chainPem: partners.certificate.pem },
      { arn: acmArn('login'), pem: login.pem },
    ]);
  });

  afterEach(async () => {
    await aws[Symbol.asyncDispose]();
  });

  const look = (options: object = {}): Promise<Observation[]> =>
    lookAt(collector, { endpoint: aws.url, ...options }, REGION);

  it('is what a distribution shows to viewers, and what it logs in with at an origin', async () => {
    cloudfront.distributions = [
      {
        id: 'E1',
        aliases: ['www.example.com', '*.example.com'],
        viewer: { ACMCertificateArn: acmArn('web') },
        origins: [
          { id: 'api', host: 'origin.example.com', clientCertificate: acmArn('login') },
          { id: 'static', host: 'bucket.example.com' },
        ],
      },
    ];

    const observations = await look();

    const usedBy = [
      { type: 'endpoint', id: 'www.example.com:443' },
      { type: 'endpoint', id: 'e1.cloudfront.net:443' },
    ];
    expect(observations).toEqual([
      {
        location: distributionArn('E1'),
        problems: [],
        items: [
          { kind: 'certificate', der: leaf.der, place: { key: 'certificate' }, role: 'server', usedBy },
          {
            kind: 'certificate',
            der: partners.certificate.der,
            place: { key: 'chain', index: 0 },
            role: 'intermediate',
          },
          {
            kind: 'certificate',
            der: login.der,
            place: { key: 'origin/api/certificate' },
            role: 'client',
            usedBy: [{ type: 'endpoint', id: 'origin.example.com:8443' }],
            renewal: { mode: 'manual' },
          },
        ],
      },
    ]);
    expect(new Set(aws.requests.map(({ region }) => region))).toEqual(new Set([REGION]));
  });

  it('is nothing of a distribution that shows the certificate of CloudFront itself', async () => {
    cloudfront.distributions = [{ id: 'E1' }];

    expect(await look()).toEqual([]);
  });

  it('is a certificate of IAM by its id', async () => {
    serveIam(aws).serverCertificates = [
      { name: 'other', id: 'ASCA1', body: login.pem },
      { name: 'old', id: 'ASCA2', body: leaf.pem },
    ];
    cloudfront.distributions = ['E1', 'E2'].map((id) => ({ id, viewer: { IAMCertificateId: 'ASCA2' } }));

    const observations = await look();

    expect(observations.map(({ items }) => items[0])).toMatchObject([{ der: leaf.der }, { der: leaf.der }]);
    expect(aws.operations().filter((operation) => operation === 'ListServerCertificates')).toHaveLength(1);
    expect(aws.operations().filter((operation) => operation === 'GetServerCertificate')).toHaveLength(1);
  });

  it.each([
    [
      'may not be listed',
      awsXmlFault(403, 'AccessDenied', 'no'),
      'permission_denied',
      'Allow iam:ListServerCertificates',
    ],
    ['is there no more', undefined, 'not_found', 'ASCA2'],
  ])('says so when a certificate of IAM %s', async (_what, reply, reason, text) => {
    serveIam(aws);
    aws.intercept = ({ operation }) => (operation === 'ListServerCertificates' ? reply : undefined);
    cloudfront.distributions = [{ id: 'E1', viewer: { IAMCertificateId: 'ASCA2' } }];

    const [observation] = await look();

    expect(observation?.problems).toMatchObject([{ reason, place: 'certificate' }]);
    expect(observation?.problems[0]?.detail).toContain(text);
  });

  it('is the bundle of a trust store, with the distributions that judge viewers by it', async () => {
    cloudfront.trustStores = [{ id: 'T1', name: 'partners', count: 2 }];
    cloudfront.distributions = [
      { id: 'E1', aliases: ['api.example.com'], mtls: { Mode: 'required', TrustStoreConfig: { TrustStoreId: 'T1' } } },
      { id: 'E2', mtls: { Mode: 'optional', TrustStoreConfig: { TrustStoreId: 'T1' } } },
      { id: 'E3', mtls: { Mode: 'passthrough', TrustStoreConfig: { TrustStoreId: 'T1' } } },
    ];

    const observations = await look({ trust_stores: { partners: 's3://trust/partners.pem' } });

    expect(observations).toMatchObject([
      {
        location: trustStoreArn('T1'),
        problems: [],
        items: [
          {
            der: partners.certificate.der,
            place: { key: 'bundle', index: 0 },
            role: 'trust-anchor',
            renewal: { mode: 'manual' },
            usedBy: [
              { type: 'aws', id: distributionArn('E1') },
              { type: 'endpoint', id: 'api.example.com:443' },
              { type: 'endpoint', id: 'e1.cloudfront.net:443' },
              { type: 'aws', id: distributionArn('E2') },
              { type: 'endpoint', id: 'e2.cloudfront.net:443' },
            ],
          },
          { der: root.certificate.der },
        ],
      },
    ]);
    expect(observations[0]?.items.flatMap(({ remarks = [] }) => remarks)).toEqual([]);
  });

  it('says what it cannot see of a trust store whose object the config does not name', async () => {
    cloudfront.trustStores = [{ id: 'T1', name: 'partners', count: 7, modified: new Date(Date.UTC(2026, 4, 1)) }];

    const [observation] = await look();

    expect(observation).toMatchObject({
      location: trustStoreArn('T1'),
      items: [],
      problems: [{ reason: 'unsupported', place: 'bundle' }],
    });
    expect(observation?.problems[0]?.detail).toBe(
      'the trust store partners holds 7 CA certificates, last changed 2026-05-01T00:00:00.000Z, and CloudFront does not give them back: name the object in S3 that it was made from under trust_stores: {partners: s3://bucket/key}',
    );
  });

  it('says when the named object is not what the trust store was made from', async () => {
    buckets.set('trust/partners.pem', [{ id: 'v1', body: bundle, modified: new Date(Date.UTC(2026, 9, 1)) }]);
    cloudfront.trustStores = [{ id: 'T1', name: 'partners', count: 3 }];

    const [observation] = await look({ trust_stores: { T1: 's3://trust/partners.pem' } });

    expect(observation?.items[0]?.remarks).toEqual([
      'CloudFront holds 3 CA certificates, and s3://trust/partners.pem has 2: it is not what the trust store was made from',
      's3://trust/partners.pem was changed after the trust store was: update the trust store from it, or nothing of it is in force',
    ]);
  });

  it('says that the object of a trust store is not there', async () => {
    cloudfront.trustStores = [{ id: 'T1', name: 'partners', count: 3 }];

    const [observation] = await look({ trust_stores: { partners: 's3://trust/missing.pem' } });

    expect(observation?.problems).toMatchObject([{ reason: 'not_found', place: 'bundle' }]);
  });
});
