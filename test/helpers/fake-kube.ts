import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An object of the cluster as a test gives it. */
export interface KubeObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly object[];
  };
  /** Of a Secret; by itself Opaque. */
  readonly type?: string;
  readonly [field: string]: unknown;
}

interface Stored {
  readonly uid: string;
  readonly version: number;
  readonly object: KubeObject;
}

interface Event {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly resource: string;
  readonly stored: Stored;
}

/** One request as it came over the wire. */
export interface KubeRequest {
  readonly verb: 'list' | 'get' | 'watch';
  readonly resource: string;
  readonly group: string;
  readonly namespace: string | undefined;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly token: string;
  readonly isMetadataOnly: boolean;
}

export interface FakeKube extends AsyncDisposable {
  readonly url: string;
  readonly requests: KubeRequest[];
  /** Bearer tokens that are accepted; empty accepts anybody. */
  readonly tokens: Set<string>;
  /** What is forbidden: `list secrets`, `watch secrets`, `get secrets in shop`, `list secrets in shop`. */
  readonly denied: Set<string>;
  /** Kinds that the cluster does not know: `certificates.cert-manager.io`. A version too: `gateways.gateway.networking.k8s.io/v1`. */
  readonly unknown: Set<string>;
  pageSize: number;
  /** How far its clock is ahead, milliseconds. */
  clockAheadMs: number;
  /** Asked before the fake answers by itself; true when it has answered. */
  intercept: ((request: KubeRequest, response: ServerResponse) => boolean) | undefined;
  /** Makes or replaces an object. */
  put(resource: string, ...objects: readonly KubeObject[]): void;
  remove(resource: string, name: string, namespace?: string): void;
  /** Everything older than now is no longer kept: tokens of lists, and places where watches stood. */
  compact(): void;
  /** Ends every watch: in the middle of an object where `half` is set. */
  breakWatches(half?: boolean): void;
  /** Watches that are open now. */
  watches(): number;
}

/** Kinds of a cluster with cert-manager and the Gateway API, by the path of their group and version. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  '/api/v1': ['secrets', 'configmaps', 'namespaces'],
  '/apis/networking.k8s.io/v1': ['ingresses'],
  '/apis/gateway.networking.k8s.io/v1': ['gateways'],
  '/apis/gateway.networking.k8s.io/v1beta1': ['gateways'],
  '/apis/cert-manager.io/v1': ['issuers', 'clusterissuers', 'certificates', 'certificaterequests'],
  '/apis/admissionregistration.k8s.io/v1': ['validatingwebhookconfigurations', 'mutatingwebhookconfigurations'],
  '/apis/apiregistration.k8s.io/v1': ['apiservices'],
  '/apis/apiextensions.k8s.io/v1': ['customresourcedefinitions'],
  '/apis/certificates.k8s.io/v1': ['certificatesigningrequests'],
  '/apis/certificates.k8s.io/v1beta1': ['clustertrustbundles'],
};

/** A server that speaks as much of the API of Kubernetes as is asked of it, on loopback, over plain HTTP. */
export async function startFakeKube(): Promise<FakeKube> {
  const stored = new Map<string, Map<string, Stored>>();
  const events: Event[] = [];
  const watching = new Set<{ readonly response: ServerResponse; send(event: Event): void }>();
  let version = 1_000;
  let oldest = 0;
  let uids = 0;

  function collection(resource: string): Map<string, Stored> {
    const known = stored.get(resource) ?? new Map<string, Stored>();
    stored.set(resource, known);
    return known;
  }

  function note(type: Event['type'], resource: string, one: Stored): void {
    const event = { type, resource, stored: one };
    events.push(event);
    for (const watch of watching) watch.send(event);
  }

  const server = createServer((request, response) => {
    void handle(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parsed = parse(request, url);
    fake.requests.push(parsed);
    response.setHeader('date', new Date(Date.now() + fake.clockAheadMs).toUTCString());
    if (fake.tokens.size > 0 && !fake.tokens.has(parsed.token)) {
      return status(response, 401, 'Unauthorized', 'Unauthorized');
    }
    if (fake.intercept?.(parsed, response) === true) return;
    const { group, resource, namespace, verb } = parsed;
    const base = parsed.path
      .split('/')
      .slice(0, group === '' ? 3 : 4)
      .join('/');
    const groupVersion = base.split('/').at(-1) ?? '';
    if (resource === '') {
      const isKnown = (KINDS[base] ?? []).some((kind) => !fake.unknown.has(`${kind}.${group}`));
      return isKnown
        ? json(response, { kind: 'APIResourceList' })
        : status(response, 404, 'NotFound', 'the server could not find the requested resource');
    }
    const full = group === '' ? resource : `${resource}.${group}`;
    const isDenied = [`${verb} ${resource}`, `${verb} ${resource} in ${namespace ?? '*'}`].some((one) =>
      fake.denied.has(one),
    );
    if (isDenied) {
      const scope = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
      return status(
        response,
        403,
        'Forbidden',
        `${resource} is forbidden: User "system:serviceaccount:notafter:notafter" cannot ${verb} resource "${resource}" in API group "${group}" ${scope}`,
      );
    }
    const isKnown =
      KINDS[base]?.includes(resource) === true &&
      !fake.unknown.has(full) &&
      !fake.unknown.has(`${full}/${groupVersion}`);
    if (!isKnown) return status(response, 404, 'NotFound', 'the server could not find the requested resource');
    switch (verb) {
      case 'get':
        return answerOne(parsed, response);
      case 'list':
        return answerList(parsed, response);
      case 'watch':
        return answerWatch(parsed, response);
    }
  }

  function answerOne({ path, namespace, resource }: KubeRequest, response: ServerResponse): void {
    const name = path.split('/').at(-1) ?? '';
    const found = collection(resource).get(keyOf(namespace, name));
    if (found === undefined) return status(response, 404, 'NotFound', `${resource} "${name}" not found`);
    json(response, written(found, false));
  }

  async function answerList(request: KubeRequest, response: ServerResponse): Promise<void> {
    const { query, resource, isMetadataOnly } = request;
    const [at, from] = (query.get('continue') ?? `${version}:0`).split(':').map(Number) as [number, number];
    if (at < oldest) {
      return status(response, 410, 'Expired', 'The provided continue parameter is too old', {
        continue: `${version}:${from}`,
      });
    }
    const all = [...collection(resource).values()].filter((one) => isSelected(one, request));
    const limit = Math.min(Number(query.get('limit') ?? all.length), fake.pageSize);
    const page = all.slice(from, from + limit);
    const left = all.length - from - page.length;
    response.writeHead(200, { 'content-type': 'application/json' });
    const metadata = {
      resourceVersion: String(version),
      ...(left > 0 ? { continue: `${at}:${from + limit}`, remainingItemCount: left } : {}),
    };
    response.write(`{"kind":"List","apiVersion":"v1","metadata":${JSON.stringify(metadata)},"items":[`);
    for (const [rank, one] of page.entries()) {
      const isFree = response.write(`${rank === 0 ? '' : ','}${JSON.stringify(written(one, isMetadataOnly))}`);
      // Without that, what is measured is the memory of the fake.
      if (!isFree) await once(response, 'drain');
    }
    response.end(']}\n');
  }

  function answerWatch(request: KubeRequest, response: ServerResponse): void {
    const since = Number(request.query.get('resourceVersion') ?? '0');
    response.writeHead(200, { 'content-type': 'application/json' });
    const write = (type: string, object: unknown): boolean => response.write(`${JSON.stringify({ type, object })}\n`);
    if (since < oldest) {
      write('ERROR', { kind: 'Status', code: 410, message: `too old resource version: ${since}` });
      response.end();
      return;
    }
    const send = (event: Event): void => {
      if (event.resource !== request.resource || !isSelected(event.stored, request)) return;
      write(event.type, written(event.stored, request.isMetadataOnly));
    };
    const watch = { response, send };
    watching.add(watch);
    response.on('close', () => watching.delete(watch));
    response.flushHeaders();
    for (const event of events) if (event.stored.version > since) send(event);
    write('BOOKMARK', { metadata: { resourceVersion: String(version) } });
  }

  const fake: FakeKube = {
    url,
    requests: [],
    tokens: new Set(),
    denied: new Set(),
    unknown: new Set(),
    pageSize: 500,
    clockAheadMs: 0,
    intercept: undefined,
    put(resource, ...objects) {
      for (const object of objects) {
        const key = keyOf(object.metadata.namespace, object.metadata.name);
        const before = collection(resource).get(key);
        version += 1;
        uids += 1;
        const one = { uid: before?.uid ?? `uid-${uids}`, version, object };
        collection(resource).set(key, one);
        note(before === undefined ? 'ADDED' : 'MODIFIED', resource, one);
      }
    },
    remove(resource, name, namespace) {
      const key = keyOf(namespace, name);
      const before = collection(resource).get(key);
      if (before === undefined) throw new Error(`there is no ${resource} ${key}`);
      collection(resource).delete(key);
      version += 1;
      note('DELETED', resource, { ...before, version });
    },
    compact() {
      version += 1;
      oldest = version;
    },
    breakWatches(half = false) {
      const broken = [...watching];
      watching.clear();
      for (const { response } of broken) {
        if (half) response.write('{"type":"MODIFIED","object":{"metadata":{"na', () => response.destroy());
        else response.end();
      }
    },
    watches: () => watching.size,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return fake;
}

function parse(request: IncomingMessage, base: string): KubeRequest {
  const url = new URL(request.url ?? '/', base);
  const parts = url.pathname.split('/').filter((part) => part !== '');
  const group = parts[0] === 'apis' ? (parts[1] ?? '') : '';
  const rest = parts.slice(group === '' ? 2 : 3);
  const isNamespaced = rest[0] === 'namespaces' && rest.length > 2;
  const namespace = isNamespaced ? rest[1] : undefined;
  const [resource = '', name] = isNamespaced ? rest.slice(2) : rest;
  const isWatch = url.searchParams.get('watch') === '1';
  return {
    verb: isWatch ? 'watch' : name === undefined ? 'list' : 'get',
    resource,
    group,
    namespace,
    path: url.pathname,
    query: url.searchParams,
    token: /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '',
    isMetadataOnly: request.headers.accept?.includes('PartialObjectMetadata') === true,
  };
}

function isSelected({ object }: Stored, { namespace, query }: KubeRequest): boolean {
  if (namespace !== undefined && object.metadata.namespace !== namespace) return false;
  const selector = query.get('fieldSelector');
  return selector === null || selector === `type=${object.type ?? 'Opaque'}`;
}

function written({ object, uid, version }: Stored, isMetadataOnly: boolean): object {
  const metadata = { ...object.metadata, uid, resourceVersion: String(version) };
  return isMetadataOnly ? { kind: 'PartialObjectMetadata', metadata } : { ...object, metadata };
}

function keyOf(namespace: string | undefined, name: string): string {
  return `${namespace ?? ''}/${name}`;
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}

/** A refusal as the API server writes it. */
export function status(
  response: ServerResponse,
  code: number,
  reason: string,
  message: string,
  metadata: object = {},
): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(
    JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata, status: 'Failure', message, reason, code }),
  );
}

/** A Secret of the type kubernetes.io/tls. */
export function tlsSecret(
  namespace: string,
  name: string,
  pair: { readonly chainPem: string; readonly keyPem: string },
  more: Partial<KubeObject['metadata']> & { readonly data?: Readonly<Record<string, string>> } = {},
): KubeObject {
  const { data = {}, ...metadata } = more;
  return {
    metadata: { ...metadata, name, namespace },
    type: 'kubernetes.io/tls',
    data: encoded({ 'tls.crt': pair.chainPem, 'tls.key': pair.keyPem, ...data }),
  };
}

/** The data of a Secret, as the API writes it. */
export function encoded(data: Readonly<Record<string, string | Uint8Array>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value as string).toString('base64')]),
  );
}
