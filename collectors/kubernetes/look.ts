import { listCut, missingFrom, unchanged, versionOf } from '../../src/cloud/observation.ts';
import type { Known } from '../../src/plugin/collector.ts';
import type { Context } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Observation } from '../../src/plugin/observation.ts';
import type { ListEnd } from './api.ts';
import { AbsentError } from './api-error.ts';
import type { Cluster, ListedObject, Wanted } from './cluster.ts';
import type { ContentReader } from './content.ts';
import { ownerIn, type Facts } from './facts.ts';
import { dict, text, type KubeObject } from './object.ts';
import type { Options } from './options.ts';
import { READERS } from './readers.ts';
import type { ResourceName } from './resource.ts';

/** Farther apart, the cluster and notafter disagree about what has ended. */
const MAX_CLOCK_SKEW_MS = 5 * 60_000;

/** What a kind is called in a location. */
const SINGULAR: Readonly<Record<ResourceName, string>> = {
  ingresses: 'ingress',
  gateways: 'gateway',
  issuers: 'issuer',
  clusterissuers: 'clusterissuer',
  certificates: 'certificate',
  certificaterequests: 'certificaterequest',
  secrets: 'secret',
  configmaps: 'configmap',
  validatingwebhookconfigurations: 'validatingwebhookconfiguration',
  mutatingwebhookconfigurations: 'mutatingwebhookconfiguration',
  apiservices: 'apiservice',
  customresourcedefinitions: 'customresourcedefinition',
  certificatesigningrequests: 'certificatesigningrequest',
  clustertrustbundles: 'clustertrustbundle',
};

export interface Look {
  readonly cluster: Cluster;
  readonly wanted: Wanted;
  /** Stands for the list as a whole where something of it is missing. */
  readonly here: string;
  readonly given: Options;
  readonly context: Context;
  readonly facts: Facts;
  readonly contents: ContentReader;
  readonly known: Known;
  /** Whether this look tells of the clock of the cluster, and of a namespace that is not there: one does. */
  readonly tells: { readonly clock: boolean; readonly namespace: boolean };
  readonly signal: AbortSignal;
}

/** Every object of one kind. An object that is as it was costs nothing but its transfer. */
export async function* lookAt(look: Look): AsyncGenerator<Observation, void, undefined> {
  const { cluster, wanted, here, signal } = look;
  const objects = cluster.list(wanted, signal);
  let count = 0;
  let end: ListEnd | undefined;
  for (;;) {
    let next: IteratorResult<ListedObject, ListEnd | undefined>;
    try {
      next = await objects.next();
    } catch (error) {
      if (count === 0 || !(error instanceof CollectError)) throw error;
      yield* missingFrom(here, [listCut(wanted.resource.name, error)]);
      return;
    }
    if (next.done === true) {
      end = next.value;
      break;
    }
    count += 1;
    const observation = await observe(look, next.value);
    if (observation !== undefined) yield observation;
  }
  if (count === 0 && look.tells.namespace && wanted.namespace !== undefined) {
    const missing = await missingNamespace(look, wanted.namespace);
    if (missing !== undefined) yield missing;
  }
  const ahead = end?.clockAheadMs ?? 0;
  if (look.tells.clock && Math.abs(ahead) > MAX_CLOCK_SKEW_MS) yield clockObservation(cluster, ahead);
}

async function observe(look: Look, listed: ListedObject): Promise<Observation | undefined> {
  const { cluster, wanted, given, context, facts, contents, signal } = look;
  const kind = SINGULAR[wanted.resource.name];
  if (listed.kind !== 'object') {
    const location = cluster.locate(kind, { name: listed.name });
    const detail =
      listed.kind === 'too-large'
        ? `${location} is larger than notafter reads`
        : `${location} is no object of a cluster: its JSON cannot be read`;
    return {
      location,
      items: [],
      problems: [{ reason: listed.kind === 'too-large' ? 'too_large' : 'malformed', detail }],
    };
  }
  const { object } = listed;
  const reader = READERS[wanted.resource.name];
  if (reader === undefined) return undefined;
  const location = cluster.locate(kind, object);
  const labels = labelsOf(look, object);
  const depends = [labels, reader.depends(object, { facts, context, given })];
  const version = versionOf(`${object.uid}:${object.version}`, depends);
  if (look.known.version(location) === version) return unchanged(location, version);
  const reading = await reader.read(object, {
    given,
    context,
    api: cluster.api,
    facts,
    contents,
    where: location,
    signal,
  });
  if (reading === undefined) return undefined;
  const { items, problems, isVolatile } = reading;
  return { location, ...(isVolatile ? {} : { version }), items, problems, labels };
}

function labelsOf({ cluster, given, facts }: Look, object: KubeObject): Readonly<Record<string, string>> {
  const { namespace } = object;
  const owner = ownerIn(object, given.owner_from) ?? (namespace === undefined ? undefined : facts.ownerOf(namespace));
  return {
    ...ownLabels(object, given.labels_from),
    ...(cluster.name === '' ? {} : { cluster: cluster.name }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(owner === undefined ? {} : { owner }),
  };
}

/** Labels of the object itself, by names that a label of ours can have. */
function ownLabels({ labels }: KubeObject, names: readonly string[]): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of names) {
    const value = Object.hasOwn(labels, name) ? labels[name] : undefined;
    if (value !== undefined) found[name.replaceAll(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d)/, '_')] = value;
  }
  return found;
}

/** A namespace that does not exist has empty lists, as one has in which there is nothing. */
async function missingNamespace(look: Look, namespace: string): Promise<Observation | undefined> {
  const { cluster, signal } = look;
  const here = cluster.locate('namespace', { name: namespace });
  const ask = { verb: 'get', resource: 'namespaces', group: '' } as const;
  try {
    const found = dict(await cluster.api.get(`/api/v1/namespaces/${namespace}`, ask, signal));
    if (text(dict(found['status'])['phase']) !== 'Terminating') return undefined;
    return told(
      here,
      `the namespace ${namespace} of ${cluster.api.server} is being deleted: take it out of the config`,
    );
  } catch (error) {
    if (!(error instanceof CollectError)) throw error;
    if (!(error instanceof AbsentError)) return undefined;
    return told(here, `there is no namespace ${namespace} in ${cluster.api.server}: correct it in the config`);
  }
}

function told(location: string, detail: string): Observation {
  return { location, items: [], problems: [{ reason: 'not_found', place: 'namespace', detail }] };
}

function clockObservation(cluster: Cluster, aheadMs: number): Observation {
  const minutes = Math.round(Math.abs(aheadMs) / 60_000);
  const detail = `the clock of ${cluster.api.server} is ${minutes} minutes ${aheadMs > 0 ? 'ahead of' : 'behind'} that of notafter: one of the two is wrong, and judges ends and renewals wrongly. Compare both with a time server (chronyc tracking)`;
  return {
    location: cluster.locate('apiserver', { name: 'clock' }),
    items: [],
    problems: [{ reason: 'service_error', place: 'clock', detail }],
  };
}
