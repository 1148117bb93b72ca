import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { awsIot } from '../../../collectors/aws-iot/index.ts';
import type { Collector, Known } from '../../../src/plugin/collector.ts';
import type { Context } from '../../../src/plugin/context.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { describeAwsList, lookAt } from '../../contract/aws-collector.ts';
import { deafContext } from '../../contract/collector.ts';
import { useAwsEnvironment } from '../../helpers/aws-environment.ts';
import { caArn, deviceArn, domainArn, serveIot, type FakeIot } from '../../helpers/aws/iot.ts';
import { accessDenied, startFakeAws, type FakeAws } from '../../helpers/fake-aws.ts';
import { createAuthority } from '../../helpers/pki.ts';

const collector = awsIot as unknown as Collector;
const REGION = 'eu-west-1';
const MQTT = { type: 'endpoint', id: 'a1-ats.iot.eu-west-1.amazonaws.com:8883' };
const ACM_ARN = `arn:aws:acm:${REGION}:111122223333:certificate/web`;

const root = createAuthority({ name: 'Root' });
const device = root.issue({ commonName: 'meter-1', names: [], extendedKeyUsage: [] });
const leaf = root.issue({ names: ['iot.example.com'] });

describe('failures', () => {
  const options = { regions: [REGION], devices: true };
  describeAwsList(collector, options, {
    target: `${REGION}/authorities`,
    action: 'iot:ListCACertificates',
    protocol: 'json',
    isList: ({ operation }) => operation === 'GET /cacertificates',
    isNextPage: ({ operation, query }) => operation === 'GET /cacertificates' && query.has('marker'),
    fill: (aws) => {
      serveIot(aws).authorities = ['1', '2', '3'].map((id) => ({ id, pem: root.certificate.pem }));
      return [caArn('1')];
    },
  });
  describeAwsList(collector, options, {
    target: `${REGION}/domains`,
    action: 'iot:ListDomainConfigurations',
    protocol: 'json',
    isList: ({ operation }) => operation === 'GET /domainConfigurations',
    isNextPage: ({ operation, query }) => operation === 'GET /domainConfigurations' && query.has('marker'),
    fill: (aws) => {
      aws.certificates.set(REGION, [{ arn: ACM_ARN, pem: leaf.pem }]);
      serveIot(aws).domains = ['a', 'b', 'c'].map((name) => ({ name, certificates: [{ arn: ACM_ARN }] }));
      return [domainArn('a')];
    },
  });
  describeAwsList(collector, options, {
    target: `${REGION}/devices`,
    action: 'iot:ListCertificates',
    protocol: 'json',
    isList: ({ operation }) => operation === 'GET /certificates',
    isNextPage: ({ operation, query }) => operation === 'GET /certificates' && query.has('marker'),
    fill: (aws) => {
      serveIot(aws).devices = ['1', '2', '3'].map((id) => ({ id, pem: device.pem }));
      return [deviceArn('1')];
    },
  });
});

describe('what it sees', () => {
  useAwsEnvironment();
  let aws: FakeAws;
  let iot: FakeIot;

  beforeEach(async () => {
    aws = await startFakeAws();
    iot = serveIot(aws);
  });

  afterEach(async () => {
    await aws[Symbol.asyncDispose]();
  });

  const look = (part: string, known?: Known, context?: Context): Promise<Observation[]> =>
    lookAt(collector, { regions: [REGION], endpoint: aws.url, devices: true }, `${REGION}/${part}`, context, known);

  it('is each registered CA, which decides about devices', async () => {
    iot.authorities = [
      { id: '1', pem: root.certificate.pem },
      { id: '2', pem: root.certificate.pem, status: 'INACTIVE' },
    ];

    const observations = await look('authorities');

    const item = {
      kind: 'certificate',
      der: root.certificate.der,
      place: { key: 'certificate', index: 0 },
      role: 'trust-anchor',
      renewal: { mode: 'manual' },
    };
    expect(observations).toEqual([
      { location: caArn('1'), problems: [], items: [{ ...item, usedBy: [MQTT] }] },
      { location: caArn('2'), problems: [], items: [item], labels: { enabled: 'false' } },
    ]);
    expect(aws.requests.filter(({ operation }) => operation === 'GET /endpoint')).toHaveLength(1);
    expect(aws.requests.find(({ operation }) => operation === 'GET /endpoint')?.query.get('endpointType')).toBe(
      'iot:Data-ATS',
    );
  });

  it('is a CA without its users where the endpoint may not be asked for', async () => {
    iot.authorities = [{ id: '1', pem: root.certificate.pem }];
    aws.intercept = ({ operation }) =>
      operation === 'GET /endpoint' ? accessDenied('iot:DescribeEndpoint') : undefined;

    expect(await look('authorities')).toMatchObject([
      { location: caArn('1'), items: [{ role: 'trust-anchor' }] },
      {
        location: `iot:${REGION}/authorities`,
        problems: [
          { reason: 'permission_denied', detail: expect.stringContaining('Allow iot:DescribeEndpoint') as unknown },
        ],
      },
    ]);
  });

  it('is what a domain shows, and nothing of those that AWS manages', async () => {
    aws.certificates.set(REGION, [{ arn: ACM_ARN, pem: leaf.pem }]);
    iot.domains = [
      { name: 'managed' },
      {
        name: 'own',
        domain: 'iot.example.com',
        certificates: [{ arn: ACM_ARN, status: 'INVALID', detail: 'the certificate has expired' }],
      },
    ];

    expect(await look('domains')).toEqual([
      {
        location: domainArn('own'),
        problems: [],
        items: [
          {
            kind: 'certificate',
            der: leaf.der,
            place: { key: 'web/certificate' },
            role: 'server',
            usedBy: [
              { type: 'endpoint', id: 'iot.example.com:8883' },
              { type: 'endpoint', id: 'iot.example.com:443' },
            ],
            remarks: ['IoT Core does not take it: the certificate has expired'],
          },
        ],
      },
    ]);
  });

  it('is no device unless that is asked for', async () => {
    const instance = await collector.create(collector.options.parse({ regions: [REGION] }), deafContext());
    const keys: string[] = [];
    for await (const { key } of instance.discover(new AbortController().signal)) keys.push(key);
    await instance.close?.();

    expect(keys).toEqual([`${REGION}/authorities`, `${REGION}/domains`]);
  });

  it('is each device once, and again when its state changes', async () => {
    iot.devices = [
      { id: '1', pem: device.pem },
      { id: '2', pem: device.pem, status: 'INACTIVE' },
      { id: '3', pem: device.pem, status: 'REVOKED' },
    ];
    const first = await look('devices');
    const known: Known = {
      version: (location) => first.find((one) => one.location === location)?.version,
      checkpoint: undefined,
    };
    aws.requests.splice(0);
    iot.devices[1] = { id: '2', pem: device.pem };

    const second = await look('devices', known);

    expect(first).toMatchObject([
      { location: deviceArn('1'), items: [{ role: 'client', usedBy: [MQTT], renewal: { mode: 'manual' } }] },
      { location: deviceArn('2'), labels: { enabled: 'false' } },
    ]);
    expect(first[1]?.items[0]).not.toHaveProperty('usedBy');
    expect(second).toMatchObject([{ unchanged: true }, { items: [{ usedBy: [MQTT] }] }]);
    expect(aws.operations()).toEqual(['GET /certificates', 'GET /endpoint', 'GET /certificates/2']);
  });

  it('knows a device whose certificate cannot be read by what IoT says of it', async () => {
    const notAfter = new Date(Date.UTC(2030, 0, 1));
    iot.devices = [{ id: '1', pem: 'garbage', notAfter }];

    expect(await look('devices')).toMatchObject([
      { items: [{ kind: 'described', role: 'client', notAfter }], problems: [{ place: 'chain' }] },
    ]);
  });

  it('ends a look in time, and goes on with the next one', async () => {
    iot.devices = ['1', '2', '3'].map((id) => ({ id, pem: device.pem }));
    let now = Date.UTC(2026, 10, 23);
    // Each device takes as long as a whole fleet.
    const context: Context = { ...deafContext(), clock: { now: () => now } };
    aws.intercept = ({ operation }) => {
      if (operation.startsWith('GET /certificates/')) now += 6 * 60_000;
      return undefined;
    };

    const observations = await look('devices', undefined, context);

    expect(observations).toMatchObject([
      { location: deviceArn('1') },
      { location: deviceArn('2') },
      {
        location: `iot:${REGION}/devices`,
        problems: [{ reason: 'partial', detail: expect.stringContaining('the rest follows') as unknown }],
      },
    ]);
  });
});
