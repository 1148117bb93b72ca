import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request as it came over the wire. */
export interface VaultCall {
  readonly method: string;
  /** Without `/v1/`. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly token: string;
  readonly namespace: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface FakeMount {
  readonly type: 'pki' | 'cert' | 'kv';
  /** PEM by serial with colons, or by name for the cert method. */
  readonly certificates: Map<string, string>;
  readonly revoked: Set<string>;
  /** Older servers know none. */
  issuers:
    | Map<
        string,
        { readonly pem: string; readonly chain?: readonly string[]; readonly crl?: string; readonly hasKey?: boolean }
      >
    | undefined;
}

export interface FakeVault extends AsyncDisposable {
  readonly url: string;
  readonly calls: VaultCall[];
  readonly mounts: Map<string, FakeMount>;
  /** Tokens that are accepted, with what lookup-self says of them. */
  readonly tokens: Map<string, Record<string, unknown>>;
  /** What a login by its path and body gives: a token, or undefined for a refusal. */
  login:
    | ((path: string, body: VaultCall['body']) => { readonly token: string; readonly seconds: number } | undefined)
    | undefined;
  /** Paths that every policy forbids, by their beginnings: `list pki/certs`. */
  readonly denied: Set<string>;
  /** Gives serials by pages, as OpenBao does. */
  hasPages: boolean;
  intercept: ((call: VaultCall, response: ServerResponse) => boolean) | undefined;
  mount(path: string, type?: FakeMount['type']): FakeMount;
  paths(): readonly string[];
}

/** A server that speaks as much of Vault's API as is asked of it, on loopback. */
export async function startFakeVault(): Promise<FakeVault> {
  const server = createServer((request, response) => {
    void handle(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const url = new URL(request.url ?? '/', fake.url);
    const call: VaultCall = {
      method: request.method ?? '',
      path: decodeURIComponent(url.pathname.replace(/^\/v1\//, '')),
      query: url.searchParams,
      token: String(request.headers['x-vault-token'] ?? ''),
      namespace: String(request.headers['x-vault-namespace'] ?? ''),
      body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
    };
    fake.calls.push(call);
    if (fake.intercept?.(call, response) === true) return;
    if (/^auth\/.+\/login$/.test(call.path)) {
      const granted = fake.login?.(call.path, call.body);
      if (granted === undefined) return errors(response, 400, 'invalid role or secret ID');
      fake.tokens.set(granted.token, {});
      return json(response, { auth: { client_token: granted.token, lease_duration: granted.seconds } });
    }
    const known = fake.tokens.get(call.token);
    if (known === undefined) return errors(response, 403, 'permission denied');
    if (call.path === 'auth/token/lookup-self') return json(response, { data: known });
    if (call.path === 'auth/token/renew-self') {
      if (fake.denied.has('update auth/token/renew-self')) return errors(response, 403, 'permission denied');
      const life = Number(known['creation_ttl']);
      Object.assign(known, { ttl: life, expire_time: new Date(Date.now() + life * 1000).toISOString() });
      return json(response, { auth: {} });
    }
    const verb = call.query.get('list') === 'true' ? 'list' : 'read';
    if ([...fake.denied].some((one) => `${verb} ${call.path}`.startsWith(one))) {
      return errors(response, 403, '1 error occurred:\n\t* permission denied\n\n');
    }
    answer(call, verb, response);
  }

  function answer({ path, query }: VaultCall, verb: 'list' | 'read', response: ServerResponse): void {
    if (path === 'sys/mounts' || path === 'sys/auth') {
      const wanted = [...fake.mounts].filter(([, { type }]) => (path === 'sys/auth') === (type === 'cert'));
      return json(response, {
        data: Object.fromEntries(wanted.map(([name, { type }]) => [`${name.replace(/^auth\//, '')}/`, { type }])),
      });
    }
    const [name, mount] = [...fake.mounts].find(([one]) => path.startsWith(`${one}/`)) ?? [];
    if (name === undefined || mount === undefined) return errors(response, 404, `no handler for route "${path}"`);
    const rest = path.slice(name.length + 1);
    if (verb === 'list') return answerList(rest, mount, query, response);
    if (mount.type === 'cert') {
      const pem = mount.certificates.get(rest.replace(/^certs\//, ''));
      return pem === undefined ? errors(response, 404) : json(response, { data: { certificate: pem } });
    }
    const [, issuer = '', , kind] = /^issuer\/([^/]+)(\/(crl\/pem))?$/.exec(rest) ?? [];
    if (issuer !== '') {
      const known = mount.issuers?.get(issuer);
      if (known === undefined) return errors(response, 404);
      if (kind !== undefined) return plain(response, known.crl ?? '');
      const data = {
        certificate: known.pem,
        ca_chain: [known.pem, ...(known.chain ?? [])],
        key_id: known.hasKey === false ? '' : 'k',
        issuer_id: issuer,
      };
      return json(response, { data });
    }
    const serial = rest.replace(/^cert\//, '').replaceAll('-', ':');
    const pem = mount.certificates.get(serial);
    if (pem === undefined) return errors(response, 404);
    json(response, { data: { certificate: pem, revocation_time: mount.revoked.has(serial) ? 1_700_000_000 : 0 } });
  }

  function answerList(rest: string, mount: FakeMount, query: URLSearchParams, response: ServerResponse): void {
    const all =
      rest === 'certs'
        ? [...mount.certificates.keys()]
        : rest === 'certs/revoked'
          ? [...mount.revoked]
          : rest === 'issuers' && mount.issuers !== undefined
            ? [...mount.issuers.keys()]
            : undefined;
    if (all === undefined) return errors(response, 404, 'unsupported operation');
    const sorted = all.toSorted();
    const after = query.get('after');
    const from = fake.hasPages && after !== null ? sorted.findIndex((key) => key > after) : 0;
    const keys =
      from < 0
        ? []
        : sorted.slice(from, fake.hasPages ? from + Number(query.get('limit') ?? sorted.length) : undefined);
    if (keys.length === 0) return errors(response, 404);
    json(response, { data: { keys } });
  }

  const fake: FakeVault = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: [],
    mounts: new Map(),
    tokens: new Map([['root', { accessor: 'a', display_name: 'root', expire_time: null, ttl: 0 }]]),
    login: undefined,
    denied: new Set(),
    hasPages: false,
    intercept: undefined,
    mount(path, type = 'pki') {
      const mount: FakeMount = { type, certificates: new Map(), revoked: new Set(), issuers: new Map() };
      fake.mounts.set(path, mount);
      return mount;
    },
    paths: () => fake.calls.map(({ path }) => path),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return fake;
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}

function plain(response: ServerResponse, text: string): void {
  response.writeHead(text === '' ? 204 : 200, { 'content-type': 'application/pem-certificate-chain' });
  response.end(text);
}

/** A refusal as Vault writes it; an empty list is one, too. */
export function errors(response: ServerResponse, code: number, ...messages: readonly string[]): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ errors: messages }));
}

/** A serial as Vault writes it. */
export function serialOf(rank: number): string {
  return [0x39, 0xdd, 0x2e, rank >> 16, rank >> 8, rank]
    .map((octet) => (octet & 0xff).toString(16).padStart(2, '0'))
    .join(':');
}
