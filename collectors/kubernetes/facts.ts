import { withDeadline } from '../../src/cloud/deadline.ts';
import type { Clock } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Cluster } from './cluster.ts';
import { bytesIn, dict, text, type KubeObject } from './object.ts';
import type { Options } from './options.ts';
import { issuerFault, type CertificateState } from './renewal.ts';
import { RESOURCES, resourceCalled, type Resource } from './resource.ts';
import { noteCertificate, noteGateway, noteIngress, noteIssuer, type Use, type Uses } from './use.ts';

/** The looks of one round share what was asked for the first of them. */
const FRESH_MS = 30_000;
/** Every kind, page by page. */
const DEADLINE_MS = 5 * 60_000;
/** Objects of one kind of which something is kept. */
const MAX_OBJECTS = 100_000;

/** What the objects of a cluster say of one another. */
export interface Facts {
  readonly uses: Uses;
  /** By the Secret that they keep: `Secret/shop/web-tls`. Undefined where cert-manager could not be asked. */
  readonly certificates: ReadonlyMap<string, CertificateState> | undefined;
  /** Why issuers cannot issue, by `Issuer/shop/ca` and `ClusterIssuer/letsencrypt`. */
  readonly issuerFaults: ReadonlyMap<string, string>;
  readonly ownerOf: (namespace: string) => string | undefined;
  /** PEM of what was issued, by `namespace/certificate/revision`. */
  readonly issued: ReadonlyMap<string, Buffer>;
}

/** What one kind tells. */
interface Slice {
  readonly uses: Uses;
  readonly certificates: Map<string, CertificateState>;
  readonly issuerFaults: Map<string, string>;
  readonly owners: Map<string, string>;
  readonly issued: Map<string, Buffer>;
}

const NAMESPACES: Resource = {
  // Not looked at for themselves: only who owns them is read.
  name: 'namespaces' as Resource['name'],
  group: '',
  versions: ['v1'],
  scope: 'cluster',
  isBuiltIn: true,
  isWatched: false,
};

/**
 * Asks for what tells of users, renewals and owners. What cannot be had is left as it was last time, and told of where that
 * kind itself is looked at: it must not make all Secrets look as if nobody used them any more.
 */
export function createFacts(
  cluster: Cluster,
  given: Options,
  clock: Clock,
  closing: AbortSignal,
): (signal: AbortSignal) => Promise<Facts> {
  const slices = new Map<string, Slice>();
  let last: { readonly at: number; readonly facts: Promise<Facts> } | undefined;
  const namespaces = given.namespaces.length === 0 ? [undefined] : given.namespaces;
  const kinds = kindsOf(given);

  async function load(resource: Resource, signal: AbortSignal): Promise<void> {
    const slice = newSlice();
    let count = 0;
    const within = resource.scope === 'cluster' ? [undefined] : namespaces;
    try {
      for (const namespace of within) {
        const wanted = { resource, ...(namespace === undefined ? {} : { namespace }) };
        for await (const one of cluster.list(wanted, signal)) {
          if (one.kind !== 'object') continue;
          count += 1;
          if (count > MAX_OBJECTS) break;
          note(resource.name, one.object, slice);
        }
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof CollectError)) throw error;
      return;
    }
    slices.set(resource.name, slice);
  }

  function note(kind: string, object: KubeObject, slice: Slice): void {
    switch (kind) {
      case 'ingresses':
        noteIngress(object, slice.uses);
        break;
      case 'gateways':
        noteGateway(object, slice.uses);
        break;
      case 'issuers':
      case 'clusterissuers': {
        const type = kind === 'issuers' ? 'Issuer' : 'ClusterIssuer';
        noteIssuer(type, object, slice.uses);
        const fault = issuerFault(object, clock.now());
        const id = object.namespace === undefined ? object.name : `${object.namespace}/${object.name}`;
        if (fault !== undefined) slice.issuerFaults.set(`${type}/${id}`, fault);
        break;
      }
      case 'certificates':
        noteCertificate(object, slice.certificates);
        break;
      case 'certificaterequests':
        noteIssued(object, slice.issued);
        break;
      default: {
        const owner = ownerIn(object, given.owner_from);
        if (owner !== undefined) slice.owners.set(object.name, owner);
      }
    }
  }

  async function loadAll(signal: AbortSignal): Promise<Facts> {
    for (const kind of kinds) await load(kind, signal);
    const all = [...slices.values()];
    const owners = joined(all.map((slice) => slice.owners));
    return {
      uses: joinUses(all.map((slice) => slice.uses)),
      certificates: slices.get('certificates')?.certificates,
      issuerFaults: joined(all.map((slice) => slice.issuerFaults)),
      ownerOf: (namespace) => owners.get(namespace),
      issued: slices.get('certificaterequests')?.issued ?? new Map(),
    };
  }

  return (signal) => {
    const now = clock.now();
    if (last === undefined || now - last.at >= FRESH_MS || now < last.at) {
      // Asked for by one look, waited for by several: that the first is stopped must not fail the others.
      const facts = loadAll(closing);
      last = { at: now, facts };
      facts.catch(() => (last = undefined));
    }
    const { facts } = last;
    return withDeadline(`the users and renewals of ${cluster.api.server}`, signal, () => facts, DEADLINE_MS);
  };
}

function kindsOf({ skip, secrets, namespaces, owner_from: ownerFrom }: Options): readonly Resource[] {
  const told = ['ingresses', 'gateways', 'issuers', 'clusterissuers', 'certificates'] as const;
  const names = secrets === 'none' ? ([...told, 'certificaterequests'] as const) : told;
  const isWholeCluster = namespaces.length === 0;
  const kinds = names
    .filter((name) => !skip.includes(name))
    .map((name) => resourceCalled(name))
    .filter(({ scope }) => isWholeCluster || scope === 'namespace');
  return isWholeCluster && ownerFrom.length > 0 ? [...kinds, NAMESPACES] : kinds;
}

/** Every kind that may be looked at with these options. */
export function resourcesOf({ skip, secrets, namespaces }: Options): readonly Resource[] {
  return RESOURCES.filter(
    ({ name, scope }) =>
      !skip.includes(name) &&
      (namespaces.length === 0 || scope === 'namespace') &&
      (name !== 'secrets' || secrets === 'read'),
  );
}

/** The first of these labels and annotations that is there. */
export function ownerIn({ labels, annotations }: KubeObject, names: readonly string[]): string | undefined {
  for (const name of names) {
    const owner = text(labels[name]) ?? text(annotations[name]);
    if (owner !== undefined) return owner;
  }
  return undefined;
}

function noteIssued({ namespace = '', annotations, body }: KubeObject, issued: Map<string, Buffer>): void {
  const certificate = annotations['cert-manager.io/certificate-name'];
  const revision = annotations['cert-manager.io/certificate-revision'];
  const value = dict(body['status'])['certificate'];
  if (certificate === undefined || revision === undefined || text(value) === undefined) return;
  try {
    issued.set(`${namespace}/${certificate}/${revision}`, bytesIn(value));
  } catch (error) {
    // Then its description is what is left.
    if (!(error instanceof CollectError)) throw error;
  }
}

function newSlice(): Slice {
  return {
    uses: new Map(),
    certificates: new Map(),
    issuerFaults: new Map(),
    owners: new Map(),
    issued: new Map(),
  };
}

function joined<T>(maps: readonly ReadonlyMap<string, T>[]): ReadonlyMap<string, T> {
  return new Map(maps.flatMap((map) => [...map]));
}

function joinUses(all: readonly Uses[]): Uses {
  const uses: Uses = new Map();
  for (const [key, use] of all.flatMap((one) => [...one])) {
    const before = uses.get(key);
    uses.set(key, before === undefined ? use : union(before, use));
  }
  return uses;
}

function union(a: Use, b: Use): Use {
  return {
    serving: new Set([...a.serving, ...b.serving]),
    servedAt: new Set([...a.servedAt, ...b.servedAt]),
    admitting: new Set([...a.admitting, ...b.admitting]),
    admittedAt: new Set([...a.admittedAt, ...b.admittedAt]),
    presenting: new Set([...a.presenting, ...b.presenting]),
    issuing: new Set([...a.issuing, ...b.issuing]),
  };
}
