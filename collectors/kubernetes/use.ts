import type { Reference, Role } from '../../src/plugin/item.ts';
import { dict, list, text, textList, type Dict, type KubeObject } from './object.ts';
import { readCertificateState, type CertificateState } from './renewal.ts';

const HTTPS_PORT = 443;

/** Who uses one Secret or ConfigMap, and as what. */
export interface Use {
  /** What serves with the certificate in it, and where: `Ingress/shop/web`, `shop.example.com:443`. */
  readonly serving: Set<string>;
  readonly servedAt: Set<string>;
  /** What lets in the clients that the CAs in it vouch for, and where. */
  readonly admitting: Set<string>;
  readonly admittedAt: Set<string>;
  /** What logs in elsewhere with the certificate in it. */
  readonly presenting: Set<string>;
  /** What signs with the CA in it. */
  readonly issuing: Set<string>;
}

/** By `Secret/<namespace>/<name>` or `ConfigMap/…`. */
export type Uses = Map<string, Use>;

/** A host and port at which something of the cluster is served. */
interface Served {
  readonly host: string;
  readonly port: number;
}

export function useKey(kind: 'Secret' | 'ConfigMap', namespace: string | undefined, name: string): string {
  return `${kind}/${namespace ?? ''}/${name}`;
}

function useOf(uses: Uses, key: string): Use {
  const known = uses.get(key);
  if (known !== undefined) return known;
  const use: Use = {
    serving: new Set(),
    servedAt: new Set(),
    admitting: new Set(),
    admittedAt: new Set(),
    presenting: new Set(),
    issuing: new Set(),
  };
  uses.set(key, use);
  return use;
}

/**
 * Takes note of an Ingress: the certificates of its hosts, and, by annotations that the controllers have in common, the CAs
 * whose clients are let in (`auth-tls-secret`) and the certificate that is shown to the servers behind it
 * (`proxy-ssl-secret`), of ingress-nginx, HAProxy and others.
 */
export function noteIngress(object: KubeObject, uses: Uses): void {
  const { namespace, name, annotations, body } = object;
  const self = `Ingress/${namespace ?? ''}/${name}`;
  for (const one of list(dict(body['spec'])['tls']).map(dict)) {
    const secret = text(one['secretName']);
    if (secret === undefined) continue;
    const use = useOf(uses, useKey('Secret', namespace, secret));
    use.serving.add(self);
    for (const host of tlsHosts(one, body)) use.servedAt.add(`${host}:${HTTPS_PORT}`);
  }
  const clientCas = annotationEnding(annotations, '/auth-tls-secret');
  if (clientCas !== undefined) {
    const use = useOf(uses, secretCalled(clientCas, namespace));
    use.admitting.add(self);
    for (const { host, port } of servedByIngress(object)) use.admittedAt.add(`${host}:${port}`);
  }
  const shown = annotationEnding(annotations, '/proxy-ssl-secret');
  if (shown !== undefined) {
    const use = useOf(uses, secretCalled(shown, namespace));
    use.presenting.add(self);
  }
}

/** Hosts of an Ingress that are served by TLS. */
function servedByIngress({ body }: KubeObject): readonly Served[] {
  const hosts = list(dict(body['spec'])['tls']).flatMap((one) => tlsHosts(dict(one), body));
  return [...new Set(hosts)].map((host) => ({ host, port: HTTPS_PORT }));
}

/** The hosts of one entry; a wildcard stands for those of the rules that it covers. */
function tlsHosts(entry: Dict, body: Dict): readonly string[] {
  const named = textList(entry['hosts']).map((host) => host.toLowerCase());
  const wildcards = named.filter((host) => host.startsWith('*.')).map((host) => host.slice(1));
  if (wildcards.length === 0) return hostsOf(named);
  const ruled = list(dict(body['spec'])['rules']).flatMap((rule) => text(dict(rule)['host'])?.toLowerCase() ?? []);
  const covered = ruled.filter((host) =>
    wildcards.some((ending) => host.endsWith(ending) && !host.slice(0, -ending.length).includes('.')),
  );
  return hostsOf([...named, ...covered]);
}

/** Takes note of a Gateway (https://gateway-api.sigs.k8s.io/reference/spec/#gateway): certificates and client CAs of its listeners. */
export function noteGateway(object: KubeObject, uses: Uses): void {
  const { namespace, name, body } = object;
  const self = `Gateway/${namespace ?? ''}/${name}`;
  const spec = dict(body['spec']);
  const frontend = dict(dict(dict(spec['tls'])['frontend'])['default']);
  for (const listener of list(spec['listeners']).map(dict)) {
    const tls = dict(listener['tls']);
    const at = placesOf(listener).map(({ host, port }) => `${host}:${port}`);
    for (const reference of list(tls['certificateRefs']).map(dict)) {
      if ((text(reference['kind']) ?? 'Secret') !== 'Secret') continue;
      const use = useOf(uses, referenceKey(reference, namespace));
      use.serving.add(self);
      for (const place of at) use.servedAt.add(place);
    }
    const validations = [dict(tls['frontendValidation']), dict(frontend['validation'])];
    for (const reference of validations.flatMap((one) => list(one['caCertificateRefs'])).map(dict)) {
      const use = useOf(uses, referenceKey(reference, namespace));
      use.admitting.add(self);
      for (const place of at) use.admittedAt.add(place);
    }
  }
}

/** Where a listener terminates TLS itself. */
function placesOf(listener: Dict): readonly Served[] {
  const protocol = text(listener['protocol']);
  const mode = text(dict(listener['tls'])['mode']) ?? 'Terminate';
  if ((protocol !== 'HTTPS' && protocol !== 'TLS') || mode !== 'Terminate') return [];
  const port = listener['port'];
  return hostsOf([text(listener['hostname']) ?? '']).map((host) => ({
    host,
    port: typeof port === 'number' ? port : HTTPS_PORT,
  }));
}

/** Takes note of the Secret that an Issuer of the kind `ca` signs with; that of a ClusterIssuer lies in the namespace of cert-manager. */
export function noteIssuer(kind: 'Issuer' | 'ClusterIssuer', { namespace, name, body }: KubeObject, uses: Uses): void {
  const secret = text(dict(dict(body['spec'])['ca'])['secretName']);
  if (secret === undefined) return;
  const self = namespace === undefined ? `${kind}/${name}` : `${kind}/${namespace}/${name}`;
  useOf(uses, useKey('Secret', namespace ?? CERT_MANAGER_NAMESPACE, secret)).issuing.add(self);
}

/** Where cert-manager looks for the Secrets of ClusterIssuers, unless it is told otherwise. */
const CERT_MANAGER_NAMESPACE = 'cert-manager';

export function noteCertificate(object: KubeObject, certificates: Map<string, CertificateState>): void {
  const state = readCertificateState(object);
  certificates.set(useKey('Secret', state.namespace, state.secretName), state);
}

/** What is said of a leaf, an authority or an anchor that lies there. */
export function usersOf(use: Use | undefined, as: Role): readonly Reference[] {
  if (use === undefined) return [];
  switch (as) {
    case 'server':
    case 'signer':
    case 'unknown':
      return [...objects(use.serving), ...endpoints(use.servedAt)];
    case 'client':
      return objects(use.presenting);
    case 'trust-anchor':
      return [...objects(use.admitting), ...endpoints(use.admittedAt)];
    case 'issuer':
      return objects(use.issuing);
    case 'intermediate':
      return [];
  }
}

/** In an order of their own, so that the same use is told in the same words. */
export function sortedUse(use: Use | undefined): readonly (readonly string[])[] {
  if (use === undefined) return [];
  return [use.serving, use.servedAt, use.admitting, use.admittedAt, use.presenting, use.issuing].map((set) =>
    [...set].toSorted(),
  );
}

function objects(ids: ReadonlySet<string>): readonly Reference[] {
  return [...ids].toSorted().map((id) => ({ type: 'k8s', id }));
}

function endpoints(ids: ReadonlySet<string>): readonly Reference[] {
  return [...ids].toSorted().map((id) => ({ type: 'endpoint', id }));
}

/** Hosts that can be asked for: a wildcard names none. */
function hostsOf(hosts: readonly string[]): readonly string[] {
  return hosts.map((host) => host.toLowerCase()).filter((host) => /^[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$/.test(host));
}

function annotationEnding(annotations: KubeObject['annotations'], ending: string): string | undefined {
  return text(Object.entries(annotations).find(([name]) => name.endsWith(ending))?.[1]);
}

/** `namespace/name`, or a name alone for the namespace of who says it. */
function secretCalled(given: string, namespace: string | undefined): string {
  const [first = '', second] = given.split('/');
  return second === undefined ? useKey('Secret', namespace, first) : useKey('Secret', first, second);
}

function referenceKey(reference: Dict, namespace: string | undefined): string {
  const kind = text(reference['kind']) === 'ConfigMap' ? 'ConfigMap' : 'Secret';
  return useKey(kind, text(reference['namespace']) ?? namespace, text(reference['name']) ?? '');
}
