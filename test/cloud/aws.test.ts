import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ACMClient, ListCertificatesCommand } from '@aws-sdk/client-acm';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';

import { openAws, type Aws, type AwsLook } from '../../src/cloud/aws.ts';
import { createAwsInstance, type AwsPart } from '../../src/cloud/aws-instance.ts';
import { globalOptions, regionalOptions } from '../../src/cloud/aws-options.ts';
import { placesOf } from '../../src/cloud/aws-place.ts';
import { CollectError } from '../../src/plugin/error.ts';
import { collect, deafContext, NOTHING_KNOWN } from '../contract/collector.ts';
import { useAwsEnvironment } from '../helpers/aws-environment.ts';
import { accessDenied, awsFault, type AwsReply, type FakeAws, startFakeAws } from '../helpers/fake-aws.ts';

const regional = z.strictObject(regionalOptions);
const global = z.strictObject(globalOptions);
const ONE = 'arn:aws:iam::111111111111:role/notafter';
const TWO = 'arn:aws:iam::222222222222:role/team/notafter';

describe('places', () => {
  it.each([
    ['regions of the own account', { regions: ['eu-west-1', 'us-east-1'] }, ['eu-west-1', 'us-east-1']],
    [
      'regions of other accounts, and not the own one',
      { regions: ['eu-west-1'], accounts: [{ role_arn: ONE }, { role_arn: TWO, regions: ['us-east-1', 'us-east-2'] }] },
      ['111111111111/eu-west-1', '222222222222/us-east-1', '222222222222/us-east-2'],
    ],
    [
      'the own account besides when that is wanted',
      { regions: ['eu-west-1'], own_account: true, accounts: [{ role_arn: ONE }] },
      ['eu-west-1', '111111111111/eu-west-1'],
    ],
  ])('%s', (_what, options, keys) => {
    expect(placesOf(regional.parse(options)).map(({ key }) => key)).toEqual(keys);
  });

  it.each([
    ['aws', {}, ['us-east-1']],
    ['another partition', { partition: 'aws-us-gov' }, ['us-gov-west-1']],
    [
      'the partition of a role',
      { accounts: [{ role_arn: 'arn:aws-cn:iam::333333333333:role/notafter' }] },
      ['333333333333/cn-north-1'],
    ],
  ])('of a global service in %s are where it answers', (_what, options, keys) => {
    expect(placesOf(global.parse(options)).map(({ key }) => key)).toEqual(keys);
  });

  it('call an account by its name, else by its number', () => {
    const places = placesOf(global.parse({ accounts: [{ role_arn: ONE, name: 'payments' }, { role_arn: TWO }] }));

    expect(places.map(({ labels }) => labels)).toEqual([{ aws_account: 'payments' }, { aws_account: '222222222222' }]);
  });

  it.each([
    ['an account twice', { accounts: [{ role_arn: ONE }, { role_arn: `${ONE}-other` }] }],
    ['a role that is none', { accounts: [{ role_arn: 'arn:aws:iam::111111111111:user/x' }] }],
    ['a number that is no account', { accounts: [{ role_arn: 'arn:aws:iam::1:role/x' }] }],
  ])('refuse %s', (_what, options) => {
    expect(global.safeParse(options).success).toBe(false);
  });
});

describe('calls', () => {
  useAwsEnvironment();
  let fake: FakeAws;
  let opened: Aws[];

  beforeEach(async () => {
    fake = await startFakeAws();
    opened = [];
  });

  afterEach(async () => {
    for (const aws of opened) aws.close();
    await fake[Symbol.asyncDispose]();
  });

  async function open(options: object = {}): Promise<Aws> {
    const aws = await openAws(
      regional.parse({ regions: ['eu-west-1'], endpoint: fake.url, ...options }),
      'acm',
      deafContext(),
    );
    opened.push(aws);
    return aws;
  }

  function begin(aws: Aws, place = 0, signal = new AbortController().signal): AwsLook {
    const where = aws.places[place];
    if (where === undefined) throw new Error('no such place');
    return aws.look(where, `acm:${where.key}`, NOTHING_KNOWN, signal);
  }

  async function list(look: AwsLook): Promise<unknown> {
    return look.call({ action: 'acm:ListCertificates' }, (options) =>
      look.client(ACMClient).send(new ListCertificatesCommand({}), options),
    );
  }

  it('enter each account by its own role, with the external id, once for all regions', async () => {
    const aws = await open({
      regions: ['eu-west-1', 'us-east-1'],
      accounts: [{ role_arn: ONE, external_id: '9f3c' }, { role_arn: TWO }],
    });

    for (const place of aws.places.keys()) await list(begin(aws, place));

    const logins = fake.requests.filter(({ service }) => service === 'sts');
    expect(
      logins.map(({ form }) => [form.get('RoleArn'), form.get('ExternalId'), form.get('RoleSessionName')]),
    ).toEqual([
      [ONE, '9f3c', 'notafter'],
      [TWO, null, 'notafter'],
    ]);
    expect(
      fake.requests.flatMap(({ service, region, accessKeyId }) =>
        service === 'acm' ? [`${accessKeyId} ${region}`] : [],
      ),
    ).toEqual([
      'ASIA111111111111 eu-west-1',
      'ASIA111111111111 us-east-1',
      'ASIA222222222222 eu-west-1',
      'ASIA222222222222 us-east-1',
    ]);
  });

  it('say which role could not be entered, and enter the others all the same', async () => {
    const aws = await open({ accounts: [{ role_arn: ONE }, { role_arn: TWO }] });
    fake.intercept = ({ service, form }) =>
      service === 'sts' && form.get('RoleArn') === ONE
        ? accessDeniedXml(
            `User: arn:aws:iam::9:user/n is not authorized to perform: sts:AssumeRole on resource: ${ONE}`,
          )
        : undefined;

    await expect(list(begin(aws, 0))).rejects.toMatchObject({
      reason: 'permission_denied',
      message: expect.stringContaining(`Allow sts:AssumeRole on ${ONE} to`) as unknown,
    });
    await expect(list(begin(aws, 1))).resolves.toBeDefined();
  });

  it('are made once: trying again is the work of the host', async () => {
    fake.intercept = () => awsFault(400, 'ThrottlingException', 'Rate exceeded', { 'retry-after': '7' });

    await expect(list(begin(await open()))).rejects.toMatchObject({ reason: 'throttled', retryAfterMs: 7000 });
    expect(fake.requests).toHaveLength(1);
  });

  it('take credentials anew once the old ones are no longer accepted', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'notafter-aws-'));
    const file = join(folder, 'credentials');
    const write = (key: string): void =>
      writeFileSync(file, `[default]\naws_access_key_id=${key}\naws_secret_access_key=s\naws_session_token=t\n`);
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', file);
    try {
      write('ASIAOLD');
      const aws = await open({ profile: 'default' });
      fake.intercept = ({ accessKeyId }) =>
        accessKeyId === 'ASIAOLD'
          ? awsFault(400, 'ExpiredTokenException', 'The security token has expired')
          : undefined;

      await expect(list(begin(aws))).rejects.toMatchObject({
        reason: 'authentication_failed',
        message: expect.stringContaining('They have expired') as unknown,
      });
      write('ASIANEW');

      await expect(list(begin(aws))).resolves.toBeDefined();
      expect(fake.requests.map(({ accessKeyId }) => accessKeyId)).toEqual(['ASIAOLD', 'ASIANEW']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('under way are not cut off when another one learns that the credentials are no longer good', async () => {
    const aws = await open();
    const held = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    let isFirst = true;
    fake.intercept = () => {
      if (!isFirst) return awsFault(400, 'ExpiredTokenException', 'The security token has expired');
      isFirst = false;
      return (response) => {
        begun.resolve();
        void held.promise.then(() => response.end('{}'));
      };
    };

    const slow = list(begin(aws));
    await begun.promise;
    await expect(list(begin(aws))).rejects.toMatchObject({ reason: 'authentication_failed' });
    held.resolve();

    await expect(slow).resolves.toBeDefined();
  });

  it('keep to limits of their account, region and service', async () => {
    const keys: string[] = [];
    const aws = await openAws(
      regional.parse({ regions: ['eu-west-1'], endpoint: fake.url, own_account: true, accounts: [{ role_arn: ONE }] }),
      'acm',
      {
        ...deafContext(),
        limit: (key) => {
          keys.push(key);
          return { run: (work) => work() };
        },
      },
    );
    opened.push(aws);

    for (const place of aws.places.keys()) await list(begin(aws, place));

    expect(keys).toEqual(['aws:acm:own:eu-west-1', 'aws:acm:111111111111:eu-west-1']);
  });

  describe('of an instance', () => {
    function part(name: string, actions: readonly string[], times = 1): AwsPart {
      return {
        name,
        actions,
        async *observe(look) {
          for (let time = 0; time < times; time++) await list(look);
          yield { location: look.here, items: [], problems: [] };
        },
      };
    }

    it('are for one part of one place each', async () => {
      const aws = await open({ regions: ['eu-west-1', 'us-east-1'], own_account: true, accounts: [{ role_arn: ONE }] });
      const instance = createAwsInstance('acm', aws, [part('', []), part('keys', [])]);
      const signal = new AbortController().signal;

      const targets = await collect(instance.discover(signal));
      const target = targets.at(-1);
      if (target === undefined) throw new Error('no target');
      const observations = await collect(instance.observe(target, NOTHING_KNOWN, signal));

      expect(targets.map(({ key }) => key)).toEqual([
        'eu-west-1',
        'eu-west-1/keys',
        'us-east-1',
        'us-east-1/keys',
        '111111111111/eu-west-1',
        '111111111111/eu-west-1/keys',
        '111111111111/us-east-1',
        '111111111111/us-east-1/keys',
      ]);
      expect(target).toEqual({
        key: '111111111111/us-east-1/keys',
        labels: { aws_account: '111111111111' },
        data: { account: '111111111111', region: 'us-east-1', part: 'keys' },
      });
      expect(observations).toMatchObject([{ location: 'acm:111111111111/us-east-1/keys' }]);
    });

    it('show what is allowed, what is denied and what could not be tried', async () => {
      fake.intercept = ({ operation }) =>
        operation === 'ListCertificates' ? accessDenied('acm:ListCertificates') : undefined;
      const instance = createAwsInstance('acm', await open(), [
        part('', ['acm:ListCertificates', 'acm:DescribeCertificate'], 3),
      ]);
      const target = { key: 'eu-west-1', data: {} };
      const signal = new AbortController().signal;

      const denied = await instance.permissions?.(target, signal);
      fake.intercept = undefined;
      const allowed = await instance.permissions?.(target, signal);

      expect(denied).toMatchObject([
        { action: 'acm:ListCertificates', on: 'eu-west-1', status: 'denied' },
        { action: 'acm:DescribeCertificate', status: 'untried' },
      ]);
      expect(denied?.[0]?.detail).toContain('Allow acm:ListCertificates');
      expect(allowed?.map(({ status }) => status)).toEqual(['allowed', 'untried']);
      expect(fake.requests).toHaveLength(2);
    });

    it('stop with the signal', async () => {
      const instance = createAwsInstance('acm', await open(), [part('', [])]);
      const reason = new Error('enough');

      await expect(instance.permissions?.({ key: 'eu-west-1', data: {} }, AbortSignal.abort(reason))).rejects.toBe(
        reason,
      );
      await expect(
        collect(instance.observe({ key: 'eu-west-9', data: {} }, NOTHING_KNOWN, AbortSignal.abort(reason))),
      ).rejects.toBeInstanceOf(CollectError);
    });
  });
});

function accessDeniedXml(message: string): AwsReply {
  return (response) => {
    response.writeHead(403, { 'content-type': 'text/xml' });
    response.end(
      `<ErrorResponse><Error><Code>AccessDenied</Code><Message>${message}</Message></Error></ErrorResponse>`,
    );
  };
}
