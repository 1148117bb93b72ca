import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { awsRolesAnywhere } from '../../../collectors/aws-roles-anywhere/index.ts';
import type { Collector, Known } from '../../../src/plugin/collector.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { describeAwsList, lookAt } from '../../contract/aws-collector.ts';
import { deafContext } from '../../contract/collector.ts';
import { useAwsEnvironment } from '../../helpers/aws-environment.ts';
import { authorityArn, servePrivateCa } from '../../helpers/aws/private-ca.ts';
import {
  anchorArn,
  crlArn,
  serveRolesAnywhere,
  subjectArn,
  type FakeRolesAnywhere,
} from '../../helpers/aws/roles-anywhere.ts';
import { accessDenied, awsFault, startFakeAws, type FakeAws } from '../../helpers/fake-aws.ts';
import { createAuthority, createCrl } from '../../helpers/pki.ts';

const collector = awsRolesAnywhere as unknown as Collector;
const REGION = 'eu-west-1';
const DAY = 86_400_000;
/** The clock of a context that reaches nothing. */
const NOW = deafContext().clock.now();
const ENDPOINT = { type: 'endpoint', id: 'rolesanywhere.eu-west-1.amazonaws.com:443' };

const root = createAuthority({ name: 'Root' });
const issuing = createAuthority({ name: 'Issuing', parent: root });
const list = createCrl(root);

function identity(endsInDays: number): { pem: string; der: Uint8Array } {
  return issuing.issue({
    commonName: 'batch',
    names: [],
    extendedKeyUsage: ['clientAuth'],
    notBefore: new Date(NOW - 400 * DAY),
    notAfter: new Date(NOW + endsInDays * DAY),
  });
}

describe('failures', () => {
  describeAwsList(
    collector,
    { regions: [REGION] },
    {
      target: `${REGION}/trust-anchors`,
      action: 'rolesanywhere:ListTrustAnchors',
      protocol: 'json',
      isList: ({ operation }) => operation === 'GET /trustanchors',
      isNextPage: ({ operation, query }) => operation === 'GET /trustanchors' && query.has('nextToken'),
      fill: (aws) => {
        serveRolesAnywhere(aws).anchors = ['one', 'two', 'three'].map((id) => ({ id, pem: root.certificate.pem }));
        return [anchorArn('one')];
      },
    },
  );
  describeAwsList(
    collector,
    { regions: [REGION] },
    {
      target: `${REGION}/crls`,
      action: 'rolesanywhere:ListCrls',
      protocol: 'json',
      isList: ({ operation }) => operation === 'GET /crls',
      isNextPage: ({ operation, query }) => operation === 'GET /crls' && query.has('nextToken'),
      fill: (aws) => {
        serveRolesAnywhere(aws).crls = ['one', 'two', 'three'].map((id) => ({ id, anchor: 'a', data: list.pem }));
        return [crlArn('one')];
      },
    },
  );
  describeAwsList(
    collector,
    { regions: [REGION] },
    {
      target: `${REGION}/subjects`,
      action: 'rolesanywhere:ListSubjects',
      protocol: 'json',
      isList: ({ operation }) => operation === 'GET /subjects',
      isNextPage: ({ operation, query }) => operation === 'GET /subjects' && query.has('nextToken'),
      fill: (aws) => {
        serveRolesAnywhere(aws).subjects = ['one', 'two', 'three'].map((id) => ({
          id,
          credentials: [{ serial: '1', pem: identity(30).pem }],
        }));
        return [subjectArn('one')];
      },
    },
  );
});

describe('what it sees', () => {
  useAwsEnvironment();
  let aws: FakeAws;
  let roles: FakeRolesAnywhere;

  beforeEach(async () => {
    aws = await startFakeAws();
    roles = serveRolesAnywhere(aws);
  });

  afterEach(async () => {
    await aws[Symbol.asyncDispose]();
  });

  const look = (part: string, known?: Known): Promise<Observation[]> =>
    lookAt(collector, { regions: [REGION], endpoint: aws.url }, `${REGION}/${part}`, undefined, known);

  it('is each CA of a trust anchor, which decides about the clients of Roles Anywhere', async () => {
    roles.anchors = [{ id: 'partners', pem: issuing.certificate.pem + root.certificate.pem }];

    const observations = await look('trust-anchors');

    expect(observations).toEqual([
      {
        location: anchorArn('partners'),
        problems: [],
        items: [issuing, root].map(({ certificate }, index) => ({
          kind: 'certificate',
          der: certificate.der,
          place: { key: 'bundle', index },
          role: 'trust-anchor',
          renewal: { mode: 'manual' },
          usedBy: [ENDPOINT],
        })),
      },
    ]);
    expect(aws.requests[0]?.service).toBe('rolesanywhere');
  });

  it('is the certificate of the private CA behind a trust anchor', async () => {
    servePrivateCa(aws).authorities = [{ id: 'ca', pem: issuing.certificate.pem, chainPem: root.certificate.pem }];
    roles.anchors = [{ id: 'private', pca: authorityArn('ca') }];

    const [observation] = await look('trust-anchors');

    expect(observation?.items.map(({ role }) => role)).toEqual(['trust-anchor', 'trust-anchor']);
    expect(observation?.problems).toEqual([]);
  });

  it('decides about nobody where a trust anchor is switched off', async () => {
    roles.anchors = [{ id: 'off', enabled: false, pem: root.certificate.pem }];

    const [observation] = await look('trust-anchors');

    expect(observation?.labels).toEqual({ enabled: 'false' });
    expect(observation?.items[0]).not.toHaveProperty('usedBy');
  });

  it('says what cannot be read of a trust anchor, and reads the others', async () => {
    servePrivateCa(aws).authorities = [{ id: 'ca' }];
    roles.anchors = [
      { id: 'new-kind', type: 'QUANTUM' },
      { id: 'private', pca: authorityArn('ca') },
      { id: 'good', pem: root.certificate.pem },
    ];
    aws.intercept = ({ service }) =>
      service === 'acm-pca' ? accessDenied('acm-pca:GetCertificateAuthorityCertificate') : undefined;

    const observations = await look('trust-anchors');

    expect(observations.map(({ problems }) => problems.map(({ reason }) => reason))).toEqual([
      ['unsupported'],
      ['permission_denied'],
      [],
    ]);
    expect(observations[0]?.problems[0]?.detail).toContain('QUANTUM');
  });

  it.each([
    ['PEM', list.pem],
    ['DER', list.der],
  ])('is each revocation list in %s, with the trust anchor that it belongs to', async (_format, data) => {
    roles.crls = [{ id: 'l', anchor: 'partners', data }];

    const [observation] = await look('crls');

    expect(observation).toMatchObject({
      location: crlArn('l'),
      problems: [],
      items: [
        {
          kind: 'crl',
          der: list.der,
          place: { key: 'revocations' },
          usedBy: [{ type: 'aws', id: anchorArn('partners') }, ENDPOINT],
        },
      ],
    });
  });

  it('is the newest certificate of each client, and older ones until they end', async () => {
    const [newest, older, ended] = [identity(60), identity(5), identity(-1)];
    const seenAt = new Date(NOW - 20 * DAY);
    roles.subjects = [
      {
        id: 'batch',
        seenAt: new Date(NOW),
        credentials: [
          { serial: '1', pem: ended.pem, seenAt },
          { serial: '2', pem: older.pem, seenAt },
          { serial: '3', pem: newest.pem, seenAt: new Date(NOW) },
        ],
      },
    ];

    const [observation] = await look('subjects');

    expect(observation).toMatchObject({
      location: subjectArn('batch'),
      version: expect.any(String) as unknown,
      problems: [],
      items: [
        { der: newest.der, place: { key: '3/certificate' }, role: 'client', usedBy: [ENDPOINT] },
        { der: older.der, place: { key: '2/certificate' }, role: 'client', supersededBy: '3/certificate' },
      ],
    });
    expect(observation?.items).toHaveLength(2);
    expect(observation?.items[0]).not.toHaveProperty('supersededBy');
  });

  it('does not take a certificate that another machine still shows for superseded', async () => {
    const seenAt = new Date(NOW - DAY);
    roles.subjects = [
      {
        id: 'fleet',
        credentials: [
          { serial: '1', pem: identity(5).pem, seenAt },
          { serial: '2', pem: identity(60).pem, seenAt },
        ],
      },
    ];

    const [observation] = await look('subjects');

    expect(observation?.items.map(({ supersededBy }) => supersededBy)).toEqual([undefined, undefined]);
  });

  it('forgets a client that has been away for long, and tells of one whose last certificate has just ended', async () => {
    roles.subjects = [
      { id: 'away', credentials: [{ serial: '1', pem: identity(-100).pem }] },
      { id: 'late', credentials: [{ serial: '1', pem: identity(-2).pem }] },
    ];

    const observations = await look('subjects');

    expect(observations.map(({ items }) => items.length)).toEqual([0, 1]);
  });

  it('asks for a client again only when it was seen again', async () => {
    roles.subjects = [{ id: 'batch', seenAt: new Date(NOW), credentials: [{ serial: '1', pem: identity(60).pem }] }];
    const [first] = await look('subjects');
    const known: Known = { version: () => first?.version, checkpoint: undefined };
    aws.requests.splice(0);

    const again = await look('subjects', known);
    roles.subjects = roles.subjects.map((subject) => ({ ...subject, seenAt: new Date(NOW + DAY) }));
    const later = await look('subjects', known);

    expect(again).toMatchObject([{ unchanged: true }]);
    expect(later).toMatchObject([{ items: [{ role: 'client' }] }]);
    expect(aws.operations()).toEqual(['GET /subjects', 'GET /subjects', 'GET /subject/batch']);
  });

  it.each([
    ['denied', accessDenied('rolesanywhere:GetSubject'), 'permission_denied'],
    ['throttled', awsFault(429, 'ThrottlingException', 'Rate exceeded'), 'throttled'],
    ['of an expired token', awsFault(403, 'ExpiredTokenException', 'expired'), 'partial'],
  ])('withdraws nobody when the first client is %s, and asks for no more', async (_what, reply, reason) => {
    roles.subjects = ['one', 'two'].map((id) => ({ id, credentials: [] }));
    aws.intercept = ({ operation }) => (operation.startsWith('GET /subject/') ? reply : undefined);

    expect(await look('subjects')).toMatchObject([
      { location: `rolesanywhere:${REGION}/subjects`, problems: [{ reason, place: 'GetSubject' }] },
    ]);
    expect(aws.operations()).toEqual(['GET /subjects', 'GET /subject/one']);
  });
});
