import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { awsRds } from '../../../collectors/aws-rds/index.ts';
import type { Collector } from '../../../src/plugin/collector.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { describeAwsList, lookAt } from '../../contract/aws-collector.ts';
import { useAwsEnvironment } from '../../helpers/aws-environment.ts';
import { clusterArn, instanceArn, serveRds, type FakeRds } from '../../helpers/aws/rds.ts';
import { awsXmlFault, startFakeAws, type FakeAws } from '../../helpers/fake-aws.ts';

const collector = awsRds as unknown as Collector;
const REGION = 'eu-west-1';
const until = new Date(Date.UTC(2027, 1, 1));
const authority = {
  name: 'rds-ca-rsa2048-g1',
  sha1: '2F:5A:4D:11',
  from: new Date(Date.UTC(2021, 4, 21)),
  until: new Date(Date.UTC(2061, 4, 21)),
};

describe('failures', () => {
  describeAwsList(
    collector,
    { regions: [REGION] },
    {
      target: `${REGION}/instances`,
      action: 'rds:DescribeDBInstances',
      protocol: 'xml',
      isList: ({ operation }) => operation === 'DescribeDBInstances',
      isNextPage: ({ operation, form }) => operation === 'DescribeDBInstances' && form.has('Marker'),
      fill: (aws) => {
        serveRds(aws).instances = ['a', 'b', 'c'].map((id) => ({ id, until }));
        return [instanceArn('a')];
      },
    },
  );
  describeAwsList(
    collector,
    { regions: [REGION] },
    {
      target: `${REGION}/clusters`,
      action: 'rds:DescribeDBClusters',
      protocol: 'xml',
      isList: ({ operation }) => operation === 'DescribeDBClusters',
      isNextPage: ({ operation, form }) => operation === 'DescribeDBClusters' && form.has('Marker'),
      fill: (aws) => {
        serveRds(aws).clusters = ['a', 'b', 'c'].map((id) => ({ id, until }));
        return [clusterArn('a')];
      },
    },
  );
});

describe('what it sees', () => {
  useAwsEnvironment();
  let aws: FakeAws;
  let rds: FakeRds;

  beforeEach(async () => {
    aws = await startFakeAws();
    rds = serveRds(aws);
    rds.authorities = [authority];
  });

  afterEach(async () => {
    await aws[Symbol.asyncDispose]();
  });

  const look = (part: string): Promise<Observation[]> =>
    lookAt(collector, { regions: [REGION], endpoint: aws.url }, `${REGION}/${part}`);

  it('is the certificate of each database, and the CA above it, which is one for all', async () => {
    rds.instances = [
      { id: 'orders', authority: authority.name, until, host: 'orders.example', tags: { Owner: 'shop' } },
      { id: 'users', authority: authority.name, until, host: 'users.example' },
    ];

    const observations = await look('instances');

    const usedBy = [{ type: 'endpoint', id: 'orders.example:5432' }];
    expect(observations[0]).toEqual({
      location: instanceArn('orders'),
      labels: { owner: 'shop' },
      problems: [],
      items: [
        {
          kind: 'described',
          place: { key: 'certificate' },
          role: 'server',
          names: ['orders.example'],
          notAfter: until,
          renewal: { mode: 'automatic' },
          usedBy,
        },
        {
          kind: 'described',
          place: { key: 'authority' },
          role: 'issuer',
          names: ['rds-ca-rsa2048-g1'],
          sha1: '2f5a4d11',
          notBefore: authority.from,
          notAfter: authority.until,
          renewal: { mode: 'manual' },
          usedBy,
        },
      ],
    });
    expect(observations[1]?.items[1]).toMatchObject({ sha1: '2f5a4d11' });
    expect(aws.operations()).toEqual(['DescribeDBInstances', 'DescribeCertificates']);
  });

  it('is a cluster that has a certificate of its own, and none whose instances have them', async () => {
    rds.clusters = [
      { id: 'multi-az', authority: authority.name, until, host: 'multi.example' },
      { id: 'aurora', host: 'aurora.example' },
    ];

    const observations = await look('clusters');

    expect(observations.map(({ location }) => location)).toEqual([clusterArn('multi-az')]);
    expect(observations[0]?.items[0]).toMatchObject({ usedBy: [{ type: 'endpoint', id: 'multi.example:3306' }] });
  });

  it('is a database that has none yet', async () => {
    rds.instances = [{ id: 'new' }];

    expect(await look('instances')).toEqual([{ location: instanceArn('new'), items: [], problems: [] }]);
    expect(aws.operations()).toEqual(['DescribeDBInstances']);
  });

  it('is a database without its CA where these may not be listed', async () => {
    rds.instances = [{ id: 'orders', authority: authority.name, until, host: 'orders.example' }];
    aws.intercept = ({ operation }) =>
      operation === 'DescribeCertificates'
        ? awsXmlFault(403, 'AccessDenied', 'User: x is not authorized to perform: rds:DescribeCertificates')
        : undefined;

    expect(await look('instances')).toMatchObject([
      { location: instanceArn('orders'), items: [{ role: 'server' }] },
      {
        location: `rds:${REGION}/instances`,
        problems: [
          { reason: 'permission_denied', detail: expect.stringContaining('Allow rds:DescribeCertificates') as unknown },
        ],
      },
    ]);
  });
});
