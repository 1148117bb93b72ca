import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { encoded, status, tlsSecret } from '../../helpers/fake-kube.ts';
import { lookInto } from '../../helpers/kube-look.ts';
import { createAuthority } from '../../helpers/pki.ts';
import { PASSWORD } from '../../helpers/keystore-tools.ts';

const authority = createAuthority({ name: 'Issuing' });
const pair = authority.issue({ names: ['shop.example.com'] });

function secrets(count: number): readonly ReturnType<typeof tlsSecret>[] {
  return Array.from({ length: count }, (_, rank) => tlsSecret('shop', `web-${String(rank).padStart(3, '0')}`, pair));
}

describe('a right that is missing', () => {
  it.each([
    ['secrets', '', 'secrets'],
    ['configmaps', '', 'configmaps'],
    ['ingresses', 'networking.k8s.io', 'ingresses'],
    ['gateways', 'gateway.networking.k8s.io', 'gateways'],
    ['certificates', 'cert-manager.io', 'certificates'],
    ['issuers', 'cert-manager.io', 'issuers'],
    ['validatingwebhookconfigurations', 'admissionregistration.k8s.io', 'validatingwebhookconfigurations'],
    ['apiservices', 'apiregistration.k8s.io', 'apiservices'],
    ['customresourcedefinitions', 'apiextensions.k8s.io', 'customresourcedefinitions'],
    ['certificatesigningrequests', 'certificates.k8s.io', 'certificatesigningrequests'],
    ['clustertrustbundles', 'certificates.k8s.io', 'clustertrustbundles'],
  ])('to list %s is named, and concerns nothing else', async (resource, group, target) => {
    const { cluster, look } = await lookInto();
    cluster.put('secrets', ...secrets(1));
    cluster.put('configmaps', {
      metadata: { namespace: 'shop', name: 'ca' },
      data: { 'ca.crt': authority.certificate.pem },
    });
    cluster.denied.add(`list ${resource}`);

    const { at, failures } = await look();

    expect([...failures.keys()]).toEqual([target]);
    expect(failures.get(target)).toMatchObject({ reason: 'permission_denied' });
    expect(failures.get(target)?.message).toContain(
      `Allow the verb list on ${resource} (apiGroups: ["${group}"]) by a ClusterRole`,
    );
    const others = ['secret/shop/web-000', 'configmap/shop/ca'].filter((one) => !one.startsWith(resource.slice(0, 6)));
    expect([...at.keys()]).toEqual(expect.arrayContaining(others));
  });

  it('in one namespace leaves the others', async () => {
    const { cluster, look } = await lookInto({ namespaces: ['shop', 'billing'] });
    cluster.put('secrets', ...secrets(1), tlsSecret('billing', 'web', pair));
    cluster.denied.add('list secrets in shop');

    const { at, failures } = await look();

    expect([...failures.keys()]).toEqual(['secrets/shop']);
    expect(failures.get('secrets/shop')?.message).toContain('by a Role in shop');
    expect([...at.keys()]).toContain('secret/billing/web');
  });

  it('for a kind that the cluster does not have is no failure', async () => {
    const { cluster, look } = await lookInto();
    for (const kind of ['certificates', 'certificaterequests', 'issuers', 'clusterissuers']) {
      cluster.unknown.add(`${kind}.cert-manager.io`);
      cluster.denied.add(`list ${kind}`);
    }
    cluster.unknown.add('gateways.gateway.networking.k8s.io');
    cluster.put('secrets', ...secrets(1));

    const { at, failures } = await look();

    expect([...failures]).toEqual([]);
    expect([...at.keys()]).toEqual(['secret/shop/web-000']);
  });

  it('to see who uses it does not make a Secret look as if nobody did', async () => {
    const { cluster, look } = await lookInto();
    cluster.put('secrets', ...secrets(1));
    cluster.put('ingresses', {
      metadata: { namespace: 'shop', name: 'web' },
      spec: { tls: [{ secretName: 'web-000', hosts: ['shop.example.com'] }] },
    });
    await look();
    cluster.denied.add('list ingresses');

    const { at } = await look();

    expect(at.get('secret/shop/web-000')).toMatchObject({ unchanged: true });
  });
});

describe('a list', () => {
  it('goes on with a new token where the old one has expired', async () => {
    const { cluster, look } = await lookInto();
    cluster.pageSize = 10;
    cluster.put('secrets', ...secrets(35));
    let pages = 0;
    cluster.intercept = ({ resource }) => {
      if (resource === 'secrets' && ++pages === 3) cluster.compact();
      return false;
    };

    const { at } = await look();

    expect(at.size).toBe(35);
    expect([...at.values()].flatMap(({ problems }) => problems)).toEqual([]);
  });

  it('that expires again and again is told, and what came before counts', async () => {
    const { cluster, look } = await lookInto();
    cluster.pageSize = 10;
    cluster.put('secrets', ...secrets(35));
    cluster.intercept = ({ resource, query }, response) => {
      if (resource !== 'secrets' || !query.has('continue')) return false;
      status(response, 410, 'Expired', 'too old');
      return true;
    };

    const { at } = await look();

    expect([...at.keys()].filter((location) => location.startsWith('secret/'))).toHaveLength(10);
    expect(at.get('secrets')?.problems).toMatchObject([{ reason: 'partial', place: 'secrets' }]);
  });

  it.each([
    ['fails', 500, 'partial'],
    ['is throttled', 429, 'throttled'],
    ['is denied', 403, 'permission_denied'],
  ])('whose second page %s withdraws nothing', async (_what, code, reason) => {
    const { cluster, look } = await lookInto();
    cluster.pageSize = 10;
    cluster.put('secrets', ...secrets(15));
    cluster.intercept = ({ resource, query }, response) => {
      if (resource !== 'secrets' || !query.has('continue')) return false;
      status(response, code, 'Failure', 'no more of it');
      return true;
    };

    const { at } = await look();

    expect(at.get('secrets')?.problems).toMatchObject([{ reason }]);
  });

  it('that is cut off in the middle of an object is told, and what came before counts', async () => {
    const { cluster, look } = await lookInto();
    cluster.put('secrets', ...secrets(1));
    cluster.intercept = ({ resource }, response) => {
      if (resource !== 'secrets') return false;
      const one = JSON.stringify({ metadata: { namespace: 'a', name: 'b' }, ...secrets(1)[0] });
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write(`{"metadata":{},"items":[${one},${one.slice(0, 200)}`, () => response.destroy());
      return true;
    };

    const { at } = await look();

    expect([...at.keys()]).toEqual(['secret/shop/web-000', 'secrets']);
    expect(at.get('secrets')?.problems).toMatchObject([{ reason: 'partial' }]);
  });

  it.each([
    ['the page of a proxy', '<html>Sign in</html>', 'malformed'],
    ['JSON of another kind', '{"error":"no"}', 'service_error'],
  ])('that is %s fails for what it is', async (_what, body, reason) => {
    const { cluster, look } = await lookInto();
    cluster.intercept = ({ resource }, response) => {
      if (resource !== 'secrets') return false;
      response.writeHead(200);
      response.end(body);
      return true;
    };

    const { failures } = await look();

    expect(failures.get('secrets')).toMatchObject({ reason });
  });

  it('says how long to wait when it is throttled at once', async () => {
    const { cluster, look } = await lookInto();
    cluster.intercept = ({ resource }, response) => {
      if (resource !== 'secrets') return false;
      response.setHeader('retry-after', '7');
      status(response, 429, 'TooManyRequests', 'slow down');
      return true;
    };

    const { failures } = await look();

    expect(failures.get('secrets')).toMatchObject({ reason: 'throttled', retryAfterMs: 7_000 });
  });
});

describe('an odd cluster', () => {
  it('is told of when its clock is wrong', async () => {
    const { cluster, look } = await lookInto();
    cluster.clockAheadMs = -3 * 3_600_000;

    const { at } = await look();

    expect([...at.keys()]).toEqual(['apiserver/clock']);
    expect(at.get('apiserver/clock')?.problems[0]?.detail).toMatch(
      /clock of http.* is 180 minutes behind that of notafter/,
    );
  });

  it('is told of when a namespace of the config does not exist or is being deleted', async () => {
    const { cluster, look } = await lookInto({ namespaces: ['gone', 'going', 'empty'] });
    cluster.put(
      'namespaces',
      { metadata: { name: 'going' }, status: { phase: 'Terminating' } },
      { metadata: { name: 'empty' } },
    );

    const { at, failures } = await look();

    expect([...failures]).toEqual([]);
    expect(Object.fromEntries([...at].map(([location, { problems }]) => [location, problems[0]?.detail]))).toEqual({
      'namespace/gone': expect.stringContaining('there is no namespace gone') as string,
      'namespace/going': expect.stringContaining('being deleted') as string,
    });
  });

  it('may have an object that is far too large: it is told, and the others are read', async () => {
    const { cluster, look } = await lookInto();
    cluster.put(
      'configmaps',
      { metadata: { namespace: 'a', name: 'huge' }, data: { 'ca.crt': 'x'.repeat(9 * 1024 * 1024) } },
      { metadata: { namespace: 'a', name: 'ca' }, data: { 'ca.crt': authority.certificate.pem } },
    );

    const { at } = await look();

    expect(at.get('configmap/a/huge')?.problems).toMatchObject([{ reason: 'too_large' }]);
    expect(at.get('configmap/a/ca')?.items).toHaveLength(1);
  });
});

describe('a keystore in a Secret', () => {
  const store = readFileSync(new URL('../../fixtures/keystores/openssl-aes-192.p12', import.meta.url));

  it('opens with the password that lies beside it, or in a Secret that the config or its Certificate names', async () => {
    const { cluster, look } = await lookInto({
      other_secrets: [{ match: 'a/*', password_secret: { name: 'passwords', key: 'store' } }],
    });
    const data = encoded({ 'store.p12': store });
    cluster.put(
      'secrets',
      {
        metadata: { namespace: 'a', name: 'beside' },
        type: 'Opaque',
        data: { ...data, ...encoded({ 'store.password': `${PASSWORD}\n` }) },
      },
      { metadata: { namespace: 'a', name: 'elsewhere' }, type: 'Opaque', data },
      { metadata: { namespace: 'a', name: 'passwords' }, type: 'Opaque', data: encoded({ store: PASSWORD }) },
    );
    cluster.put('secrets', {
      ...tlsSecret('b', 'managed', pair),
      data: { ...encoded({ 'tls.crt': pair.pem, 'keystore.p12': store }) },
    });
    cluster.put('secrets', {
      metadata: { namespace: 'b', name: 'jks' },
      type: 'Opaque',
      data: encoded({ pass: PASSWORD }),
    });
    cluster.put('certificates', {
      metadata: { namespace: 'b', name: 'managed' },
      spec: {
        secretName: 'managed',
        keystores: { pkcs12: { create: true, passwordSecretRef: { name: 'jks', key: 'pass' } } },
      },
      status: { notAfter: '2027-01-01T00:00:00Z' },
    });

    const { at } = await look();

    expect(
      Object.fromEntries(
        ['secret/a/beside', 'secret/a/elsewhere', 'secret/b/managed'].map((one) => [one, at.get(one)?.problems]),
      ),
    ).toEqual({
      'secret/a/beside': [],
      'secret/a/elsewhere': [],
      'secret/b/managed': [],
    });
    expect(at.get('secret/b/managed')?.items.length).toBeGreaterThan(1);
  });

  it('that does not open is told, with what kept us from its password, and is tried again at the next look', async () => {
    const { cluster, look } = await lookInto({
      other_secrets: [{ match: 'a/*', password_secret: { name: 'passwords', key: 'store' } }],
    });
    cluster.put('secrets', {
      metadata: { namespace: 'a', name: 'store' },
      type: 'Opaque',
      data: encoded({ 'store.p12': store }),
    });
    cluster.denied.add('get secrets in a');

    const first = await look();
    cluster.denied.clear();
    cluster.put('secrets', {
      metadata: { namespace: 'a', name: 'passwords' },
      type: 'Opaque',
      data: encoded({ store: PASSWORD }),
    });
    const second = await look();

    expect(first.at.get('secret/a/store')?.problems).toMatchObject([{ reason: 'wrong_password', place: 'store.p12' }]);
    expect(first.at.get('secret/a/store')?.problems[0]?.detail).toContain('Allow the verb get on secrets');
    expect(second.at.get('secret/a/store')?.problems).toEqual([]);
    expect(second.at.get('secret/a/store')?.items).not.toEqual([]);
  });
});
