import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { awsIam } from '../../../collectors/aws-iam/index.ts';
import type { Collector, Known } from '../../../src/plugin/collector.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { describeAwsList, lookAt } from '../../contract/aws-collector.ts';
import { useAwsEnvironment } from '../../helpers/aws-environment.ts';
import { serveIam, serverCertificateArn, userArn, type FakeIam } from '../../helpers/aws/iam.ts';
import { awsXmlFault, startFakeAws, type FakeAws } from '../../helpers/fake-aws.ts';
import { createAuthority } from '../../helpers/pki.ts';

const collector = awsIam as unknown as Collector;
const SERVERS = 'us-east-1/server-certificates';
const SIGNERS = 'us-east-1/signing-certificates';

const root = createAuthority({ name: 'Root' });
const issuing = createAuthority({ name: 'Issuing', parent: root });
const leaf = issuing.issue({ names: ['api.example.com'], extendedKeyUsage: ['serverAuth', 'clientAuth'] });
const signer = issuing.issue({ commonName: 'alice', names: [], extendedKeyUsage: [] });

describe('failures', () => {
  describeAwsList(
    collector,
    {},
    {
      target: SERVERS,
      action: 'iam:ListServerCertificates',
      protocol: 'xml',
      isList: ({ operation }) => operation === 'ListServerCertificates',
      isNextPage: ({ operation, form }) => operation === 'ListServerCertificates' && form.has('Marker'),
      fill: (aws) => {
        serveIam(aws).serverCertificates = ['one', 'two', 'three'].map((name) => ({ name, body: leaf.pem }));
        return [serverCertificateArn('one')];
      },
    },
  );
  describeAwsList(
    collector,
    {},
    {
      target: SIGNERS,
      action: 'iam:ListUsers',
      protocol: 'xml',
      isList: ({ operation }) => operation === 'ListUsers',
      isNextPage: ({ operation, form }) => operation === 'ListUsers' && form.has('Marker'),
      fill: (aws) => {
        serveIam(aws).users = ['one', 'two', 'three'].map((name) => ({
          name,
          certificates: [{ id: `C${name}`, body: signer.pem }],
        }));
        return [userArn('one')];
      },
    },
  );
});

describe('what it sees', () => {
  useAwsEnvironment();
  let aws: FakeAws;
  let iam: FakeIam;

  beforeEach(async () => {
    aws = await startFakeAws();
    iam = serveIam(aws);
  });

  afterEach(async () => {
    await aws[Symbol.asyncDispose]();
  });

  const look = (target: string, known?: Known): Promise<Observation[]> =>
    lookAt(collector, { endpoint: aws.url }, target, undefined, known);

  it('is a server certificate with its chain, which a person renews', async () => {
    iam.serverCertificates = [
      { name: 'web', body: leaf.pem, chain: issuing.certificate.pem, tags: { Owner: 'web', other: 'x' } },
    ];

    const observations = await look(SERVERS);

    expect(observations).toEqual([
      {
        location: serverCertificateArn('web'),
        version: expect.stringMatching(/^ASCAweb;/) as unknown,
        labels: { owner: 'web' },
        problems: [],
        items: [
          {
            kind: 'certificate',
            der: leaf.der,
            place: { key: 'certificate' },
            role: 'server',
            renewal: { mode: 'manual' },
          },
          {
            kind: 'certificate',
            der: issuing.certificate.der,
            place: { key: 'chain', index: 0 },
            role: 'intermediate',
          },
        ],
      },
    ]);
    expect(aws.requests.map(({ region }) => region)).toEqual(['us-east-1', 'us-east-1']);
    expect(aws.requests[0]?.form.get('MaxItems')).toBe('1000');
  });

  it('costs nothing but the list the second time', async () => {
    iam.serverCertificates = [{ name: 'web', body: leaf.pem }];
    const [first] = await look(SERVERS);
    aws.requests.splice(0);

    const second = await look(SERVERS, { version: () => first?.version, checkpoint: undefined });

    expect(second).toMatchObject([{ location: serverCertificateArn('web'), unchanged: true }]);
    expect(aws.operations()).toEqual(['ListServerCertificates']);
  });

  it('is described by the list when the certificate itself may not be read', async () => {
    const expires = new Date(Date.UTC(2027, 4, 1));
    iam.serverCertificates = [{ name: 'web', body: leaf.pem, expires }];
    aws.intercept = ({ operation }) =>
      operation === 'GetServerCertificate'
        ? awsXmlFault(403, 'AccessDenied', 'User: x is not authorized to perform: iam:GetServerCertificate')
        : undefined;

    const [observation] = await look(SERVERS);

    expect(observation?.items).toMatchObject([{ kind: 'described', role: 'server', notAfter: expires }]);
    expect(observation?.problems).toMatchObject([{ reason: 'permission_denied', place: 'chain' }]);
    expect(observation?.problems[0]?.detail).toContain('Allow iam:GetServerCertificate');
    expect(observation?.version).toBeUndefined();
  });

  it('is gone when it was deleted between the list and the look', async () => {
    iam.serverCertificates = [{ name: 'web', body: leaf.pem }];
    aws.intercept = ({ operation }) =>
      operation === 'GetServerCertificate' ? awsXmlFault(404, 'NoSuchEntity', 'gone') : undefined;

    expect(await look(SERVERS)).toMatchObject([{ location: serverCertificateArn('web'), gone: true }]);
  });

  it('does not believe the list about the end of what it can read', async () => {
    // An emulator says 2012 of everything.
    iam.serverCertificates = [{ name: 'web', body: leaf.pem, expires: new Date(Date.UTC(2012, 4, 8)) }];

    const [observation] = await look(SERVERS);

    expect(observation?.items).toMatchObject([{ kind: 'certificate', der: leaf.der }]);
  });

  it('asks for no more once AWS throttles', async () => {
    iam.serverCertificates = [
      { name: 'one', body: leaf.pem },
      { name: 'two', body: leaf.pem },
    ];
    aws.intercept = ({ operation }) =>
      operation === 'GetServerCertificate' ? awsXmlFault(400, 'Throttling', 'Rate exceeded') : undefined;

    const observations = await look(SERVERS);

    expect(aws.operations()).toEqual(['ListServerCertificates', 'GetServerCertificate']);
    expect(observations.at(-1)).toMatchObject({
      location: `iam:${SERVERS}`,
      problems: [{ reason: 'throttled', place: 'GetServerCertificate' }],
    });
  });

  it('are the signing certificates of each user that has any', async () => {
    iam.users = [
      { name: 'nobody', certificates: [] },
      {
        name: 'alice',
        certificates: [
          { id: 'CA1', body: signer.pem },
          { id: 'CA2', body: leaf.pem, status: 'Inactive' },
        ],
      },
    ];

    const observations = await look(SIGNERS);

    expect(observations).toEqual([
      {
        location: userArn('alice'),
        problems: [],
        items: [
          {
            kind: 'certificate',
            der: signer.der,
            place: { key: 'CA1/certificate' },
            role: 'signer',
            renewal: { mode: 'manual' },
          },
          {
            kind: 'certificate',
            der: leaf.der,
            place: { key: 'CA2/certificate' },
            role: 'signer',
            renewal: { mode: 'manual' },
            labels: { enabled: 'false' },
          },
        ],
      },
    ]);
  });

  it('are no signing certificates of anybody when they may not be listed, and nothing is withdrawn', async () => {
    iam.users = [
      { name: 'alice', certificates: [{ id: 'CA1', body: signer.pem }] },
      { name: 'bob', certificates: [{ id: 'CB1', body: signer.pem }] },
    ];
    aws.intercept = ({ operation }) =>
      operation === 'ListSigningCertificates'
        ? awsXmlFault(403, 'AccessDenied', 'User: x is not authorized to perform: iam:ListSigningCertificates')
        : undefined;

    expect(await look(SIGNERS)).toMatchObject([
      {
        location: `iam:${SIGNERS}`,
        problems: [
          {
            reason: 'permission_denied',
            detail: expect.stringContaining('Allow iam:ListSigningCertificates') as unknown,
          },
        ],
      },
    ]);
    expect(aws.operations()).toEqual(['ListUsers', 'ListSigningCertificates']);
  });

  it('say which user has a certificate that cannot be read', async () => {
    iam.users = [{ name: 'alice', certificates: [{ id: 'CA1', body: 'garbage' }] }];

    expect(await look(SIGNERS)).toMatchObject([
      { location: userArn('alice'), items: [], problems: [{ place: 'CA1/chain' }] },
    ]);
  });
});
