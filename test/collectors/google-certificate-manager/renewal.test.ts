import { beforeEach, expect, it } from 'vitest';

import { googleCertificateManager } from '../../../collectors/google-certificate-manager/index.ts';
import type { Collector } from '../../../src/plugin/collector.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { googleDenied, lookAt } from '../../contract/rest-collector.ts';
import { googleList, useFakeRest, useMachineIdentity } from '../../helpers/fake-rest.ts';
import { createAuthority } from '../../helpers/pki.ts';
import { AT, LIST, PROJECT, serve } from './stage.ts';

const collector = googleCertificateManager as unknown as Collector;
const leaf = createAuthority({ name: 'Issuing' }).issue({ names: ['api.example.com'] });

useMachineIdentity();
const fake = useFakeRest();
beforeEach(() => {
  serve(fake);
});

const look = (): Promise<Observation[]> =>
  lookAt(collector, { projects: [PROJECT], endpoint: fake.url }, { key: `${PROJECT}/certificates` });

it.each([
  ['that renews itself', { state: 'ACTIVE' }, { mode: 'automatic' }],
  [
    'whose domain is no longer authorised',
    {
      state: 'ACTIVE',
      authorizationAttemptInfo: [
        { domain: 'api.example.com', state: 'FAILED', failureReason: 'CONFIG', details: 'no CNAME' },
        { domain: 'www.example.com', state: 'AUTHORIZED' },
      ],
    },
    { mode: 'automatic', stuck: 'api.example.com is not authorised (CONFIG: no CNAME)' },
  ],
  [
    'that Google may not issue',
    { state: 'FAILED', provisioningIssue: { reason: 'RATE_LIMITED', details: 'try later' } },
    { mode: 'automatic', stuck: 'Google says RATE_LIMITED: try later' },
  ],
  ['in a state of tomorrow', { state: 'QUANTUM' }, { mode: 'automatic' }],
])('knows a managed certificate %s', async (_what, managed, renewal) => {
  const certificate = { name: `${AT}/certificates/web`, pemCertificate: leaf.pem, managed };
  fake.routes.set(`${LIST}/certificates`, googleList(fake, 'certificates', [certificate]));

  expect((await look())[0]?.items[0]?.renewal).toEqual(renewal);
});

const stuckAt = (domains: readonly object[], more: object = {}): object => ({
  name: `${AT}/certificates/web`,
  pemCertificate: leaf.pem,
  managed: {
    state: 'ACTIVE',
    authorizationAttemptInfo: domains.map((one) => ({ state: 'FAILED', failureReason: 'CONFIG', ...one })),
    ...more,
  },
});
const dnsAuthorization = (name: string, domain: string): object => ({
  name: `${AT}/dnsAuthorizations/${name}`,
  domain,
  dnsResourceRecord: { name: `_acme-challenge.${domain}.`, type: 'CNAME', data: `${name}.authorize.example.` },
});
const byDns = {
  dnsAuthorizations: ['web', 'shop'].map((one) => `projects/123456/locations/global/dnsAuthorizations/${one}`),
};

it('names the DNS record that authorises a domain again, and what is there instead', async () => {
  const domains = [
    {
      domain: 'api.example.com',
      troubleshooting: {
        cname: {
          name: '_acme-challenge.api.example.com.',
          expectedData: 'one.authorize.example.',
          resolvedData: ['old.authorize.example.'],
        },
      },
    },
  ];
  fake.routes.set(`${LIST}/certificates`, googleList(fake, 'certificates', [stuckAt(domains, byDns)]));

  expect((await look())[0]?.items[0]?.renewal?.stuck).toBe(
    'api.example.com is not authorised (CONFIG): set the DNS record _acme-challenge.api.example.com. CNAME one.authorize.example., which is old.authorize.example. now',
  );
  expect(fake.requests.some(({ path: asked }) => asked.endsWith('/dnsAuthorizations'))).toBe(false);
});

it('asks for the records, once and page by page, where Google says of a domain only that it fails', async () => {
  const certificates = [
    stuckAt([{ domain: '*.shop.example.com' }, { domain: 'other.example.com' }], byDns),
    stuckAt([{ domain: 'web.example.com' }], byDns),
  ];
  fake.routes.set(`${LIST}/certificates`, googleList(fake, 'certificates', certificates));
  fake.routes.set(
    `${LIST}/dnsAuthorizations`,
    googleList(fake, 'dnsAuthorizations', [
      dnsAuthorization('web', 'web.example.com'),
      dnsAuthorization('shop', 'shop.example.com'),
    ]),
  );
  fake.pageSize = 1;

  expect((await look()).map(({ items }) => items[0]?.renewal?.stuck)).toEqual([
    '*.shop.example.com is not authorised (CONFIG): set the DNS record _acme-challenge.shop.example.com. CNAME shop.authorize.example.; other.example.com is not authorised (CONFIG)',
    'web.example.com is not authorised (CONFIG): set the DNS record _acme-challenge.web.example.com. CNAME web.authorize.example.',
  ]);
  expect(fake.requests.filter(({ path: asked }) => asked.endsWith('/dnsAuthorizations'))).toHaveLength(2);
});

it('says where a domain has to lead that the load balancer answers for itself', async () => {
  const domains = [
    { domain: 'a.example.com', troubleshooting: { ips: { serving: ['203.0.113.7'], resolved: ['198.51.100.1'] } } },
    { domain: 'b.example.com', troubleshooting: { ips: { serving: ['203.0.113.7'] } } },
  ];
  fake.routes.set(`${LIST}/certificates`, googleList(fake, 'certificates', [stuckAt(domains)]));

  expect((await look())[0]?.items[0]?.renewal?.stuck).toBe(
    'a.example.com is not authorised (CONFIG): it has to lead to 203.0.113.7, and leads to 198.51.100.1; b.example.com is not authorised (CONFIG): it has to lead to 203.0.113.7, and leads to no address',
  );
});

it('says that it may not ask for the records, and still that the domain fails', async () => {
  const certificate = stuckAt([{ domain: 'web.example.com' }], byDns);
  fake.routes.set(`${LIST}/certificates`, googleList(fake, 'certificates', [certificate]));
  fake.intercept = ({ path: asked }) =>
    asked.endsWith('/dnsAuthorizations') ? googleDenied('certificatemanager.dnsauthorizations.list') : undefined;

  const [seen, gap] = await look();

  expect(seen?.items[0]?.renewal?.stuck).toBe('web.example.com is not authorised (CONFIG)');
  expect(gap?.problems).toMatchObject([
    {
      reason: 'permission_denied',
      detail: expect.stringContaining('Grant certificatemanager.dnsauthorizations.list') as unknown,
    },
  ]);
});
