import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, afterEach, beforeAll, beforeEach, vi } from 'vitest';

/** One request as it came over the wire. */
export interface RestRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  /** The JSON of the body; undefined without one. */
  readonly body: unknown;
}

export type RestReply = (response: ServerResponse) => void;
type Handler = (request: RestRequest) => unknown;

/** A server of JSON on loopback. */
export interface FakeRest extends AsyncDisposable {
  readonly url: string;
  readonly requests: RestRequest[];
  /** What lies at a path; a function may give a RestReply instead of what becomes JSON. */
  readonly routes: Map<string, Handler>;
  /** Asked before the fake answers by itself. */
  intercept: ((request: RestRequest) => RestReply | undefined) | undefined;
  /** Things on a page of a list. */
  pageSize: number;
  /** Requests that bear another token are refused. */
  token: string;
}

/** What `useMachineIdentity` gives out. */
export const TOKEN = 'token-of-the-test';

/** A fake with a server of its own. */
export async function startFakeRest(): Promise<FakeRest> {
  const { fake, listen } = createFakeRest();
  await listen();
  return fake;
}

/** For every test of a suite: a fake that knows nothing of the test before. */
export function useFakeRest(): FakeRest {
  const { fake, listen } = createFakeRest();
  beforeAll(listen);
  beforeEach(() => {
    fake.requests.length = 0;
    fake.routes.clear();
    Object.assign(fake, AT_FIRST);
  });
  afterAll(() => fake[Symbol.asyncDispose]());
  return fake;
}

const AT_FIRST = { intercept: undefined, pageSize: 100, token: TOKEN } as const;

function createFakeRest(): { readonly fake: FakeRest; listen(): Promise<void> } {
  const server = createServer((request, response) => {
    void (async () => {
      const text = await bodyOf(request);
      const url = new URL(request.url ?? '/', fake.url);
      const parsed: RestRequest = {
        method: request.method ?? 'GET',
        path: decodeURIComponent(url.pathname),
        query: url.searchParams,
        headers: request.headers,
        body: text === '' || !text.startsWith('{') ? text || undefined : JSON.parse(text),
      };
      reply(fake, parsed)(response);
    })();
  });
  const fake: FakeRest = {
    get url() {
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    },
    requests: [],
    routes: new Map(),
    ...AT_FIRST,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
  return {
    fake,
    listen: () =>
      new Promise((resolve) => {
        server.listen(0, '127.0.0.1', resolve);
      }),
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString('utf8');
}

function reply(fake: FakeRest, request: RestRequest): RestReply {
  fake.requests.push(request);
  const intercepted = fake.intercept?.(request);
  if (intercepted !== undefined) return intercepted;
  if (request.headers.authorization !== `Bearer ${fake.token}`) {
    return json({ error: { code: 'InvalidAuthenticationToken', message: 'The access token is invalid.' } }, 401);
  }
  const found = fake.routes.get(request.path)?.(request);
  if (found === undefined) return json({ error: { code: 'ResourceNotFound', message: `no ${request.path}` } }, 404);
  return typeof found === 'function' ? (found as RestReply) : json(found);
}

export function json(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): RestReply {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
    response.end(JSON.stringify(value));
  };
}

export function html(status: number): RestReply {
  return (response) => {
    response.writeHead(status, { 'content-type': 'text/html' });
    response.end('<html><body>Proxy error</body></html>');
  };
}

/** A body that ends in the middle, though the connection ends well. */
export function truncated(): RestReply {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end('{"value": [{"id": "/subscr');
  };
}

/** A body that is cut off. */
export function cutOff(): RestReply {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
    response.write('{"value": [');
    response.socket?.destroy();
  };
}

export function reset(): RestReply {
  return (response) => {
    response.socket?.resetAndDestroy();
  };
}

/** A body that never ends. */
export function slow(): RestReply {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write('{');
  };
}

/** A list as Azure Resource Manager gives it, in pages. */
export function armList(fake: FakeRest, items: readonly object[], linkName = 'nextLink'): Handler {
  return ({ path, query }) => {
    const start = Number(query.get('$skiptoken') ?? '0');
    const end = start + fake.pageSize;
    const rest = new URLSearchParams(query);
    rest.set('$skiptoken', String(end));
    return {
      value: items.slice(start, end),
      ...(end < items.length ? { [linkName]: `${fake.url}${path}?${rest.toString()}` } : {}),
    };
  };
}

/** A list as Microsoft Graph gives it. */
export function graphList(fake: FakeRest, items: readonly object[]): Handler {
  return armList(fake, items, '@odata.nextLink');
}

/** A list as Google gives it: the items under a name of their own. */
export function googleList(fake: FakeRest, name: string, items: readonly object[], more: object = {}): Handler {
  return ({ query }) => {
    const start = Number(query.get('pageToken') ?? '0');
    const end = start + fake.pageSize;
    return {
      ...(items.length === 0 ? {} : { [name]: items.slice(start, end) }),
      ...(end < items.length ? { nextPageToken: String(end) } : {}),
      ...more,
    };
  };
}

/** What was asked of the machine's identity. */
export interface MachineIdentity {
  readonly requests: RestRequest[];
}

/**
 * For every test of a file: a machine with an identity, as App Service and Google's machines have it, and none of what this
 * machine may have. One for all tests: the clients of Azure keep their tokens in the process.
 */
export function useMachineIdentity(): MachineIdentity {
  let fake: FakeRest;
  const machine: { requests: RestRequest[] } = { requests: [] };
  beforeAll(async () => {
    fake = await startFakeRest();
    machine.requests = fake.requests;
    fake.intercept = tokenReply;
  });
  afterAll(async () => {
    await fake[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    vi.stubEnv('AZURE_TOKEN_CREDENTIALS', 'ManagedIdentityCredential');
    vi.stubEnv('IDENTITY_ENDPOINT', `${fake.url}/msi/token`);
    vi.stubEnv('IDENTITY_HEADER', 'secret-of-the-machine');
    for (const name of ['AZURE_CLIENT_ID', 'AZURE_TENANT_ID', 'AZURE_CLIENT_SECRET', 'AZURE_AUTHORITY_HOST']) {
      vi.stubEnv(name, undefined);
    }
    vi.stubEnv('GCE_METADATA_HOST', fake.url.slice('http://'.length));
    vi.stubEnv('METADATA_SERVER_DETECTION', 'assume-present');
    vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', undefined);
    vi.stubEnv('CLOUDSDK_CONFIG', '/nonexistent');
    vi.stubEnv('HOME', '/nonexistent');
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });
  return machine;
}

/** The places where a machine of Azure (App Service) and one of Google ask for a token. */
function tokenReply({ path }: RestRequest): RestReply {
  const google = { 'metadata-flavor': 'Google' };
  if (path === '/msi/token') {
    return json({
      access_token: TOKEN,
      expires_on: String(Math.floor(Date.now() / 1000) + 3600),
      resource: 'https://management.azure.com',
      token_type: 'Bearer',
    });
  }
  if (path.endsWith('/service-accounts/default/token')) {
    return json({ access_token: TOKEN, expires_in: 3600, token_type: 'Bearer' }, 200, google);
  }
  if (path.endsWith('/universe/universe-domain')) {
    return (response) => {
      response.writeHead(200, { 'content-type': 'text/plain', ...google });
      response.end('googleapis.com');
    };
  }
  return json({}, 200, google);
}
