import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { awsPrivateCa } from '../../../collectors/aws-private-ca/index.ts';
import type { Collector } from '../../../src/plugin/collector.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { describeAwsList, lookAt, permissionsOf } from '../../contract/aws-collector.ts';
import { useAwsEnvironment } from '../../helpers/aws-environment.ts';
import { authorityArn, servePrivateCa, type FakePrivateCa } from '../../helpers/aws/private-ca.ts';
import { accessDenied, startFakeAws, type FakeAws } from '../../helpers/fake-aws.ts';
import { createAuthority } from '../../helpers/pki.ts';

const collector = awsPrivateCa as unknown as Collector;
const REGION = 'eu-west-1';
const root = createAuthority({ name: 'Root' });
const issuing = createAuthority({ name: 'Issuing', parent: root });
const pems = { pem: issuing.certificate.pem, chainPem: root.certificate.pem };

describe('failures', () => {
  describeAwsList(
    collector,
    { regions: [REGION], tags: [] },
    {
      target: REGION,
      action: 'acm-pca:ListCertificateAuthorities',
      protocol: 'json',
      isList: ({ body }) => body['ResourceOwner'] === 'SELF',
      isNextPage: ({ body }) => body['ResourceOwner'] === 'SELF' && body.NextToken !== undefined,
      fill: (aws) => {
        servePrivateCa(aws).authorities = ['one', 'two', 'three'].map((id) => ({ id, ...pems }));
        return [authorityArn('one')];
      },
    },
  );
  describeAwsList(
    collector,
    { regions: [REGION], tags: [] },
    {
      target: REGION,
      action: 'acm-pca:ListCertificateAuthorities',
      protocol: 'json',
      isSecond: true,
      isList: ({ body }) => body['ResourceOwner'] === 'OTHER_ACCOUNTS',
      isNextPage: ({ body }) => body['ResourceOwner'] === 'OTHER_ACCOUNTS' && body.NextToken !== undefined,
      fill: (aws) => {
        servePrivateCa(aws).authorities = ['one', 'two', 'three'].map((id) => ({ id, isShared: true, ...pems }));
        return [authorityArn('one')];
      },
    },
  );
});

describe('what it sees', () => {
  useAwsEnvironment();
  let aws: FakeAws;
  let pca: FakePrivateCa;

  beforeEach(async () => {
    aws = await startFakeAws();
    pca = servePrivateCa(aws);
  });

  afterEach(async () => {
    await aws[Symbol.asyncDispose]();
  });

  const look = (): Promise<Observation[]> => lookAt(collector, { regions: [REGION], endpoint: aws.url }, REGION);

  it('is the certificate of each CA, which issues, and what is above it', async () => {
    pca.authorities = [
      { id: 'own', ...pems, tags: { Owner: 'pki' } },
      { id: 'shared', isShared: true, ...pems },
    ];

    const observations = await look();

    const items = [
      {
        kind: 'certificate',
        der: issuing.certificate.der,
        place: { key: 'certificate' },
        role: 'issuer',
        renewal: { mode: 'manual' },
      },
      { kind: 'certificate', der: root.certificate.der, place: { key: 'chain', index: 0 }, role: 'trust-anchor' },
    ];
    expect(observations).toEqual([
      { location: authorityArn('own'), problems: [], labels: { owner: 'pki' }, items },
      { location: authorityArn('shared'), problems: [], items },
    ]);
    const lists = aws.requests.filter(({ operation }) => operation === 'ListCertificateAuthorities');
    expect(lists.map(({ body }) => [body['ResourceOwner'], body['MaxResults']])).toEqual([
      ['SELF', 1000],
      ['OTHER_ACCOUNTS', 1000],
    ]);
  });

  it.each(['CREATING', 'PENDING_CERTIFICATE', 'FAILED', 'DELETED'])('is no CA in the state %s', async (status) => {
    pca.authorities = [{ id: 'one', status, ...pems }];

    expect(await look()).toEqual([]);
  });

  it.each([
    ['EXPIRED', undefined],
    ['DISABLED', { enabled: 'false' }],
    ['PONDERING', undefined],
  ])('is a CA in the state %s', async (status, labels) => {
    pca.authorities = [{ id: 'one', status, ...pems }];

    const [observation] = await look();

    expect(observation?.items).toHaveLength(2);
    expect(observation?.labels).toEqual(labels);
  });

  it('is described by the list when its certificate may not be read', async () => {
    const notAfter = new Date(Date.UTC(2027, 5, 1));
    pca.authorities = [{ id: 'one', notAfter, serial: '0a:1b', ...pems }];
    aws.intercept = ({ operation }) =>
      operation === 'GetCertificateAuthorityCertificate'
        ? accessDenied('acm-pca:GetCertificateAuthorityCertificate')
        : undefined;

    const [observation] = await look();

    expect(observation?.items).toEqual([
      {
        kind: 'described',
        place: { key: 'certificate' },
        serial: '0A1B',
        notAfter,
        role: 'issuer',
        renewal: { mode: 'manual' },
      },
    ]);
    expect(observation?.problems[0]?.detail).toContain('Allow acm-pca:GetCertificateAuthorityCertificate');
  });

  it('finds out what is allowed', async () => {
    pca.authorities = [{ id: 'one', ...pems }];
    aws.intercept = ({ operation }) => (operation === 'ListTags' ? accessDenied('acm-pca:ListTags') : undefined);

    expect(await permissionsOf(collector, { regions: [REGION], endpoint: aws.url }, REGION)).toEqual({
      'acm-pca:ListCertificateAuthorities': 'allowed',
      'acm-pca:GetCertificateAuthorityCertificate': 'allowed',
      'acm-pca:ListTags': 'denied',
    });
  });
});
