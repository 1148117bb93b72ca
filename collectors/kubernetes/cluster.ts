import { matchesGlob } from 'node:path';

import type { Context } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';
import { METADATA_LIST_ONLY, type Api, type ListEnd } from './api.ts';
import { AbsentError, type Ask } from './api-error.ts';
import { dict, nameIn, readObject, text, type KubeObject } from './object.ts';
import { pathOf, type Resource } from './resource.ts';

/** One object of a list, or what is wrong with it. */
export type ListedObject =
  | { readonly kind: 'object'; readonly object: KubeObject }
  | { readonly kind: 'too-large' | 'malformed'; readonly name: string };

/** What of a list is wanted. */
export interface Wanted {
  readonly resource: Resource;
  /** Absent: of all namespaces, or of none. */
  readonly namespace?: string;
  readonly fieldSelector?: string;
}

/** One cluster, as the collector speaks of it. */
export interface Cluster {
  /** The context of the kubeconfig; empty where the source has one cluster alone. */
  readonly name: string;
  readonly api: Api;
  /** Objects of a kind; none where the cluster does not know the kind and need not. Throws CollectError. */
  list(wanted: Wanted, signal: AbortSignal): AsyncGenerator<ListedObject, ListEnd | undefined>;
  /** Where a watch begins that misses nothing from now on; undefined where the cluster does not know the kind. */
  position(wanted: Wanted, signal: AbortSignal): Promise<Position | undefined>;
  /** What something is called as a location: `secret/shop/web`, and with several clusters `prod/secret/shop/web`. */
  locate(kind: string, object: Pick<KubeObject, 'namespace' | 'name'>): string;
}

export interface Position {
  readonly path: string;
  readonly resourceVersion: string;
}

export function createCluster(
  name: string,
  api: Api,
  excluded: readonly string[],
  { log }: Pick<Context, 'log'>,
): Cluster {
  /** The versions that were found, by kind. */
  const versions = new Map<string, string>();
  const prefix = name === '' ? '' : `${name}/`;

  function isExcluded(namespace: string | undefined): boolean {
    return namespace !== undefined && excluded.some((pattern) => matchesGlob(namespace, pattern));
  }

  async function* list(wanted: Wanted, signal: AbortSignal): AsyncGenerator<ListedObject, ListEnd | undefined> {
    const { resource, namespace, fieldSelector } = wanted;
    const known = versions.get(resource.name);
    const candidates = known === undefined ? resource.versions : [known];
    const markers = resource.markers?.map((marker) => Buffer.from(marker));
    for (const version of candidates) {
      const items = api.list(
        pathOf(resource, version, namespace),
        fieldSelector === undefined ? {} : { fieldSelector },
        askOf(wanted),
        signal,
      );
      try {
        for (;;) {
          const next = await items.next();
          versions.set(resource.name, version);
          if (next.done === true) return next.value;
          if (next.value.kind === 'too-large') {
            yield { kind: 'too-large', name: nameIn(next.value.start) };
            continue;
          }
          const { bytes } = next.value;
          if (markers !== undefined && !markers.some((marker) => bytes.includes(marker))) continue;
          const object = readObject(bytes);
          if (object === undefined) yield { kind: 'malformed', name: nameIn(bytes.subarray(0, 4096)) };
          else if (!isExcluded(object.namespace)) yield { kind: 'object', object };
        }
      } catch (error) {
        if (!(error instanceof CollectError)) throw error;
        if (!(await isAbsent(resource, version, error, signal))) throw error;
        versions.delete(resource.name);
        log.debug({ cluster: api.server, resource: resource.name, version }, 'the cluster does not know this kind');
      }
    }
    if (resource.isBuiltIn) {
      throw new CollectError(
        'not_found',
        `${api.server} has no ${resource.name}: this is no cluster, or one of another age`,
      );
    }
    return undefined;
  }

  /** Whether a refusal means no more than that the cluster has no such kind. */
  async function isAbsent(
    resource: Resource,
    version: string,
    error: CollectError,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (error instanceof AbsentError) return true;
    if (error.reason !== 'permission_denied' || resource.isBuiltIn) return false;
    // A kind that nobody was given rights to is refused before it is looked for; what there is may be asked by everyone.
    try {
      await api.get(`/apis/${resource.group}/${version}`, { ...askOf({ resource }), verb: 'get' }, signal);
      return false;
    } catch (failure) {
      if (failure instanceof CollectError) return failure instanceof AbsentError;
      throw failure;
    }
  }

  return {
    name,
    api,
    list,
    async position(wanted, signal) {
      const { resource, namespace, fieldSelector } = wanted;
      const query = { limit: '1', ...(fieldSelector === undefined ? {} : { fieldSelector }) };
      for (const version of resource.versions) {
        const path = pathOf(resource, version, namespace);
        try {
          const { metadata } = dict(await api.get(path, askOf(wanted), signal, { query, accept: METADATA_LIST_ONLY }));
          const { resourceVersion } = dict(metadata);
          return { path, resourceVersion: text(resourceVersion) ?? '0' };
        } catch (error) {
          if (!(error instanceof CollectError)) throw error;
          if (!(await isAbsent(resource, version, error, signal))) throw error;
        }
      }
      return undefined;
    },
    locate: (kind, object) =>
      `${prefix}${kind}/${object.namespace === undefined ? '' : `${object.namespace}/`}${object.name}`,
  };
}

export function askOf({ resource, namespace }: Wanted): Ask {
  return {
    verb: 'list',
    resource: resource.name,
    group: resource.group,
    ...(namespace === undefined ? {} : { namespace }),
  };
}
