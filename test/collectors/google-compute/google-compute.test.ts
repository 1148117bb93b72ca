import { beforeEach, describe, expect, it } from 'vitest';

import { googleCompute } from '../../../collectors/google-compute/index.ts';
import type { Collector } from '../../../src/plugin/collector.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { base64, describeRestList, googleDenied, itemsOf, lookAt } from '../../contract/rest-collector.ts';
import { type FakeRest, useFakeRest, useMachineIdentity } from '../../helpers/fake-rest.ts';
import { createAuthority } from '../../helpers/pki.ts';

const collector = googleCompute as unknown as Collector;
useMachineIdentity();

const authority = createAuthority({ name: 'Issuing' });
const leaf = authority.issue({ names: ['api.example.com'] });
const PROJECT = 'my-project-1';
const LINK = `https://www.googleapis.com/compute/v1/projects/${PROJECT}`;
const pathOf = (field: string): string => `/compute/v1/projects/${PROJECT}/aggregated/${field}`;

/** A list over all regions, one scope per page of it. */
function set(fake: FakeRest, field: string, items: readonly object[], more: object = {}): void {
  fake.routes.set(pathOf(field), ({ query }) => {
    const start = Number(query.get('pageToken') ?? '0');
    const end = start + fake.pageSize;
    return {
      items: { global: { [field]: items.slice(start, end) }, 'regions/x': { warning: { code: 'NO_RESULTS_ON_PAGE' } } },
      ...(end < items.length ? { nextPageToken: String(end) } : {}),
      ...more,
    };
  });
}

function serve(fake: FakeRest): void {
  for (const field of ['sslCertificates', 'targetHttpsProxies', 'targetSslProxies', 'urlMaps', 'forwardingRules']) {
    set(fake, field, []);
  }
}

describeRestList(
  collector,
  { projects: [PROJECT] },
  {
    target: PROJECT,
    path: pathOf('sslCertificates'),
    pageParameter: 'pageToken',
    denied: googleDenied('compute.sslCertificates.list'),
    remedy: 'Grant compute.sslCertificates.list',
    fill: (fake) => {
      serve(fake);
      set(
        fake,
        'sslCertificates',
        ['one', 'two', 'three'].map((name) => ({
          selfLink: `${LINK}/global/sslCertificates/${name}`,
          certificate: leaf.pem,
        })),
      );
      return [`projects/${PROJECT}/global/sslCertificates/one`];
    },
  },
);

describe('what it sees', () => {
  const fake = useFakeRest();
  beforeEach(() => {
    serve(fake);
  });
  const look = (): Promise<Observation[]> =>
    lookAt(collector, { projects: [PROJECT], endpoint: fake.url }, { key: PROJECT });

  it('gives a certificate with its chain and the front ends that use it, page by page', async () => {
    const link = `${LINK}/regions/europe-west1/sslCertificates/web`;
    set(fake, 'sslCertificates', [
      { selfLink: link, type: 'SELF_MANAGED', certificate: leaf.pem + authority.certificate.pem },
    ]);
    fake.pageSize = 1;
    set(fake, 'targetSslProxies', [
      { selfLink: `${LINK}/global/targetSslProxies/other` },
      { selfLink: `${LINK}/global/targetSslProxies/raw`, sslCertificates: [link] },
    ]);
    set(fake, 'forwardingRules', [
      { IPAddress: '203.0.113.7', target: `${LINK}/global/targetSslProxies/other` },
      { IPAddress: '2001:db8::7', portRange: '8443-8443', target: `${LINK}/global/targetSslProxies/raw` },
    ]);

    expect(itemsOf(await look())).toEqual({
      [`projects/${PROJECT}/regions/europe-west1/sslCertificates/web`]: [
        {
          kind: 'certificate',
          der: base64(leaf),
          place: { key: 'certificate' },
          role: 'server',
          renewal: { mode: 'manual' },
          usedBy: [
            { type: 'endpoint', id: '[2001:db8::7]:8443' },
            { type: 'gcp', id: `projects/${PROJECT}/global/targetSslProxies/raw` },
          ],
        },
        {
          kind: 'certificate',
          der: base64(authority.certificate),
          place: { key: 'chain', index: 0 },
          role: 'trust-anchor',
        },
      ],
    });
    expect(fake.requests[0]?.query.get('returnPartialSuccess')).toBe('true');
  });

  it.each([
    ['that renews itself', { status: 'ACTIVE', domainStatus: { 'api.example.com': 'ACTIVE' } }, { mode: 'automatic' }],
    [
      'with a domain that fails',
      {
        status: 'RENEWAL_FAILED',
        domainStatus: { 'api.example.com': 'FAILED_NOT_VISIBLE', 'www.example.com': 'ACTIVE' },
      },
      { mode: 'automatic', stuck: 'Google says RENEWAL_FAILED (api.example.com: FAILED_NOT_VISIBLE)' },
    ],
    [
      'in states of tomorrow',
      { status: 'QUANTUM', domainStatus: { 'api.example.com': 'ENTANGLED' } },
      { mode: 'automatic' },
    ],
  ])('knows a managed certificate %s', async (_what, managed, renewal) => {
    const selfLink = `${LINK}/global/sslCertificates/web`;
    set(fake, 'sslCertificates', [{ selfLink, type: 'MANAGED', certificate: leaf.pem, managed }]);

    expect((await look())[0]?.items[0]?.renewal).toEqual(renewal);
  });

  it('finds nothing that ends in one that was never issued', async () => {
    set(fake, 'sslCertificates', [
      { selfLink: `${LINK}/global/sslCertificates/web`, type: 'MANAGED', managed: { status: 'PROVISIONING' } },
    ]);

    expect(await look()).toMatchObject([{ items: [], problems: [] }]);
  });

  it.each([
    ['unreachables', { unreachables: ['regions/europe-west9'] }],
    ['a warning', { items: { 'regions/europe-west9': { warning: { code: 'UNREACHABLE' } } } }],
  ])('keeps what lies in a region that is named by %s from being withdrawn', async (_what, more) => {
    set(fake, 'sslCertificates', [], more);

    expect(await look()).toMatchObject([
      { problems: [{ reason: 'partial', detail: expect.stringContaining('europe-west9') as unknown }] },
    ]);
  });
});
