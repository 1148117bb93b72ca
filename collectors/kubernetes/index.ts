import { z } from 'zod';

import { defineCollector, type CollectorInstance, type Target } from '../../src/plugin/collector.ts';
import type { Context } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';
import { createAccess } from './access.ts';
import { createApi } from './api.ts';
import { createCluster, type Cluster, type Wanted } from './cluster.ts';
import { ContentReader } from './content.ts';
import { createFacts, resourcesOf, type Facts } from './facts.ts';
import { lookAt, type Look } from './look.ts';
import { options, type Options } from './options.ts';
import { RESOURCE_NAMES, resourceCalled } from './resource.ts';
import { TLS_TYPE } from './secret.ts';
import { watchObjects } from './watch.ts';

/** What travels with a target. */
const TargetData = z.object({
  cluster: z.string(),
  resource: z.enum(RESOURCE_NAMES),
  namespace: z.string().optional(),
  type: z.string().optional(),
});

export const kubernetes = defineCollector({
  type: 'kubernetes',
  summary: 'Certificates of a Kubernetes cluster: Secrets, ConfigMaps, CA bundles, cert-manager, with who uses them',
  options,
  scope: () => 'cluster',
  create: async (given, context) => createInstance(given, context),
});

interface Known {
  readonly cluster: Cluster;
  readonly facts: (signal: AbortSignal) => Promise<Facts>;
}

function createInstance(given: Options, context: Context): CollectorInstance {
  const closing = new AbortController();
  const contents = new ContentReader(context);
  const clusters = new Map<string, Known>();
  for (const contextName of given.contexts ?? [undefined]) {
    const name = contextName ?? '';
    const access = createAccess(given, contextName, context);
    const key = [given.server ?? given.kubeconfig ?? '', name].join(' ');
    const cluster = createCluster(
      name,
      createApi(access, key, context, given.timeout),
      given.exclude_namespaces,
      context,
    );
    clusters.set(name, { cluster, facts: createFacts(cluster, given, context.clock, closing.signal) });
  }
  const resources = resourcesOf(given);

  function* targets(): Iterable<Target> {
    for (const name of clusters.keys()) {
      for (const { name: resource, scope } of resources) {
        const within = scope === 'cluster' || given.namespaces.length === 0 ? [undefined] : given.namespaces;
        const types =
          resource === 'secrets' ? new Set([TLS_TYPE, ...given.other_secrets.map(({ type }) => type)]) : [undefined];
        for (const namespace of within) {
          for (const type of types) {
            const parts = [name, resource, type === TLS_TYPE ? undefined : type, namespace];
            yield {
              key: parts.filter((part) => part !== undefined && part !== '').join('/'),
              data: {
                cluster: name,
                resource,
                ...(namespace === undefined ? {} : { namespace }),
                ...(type === undefined ? {} : { type }),
              },
            };
          }
        }
      }
    }
  }

  function find(target: Target): { readonly known: Known; readonly wanted: Wanted; readonly tells: Look['tells'] } {
    const { data } = TargetData.safeParse(target.data);
    const known = data === undefined ? undefined : clusters.get(data.cluster);
    if (data === undefined || known === undefined) {
      throw new CollectError('not_found', `${target.key} is not a target of this source`);
    }
    const { namespace, type } = data;
    const wanted = {
      resource: resourceCalled(data.resource),
      ...(namespace === undefined ? {} : { namespace }),
      ...(type === undefined ? {} : { fieldSelector: `type=${type}` }),
    };
    const isFirst = data.resource === resources[0]?.name;
    const tells = {
      clock: isFirst && (namespace === undefined || namespace === given.namespaces[0]),
      namespace: isFirst,
    };
    return { known, wanted, tells };
  }

  return {
    async *discover() {
      yield* targets();
    },

    async *observe(target, seen, signal) {
      signal.throwIfAborted();
      const { known, wanted, tells } = find(target);
      const { cluster, facts } = known;
      yield* lookAt({
        cluster,
        wanted,
        here: target.key,
        given,
        context,
        facts: await facts(signal),
        contents,
        known: seen,
        tells,
        signal,
      });
    },

    ...(given.watch ? { watch } : {}),

    async close() {
      closing.abort(new Error('the source is closed'));
    },
  };

  async function* watch(target: Target, signal: AbortSignal): AsyncIterable<void> {
    const { known, wanted } = find(target);
    if (wanted.resource.isWatched) yield* watchObjects(known.cluster, wanted, context.log, signal);
  }
}
