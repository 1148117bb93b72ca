import { describe, expect, it } from 'vitest';

import { encoded, tlsSecret, type KubeObject } from '../../helpers/fake-kube.ts';
import { lookInto, placesOf } from '../../helpers/kube-look.ts';
import { createAuthority } from '../../helpers/pki.ts';

const root = createAuthority({ name: 'Root' });
const issuing = createAuthority({ name: 'Issuing', parent: root });
const rootPem = root.certificate.pem;

describe('a Secret of the type kubernetes.io/tls', () => {
  it('gives its certificate, its chain and its CA, each with its role, and whether the key fits', async () => {
    const { cluster, look } = await lookInto();
    const pair = issuing.issue({ names: ['shop.example.com'] });
    cluster.put('secrets', tlsSecret('shop', 'web', pair, { data: { 'ca.crt': rootPem } }));

    const { at } = await look();

    const seen = at.get('secret/shop/web');
    expect(placesOf(seen)).toEqual(['tls.crt#0 server', 'tls.crt#1 intermediate', 'ca.crt#0 trust-anchor']);
    expect(seen?.items[0]?.key).toEqual({ at: 'secret/shop/web tls.key', match: 'yes' });
    expect(seen?.labels).toEqual({ namespace: 'shop' });
    expect(seen?.problems).toEqual([]);
    expect(JSON.stringify(seen)).not.toContain(pair.keyPem.split('\n')[1]);
  });

  it('tells a key that belongs to another certificate', async () => {
    const { cluster, look } = await lookInto();
    const [one, other] = [issuing.issue(), issuing.issue()];
    cluster.put('secrets', tlsSecret('shop', 'web', { chainPem: one.pem, keyPem: other.keyPem }));

    const { at } = await look();

    expect(at.get('secret/shop/web')?.items[0]?.key?.match).toBe('no');
  });

  it('tells what is broken and reads the rest', async () => {
    const { cluster, look } = await lookInto();
    const pair = issuing.issue();
    cluster.put(
      'secrets',
      tlsSecret('a', 'no-certificate', pair, { data: { 'tls.crt': '' } }),
      tlsSecret('a', 'no-pem', { chainPem: 'tomorrow', keyPem: '' }),
      { metadata: { namespace: 'a', name: 'no-keys' }, type: 'kubernetes.io/tls', data: null },
      { metadata: { namespace: 'a', name: 'no-base64' }, type: 'kubernetes.io/tls', data: { 'tls.crt': '&&&' } },
      tlsSecret('a', 'broken-keystore', pair, {
        data: { 'keystore.jks': Buffer.from('feedfeed00000002', 'hex').toString('latin1') },
      }),
      tlsSecret('a', 'good', pair),
    );

    const { at } = await look();

    const told = Object.fromEntries(
      [...at].map(([location, { problems }]) => [location, problems.map(({ reason, place }) => `${place} ${reason}`)]),
    );
    expect(told).toEqual({
      'secret/a/no-certificate': ['tls.crt empty'],
      'secret/a/no-pem': ['tls.crt malformed'],
      'secret/a/no-keys': ['tls.crt empty'],
      'secret/a/no-base64': ['tls.crt malformed'],
      'secret/a/broken-keystore': ['keystore.jks malformed'],
      'secret/a/good': [],
    });
    expect(placesOf(at.get('secret/a/broken-keystore'))).toContain('tls.crt#0 server');
  });

  it('has those labels of the object that were asked for, by names that Prometheus takes', async () => {
    const { cluster, look } = await lookInto({ labels_from: ['app.kubernetes.io/name', '2nd', 'team', 'none'] });
    const pair = issuing.issue({ names: ['shop.example.com'] });
    const labels = { 'app.kubernetes.io/name': 'web', '2nd': 'yes', team: 'payments', tier: 'front' };
    cluster.put('secrets', tlsSecret('shop', 'web', pair, { labels: { ...labels, namespace: 'never' } }));
    const { at } = await look();
    expect(at.get('secret/shop/web')?.labels).toEqual({
      app_kubernetes_io_name: 'web',
      _2nd: 'yes',
      team: 'payments',
      owner: 'payments',
      namespace: 'shop',
    });
    cluster.put('secrets', tlsSecret('shop', 'web', pair, { labels: { ...labels, '2nd': 'no' } }));
    expect((await look()).at.get('secret/shop/web')?.labels).toMatchObject({ _2nd: 'no' });
  });

  it('has the owner of its labels, else of its annotations, else of its namespace', async () => {
    const { cluster, look } = await lookInto();
    const pair = issuing.issue();
    cluster.put('namespaces', { metadata: { name: 'shop', annotations: { 'notafter.io/owner': 'retail' } } });
    cluster.put(
      'secrets',
      tlsSecret('shop', 'own', pair, { labels: { team: 'payments' } }),
      tlsSecret('shop', 'inherited', pair),
      tlsSecret('other', 'nobody', pair),
    );

    const { at } = await look();

    expect(['own', 'inherited'].map((name) => at.get(`secret/shop/${name}`)?.labels?.['owner'])).toEqual([
      'payments',
      'retail',
    ]);
    expect(at.get('secret/other/nobody')?.labels).toEqual({ namespace: 'other' });
  });

  it('is not parsed again before it changes', async () => {
    const { cluster, look } = await lookInto();
    cluster.put('secrets', tlsSecret('shop', 'web', issuing.issue()), tlsSecret('shop', 'api', issuing.issue()));
    await look();
    cluster.put('secrets', tlsSecret('shop', 'api', issuing.issue()));

    const { at } = await look();

    expect(at.get('secret/shop/web')).toMatchObject({ unchanged: true, items: [] });
    expect(at.get('secret/shop/api')?.items).toHaveLength(2);
  });

  it('is read again when who uses it changes', async () => {
    const { cluster, look } = await lookInto();
    cluster.put('secrets', tlsSecret('shop', 'web', issuing.issue()));
    await look();
    cluster.put('ingresses', ingress('shop', 'web', { secretName: 'web', hosts: ['shop.example.com'] }));
    // What the cluster says of users is asked for at most twice a minute.
    const { at } = await (await lookInto({}, cluster)).look();

    expect(at.get('secret/shop/web')?.items[0]?.usedBy).toEqual([
      { type: 'k8s', id: 'Ingress/shop/web' },
      { type: 'endpoint', id: 'shop.example.com:443' },
    ]);
  });
});

function ingress(
  namespace: string,
  name: string,
  tls: { readonly secretName: string; readonly hosts: readonly string[] },
  annotations: Readonly<Record<string, string>> = {},
): KubeObject {
  return {
    metadata: { namespace, name, annotations },
    spec: { tls: [tls], rules: [{ host: 'a.shop.example.com' }, { host: 'shop.example.org' }] },
  };
}

describe('who uses a Secret', () => {
  it('is the Ingress that serves with it, at the hosts that a wildcard covers, and whose clients it lets in', async () => {
    const { cluster, look } = await lookInto({ other_secrets: [{ match: 'infra/*' }] });
    cluster.put('secrets', tlsSecret('shop', 'web', issuing.issue()), {
      metadata: { namespace: 'infra', name: 'clients' },
      type: 'Opaque',
      data: encoded({ 'ca.crt': rootPem }),
    });
    cluster.put(
      'ingresses',
      ingress(
        'shop',
        'web',
        { secretName: 'web', hosts: ['*.shop.example.com'] },
        {
          'nginx.ingress.kubernetes.io/auth-tls-secret': 'infra/clients',
        },
      ),
    );

    const { at } = await look();

    expect(at.get('secret/shop/web')?.items[0]?.usedBy).toContainEqual({
      type: 'endpoint',
      id: 'a.shop.example.com:443',
    });
    expect(at.get('secret/infra/clients')?.items[0]).toMatchObject({
      role: 'trust-anchor',
      usedBy: [
        { type: 'k8s', id: 'Ingress/shop/web' },
        { type: 'endpoint', id: 'a.shop.example.com:443' },
      ],
    });
  });

  it('is the Gateway that serves with it, in its own namespace or another, and at its port', async () => {
    const { cluster, look } = await lookInto();
    // A cluster that is not of today has the older version alone.
    cluster.unknown.add('gateways.gateway.networking.k8s.io/v1');
    cluster.put('secrets', tlsSecret('certs', 'edge', issuing.issue()));
    cluster.put('configmaps', { metadata: { namespace: 'edge', name: 'clients' }, data: { 'ca.crt': rootPem } });
    cluster.put('gateways', {
      metadata: { namespace: 'edge', name: 'public' },
      spec: {
        listeners: [
          {
            protocol: 'HTTPS',
            hostname: 'api.example.com',
            port: 8443,
            tls: {
              certificateRefs: [{ name: 'edge', namespace: 'certs' }],
              frontendValidation: { caCertificateRefs: [{ kind: 'ConfigMap', name: 'clients' }] },
            },
          },
          { protocol: 'TLS', hostname: 'raw.example.com', port: 443, tls: { mode: 'Passthrough' } },
        ],
      },
    });

    const { at, failures } = await look();

    expect([...failures.keys()]).toEqual([]);
    expect(at.get('secret/certs/edge')?.items[0]?.usedBy).toEqual([
      { type: 'k8s', id: 'Gateway/edge/public' },
      { type: 'endpoint', id: 'api.example.com:8443' },
    ]);
    expect(at.get('configmap/edge/clients')?.items[0]?.usedBy).toContainEqual({
      type: 'endpoint',
      id: 'api.example.com:8443',
    });
  });

  it('is the Issuer that signs with it', async () => {
    const { cluster, look } = await lookInto();
    cluster.put(
      'secrets',
      tlsSecret('shop', 'ca', { chainPem: root.certificate.pem, keyPem: root.certificate.keyPem }),
    );
    cluster.put('issuers', { metadata: { namespace: 'shop', name: 'internal' }, spec: { ca: { secretName: 'ca' } } });

    const { at } = await look();

    expect(at.get('secret/shop/ca')?.items[0]).toMatchObject({
      role: 'issuer',
      usedBy: [{ type: 'k8s', id: 'Issuer/shop/internal' }],
    });
  });
});

describe('places beside Secrets', () => {
  it('are ConfigMaps with certificates, and no others', async () => {
    const { cluster, look } = await lookInto();
    cluster.put(
      'configmaps',
      { metadata: { namespace: 'a', name: 'kube-root-ca.crt' }, data: { 'ca.crt': rootPem } },
      { metadata: { namespace: 'a', name: 'settings' }, data: { 'app.yaml': 'level: debug' } },
      {
        metadata: { namespace: 'a', name: 'key' },
        data: { 'id.pub': '-----BEGIN PUBLIC KEY-----\nMA==\n-----END PUBLIC KEY-----' },
      },
    );

    const { at } = await look();

    expect([...at.keys()]).toEqual(['configmap/a/kube-root-ca.crt']);
    expect(placesOf(at.get('configmap/a/kube-root-ca.crt'))).toEqual(['ca.crt#0 trust-anchor']);
  });

  it('are the CA bundles by which the API server trusts what it calls', async () => {
    const { cluster, look } = await lookInto();
    const caBundle = Buffer.from(rootPem).toString('base64');
    const service = { namespace: 'infra', name: 'hook' };
    cluster.put('validatingwebhookconfigurations', {
      metadata: { name: 'policy', annotations: { 'cert-manager.io/inject-ca-from': 'infra/hook' } },
      webhooks: [
        { name: 'one.example.com', clientConfig: { caBundle, service } },
        { name: 'two', clientConfig: { url: 'https://x' } },
      ],
    });
    cluster.put('mutatingwebhookconfigurations', {
      metadata: { name: 'defaults' },
      webhooks: [{ name: 'm', clientConfig: { caBundle } }],
    });
    cluster.put('apiservices', { metadata: { name: 'v1.metrics' }, spec: { caBundle, service } });
    cluster.put(
      'customresourcedefinitions',
      {
        metadata: { name: 'shops.example.com' },
        spec: { conversion: { webhook: { clientConfig: { caBundle, service } } } },
      },
      { metadata: { name: 'plain.example.com' }, spec: {} },
    );
    cluster.put('clustertrustbundles', { metadata: { name: 'partners' }, spec: { trustBundle: rootPem } });

    const { at } = await look();

    expect(Object.fromEntries([...at].map(([location, one]) => [location, placesOf(one)]))).toEqual({
      'validatingwebhookconfiguration/policy': ['one.example.com#0 trust-anchor'],
      'mutatingwebhookconfiguration/defaults': ['m#0 trust-anchor'],
      'apiservice/v1.metrics': ['caBundle#0 trust-anchor'],
      'customresourcedefinition/shops.example.com': ['conversion#0 trust-anchor'],
      'clustertrustbundle/partners': ['trustBundle#0 trust-anchor'],
    });
    expect(at.get('validatingwebhookconfiguration/policy')?.items[0]).toMatchObject({
      usedBy: [{ type: 'k8s', id: 'Service/infra/hook' }],
      renewal: { mode: 'automatic' },
    });
  });

  it('are certificates that were asked for without a Certificate', async () => {
    const { cluster, look } = await lookInto();
    const client = issuing.issue({ names: [], commonName: 'system:node:one', extendedKeyUsage: ['clientAuth'] });
    const certificate = Buffer.from(client.pem).toString('base64');
    cluster.put(
      'certificatesigningrequests',
      { metadata: { name: 'csr-1' }, status: { certificate } },
      { metadata: { name: 'pending' }, status: {} },
    );
    cluster.put(
      'certificaterequests',
      { metadata: { namespace: 'a', name: 'by-hand' }, status: { certificate } },
      {
        metadata: { namespace: 'a', name: 'web-1', ownerReferences: [{ kind: 'Certificate', name: 'web' }] },
        status: { certificate },
      },
    );

    const { at } = await look();

    expect(Object.fromEntries([...at].map(([location, one]) => [location, placesOf(one)]))).toEqual({
      'certificatesigningrequest/csr-1': ['certificate#0 client'],
      'certificaterequest/a/by-hand': ['certificate#0 client'],
    });
  });
});

describe('without reading Secrets', () => {
  it('never asks for one, and takes what cert-manager has issued, or what it says of it', async () => {
    const { cluster, look } = await lookInto({ secrets: 'none' });
    const pair = issuing.issue({ names: ['shop.example.com'] });
    const notAfter = new Date(Date.now() + 40 * 86_400_000);
    const status = {
      notBefore: '2026-01-01T00:00:00Z',
      notAfter: notAfter.toISOString(),
      renewalTime: notAfter.toISOString(),
      revision: 3,
    };
    cluster.put('secrets', tlsSecret('shop', 'web-tls', pair));
    cluster.put(
      'certificates',
      { metadata: { namespace: 'shop', name: 'web' }, spec: { secretName: 'web-tls' }, status },
      {
        metadata: { namespace: 'shop', name: 'api' },
        spec: { secretName: 'api-tls', dnsNames: ['api.example.com'], usages: ['client auth'] },
        status,
      },
    );
    cluster.put('certificaterequests', {
      metadata: {
        namespace: 'shop',
        name: 'web-3',
        annotations: { 'cert-manager.io/certificate-name': 'web', 'cert-manager.io/certificate-revision': '3' },
        ownerReferences: [{ kind: 'Certificate', name: 'web' }],
      },
      status: { certificate: Buffer.from(pair.chainPem).toString('base64') },
    });

    const { at } = await look();

    expect(cluster.requests.filter(({ resource }) => resource === 'secrets')).toEqual([]);
    expect(at.get('certificate/shop/web')?.items[0]).toMatchObject({
      kind: 'certificate',
      der: pair.der,
      renewal: { mode: 'automatic' },
    });
    expect(at.get('certificate/shop/api')?.items).toMatchObject([
      { kind: 'described', role: 'client', names: ['api.example.com'], notAfter, renewal: { due: notAfter } },
    ]);
  });
});

describe('what cert-manager says', () => {
  const hourAgo = new Date(Date.now() - 2 * 3_600_000).toISOString();

  it.each([
    [
      'a Certificate that is not ready',
      {
        conditions: [
          { type: 'Ready', status: 'False', reason: 'Expired', message: 'it ended', lastTransitionTime: hourAgo },
        ],
      },
      undefined,
      /Certificate shop\/web is not ready: Expired: it ended/,
    ],
    [
      'attempts that failed',
      {
        failedIssuanceAttempts: 4,
        lastFailureTime: hourAgo,
        conditions: [{ type: 'Issuing', status: 'False', reason: 'Failed', message: 'DNS problem' }],
      },
      undefined,
      /4 attempts to issue Certificate shop\/web failed, the last at .*: Failed: DNS problem/,
    ],
    [
      'an issuer that cannot issue',
      {},
      {
        conditions: [
          {
            type: 'Ready',
            status: 'False',
            reason: 'ErrRegisterACMEAccount',
            message: 'no route',
            lastTransitionTime: hourAgo,
          },
        ],
      },
      /the ClusterIssuer\/letsencrypt of Certificate shop\/web is not ready: ErrRegisterACMEAccount: no route/,
    ],
    [
      'one that became unready a moment ago',
      {
        conditions: [
          { type: 'Ready', status: 'False', reason: 'Issuing', lastTransitionTime: new Date().toISOString() },
        ],
      },
      undefined,
      undefined,
    ],
    [
      'one that is well',
      { conditions: [{ type: 'Ready', status: 'True', reason: 'Ready' }] },
      { conditions: [{ type: 'Ready', status: 'True' }] },
      undefined,
    ],
  ])('of %s is told of its Secret', async (_what, status, issuerStatus, stuck) => {
    const { cluster, look } = await lookInto();
    cluster.put('secrets', tlsSecret('shop', 'web-tls', issuing.issue()));
    cluster.put('certificates', {
      metadata: { namespace: 'shop', name: 'web' },
      spec: { secretName: 'web-tls', issuerRef: { kind: 'ClusterIssuer', name: 'letsencrypt' } },
      status: { notAfter: '2027-01-01T00:00:00Z', renewalTime: '2026-12-01T00:00:00Z', ...status },
    });
    cluster.put('clusterissuers', { metadata: { name: 'letsencrypt' }, spec: {}, status: issuerStatus });

    const { at } = await look();

    const { renewal, labels } = at.get('secret/shop/web-tls')?.items[0] ?? {};
    expect(labels).toEqual({ cert_manager_certificate: 'shop/web', cert_manager_issuer: 'ClusterIssuer/letsencrypt' });
    expect(renewal).toMatchObject({ mode: 'automatic', due: new Date('2026-12-01T00:00:00Z') });
    if (stuck === undefined) expect(renewal?.stuck).toBeUndefined();
    else expect(renewal?.stuck).toMatch(stuck);
  });

  it('of a Certificate that was never issued stands at the Certificate', async () => {
    const { cluster, look } = await lookInto();
    cluster.put('certificates', {
      metadata: { namespace: 'shop', name: 'web' },
      spec: { secretName: 'web-tls', dnsNames: ['shop.example.com'] },
      status: { failedIssuanceAttempts: 2 },
    });

    const { at } = await look();

    expect(at.get('certificate/shop/web')?.items).toMatchObject([
      { kind: 'described', notAfter: 'unknown', names: ['shop.example.com'] },
    ]);
  });

  it('of a Secret whose Certificate was deleted is that nobody renews it', async () => {
    const { cluster, look } = await lookInto();
    cluster.put(
      'secrets',
      tlsSecret('shop', 'left', issuing.issue(), { annotations: { 'cert-manager.io/certificate-name': 'web' } }),
    );

    const { at } = await look();

    expect(at.get('secret/shop/left')?.items[0]?.renewal).toEqual({ mode: 'manual' });
  });
});

describe('several clusters and namespaces', () => {
  it('looks into the namespaces of the config alone, and at nothing that belongs to none', async () => {
    const { cluster, look } = await lookInto({ namespaces: ['shop'] });
    cluster.put('namespaces', { metadata: { name: 'shop' } });
    cluster.put('secrets', tlsSecret('shop', 'web', issuing.issue()), tlsSecret('other', 'web', issuing.issue()));

    const { at, failures } = await look();

    expect([...at.keys()]).toEqual(['secret/shop/web']);
    expect([...failures]).toEqual([]);
    const outside = cluster.requests.filter(
      ({ namespace, resource, path }) =>
        namespace === undefined && resource !== '' && path !== '/api/v1/namespaces/shop',
    );
    expect(outside).toEqual([]);
  });

  it('passes namespaces by that are excluded', async () => {
    const { cluster, look } = await lookInto({ exclude_namespaces: ['kube-*'] });
    cluster.put('secrets', tlsSecret('kube-system', 'web', issuing.issue()), tlsSecret('shop', 'web', issuing.issue()));

    const { at } = await look();

    expect([...at.keys()]).toEqual(['secret/shop/web']);
  });
});
