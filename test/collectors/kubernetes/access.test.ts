import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TLSSocket } from 'node:tls';

import { afterAll, describe, expect, it, onTestFinished } from 'vitest';

import { createAccess } from '../../../collectors/kubernetes/access.ts';
import { kubernetes } from '../../../collectors/kubernetes/index.ts';
import type { CollectError } from '../../../src/plugin/error.ts';
import { startFakeKube, tlsSecret } from '../../helpers/fake-kube.ts';
import { kubeContext, lookInto } from '../../helpers/kube-look.ts';
import { createAuthority } from '../../helpers/pki.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'notafter-kube-'));
const authority = createAuthority({ name: 'Cluster CA' });
const never = new AbortController().signal;
const base64 = (text: string): string => Buffer.from(text).toString('base64');

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, content: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  return file;
}

function kubeconfig(cluster: object, user: object): string {
  return JSON.stringify({
    'current-context': 'one',
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user }],
    contexts: [
      { name: 'one', context: { cluster: 'c', user: 'u' } },
      { name: 'other', context: { cluster: 'nowhere', user: 'u' } },
    ],
  });
}

describe('a token', () => {
  it('is read anew at each request, so that it may rotate in the middle of a list', async () => {
    const token = write('token', 'first\n');
    const { cluster, look } = await lookInto({ token_file: token });
    cluster.tokens.add('first');
    cluster.pageSize = 5;
    cluster.put(
      'secrets',
      ...Array.from({ length: 12 }, (_, rank) => tlsSecret('shop', `w-${rank}`, authority.issue())),
    );
    let pages = 0;
    cluster.intercept = ({ resource }) => {
      if (resource === 'secrets' && ++pages === 2) {
        write('token', 'second\n');
        cluster.tokens.clear();
        cluster.tokens.add('second');
      }
      return false;
    };

    const { at, failures } = await look();

    expect([...failures]).toEqual([]);
    expect(at.size).toBe(12);
    expect(new Set(cluster.requests.map(({ token: sent }) => sent))).toEqual(new Set(['first', 'second']));
  });

  it('that has expired is told as such for each kind', async () => {
    const { cluster, look } = await lookInto({ token_file: write('expired', 'old') });
    cluster.tokens.add('new');

    const { failures } = await look();

    expect(new Set([...failures.values()].map(({ reason }) => reason))).toEqual(new Set(['authentication_failed']));
    expect(failures.get('secrets')?.message).not.toContain('old');
  });

  it('that is not there is told with its path', async () => {
    const { look } = await lookInto({ token_file: path.join(folder, 'none') });

    const { failures } = await look();

    expect(failures.get('secrets')).toMatchObject({ reason: 'not_found' });
    expect(failures.get('secrets')?.message).toContain(path.join(folder, 'none'));
  });
});

describe('the service account of a pod', () => {
  it('is used where there is one and no kubeconfig is named', async () => {
    write('token', 'of the pod');
    write('ca.crt', authority.certificate.pem);

    const access = await createAccess({}, undefined, kubeContext(), {
      KUBERNETES_SERVICE_HOST: 'fd00::1',
      KUBERNETES_SERVICE_PORT: '6443',
      NOTAFTER_SERVICE_ACCOUNT: folder,
    }).open(never);

    expect(access).toEqual({
      server: 'https://[fd00::1]:6443',
      headers: { authorization: 'Bearer of the pod' },
      tls: { ca: authority.certificate.pem },
    });
  });
});

describe('a kubeconfig', () => {
  async function accessOf(
    cluster: object,
    user: object,
    context?: string,
  ): ReturnType<ReturnType<typeof createAccess>['open']> {
    const file = write(`config-${Math.random()}`, kubeconfig(cluster, user));
    return createAccess({ kubeconfig: file }, context, kubeContext(), {}).open(never);
  }

  it('logs in with a client certificate, to a server of a CA of its own', async () => {
    const server = authority.issue({ names: ['127.0.0.1'] });
    const client = authority.issue({ names: [], commonName: 'notafter' });
    const seen: string[] = [];
    const https = createServer(
      { key: server.keyPem, cert: server.chainPem, ca: authority.certificate.pem, requestCert: true },
      (request, response) => {
        seen.push((request.socket as TLSSocket).getPeerX509Certificate()?.subject ?? 'nobody');
        response.end('{"metadata":{"resourceVersion":"1"},"items":[]}');
      },
    );
    await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      https.closeAllConnections();
      https.close();
    });
    const file = write(
      'mutual',
      kubeconfig(
        {
          server: `https://127.0.0.1:${(https.address() as AddressInfo).port}`,
          'certificate-authority-data': base64(authority.certificate.pem),
        },
        { 'client-certificate-data': base64(client.pem), 'client-key': write('client.key', client.keyPem) },
      ),
    );
    const options = kubernetes.options.parse({ kubeconfig: file, contexts: ['one'], namespaces: ['shop'] });
    const instance = await kubernetes.create(options, kubeContext());
    const failures: unknown[] = [];

    for await (const target of instance.discover(never)) {
      const known = { version: () => undefined, checkpoint: undefined };
      await Array.fromAsync(instance.observe(target, known, never)).catch((error: unknown) => failures.push(error));
    }
    await instance.close?.();

    expect(failures).toEqual([]);
    expect(new Set(seen)).toEqual(new Set(['CN=notafter']));
  });

  it('asks its plugin for a token, and once more after that was refused', async () => {
    const cluster = await startFakeKube();
    onTestFinished(() => cluster[Symbol.asyncDispose]());
    const counter = path.join(folder, 'counter');
    const plugin = write(
      'plugin.sh',
      `#!/bin/sh\necho x >> '${counter}'\nN=$(wc -l < '${counter}')\nprintf '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"token-%s"}}' $N\n`,
    );
    chmodSync(plugin, 0o755);
    const access = createAccess(
      {
        kubeconfig: write(
          'exec',
          kubeconfig(
            { server: cluster.url, 'insecure-skip-tls-verify': true },
            { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: plugin } },
          ),
        ),
      },
      undefined,
      kubeContext(),
      {},
    );

    const headers: unknown[] = [];
    headers.push((await access.open(never)).headers, (await access.open(never)).headers);
    access.forget();
    headers.push((await access.open(never)).headers);

    expect(headers.map((one) => JSON.stringify(one))).toEqual(
      ['token-1', 'token-1', 'token-2'].map((token) => JSON.stringify({ authorization: `Bearer ${token.trim()}` })),
    );
  });

  it.each([
    ['does not name the context', { server: 'https://10.0.0.1' }, {}, 'missing', 'not_found', /the context missing of/],
    [
      'names a cluster that is not in it',
      { server: 'https://10.0.0.1' },
      {},
      'other',
      'not_found',
      /the context other of/,
    ],
    [
      'wants a proxy of its own',
      { server: 'https://10.0.0.1', 'proxy-url': 'http://proxy:3128' },
      {},
      'one',
      'unsupported',
      /network\.proxy/,
    ],
    [
      'has a plugin that does not exist',
      { server: 'https://10.0.0.1' },
      { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: '/no/such/plugin' } },
      'one',
      'authentication_failed',
      /ENOENT/,
    ],
    [
      'has a plugin that fails',
      { server: 'https://10.0.0.1' },
      { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'false' } },
      'one',
      'authentication_failed',
      /login could not be prepared/,
    ],
  ])('that %s is told', async (_what, cluster, user, context, reason, message) => {
    const failure = (await accessOf(cluster, user, context).catch((error: unknown) => error)) as CollectError;

    expect(failure).toMatchObject({ name: 'CollectError', reason });
    expect(failure.message).toMatch(message);
  });

  it('that is broken or absent is told', async () => {
    const broken = createAccess({ kubeconfig: write('broken', '{') }, undefined, kubeContext(), {}).open(never);
    const absent = createAccess({ kubeconfig: path.join(folder, 'absent') }, undefined, kubeContext(), {}).open(never);

    await expect(broken).rejects.toMatchObject({ name: 'CollectError', reason: 'malformed' });
    await expect(absent).rejects.toMatchObject({ name: 'CollectError', reason: 'not_found' });
  });
});

describe('several clusters', () => {
  it('are told apart by their contexts, and one that is away leaves the others', async () => {
    const [one, two] = [await startFakeKube(), await startFakeKube()];
    onTestFinished(async () => {
      await one[Symbol.asyncDispose]();
      await two[Symbol.asyncDispose]();
    });
    const clusters = { prod: one.url, staging: two.url, away: 'http://127.0.0.1:1' };
    const file = write(
      'several',
      JSON.stringify({
        clusters: Object.entries(clusters).map(([name, server]) => ({
          name,
          cluster: { server, 'insecure-skip-tls-verify': true },
        })),
        users: [{ name: 'u', user: {} }],
        contexts: Object.keys(clusters).map((name) => ({ name, context: { cluster: name, user: 'u' } })),
      }),
    );
    const pair = authority.issue();
    for (const cluster of [one, two]) cluster.put('secrets', tlsSecret('shop', 'web', pair));
    const options = kubernetes.options.parse({ kubeconfig: file, contexts: Object.keys(clusters) });
    const instance = await kubernetes.create(options, kubeContext());
    const seen = new Map<string, unknown>();
    const failed = new Set<string>();

    for await (const target of instance.discover(never)) {
      try {
        for await (const { location, labels } of instance.observe(
          target,
          { version: () => undefined, checkpoint: undefined },
          never,
        )) {
          seen.set(location, labels);
        }
      } catch (error) {
        failed.add(`${target.key.split('/')[0]} ${(error as CollectError).reason}`);
      }
    }
    await instance.close?.();

    expect(Object.fromEntries(seen)).toEqual({
      'prod/secret/shop/web': { cluster: 'prod', namespace: 'shop' },
      'staging/secret/shop/web': { cluster: 'staging', namespace: 'shop' },
    });
    expect([...failed]).toEqual(['away refused']);
  });
});
