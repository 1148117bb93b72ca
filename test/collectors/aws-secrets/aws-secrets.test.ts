import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { awsSecrets } from '../../../collectors/aws-secrets/index.ts';
import type { Collector, Known } from '../../../src/plugin/collector.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { describeAwsList, lookAt } from '../../contract/aws-collector.ts';
import { useAwsEnvironment } from '../../helpers/aws-environment.ts';
import { secretArn, serveSecrets, type FakeSecrets } from '../../helpers/aws/secrets.ts';
import { accessDenied, startFakeAws, type FakeAws } from '../../helpers/fake-aws.ts';
import { pkcs12 } from '../../helpers/pkcs12.ts';
import { createAuthority } from '../../helpers/pki.ts';

const collector = awsSecrets as unknown as Collector;
const REGION = 'eu-west-1';
const root = createAuthority({ name: 'Root' });
const issuing = createAuthority({ name: 'Issuing', parent: root });
const leaf = issuing.issue({ names: ['api.example.com'] });
const client = issuing.issue({ commonName: 'billing', names: [], extendedKeyUsage: ['clientAuth'] });

describe('failures', () => {
  describeAwsList(
    collector,
    { regions: [REGION], names: ['tls/'] },
    {
      target: REGION,
      action: 'secretsmanager:ListSecrets',
      protocol: 'json',
      isList: ({ operation }) => operation === 'ListSecrets',
      isNextPage: ({ operation, body }) => operation === 'ListSecrets' && body.NextToken !== undefined,
      fill: (aws) => {
        serveSecrets(aws).secrets = ['tls/1', 'tls/2', 'tls/3'].map((name) => ({ name, text: leaf.pem }));
        return [secretArn('tls/1')];
      },
    },
  );
});

describe('what it sees', () => {
  useAwsEnvironment();
  let aws: FakeAws;
  let fake: FakeSecrets;

  beforeEach(async () => {
    aws = await startFakeAws();
    fake = serveSecrets(aws);
  });

  afterEach(async () => {
    await aws[Symbol.asyncDispose]();
  });

  const look = (options: object = { names: ['tls/'] }, known?: Known): Promise<Observation[]> =>
    lookAt(collector, { regions: [REGION], endpoint: aws.url, ...options }, REGION, undefined, known);

  it('is a certificate in PEM with its chain, and that its key lies beside it', async () => {
    fake.secrets = [
      { name: 'tls/web', text: leaf.pem + issuing.certificate.pem + leaf.keyPem, tags: { Owner: 'web' } },
    ];

    const observations = await look();

    expect(observations).toEqual([
      {
        location: secretArn('tls/web'),
        version: expect.any(String) as unknown,
        labels: { owner: 'web' },
        problems: [],
        items: [
          {
            kind: 'certificate',
            der: leaf.der,
            place: { key: '', index: 0 },
            role: 'server',
            renewal: { mode: 'manual' },
            key: { at: secretArn('tls/web'), match: 'yes' },
          },
          {
            kind: 'certificate',
            der: issuing.certificate.der,
            place: { key: '', index: 1 },
            role: 'intermediate',
            renewal: { mode: 'manual' },
          },
        ],
      },
    ]);
    expect(JSON.stringify(observations)).not.toContain('PRIVATE KEY');
  });

  it('is each field of a JSON secret that holds certificates', async () => {
    fake.secrets = [
      {
        name: 'tls/web',
        text: JSON.stringify({
          username: 'web',
          port: 443,
          certificate: client.pem,
          chain: issuing.certificate.pem + root.certificate.pem,
          privateKey: client.keyPem,
        }),
      },
    ];

    const [observation] = await look();

    expect(observation?.problems).toEqual([]);
    expect(observation?.items.map(({ place, role }) => [place.key, role])).toEqual([
      ['certificate', 'client'],
      ['chain', 'intermediate'],
      ['chain', 'trust-anchor'],
    ]);
    expect(observation?.items[0]?.key).toEqual({ at: secretArn('tls/web'), match: 'yes' });
  });

  it.each([
    [
      'in base64 with its password beside it',
      (pfx: Uint8Array) => ({
        text: JSON.stringify({ pfx: Buffer.from(pfx).toString('base64'), pfx_password: 'hunter2' }),
      }),
      'pfx',
      { at: secretArn('tls/web'), match: 'yes' },
    ],
    ['as it is, without its password', (pfx: Uint8Array) => ({ binary: pfx }), '', undefined],
  ])('is a keystore %s', async (_what, secretOf, place, key) => {
    fake.secrets = [{ name: 'tls/web', ...secretOf(pkcs12([leaf], leaf.key, 'hunter2')) }];

    const [observation] = await look();

    expect(observation?.items).toMatchObject([{ der: leaf.der, place: { key: place }, role: 'server' }]);
    expect(observation?.items[0]?.key).toEqual(key);
    expect(JSON.stringify(observation)).not.toContain('hunter2');
  });

  it('reads nothing that was not asked for, even if the service lists it', async () => {
    fake.isLoose = true;
    fake.secrets = [
      { name: 'database/password', text: 'hunter2' },
      { name: 'tls/web', text: leaf.pem },
    ];

    const observations = await look();

    expect(observations.map(({ location }) => location)).toEqual([secretArn('tls/web')]);
    expect(aws.requests.filter(({ operation }) => operation === 'GetSecretValue')).toHaveLength(1);
  });

  it('asks for names and for tags apart, and reads what has both once', async () => {
    fake.secrets = [
      { name: 'tls/web', text: leaf.pem, tags: { notafter: 'yes' } },
      { name: 'other', text: leaf.pem, tags: { notafter: 'yes' } },
    ];

    const observations = await look({ names: ['tls/'], tag_keys: ['notafter'] });

    expect(observations.map(({ location }) => location)).toEqual([secretArn('tls/web'), secretArn('other')]);
    expect(
      aws.requests.flatMap(({ operation, body }) => (operation === 'ListSecrets' ? [body['Filters']] : [])),
    ).toEqual([[{ Key: 'name', Values: ['tls/'] }], [{ Key: 'tag-key', Values: ['notafter'] }]]);
  });

  it('reads a secret again only when it was changed', async () => {
    fake.secrets = [{ name: 'tls/web', text: leaf.pem }];
    const [first] = await look();
    const known: Known = { version: () => first?.version, checkpoint: undefined };
    aws.requests.splice(0);

    const same = await look(undefined, known);
    fake.secrets = [{ name: 'tls/web', text: client.pem, changed: new Date(Date.UTC(2026, 10, 1)) }];
    const changed = await look(undefined, known);

    expect(same).toMatchObject([{ unchanged: true }]);
    expect(changed).toMatchObject([{ items: [{ der: client.der }] }]);
    expect(aws.operations()).toEqual(['ListSecrets', 'ListSecrets', 'GetSecretValue']);
  });

  it('names the action for a secret that may not be read, and reads the others', async () => {
    fake.secrets = [
      { name: 'tls/one', text: leaf.pem },
      { name: 'tls/two', text: leaf.pem },
    ];
    aws.intercept = ({ operation, body }) =>
      operation === 'GetSecretValue' && body['SecretId'] === secretArn('tls/one')
        ? accessDenied('secretsmanager:GetSecretValue')
        : undefined;

    const observations = await look();

    expect(observations[0]?.problems).toMatchObject([
      {
        reason: 'permission_denied',
        detail: expect.stringContaining('Allow secretsmanager:GetSecretValue') as unknown,
      },
    ]);
    expect(observations[1]?.items).toHaveLength(1);
  });

  it.each([
    ['something else', 'hunter2'],
    ['JSON without certificates', '{"username":"a","password":"hunter2"}'],
    ['JSON that is none', '{"certificate":'],
    ['nothing', ''],
  ])('says that there is no certificate in %s, and not what there is', async (_what, text) => {
    fake.secrets = [{ name: 'tls/web', text }];

    const [observation] = await look();

    expect(observation).toMatchObject({ items: [], problems: [{ reason: 'empty' }] });
    expect(JSON.stringify(observation)).not.toContain('hunter2');
  });

  it('is not created without a word on what may be read', async () => {
    await expect(look({})).rejects.toThrow('names or tag_keys');
  });
});
