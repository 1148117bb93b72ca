import { describe, expect, it, onTestFinished } from 'vitest';

import { kubernetes } from '../../../collectors/kubernetes/index.ts';
import type { CollectorInstance, Target } from '../../../src/plugin/collector.ts';
import { eventually } from '../../helpers/eventually.ts';
import { startFakeKube, status, tlsSecret, type FakeKube } from '../../helpers/fake-kube.ts';
import { kubeContext } from '../../helpers/kube-look.ts';
import { createAuthority } from '../../helpers/pki.ts';

const authority = createAuthority({ name: 'Issuing' });
const pair = authority.issue();

/** Counts what a watch of the Secrets yields; ends with the test. */
async function watchSecrets(): Promise<{
  readonly cluster: FakeKube;
  readonly hints: () => number;
  readonly ended: Promise<unknown>;
}> {
  const cluster = await startFakeKube();
  const controller = new AbortController();
  const options = kubernetes.options.parse({ server: cluster.url, watch: true });
  const instance = await kubernetes.create(options, kubeContext());
  let count = 0;
  const ended = (async () => {
    for await (const _ of watchOf(instance, await targetOf(instance, 'secrets'), controller.signal)) count += 1;
  })().catch((error: unknown) => error);
  onTestFinished(async () => {
    controller.abort(new Error('the test has ended'));
    await ended;
    await instance.close?.();
    await cluster[Symbol.asyncDispose]();
  });
  return { cluster, hints: () => count, ended };
}

function watchOf(instance: CollectorInstance, target: Target, signal: AbortSignal): AsyncIterable<void> {
  const started = instance.watch?.(target, signal);
  if (started === undefined) throw new Error('the collector does not watch');
  return started;
}

async function targetOf(instance: CollectorInstance, key: string): Promise<Target> {
  for await (const target of instance.discover(new AbortController().signal)) if (target.key === key) return target;
  throw new Error(`there is no target ${key}`);
}

describe('a watch', () => {
  it('tells when it stands, and of each change, and no key goes over its wire', async () => {
    const { cluster, hints } = await watchSecrets();
    await eventually('it stands', () => hints() === 1 && cluster.watches() === 1);

    cluster.put('secrets', tlsSecret('shop', 'web', pair));
    await eventually('the new one is told', () => hints() === 2);
    cluster.put('secrets', tlsSecret('shop', 'web', authority.issue()));
    await eventually('its change is told', () => hints() === 3);
    cluster.remove('secrets', 'web', 'shop');
    await eventually('that it is deleted is told', () => hints() === 4);

    expect(cluster.requests.every(({ isMetadataOnly }) => isMetadataOnly)).toBe(true);
    expect(cluster.requests.at(-1)?.query.get('fieldSelector')).toBe('type=kubernetes.io/tls');
  });

  it('makes one hint of many changes at once', async () => {
    const { cluster, hints } = await watchSecrets();
    await eventually('it stands', () => hints() === 1 && cluster.watches() === 1);

    cluster.put('secrets', ...Array.from({ length: 200 }, (_, rank) => tlsSecret('shop', `web-${rank}`, pair)));
    await eventually('it is told', () => hints() >= 2);
    cluster.put('secrets', tlsSecret('shop', 'one-more', pair));
    await eventually('the next is told', () => hints() >= 3);

    expect(hints()).toBe(3);
  });

  it.each([
    ['between two events', false],
    ['in the middle of an object', true],
  ])('that breaks off %s goes on where it stood', async (_where, half) => {
    const { cluster, hints } = await watchSecrets();
    await eventually('it stands', () => hints() === 1 && cluster.watches() === 1);

    cluster.breakWatches(half);
    cluster.put('secrets', tlsSecret('shop', 'web', pair));
    await eventually('the change is told', () => hints() === 2);
    await eventually('it stands again', () => cluster.watches() === 1);

    const lists = cluster.requests.filter(({ verb }) => verb === 'list');
    expect(lists).toHaveLength(1);
  });

  it('whose place is no longer kept begins anew, with a look', async () => {
    const { cluster, hints } = await watchSecrets();
    await eventually('it stands', () => hints() === 1 && cluster.watches() === 1);

    cluster.compact();
    cluster.breakWatches();
    await eventually('it is told', () => hints() === 2);
    cluster.put('secrets', tlsSecret('shop', 'web', pair));
    await eventually('it watches', () => hints() === 3);

    expect(cluster.requests.filter(({ verb }) => verb === 'list')).toHaveLength(2);
  });

  it('that is not allowed ends with the verb that is missing', async () => {
    const { cluster, ended } = await watchSecrets();
    cluster.denied.add('watch secrets');

    await expect(ended).resolves.toMatchObject({
      reason: 'permission_denied',
      message: expect.stringContaining('Allow the verb watch on secrets (apiGroups: [""])') as string,
    });
  });

  it('outlives an API server that fails for a moment', async () => {
    const { cluster, hints } = await watchSecrets();
    await eventually('it stands', () => hints() === 1 && cluster.watches() === 1);
    let failures = 0;
    cluster.intercept = ({ verb }, response) => {
      if (verb !== 'watch' || failures > 0) return false;
      failures += 1;
      status(response, 503, 'ServiceUnavailable', 'rolling');
      return true;
    };

    cluster.breakWatches();
    await eventually('it has failed', () => failures === 1);
    await eventually('it stands again', () => cluster.watches() === 1);
    cluster.put('secrets', tlsSecret('shop', 'web', pair));

    await eventually('the change is told', () => hints() === 2);
    expect(failures).toBe(1);
  });

  it('is not made of what changes all the time', async () => {
    const cluster = await startFakeKube();
    const instance = await kubernetes.create(
      kubernetes.options.parse({ server: cluster.url, watch: true }),
      kubeContext(),
    );
    onTestFinished(async () => {
      await instance.close?.();
      await cluster[Symbol.asyncDispose]();
    });

    const hints = await Array.fromAsync(
      watchOf(instance, await targetOf(instance, 'configmaps'), new AbortController().signal),
    );

    expect(hints).toEqual([]);
    expect(cluster.requests).toEqual([]);
  });
});
