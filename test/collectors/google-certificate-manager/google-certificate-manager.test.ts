import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { beforeEach, describe, expect, it } from 'vitest';

import { googleCertificateManager } from '../../../collectors/google-certificate-manager/index.ts';
import type { Collector } from '../../../src/plugin/collector.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { collect, NOTHING_KNOWN } from '../../contract/collector.ts';
import {
  base64,
  describeRestList,
  googleDenied,
  itemsOf,
  lookAt,
  permissionsOf,
  restContext,
} from '../../contract/rest-collector.ts';
import { googleList, json, useFakeRest, TOKEN, useMachineIdentity } from '../../helpers/fake-rest.ts';
import { createAuthority } from '../../helpers/pki.ts';
import { AT, LIST, PROJECT, serve, setCompute } from './stage.ts';

const collector = googleCertificateManager as unknown as Collector;
useMachineIdentity();

const root = createAuthority({ name: 'Root' });
const partners = createAuthority({ name: 'Partner CA', parent: root });
const leaf = partners.issue({ names: ['api.example.com'] });
const client = partners.issue({ commonName: 'balancer', names: [], extendedKeyUsage: ['clientAuth'] });

const COMPUTE = `https://www.googleapis.com/compute/v1/projects/${PROJECT}/global`;

describe('failures', () => {
  for (const [part, field, action] of [
    ['certificates', 'certificates', 'certificatemanager.certs.list'],
    ['trust-configs', 'trustConfigs', 'certificatemanager.trustconfigs.list'],
  ] as const) {
    describeRestList(
      collector,
      { projects: [PROJECT] },
      {
        target: `${PROJECT}/${part}`,
        path: `${LIST}/${field}`,
        pageParameter: 'pageToken',
        denied: googleDenied(action),
        remedy: `Grant ${action}`,
        fill: (fake) => {
          serve(fake);
          const things = ['one', 'two', 'three'].map((name) => ({
            name: `${AT}/${field}/${name}`,
            pemCertificate: leaf.pem,
            trustStores: [{ trustAnchors: [{ pemCertificate: root.certificate.pem }] }],
          }));
          fake.routes.set(`${LIST}/${field}`, googleList(fake, field, things));
          return [`${AT}/${field}/one`];
        },
      },
    );
  }
});

describe('what it sees', () => {
  const fake = useFakeRest();
  beforeEach(() => {
    serve(fake);
    setCompute(fake, 'targetHttpsProxies', [
      {
        selfLink: `${COMPUTE}/targetHttpsProxies/web`,
        urlMap: `${COMPUTE}/urlMaps/web`,
        certificateMap: `//certificatemanager.googleapis.com/${AT}/certificateMaps/web`,
        serverTlsPolicy: `//networksecurity.googleapis.com/projects/123456/locations/global/serverTlsPolicies/strict`,
      },
    ]);
    setCompute(fake, 'urlMaps', [
      { selfLink: `${COMPUTE}/urlMaps/web`, hostRules: [{ hosts: ['api.example.com', '*.example.org'] }] },
    ]);
    setCompute(fake, 'forwardingRules', [
      { IPAddress: '203.0.113.7', portRange: '443-443', target: `${COMPUTE}/targetHttpsProxies/web` },
    ]);
    fake.routes.set(
      `${LIST}/serverTlsPolicies`,
      googleList(fake, 'serverTlsPolicies', [
        {
          name: `${AT}/serverTlsPolicies/strict`,
          mtlsPolicy: {
            clientValidationMode: 'REJECT_INVALID',
            clientValidationTrustConfig: `projects/123456/locations/global/trustConfigs/partners`,
          },
        },
      ]),
    );
  });

  const look = (part: string, options: object = {}): Promise<Observation[]> =>
    lookAt(collector, { projects: [PROJECT], endpoint: fake.url, ...options }, { key: `${PROJECT}/${part}` });

  const PROXY = { type: 'gcp', id: `projects/${PROJECT}/global/targetHttpsProxies/web` };

  it('gives a certificate with its chain, what uses it, and who renews it, page by page', async () => {
    fake.pageSize = 1;
    fake.routes.set(
      `${LIST}/certificates`,
      googleList(fake, 'certificates', [
        {
          name: `${AT}/certificates/web`,
          pemCertificate: leaf.pem + partners.certificate.pem,
          selfManaged: {},
          labels: { owner: 'payments' },
        },
        {
          name: `${AT}/certificates/balancer`,
          pemCertificate: client.pem,
          scope: 'CLIENT_AUTH',
          selfManaged: {},
        },
      ]),
    );
    fake.routes.set(
      `${LIST}/certificateMaps`,
      googleList(fake, 'certificateMaps', [{}, { name: `${AT}/certificateMaps/web` }]),
    );
    fake.routes.set(
      `/v1/${AT}/certificateMaps/web/certificateMapEntries`,
      googleList(fake, 'certificateMapEntries', [
        { hostname: '*.example.com', certificates: [`${AT}/certificates/web`] },
        { hostname: 'api.example.com', certificates: [`${AT}/certificates/web`] },
      ]),
    );
    fake.routes.set(
      `${LIST}/backendAuthenticationConfigs`,
      googleList(fake, 'backendAuthenticationConfigs', [
        { name: `${AT}/backendAuthenticationConfigs/plain` },
        {
          name: `${AT}/backendAuthenticationConfigs/orders`,
          clientCertificate: `projects/123456/locations/global/certificates/balancer`,
        },
      ]),
    );

    const observations = await look('certificates');

    expect(itemsOf(observations)).toEqual({
      [`${AT}/certificates/web`]: [
        {
          kind: 'certificate',
          der: base64(leaf),
          place: { key: 'certificate' },
          role: 'server',
          renewal: { mode: 'manual' },
          usedBy: [PROXY, { type: 'endpoint', id: 'api.example.com:443' }],
        },
        {
          kind: 'certificate',
          der: base64(partners.certificate),
          place: { key: 'chain', index: 0 },
          role: 'intermediate',
        },
      ],
      [`${AT}/certificates/balancer`]: [
        {
          kind: 'certificate',
          der: base64(client),
          place: { key: 'certificate' },
          role: 'client',
          renewal: { mode: 'manual' },
          usedBy: [{ type: 'gcp', id: `${AT}/backendAuthenticationConfigs/orders` }],
        },
      ],
    });
    expect(observations.map(({ labels }) => labels)).toEqual([{ owner: 'payments' }, undefined]);
    expect(observations.flatMap(({ problems }) => problems)).toEqual([]);
  });

  it('finds nothing that ends in a certificate that was never issued', async () => {
    const certificate = { name: `${AT}/certificates/web`, managed: { state: 'PROVISIONING' } };
    fake.routes.set(`${LIST}/certificates`, googleList(fake, 'certificates', [certificate]));

    expect(await look('certificates')).toEqual([{ location: `${AT}/certificates/web`, items: [], problems: [] }]);
  });

  const trustConfig = (changes: object = {}): object => ({
    name: `${AT}/trustConfigs/partners`,
    trustStores: [
      {
        trustAnchors: [{ pemCertificate: root.certificate.pem }],
        intermediateCas: [{ pemCertificate: partners.certificate.pem }],
      },
    ],
    allowlistedCertificates: [{ pemCertificate: client.pem }],
    ...changes,
  });

  it('gives a trust config its anchors, with the endpoints about whose clients they decide', async () => {
    fake.routes.set(`${LIST}/trustConfigs`, googleList(fake, 'trustConfigs', [trustConfig()]));

    const usedBy = [
      { type: 'endpoint', id: 'api.example.com:443' },
      { type: 'endpoint', id: '203.0.113.7:443' },
      PROXY,
    ];
    expect(itemsOf(await look('trust-configs'))).toEqual({
      [`${AT}/trustConfigs/partners`]: [
        {
          kind: 'certificate',
          der: base64(root.certificate),
          place: { key: 'anchors', index: 0 },
          role: 'trust-anchor',
          renewal: { mode: 'manual' },
          usedBy,
        },
        {
          kind: 'certificate',
          der: base64(partners.certificate),
          place: { key: 'intermediates', index: 0 },
          role: 'intermediate',
          renewal: { mode: 'manual' },
          usedBy,
        },
        {
          kind: 'certificate',
          der: base64(client),
          place: { key: 'allowlisted/1/certificate' },
          role: 'client',
          renewal: { mode: 'manual' },
          remarks: [expect.stringContaining('after its end, too')],
        },
      ],
    });
  });

  it('does not say that it turns clients away where the policy lets them through', async () => {
    fake.routes.set(`${LIST}/trustConfigs`, googleList(fake, 'trustConfigs', [trustConfig()]));
    fake.routes.set(
      `${LIST}/serverTlsPolicies`,
      googleList(fake, 'serverTlsPolicies', [
        {
          name: `${AT}/serverTlsPolicies/strict`,
          mtlsPolicy: {
            clientValidationMode: 'ALLOW_INVALID_OR_MISSING_CLIENT_CERT',
            clientValidationTrustConfig: `${AT}/trustConfigs/partners`,
          },
        },
      ]),
    );

    expect((await look('trust-configs'))[0]?.items[0]?.usedBy).toEqual([PROXY]);
  });

  it('keeps what it sees and says what is missing when it may not ask who uses it', async () => {
    fake.routes.set(`${LIST}/trustConfigs`, googleList(fake, 'trustConfigs', [trustConfig()]));
    fake.intercept = ({ path: asked }) =>
      asked.includes('serverTlsPolicies') ? googleDenied('networksecurity.serverTlsPolicies.list') : undefined;

    const observations = await look('trust-configs');

    expect(observations[0]?.items).toHaveLength(3);
    expect(observations[1]).toMatchObject({
      location: `google-certificate-manager:${PROJECT}/trust-configs`,
      problems: [{ reason: 'permission_denied', detail: expect.stringContaining('Grant networksecurity.') as unknown }],
    });
  });

  it('keeps what lies in a region that Google could not ask from being withdrawn', async () => {
    fake.routes.set(
      `${LIST}/trustConfigs`,
      googleList(fake, 'trustConfigs', [trustConfig()], { unreachable: ['projects/1/locations/europe-west1'] }),
    );

    const observations = await look('trust-configs');

    expect(observations[0]?.items).toHaveLength(3);
    expect(observations[1]?.problems).toMatchObject([
      { reason: 'partial', detail: expect.stringContaining('europe-west1') as unknown },
    ]);
  });

  it('says what cannot be read in a trust config, and reads the rest', async () => {
    const broken = trustConfig({
      trustStores: [{ trustAnchors: [{ pemCertificate: 'no PEM' }, { pemCertificate: root.certificate.pem }] }],
    });
    fake.routes.set(`${LIST}/trustConfigs`, googleList(fake, 'trustConfigs', [broken]));

    expect((await look('trust-configs'))[0]?.items[0]).toMatchObject({ role: 'trust-anchor' });
  });

  const disabled = json(
    {
      error: {
        code: 403,
        status: 'PERMISSION_DENIED',
        message: 'Certificate Manager API has not been used in project 1 before or it is disabled.',
        details: [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'SERVICE_DISABLED' }],
      },
    },
    403,
  );

  it('takes an API that is not enabled for a fault in a project that was named, and for nothing in one that was found', async () => {
    fake.intercept = () => disabled;

    await expect(look('certificates')).rejects.toMatchObject({
      reason: 'permission_denied',
      message: expect.stringContaining('is not enabled in the project') as unknown,
    });
    const found = await lookAt(
      collector,
      { organizations: ['7'], endpoint: fake.url },
      { key: 'other-project/certificates', data: { project: 'other-project' } },
    );
    expect(found).toEqual([]);
  });

  it('finds every active project of an organization, in its folders, too', async () => {
    const projects: Record<string, readonly object[]> = {
      'organizations/7': [{ projectId: 'top-project', state: 'ACTIVE' }],
      'folders/8': [
        { projectId: 'low-project', state: 'ACTIVE' },
        { projectId: 'gone-project', state: 'DELETE_REQUESTED' },
      ],
    };
    const folders: Record<string, readonly object[]> = { 'organizations/7': [{ name: 'folders/8' }] };
    fake.routes.set('/v3/projects', (request) =>
      googleList(fake, 'projects', projects[request.query.get('parent') ?? ''] ?? [])(request),
    );
    fake.routes.set('/v3/folders', (request) =>
      googleList(fake, 'folders', folders[request.query.get('parent') ?? ''] ?? [])(request),
    );
    const instance = await collector.create(
      collector.options.parse({ projects: ['my-project-1'], organizations: ['7'], endpoint: fake.url }),
      restContext(),
    );

    const targets = await collect(instance.discover(new AbortController().signal));
    expect(targets.map(({ key }) => key)).toEqual(
      ['my-project-1', 'top-project', 'low-project'].flatMap((id) => [`${id}/certificates`, `${id}/trust-configs`]),
    );
    expect(targets[0]?.labels).toEqual({ google_project: 'my-project-1' });

    fake.intercept = ({ path: asked }) =>
      asked === '/v3/folders' ? googleDenied('resourcemanager.folders.list') : undefined;
    await expect(collect(instance.discover(new AbortController().signal))).rejects.toMatchObject({
      reason: 'permission_denied',
      message: expect.stringContaining('Grant resourcemanager.folders.list') as unknown,
    });
  });

  it('logs in by workload identity federation, with the real library', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'notafter-google-'));
    const file = path.join(folder, 'credentials.json');
    writeFileSync(path.join(folder, 'token'), 'of the cluster');
    writeFileSync(
      file,
      JSON.stringify({
        type: 'external_account',
        audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k',
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        token_url: `${fake.url}/sts/token`,
        credential_source: { file: path.join(folder, 'token') },
      }),
    );
    const exchanged: unknown[] = [];
    fake.intercept = ({ path: asked, body }) => {
      if (asked !== '/sts/token') return undefined;
      exchanged.push(body);
      return json({ access_token: TOKEN, token_type: 'Bearer', expires_in: 3600, issued_token_type: 'x' });
    };
    fake.routes.set(`${LIST}/trustConfigs`, googleList(fake, 'trustConfigs', [trustConfig()]));

    const context = restContext({ secret: async () => readFileSync(file, 'utf8') });
    const looking = (): Promise<Observation[]> =>
      lookAt(
        collector,
        { projects: [PROJECT], endpoint: fake.url, credentials_file: file },
        { key: `${PROJECT}/trust-configs` },
        NOTHING_KNOWN,
        context,
      );

    expect(await looking()).toHaveLength(1);
    expect(exchanged).toHaveLength(1);
    expect(String(exchanged[0])).toContain('subject_token=of+the+cluster');

    // A token that is no longer accepted is not kept: the next is asked for by credentials that are read anew.
    const instance = await collector.create(
      collector.options.parse({ projects: [PROJECT], endpoint: fake.url, credentials_file: file }),
      context,
    );
    const again = (): Promise<Observation[]> =>
      collect(
        instance.observe({ key: `${PROJECT}/trust-configs`, data: {} }, NOTHING_KNOWN, new AbortController().signal),
      );
    fake.token = 'another';
    await expect(again()).rejects.toMatchObject({ reason: 'authentication_failed' });
    fake.token = TOKEN;
    expect(await again()).toHaveLength(1);
    expect(exchanged).toHaveLength(3);

    fake.intercept = ({ path: asked }) =>
      asked === '/sts/token'
        ? json({ error: 'invalid_grant', error_description: 'the token has expired' }, 400)
        : undefined;
    await expect(looking()).rejects.toMatchObject({
      reason: 'authentication_failed',
    });
    rmSync(folder, { recursive: true });
  });

  it.each([
    ['no JSON', 'hunter2 {'],
    ['credentials of another kind', '{"type": "gdch_service_account", "private_key": "hunter2"}'],
  ])('says of a credentials file that it holds %s, and nothing of what is in it', async (_what, content) => {
    const context = restContext({ secret: () => Promise.resolve(content) });
    const options = { projects: [PROJECT], endpoint: fake.url, credentials_file: '/run/google.json' };

    const failure: unknown = await lookAt(
      collector,
      options,
      { key: `${PROJECT}/certificates` },
      NOTHING_KNOWN,
      context,
    ).catch((error: unknown) => error);

    expect(failure).toMatchObject({ reason: 'authentication_failed' });
    expect(String(failure)).toContain('/run/google.json');
    expect(String(failure)).not.toContain('hunter2');
  });

  it('tries what it may call', async () => {
    fake.routes.set(`${LIST}/trustConfigs`, googleList(fake, 'trustConfigs', [trustConfig()]));
    fake.intercept = ({ path: asked }) =>
      asked.endsWith('/urlMaps') ? googleDenied('compute.urlMaps.list') : undefined;

    const found = await permissionsOf(
      collector,
      { projects: [PROJECT], endpoint: fake.url },
      `${PROJECT}/trust-configs`,
    );

    expect(Object.fromEntries(found.map(({ action, status }) => [action, status]))).toEqual({
      'certificatemanager.trustconfigs.list': 'allowed',
      'networksecurity.serverTlsPolicies.list': 'allowed',
      'compute.targetHttpsProxies.list': 'allowed',
      'compute.targetSslProxies.list': 'allowed',
      'compute.urlMaps.list': 'denied',
      'compute.forwardingRules.list': 'allowed',
    });
  });
});
