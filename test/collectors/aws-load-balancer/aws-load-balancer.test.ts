import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { awsLoadBalancer } from '../../../collectors/aws-load-balancer/index.ts';
import { createNetwork } from '../../../src/network/create-network.ts';
import type { Collector, Known } from '../../../src/plugin/collector.ts';
import type { Context } from '../../../src/plugin/context.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { describeAwsList, lookAt, permissionsOf } from '../../contract/aws-collector.ts';
import { deafContext } from '../../contract/collector.ts';
import { useAwsEnvironment } from '../../helpers/aws-environment.ts';
import { serveIam, serverCertificateArn } from '../../helpers/aws/iam.ts';
import { balancerArn, listenerArn, serveElb, storeArn, type FakeElb } from '../../helpers/aws/load-balancing.ts';
import { awsXmlFault, startFakeAws, type FakeAws } from '../../helpers/fake-aws.ts';
import { createAuthority, createCrl } from '../../helpers/pki.ts';

const collector = awsLoadBalancer as unknown as Collector;
const REGION = 'eu-west-1';
const ACM_ARN = `arn:aws:acm:${REGION}:111122223333:certificate/a1`;

const root = createAuthority({ name: 'Root' });
const partners = createAuthority({ name: 'Partner CA', parent: root });
const leaf = partners.issue({ names: ['api.example.com', '*.example.net'] });
const other = partners.issue({ names: ['old.example.com'] });
const list = createCrl(partners);

function online(): Context {
  const network = createNetwork({ hostsFile: '/dev/null', resolvConf: '/dev/null' });
  return { ...deafContext(), network };
}

describe('failures', () => {
  describeAwsList(
    collector,
    { regions: [REGION], tags: [] },
    {
      target: REGION,
      action: 'elasticloadbalancing:DescribeTrustStores',
      protocol: 'xml',
      context: online,
      isList: ({ operation }) => operation === 'DescribeTrustStores',
      isNextPage: ({ operation, form }) => operation === 'DescribeTrustStores' && form.has('Marker'),
      fill: (aws) => {
        serveElb(aws).trustStores = ['one', 'two', 'three'].map((name) => ({ name, bundle: root.certificate.pem }));
        return [storeArn('one')];
      },
    },
  );
  describeAwsList(
    collector,
    { regions: [REGION], tags: [] },
    {
      target: REGION,
      action: 'elasticloadbalancing:DescribeLoadBalancers',
      protocol: 'xml',
      isSecond: true,
      isList: ({ operation }) => operation === 'DescribeLoadBalancers',
      isNextPage: ({ operation, form }) => operation === 'DescribeLoadBalancers' && form.has('Marker'),
      fill: (aws) => {
        serveElb(aws).balancers = ['one', 'two', 'three'].map((name) => ({ name, listeners: [{ id: 'l' }] }));
        return [listenerArn('one', 'l')];
      },
    },
  );
});

describe('what it sees', () => {
  useAwsEnvironment();
  let aws: FakeAws;
  let elb: FakeElb;

  beforeEach(async () => {
    aws = await startFakeAws();
    elb = serveElb(aws);
    aws.certificates.set(REGION, [{ arn: ACM_ARN, pem: leaf.pem, chainPem: partners.certificate.pem }]);
    elb.trustStores = [{ name: 'partners', bundle: partners.certificate.pem + root.certificate.pem }];
    elb.balancers = [
      {
        name: 'web',
        tags: { Owner: 'web' },
        listeners: [
          { id: 'plain', port: 80, protocol: 'HTTP' },
          {
            id: 'tls',
            certificates: [ACM_ARN],
            mutual: { Mode: 'verify', TrustStoreArn: storeArn('partners') },
          },
        ],
      },
    ];
  });

  afterEach(async () => {
    await aws[Symbol.asyncDispose]();
  });

  const look = (options: object = {}, known?: Known): Promise<Observation[]> =>
    lookAt(collector, { regions: [REGION], endpoint: aws.url, ...options }, REGION, online(), known);
  const at = (observations: readonly Observation[], location: string): Observation | undefined =>
    observations.find((observation) => observation.location === location);

  it('is each listener that speaks TLS, with what it shows', async () => {
    const observations = await look();

    const usedBy = [{ type: 'endpoint', id: 'web-1.eu-west-1.elb.amazonaws.com:443' }];
    expect(at(observations, listenerArn('web', 'tls'))).toEqual({
      location: listenerArn('web', 'tls'),
      labels: { owner: 'web' },
      problems: [],
      items: [
        { kind: 'certificate', der: leaf.der, place: { key: 'a1/certificate' }, role: 'server', usedBy },
        {
          kind: 'certificate',
          der: partners.certificate.der,
          place: { key: 'a1/chain', index: 0 },
          role: 'intermediate',
        },
      ],
    });
    expect(at(observations, listenerArn('web', 'plain'))).toBeUndefined();
  });

  it('is each CA of a trust store, with the endpoints about whose clients it decides', async () => {
    const observations = await look({ names: { web: ['partners.example.com', 'partners.example.com:8443'] } });

    const usedBy = [
      { type: 'aws', id: listenerArn('web', 'tls') },
      { type: 'endpoint', id: 'web-1.eu-west-1.elb.amazonaws.com:443' },
      { type: 'endpoint', id: 'partners.example.com:443' },
      { type: 'endpoint', id: 'partners.example.com:8443' },
      { type: 'endpoint', id: 'api.example.com:443' },
    ];
    expect(at(observations, storeArn('partners'))).toEqual({
      location: storeArn('partners'),
      problems: [],
      items: [partners, root].map(({ certificate }, index) => ({
        kind: 'certificate',
        der: certificate.der,
        place: { key: 'bundle', index },
        role: 'trust-anchor',
        renewal: { mode: 'manual' },
        usedBy,
      })),
    });
  });

  it('is a listener of another account where the store is shared', async () => {
    const foreign = 'arn:aws:elasticloadbalancing:eu-west-1:999999999999:listener/app/theirs/1/l';
    elb.balancers = [];
    elb.trustStores = [{ name: 'partners', bundle: root.certificate.pem, associations: [foreign] }];

    const observations = await look();

    expect(at(observations, storeArn('partners'))?.items[0]?.usedBy).toEqual([{ type: 'aws', id: foreign }]);
  });

  it.each([
    ['lets clients through to the target', { Mode: 'passthrough' }],
    ['asks for no client certificate', { Mode: 'off' }],
    ['has a mode that is newer than this SDK', { Mode: 'ponder', TrustStoreArn: storeArn('partners') }],
  ])('is no use of a trust store where a listener %s', async (_what, mutual) => {
    elb.balancers = [{ name: 'web', listeners: [{ id: 'tls', certificates: [ACM_ARN], mutual }] }];

    const observations = await look();

    expect(at(observations, storeArn('partners'))?.items[0]).not.toHaveProperty('usedBy');
  });

  it('is each revocation list, downloaded once', async () => {
    elb.trustStores = [{ name: 'partners', bundle: root.certificate.pem, revocations: { 7: list.pem } }];
    const location = `${storeArn('partners')}/revocations/7`;

    const first = await look();
    aws.requests.splice(0);
    const version = at(first, location)?.version;
    const second = await look(
      {},
      { version: (asked) => (asked === location ? version : undefined), checkpoint: undefined },
    );

    expect(at(first, location)).toMatchObject({
      problems: [],
      items: [{ kind: 'crl', der: list.der, place: { key: 'revocations' } }],
    });
    expect(at(second, location)).toMatchObject({ unchanged: true });
    expect(aws.operations()).not.toContain('GetTrustStoreRevocationContent');
  });

  it('is a certificate of IAM as well as one of ACM, each fetched once, however many listeners show it', async () => {
    const iamArn = serverCertificateArn('old');
    serveIam(aws).serverCertificates = [{ name: 'old', body: other.pem }];
    elb.balancers = ['one', 'two'].map((name) => ({
      name,
      listeners: [{ id: 'tls', protocol: 'TLS', certificates: [ACM_ARN, iamArn] }],
    }));

    const observations = await look();

    for (const name of ['one', 'two']) {
      expect(at(observations, listenerArn(name, 'tls'))?.items.map(({ place }) => place.key)).toEqual([
        'a1/certificate',
        'a1/chain',
        'old/certificate',
      ]);
    }
    const fetched = aws.operations().filter((operation) => operation.startsWith('Get'));
    expect(fetched.toSorted()).toEqual(['GetCertificate', 'GetServerCertificate', 'GetTrustStoreCaCertificatesBundle']);
  });

  it('asks a gateway load balancer nothing', async () => {
    elb.balancers = [{ name: 'inspect', type: 'gateway', listeners: [{ id: 'l', protocol: 'GENEVE' }] }];

    await look();

    expect(aws.operations()).not.toContain('DescribeListeners');
  });

  it('names the exact action for every part that may not be read, and sees the rest', async () => {
    const denied = new Set(['GetTrustStoreCaCertificatesBundle', 'DescribeListenerCertificates', 'DescribeTags']);
    elb.trustStores = [{ name: 'partners', bundle: root.certificate.pem, revocations: { 7: list.pem } }];
    aws.intercept = ({ operation }) =>
      denied.has(operation)
        ? awsXmlFault(403, 'AccessDenied', `User: x is not authorized to perform: elasticloadbalancing:${operation}`)
        : undefined;

    const observations = await look();

    const told = observations.flatMap(({ problems }) => problems);
    expect(new Set(told.map(({ reason }) => reason))).toEqual(new Set(['permission_denied']));
    for (const action of denied) {
      expect(told.some(({ detail }) => detail.includes(`Allow elasticloadbalancing:${action}`))).toBe(true);
    }
    expect(at(observations, listenerArn('web', 'tls'))?.items).toHaveLength(2);
    expect(at(observations, `${storeArn('partners')}/revocations/7`)?.items).toHaveLength(1);
  });

  it('never tells the address of a bundle, which is as good as a password', async () => {
    aws.intercept = ({ operation }) =>
      operation.startsWith('GET /bundle/')
        ? (response) => response.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>')
        : undefined;

    const observations = await look();

    const { problems } = at(observations, storeArn('partners')) ?? { problems: [] };
    expect(problems).toMatchObject([{ reason: 'service_error', place: 'bundle' }]);
    expect(problems[0]?.detail).toMatch(/HTTP 403/);
    expect(JSON.stringify(observations)).not.toMatch(/Signature|secret/);
  });

  it('says what cannot be read in a bundle and in a revocation list', async () => {
    elb.trustStores = [{ name: 'partners', bundle: 'garbage', revocations: { 7: 'garbage' } }];

    const observations = await look();

    expect(at(observations, storeArn('partners'))?.problems).toMatchObject([{ place: 'bundle' }]);
    expect(at(observations, `${storeArn('partners')}/revocations/7`)).toMatchObject({
      items: [],
      problems: [{ place: 'revocations' }],
    });
  });

  it('has no trouble with a load balancer that is deleted meanwhile', async () => {
    aws.intercept = ({ operation, form }) =>
      operation === 'DescribeListeners' && form.get('LoadBalancerArn') === balancerArn('web')
        ? awsXmlFault(400, 'LoadBalancerNotFound', 'gone')
        : undefined;

    const observations = await look();

    expect(observations.map(({ location }) => location)).toEqual([storeArn('partners')]);
  });

  it('finds out what is allowed', async () => {
    const options = { regions: [REGION], endpoint: aws.url };

    const permissions = await permissionsOf(collector, options, REGION, online());

    expect(permissions).toMatchObject({
      'elasticloadbalancing:DescribeTrustStores': 'allowed',
      'elasticloadbalancing:GetTrustStoreCaCertificatesBundle': 'allowed',
      'elasticloadbalancing:GetTrustStoreRevocationContent': 'untried',
      'elasticloadbalancing:DescribeListenerCertificates': 'allowed',
      'acm:GetCertificate': 'allowed',
      'iam:GetServerCertificate': 'untried',
    });
  });
});
