import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { endpoint } from '../../collectors/endpoint/index.ts';
import type { Location } from '../../src/inventory/model.ts';
import { createContext } from '../../src/look/context.ts';
import { createProbing, type ProbeAnswer, type ProbingParts } from '../../src/look/probing.ts';
import { createNetwork } from '../../src/network/create-network.ts';
import { parseAllowance } from '../../src/network/egress.ts';
import { createLimiters } from '../../src/network/limiter.ts';
import type { Address } from '../../src/network/network.ts';
import { endpointName, namesOfEndpoint } from '../../src/plugin/endpoint-name.ts';
import { createAuthority } from '../helpers/pki.ts';
import { closedPort, startTlsServer, type RunningTls } from '../helpers/servers.ts';
import { authority, endpointLocation, leaf } from '../policy/places.ts';

const root = createAuthority({ name: 'Root' });
const ended = root.issue({ names: ['api.lab.test'], notAfter: new Date(Date.now() - 86_400_000) });

let server: RunningTls;
let connections: number;
/** What DNS says, one answer after the other. */
let answers: (readonly string[])[];

beforeAll(async () => {
  server = await startTlsServer(ended);
});

afterAll(() => server.close());

beforeEach(() => {
  connections = 0;
  answers = [];
});

async function probe(
  target: string,
  options: {
    readonly allow?: readonly string[];
    readonly known?: readonly Location[];
    readonly source?: string;
    readonly stored?: readonly Location[];
  } = {},
): Promise<ProbeAnswer> {
  const real = createNetwork();
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const context = createContext({
    clock: { now: Date.now },
    log,
    network: {
      ...real,
      async resolve(host, signal) {
        const next = answers.shift();
        if (next === undefined) return real.resolve(host, signal);
        return next.map((address): Address => ({ address, family: 4 }));
      },
      connect(...call) {
        connections += 1;
        return real.connect(...call);
      },
    },
    limit: createLimiters(),
    environment: {},
  });
  const { known = [], stored = [] } = options;
  const parts: ProbingParts = {
    context,
    inventory: {
      locations: async ({ ids = [], target: key } = {}) =>
        key === undefined ? known.filter(({ id }) => ids.includes(id)) : stored.filter((one) => one.target === key),
      target: async (source, key) => {
        const one = stored.find((location) => location.source === source && location.target === key);
        return one && { source, key, labels: {}, data: {}, firstSeenAt: 0 };
      },
    },
    endpointsNamed: (name) => known.filter((one) => namesOfEndpoint(one).has(name)).map(({ id }) => id),
    sources: () => ['partners'],
    allow: () => (options.allow ?? []).map((text) => parseAllowance(text)),
    chains: () => () => undefined,
    open: async (text, own) => {
      const parsed = endpoint.options.safeParse({ targets: [text] });
      if (!parsed.success) throw new Error('no target');
      return endpoint.create(parsed.data, own);
    },
  };
  const { source } = options;
  return createProbing(parts)(
    { target, deadlineMs: 5_000, ...(source === undefined ? {} : { source }) },
    new AbortController().signal,
  );
}

describe('what a source names', () => {
  const here = { ...endpointLocation([leaf(), authority()]), id: 1 };
  const beside = { ...endpointLocation([leaf('b')], { location: 'api.example.com:8443@10.0.0.8' }), id: 2 };
  const elsewhere = { ...endpointLocation([leaf('c')], { source: 'other', location: 'x' }), id: 3 };

  test.each(['api.example.com:8443', 'https://api.example.com:8443/path', 'API.example.com:8443', '10.0.0.7:8443'])(
    '%s is answered from the inventory, all its addresses',
    async (target) => {
      expect(await probe(target, { known: [here, beside, elsewhere] })).toEqual({
        kind: 'known',
        locations: [here, beside],
      });
      expect(connections).toBe(0);
    },
  );

  test('may be asked for by its source', async () => {
    const answer = await probe('api.example.com:8443', { known: [here, elsewhere], source: 'other' });
    expect(answer).toEqual({ kind: 'known', locations: [elsewhere] });
    expect(await probe('api.example.com:8443', { known: [here], source: 'nosuch' })).toMatchObject({ kind: 'refused' });
  });

  test('is known by its target alone when no look has ever shown anything', async () => {
    const { endpoint: _, chain: __, ...bare } = here;
    const unseen = { ...bare, target: 'new.example.com:443', failure: { reason: 'dns' as const, detail: '' } };
    for (const target of ['new.example.com', 'new.example.com:443']) {
      expect(endpointName(target)).toBe(unseen.target);
      expect(await probe(target, { stored: [unseen] })).toEqual({ kind: 'known', locations: [unseen] });
    }
  });
});

describe('what no source names', () => {
  test('is refused where nothing is allowed, and nothing is asked of anybody', async () => {
    answers = [['127.0.0.1']];
    expect(await probe(`127.0.0.1:${server.port}`)).toMatchObject({ kind: 'refused' });
    expect([answers.length, connections]).toEqual([1, 0]);
  });

  test('is looked at where its address and port are allowed, also when the certificate has ended', async () => {
    const answer = await probe(`127.0.0.1:${server.port}`, { allow: [`127.0.0.1:${server.port}`] });
    expect(answer).toMatchObject({ kind: 'looked', locations: [{ endpoint: { chain: [ended.fingerprint] } }] });
  });

  test.each<[string, readonly string[], readonly string[]]>([
    ['another address of the same name is not allowed', ['127.0.0.1', '10.9.9.9'], ['127.0.0.1:PORT']],
    ['the port is not allowed', ['127.0.0.1'], ['127.0.0.1:1']],
    ['without a port, others than 80 and 443 are not allowed', ['127.0.0.1'], ['127.0.0.0/8']],
    ['a public address is not allowed either', ['93.184.215.14'], ['10.0.0.0/8']],
    ['a name that is allowed leads to the metadata service', ['169.254.169.254'], ['api.lab.test:PORT']],
  ])('is refused, and nothing is connected to, when %s', async (_, addresses, allow) => {
    answers = [addresses];
    const answer = await probe(`api.lab.test:${server.port}`, {
      allow: allow.map((text) => text.replace('PORT', String(server.port))),
    });
    expect(answer).toMatchObject({ kind: 'refused' });
    expect(connections).toBe(0);
  });

  test('is reached at the address that was judged, whatever its name says a moment later', async () => {
    answers = [['127.0.0.1'], ['10.9.9.9'], ['10.9.9.9']];
    const answer = await probe(`api.lab.test:${server.port}`, { allow: [`127.0.0.1:${server.port}`] });
    expect(answer).toMatchObject({ kind: 'looked', locations: [{ endpoint: { address: '127.0.0.1' } }] });
    expect(answers).toHaveLength(2);
  });

  test('is a failed look when nothing listens there', async () => {
    const port = await closedPort();
    const answer = await probe(`127.0.0.1:${port}`, { allow: [`127.0.0.1:${port}`] });
    expect(answer).toMatchObject({ kind: 'looked', locations: [{ failure: { reason: 'refused' } }] });
  });

  test.each(['file:///etc/passwd', 'gopher://x:1', 'a b', '127.1:99999'])('%s is no target', async (target) => {
    expect(await probe(target, { allow: ['127.0.0.0/8'] })).toMatchObject({ kind: 'malformed' });
    expect(connections).toBe(0);
  });
});
