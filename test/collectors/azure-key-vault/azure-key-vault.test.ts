import { createHash } from 'node:crypto';
import dns from 'node:dns';
import type { GetTokenOptions, TokenCredential } from '@azure/identity';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { createAzureKeyVault } from '../../../collectors/azure-key-vault/index.ts';
import type { CollectorInstance, Known } from '../../../src/plugin/collector.ts';
import type { Context, Rate } from '../../../src/plugin/context.ts';
import { CollectError } from '../../../src/plugin/error.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import type { Reason } from '../../../src/plugin/reason.ts';
import { collect, deafContext, NOTHING_KNOWN } from '../../contract/collector.ts';
import {
  type FakeKeyVault,
  startFakeKeyVault,
  TENANT,
  type VaultCertificate,
  vaultFault,
  vaultJson,
  type VaultReply,
} from '../../helpers/fake-key-vault.ts';
import { createAuthority } from '../../helpers/pki.ts';

const NOW = Date.UTC(2026, 10, 23);
const DAY = 86_400_000;

const issuing = createAuthority({ name: 'Issuing' });
const leaf = issuing.issue({ names: ['api.example.com'], extendedKeyUsage: ['serverAuth', 'clientAuth'] });
const client = issuing.issue({ commonName: 'billing', names: [], extendedKeyUsage: ['clientAuth'] });

/** A certificate that is far from its end. */
function certificate(name: string, changes: Partial<VaultCertificate> = {}): VaultCertificate {
  return {
    name,
    der: leaf.der,
    sha1: createHash('sha1').update(leaf.der).digest(),
    notBefore: new Date(NOW - 100 * DAY),
    notAfter: new Date(NOW + 265 * DAY),
    updated: new Date(NOW - 100 * DAY),
    policy: { issuer: 'Self', actions: [{ type: 'AutoRenew', daysBeforeExpiry: 30 }] },
    ...changes,
  };
}

let vault: FakeKeyVault;

beforeEach(async () => {
  vault = await startFakeKeyVault();
});

afterEach(async () => {
  await vault[Symbol.asyncDispose]();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

interface TokenRequest {
  readonly scopes: string | string[];
  readonly tenantId: string | undefined;
}

/** A credential that gives a token and remembers what for. */
function stubCredential(asked: TokenRequest[] = []): TokenCredential {
  return {
    getToken(scopes: string | string[], options?: GetTokenOptions) {
      asked.push({ scopes, tenantId: options?.tenantId });
      return Promise.resolve({ token: 'token-of-the-test', expiresOnTimestamp: Date.now() + 3_600_000 });
    },
  };
}

const TEST_CONTEXT: Context = { ...deafContext(), clock: { now: () => NOW } };

function create(
  credential: TokenCredential = stubCredential(),
  context: Context = TEST_CONTEXT,
  vaults: readonly string[] = [vault.url],
): Promise<CollectorInstance> {
  const collector = createAzureKeyVault(() => Promise.resolve(credential));
  return collector.create(collector.options.parse({ vaults }), context);
}

async function look(known: Known = NOTHING_KNOWN, signal = new AbortController().signal): Promise<Observation[]> {
  const instance = await create();
  return collect(instance.observe({ key: vault.url, data: {} }, known, signal));
}

/** What the host would answer after these observations. */
function knownOf(observations: readonly Observation[]): Known {
  const versions = new Map(observations.map((observation) => [observation.location, observation.version]));
  return { version: (at) => versions.get(at), checkpoint: undefined };
}

function location(name: string): string {
  return `${vault.url}/certificates/${name}`;
}

function answerList(page: number, reply: VaultReply): void {
  vault.intercept = (request) => {
    if (request.path !== '/certificates') return undefined;
    return Number(request.query.get('$skiptoken') ?? '0') === (page - 1) * vault.pageSize ? reply : undefined;
  };
}

function answerGet(name: string, reply: VaultReply): void {
  vault.intercept = (request) => (request.path.startsWith(`/certificates/${name}`) ? reply : undefined);
}

function html(status: number): VaultReply {
  return (response) => {
    response.writeHead(status, { 'content-type': 'text/html' });
    response.end('<!doctype html><title>Bad gateway</title>');
  };
}

const truncatedJson: VaultReply = (response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end('{"value":[{"id":"https://127.');
};

const reset: VaultReply = (_response, request) => {
  request.socket.destroy();
};

const denied = vaultFault(
  403,
  'Forbidden',
  'Caller is not authorized to perform action on resource.',
  'ForbiddenByRbac',
);
const throttled = vaultFault(
  429,
  'Throttled',
  'Request was not processed because too many requests were received.',
  undefined,
  { 'retry-after': '11' },
);

describe('the listing', () => {
  it('answers the challenge with a token for the tenant and the resource that the vault names', async () => {
    const asked: TokenRequest[] = [];
    const instance = await create(stubCredential(asked));

    await collect(instance.observe({ key: vault.url, data: {} }, NOTHING_KNOWN, new AbortController().signal));

    expect(asked).toEqual([{ scopes: ['https://vault.azure.net/.default'], tenantId: TENANT }]);
    expect(vault.requests.map((request) => request.token)).toEqual(['', 'token-of-the-test']);
  });

  it('follows the pages as the vault links them', async () => {
    vault.pageSize = 2;
    vault.certificates = ['a', 'b', 'c', 'd', 'e'].map((name) => certificate(name));

    const observations = await look();

    const lists = vault.requests.filter((request) => request.path === '/certificates' && request.token !== '');
    expect(lists.map((request) => request.query.get('$skiptoken'))).toEqual([null, '2', '4']);
    expect(lists.map((request) => request.query.get('maxresults'))).toEqual([null, '25', '25']);
    expect(lists.every((request) => request.query.get('api-version') === '2025-07-01')).toBe(true);
    expect(observations.map((observation) => observation.location)).toEqual(
      ['a', 'b', 'c', 'd', 'e'].map((name) => location(name)),
    );
  });

  it('never gives its token to another host that a page links to', async () => {
    await using other = await startFakeKeyVault();
    vault.certificates = [certificate('a')];
    answerList(1, vaultJson({ value: [], nextLink: `${other.url}/certificates?$skiptoken=1` }));

    const observations = await look();

    expect(other.requests.filter((request) => request.token !== '')).toEqual([]);
    expect(observations).toMatchObject([
      { location: vault.url, problems: [{ reason: 'partial', place: 'certificates/list' }] },
    ]);
  });
});

describe('a certificate', () => {
  it('comes as its DER, at a location without a version', async () => {
    vault.certificates = [certificate('web')];

    expect(await look()).toEqual([
      {
        location: location('web'),
        version: expect.stringMatching(/^[0-9a-f]{40} .* enabled;[0-9a-f]{16}$/),
        items: [
          {
            kind: 'certificate',
            der: expect.any(Uint8Array),
            place: { key: 'certificate' },
            role: 'server',
            renewal: { mode: 'automatic', due: new Date(NOW + 235 * DAY) },
          },
        ],
        problems: [],
      },
    ]);
    expect(vault.paths()).toEqual(['/certificates', '/certificates/web/']);
  });

  it('is given byte for byte', async () => {
    vault.certificates = [certificate('web')];

    const [observation] = await look();

    const item = observation?.items[0];
    expect(item?.kind === 'certificate' && Buffer.from(item.der).equals(leaf.der)).toBe(true);
  });

  it('for clients alone has the role of a client', async () => {
    vault.certificates = [certificate('billing', { der: client.der })];

    const [observation] = await look();

    expect(observation?.items).toMatchObject([{ role: 'client' }]);
  });

  it('has its tags as labels, and says when it is disabled', async () => {
    vault.certificates = [
      certificate('tagged', {
        tags: { owner: 'payments', 'cost-center': '12', '9lives': 'yes', enabled: 'sure' },
        enabled: false,
      }),
      certificate('plain'),
    ];

    const [tagged, plain] = await look();

    expect(tagged?.items[0]?.labels).toEqual({
      owner: 'payments',
      cost_center: '12',
      _9lives: 'yes',
      enabled: 'false',
    });
    expect(plain?.items[0]).not.toHaveProperty('labels');
  });

  const renewals: readonly (readonly [string, VaultCertificate['policy'], object])[] = [
    [
      'renewed days before its end',
      { issuer: 'Self', actions: [{ type: 'AutoRenew', daysBeforeExpiry: 30 }] },
      { mode: 'automatic', due: new Date(NOW + 235 * DAY) },
    ],
    [
      'renewed at a share of its life',
      { issuer: 'DigiCert', actions: [{ type: 'AutoRenew', percentage: 80 }] },
      { mode: 'automatic', due: new Date(NOW + 192 * DAY) },
    ],
    [
      'that mails only',
      { issuer: 'DigiCert', actions: [{ type: 'EmailContacts', percentage: 80 }] },
      { mode: 'manual' },
    ],
    ['without actions', { issuer: 'Self' }, { mode: 'manual' }],
    [
      'with an action of tomorrow',
      { issuer: 'Self', actions: [{ type: 'Entangle', daysBeforeExpiry: 30 }] },
      { mode: 'manual' },
    ],
    [
      'of an issuer that Key Vault does not know',
      { issuer: 'Unknown', actions: [{ type: 'AutoRenew', daysBeforeExpiry: 30 }] },
      { mode: 'manual' },
    ],
  ];

  it.each(renewals)('%s says so', async (_what, policy, renewal) => {
    vault.certificates = [certificate('web', policy === undefined ? {} : { policy })];

    const [observation] = await look();

    expect(observation?.items[0]?.renewal).toEqual(renewal);
  });
});

describe('a second look', () => {
  const soon = { notAfter: new Date(NOW + 40 * DAY) };

  it('costs nothing but the list while a certificate is far from its end', async () => {
    vault.certificates = [certificate('a'), certificate('b')];
    const first = await look();
    vault.requests.splice(0);

    const second = await look(knownOf(first));

    expect(vault.paths()).toEqual(['/certificates']);
    expect(second).toEqual(
      first.map(({ location: at, version }) => ({ location: at, version, unchanged: true, items: [], problems: [] })),
    );
  });

  it('asks for the policy near the end', async () => {
    vault.certificates = [certificate('a', soon)];
    const first = await look();
    vault.requests.splice(0);

    const second = await look(knownOf(first));

    expect(vault.paths()).toEqual(['/certificates', '/certificates/a/']);
    expect(second).toMatchObject([{ unchanged: true }]);
  });

  it('notices that the renewal was switched off though the certificate is the same', async () => {
    vault.certificates = [certificate('a', soon)];
    const first = await look();
    vault.certificates = [certificate('a', { ...soon, policy: { issuer: 'Self' } })];

    const [second] = await look(knownOf(first));

    expect(second?.unchanged).toBeUndefined();
    expect(second?.items[0]?.renewal).toEqual({ mode: 'manual' });
  });

  it.each([
    ['was renewed', { sha1: Buffer.alloc(20, 7), notAfter: new Date(NOW + 365 * DAY) }],
    ['has another version with the same dates', { sha1: Buffer.alloc(20, 7) }],
    ['was disabled', { enabled: false }],
    ['got another tag', { updated: new Date(NOW), tags: { owner: 'payments' } }],
  ])('takes a certificate that %s for a changed one', async (_what, changes) => {
    vault.certificates = [certificate('a')];
    const first = await look();
    vault.certificates = [certificate('a', changes)];

    const [second] = await look(knownOf(first));

    expect(second?.unchanged).toBeUndefined();
    expect(second?.items).toMatchObject([{ kind: 'certificate' }]);
  });
});

describe('a certificate that cannot be had', () => {
  it('is described by the list when certificates/get is denied, with what to do', async () => {
    vault.certificates = [certificate('web', { tags: { owner: 'payments' } }), certificate('other')];
    answerGet('web', denied);

    const observations = await look();

    expect(observations[0]).toEqual({
      location: location('web'),
      items: [
        {
          kind: 'described',
          place: { key: 'certificate' },
          role: 'server',
          sha1: createHash('sha1').update(leaf.der).digest('hex'),
          notBefore: new Date(NOW - 100 * DAY),
          notAfter: new Date(NOW + 265 * DAY),
          renewal: { mode: 'unknown' },
          labels: { owner: 'payments' },
        },
      ],
      problems: [
        {
          reason: 'permission_denied',
          place: 'content',
          detail: expect.stringContaining('Assign the role Key Vault Reader'),
        },
      ],
    });
    expect(observations[1]).toMatchObject({
      location: location('other'),
      items: [{ kind: 'certificate' }],
      problems: [],
    });
    expect(observations).toHaveLength(2);
  });

  it.each([
    ['none', undefined, 'empty'],
    ['no certificate', Buffer.from('not DER'), 'malformed'],
  ] as const)('is described when its content is %s', async (_what, der, reason) => {
    vault.certificates = [certificate('web', { der: der as never })];

    const [observation] = await look();

    expect(observation).toMatchObject({
      items: [{ kind: 'described', renewal: { mode: 'automatic' } }],
      problems: [{ reason, place: 'content' }],
    });
    expect(observation).not.toHaveProperty('version');
  });

  it('has an unknown end when the vault names none', async () => {
    vault.certificates = [certificate('web', { notAfter: undefined as never, der: undefined as never })];

    const [observation] = await look();

    expect(observation?.items).toMatchObject([{ kind: 'described', notAfter: 'unknown' }]);
  });

  it('is described, and not taken for gone, when it is disabled and the vault gives nothing of such', async () => {
    vault.certificates = [certificate('web', { enabled: false })];
    answerGet('web', vaultFault(404, 'NotFound', 'Operation get is not allowed on a disabled entity.'));

    expect(await look()).toMatchObject([
      { location: location('web'), items: [{ kind: 'described', labels: { enabled: 'false' } }], problems: [] },
    ]);
  });

  it('is gone when it was deleted in between', async () => {
    vault.certificates = [certificate('web')];
    answerGet('web', vaultFault(404, 'CertificateNotFound', 'not found'));

    expect(await look()).toEqual([{ location: location('web'), gone: true, items: [], problems: [] }]);
  });
});

describe('a first page that fails', () => {
  const failures: readonly (readonly [string, VaultReply, Reason, RegExp])[] = [
    ['denied', denied, 'permission_denied', /ForbiddenByRbac.*Assign the role Key Vault Reader/],
    [
      'denied by the firewall',
      vaultFault(403, 'Forbidden', 'Client address is not authorized', 'ForbiddenByFirewall'),
      'permission_denied',
      /firewall of the vault/,
    ],
    [
      'denied because the vault is disabled for the public',
      vaultFault(403, 'Forbidden', 'Public network access is disabled.', 'ForbiddenByConnection'),
      'permission_denied',
      /Public network access is disabled.*firewall of the vault/,
    ],
    ['throttled', throttled, 'throttled', /too many requests/],
    [
      'with a token of another tenant',
      vaultFault(401, 'Unauthorized', 'AKV10032: Invalid issuer.'),
      'authentication_failed',
      /AKV10032/,
    ],
    ['with an HTML page', html(502), 'service_error', /HTTP 502/],
    ['with an HTML page that claims success', html(200), 'service_error', /not one of Azure/],
    ['in the middle of its JSON', truncatedJson, 'service_error', /JSON/],
    ['with a cut connection', reset, 'reset', /certificates\/list on https/],
  ];

  it.each(failures)('%s throws, after one attempt', async (_what, reply, reason, text) => {
    vault.certificates = [certificate('web')];
    answerList(1, reply);

    const failure = look();

    await expect(failure).rejects.toBeInstanceOf(CollectError);
    await expect(failure).rejects.toMatchObject({ reason, message: expect.stringMatching(text) });
    expect(vault.paths()).toEqual(['/certificates']);
  });

  it('tells the host how long the vault wants to be left alone', async () => {
    answerList(1, throttled);

    await expect(look()).rejects.toMatchObject({ retryAfterMs: 11_000 });
  });

  it('because there is no token tells what the credential said', async () => {
    const instance = await create({
      getToken: () =>
        Promise.reject(
          Object.assign(new Error('AADSTS7000215: Invalid client secret provided.'), { name: 'AuthenticationError' }),
        ),
    });

    const failure = collect(
      instance.observe({ key: vault.url, data: {} }, NOTHING_KNOWN, new AbortController().signal),
    );

    await expect(failure).rejects.toMatchObject({
      name: 'CollectError',
      reason: 'authentication_failed',
      message: expect.stringContaining('AADSTS7000215'),
    });
  });
});

describe('a second page that fails', () => {
  const failures: readonly (readonly [string, VaultReply, Reason])[] = [
    ['denied', denied, 'permission_denied'],
    ['throttled', throttled, 'throttled'],
    ['with an HTML page', html(502), 'partial'],
    ['in the middle of its JSON', truncatedJson, 'partial'],
    ['with a cut connection', reset, 'partial'],
  ];

  it.each(failures)('%s keeps the first, and keeps the rest from being withdrawn', async (_what, reply, reason) => {
    vault.pageSize = 2;
    vault.certificates = [certificate('a'), certificate('b'), certificate('c')];
    answerList(2, reply);

    const observations = await look();

    expect(observations).toMatchObject([
      { location: location('a'), items: [{ kind: 'certificate' }], problems: [] },
      { location: location('b'), items: [{ kind: 'certificate' }], problems: [] },
      {
        location: vault.url,
        items: [],
        problems: [
          {
            reason,
            place: 'certificates/list',
            detail: expect.stringContaining('the list is incomplete'),
          },
        ],
      },
    ]);
  });
});

describe('a failure in the middle', () => {
  it('stops asking for more once the vault throttles, and still counts the list', async () => {
    vault.pageSize = 2;
    vault.certificates = [certificate('a'), certificate('b'), certificate('c')];
    answerGet('b', throttled);

    const observations = await look();

    expect(vault.paths()).toEqual(['/certificates', '/certificates/a/', '/certificates/b/', '/certificates']);
    expect(observations).toMatchObject([
      { location: location('a'), problems: [] },
      { location: location('b'), items: [{ kind: 'described' }], problems: [{ reason: 'throttled' }] },
      { location: location('c'), items: [{ kind: 'described' }], problems: [{ reason: 'throttled' }] },
      { location: vault.url, problems: [{ reason: 'throttled', place: 'certificates/get' }] },
    ]);
  });

  it('leaves what is known of a certificate near its end as it is', async () => {
    vault.certificates = [certificate('a', { notAfter: new Date(NOW + 20 * DAY) })];
    const first = await look();
    answerGet('a', throttled);

    const second = await look(knownOf(first));

    expect(second).toMatchObject([
      { location: location('a'), unchanged: true },
      { location: vault.url, problems: [{ reason: 'throttled' }] },
    ]);
  });
});

describe('time', () => {
  const slowBody: VaultReply = (response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
    response.write('{"value');
  };

  it.each([1, 2])(
    'ends a look at once when it is aborted in a slow page %i, and lets go of the connection',
    async (page) => {
      const controller = new AbortController();
      const reason = new Error('notafter stops');
      const closed = Promise.withResolvers<void>();
      vault.pageSize = 1;
      vault.certificates = [certificate('a'), certificate('b')];
      answerList(page, (response, request) => {
        response.on('close', () => closed.resolve());
        slowBody(response, request);
        controller.abort(reason);
      });

      await expect(look(NOTHING_KNOWN, controller.signal)).rejects.toBe(reason);
      await closed.promise;
    },
  );

  it('gives up on an answer that takes longer than 15 s', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const begun = Promise.withResolvers<void>();
    answerList(1, (response, request) => {
      slowBody(response, request);
      begun.resolve();
    });

    const looking = look();
    void begun.promise.then(() => vi.advanceTimersByTimeAsync(15_000));

    await expect(looking).rejects.toMatchObject({
      name: 'CollectError',
      reason: 'timeout',
      message: `certificates/list on ${vault.url}: no complete answer within 15 s`,
    });
  });

  it('keeps to a rate that all sources of a vault share', async () => {
    const limits: (readonly [string, Rate])[] = [];
    const context: Context = {
      ...TEST_CONTEXT,
      limit: (key, rate) => {
        limits.push([key, rate]);
        return { run: (work) => work() };
      },
    };
    vault.certificates = [certificate('a')];
    const instance = await create(stubCredential(), context);

    await collect(instance.observe({ key: vault.url, data: {} }, NOTHING_KNOWN, new AbortController().signal));

    expect(limits).toEqual([
      [`azure:key-vault:${vault.url}`, { perSecond: 20, concurrency: 4 }],
      [`azure:key-vault:${vault.url}`, { perSecond: 20, concurrency: 4 }],
      [`azure:key-vault:${vault.url}`, { perSecond: 20, concurrency: 4 }],
    ]);
  });
});

describe('a vault that is not on this machine', () => {
  /** Every name leads to the fake, as if it were out there. */
  async function lookAt(host: string, asked: TokenRequest[]): Promise<Observation[]> {
    vi.spyOn(dns, 'lookup').mockImplementation(((
      _name: string,
      _options: unknown,
      done: (error: null, addresses: unknown) => void,
    ) => {
      done(null, [{ address: '127.0.0.1', family: 4 }]);
    }) as typeof dns.lookup);
    const url = `https://${host}:${new URL(vault.url).port}`;
    const instance = await create(stubCredential(asked), TEST_CONTEXT, [url]);
    return collect(instance.observe({ key: url, data: {} }, NOTHING_KNOWN, new AbortController().signal));
  }

  it('gets a token when its address lies in the resource that it names', async () => {
    const asked: TokenRequest[] = [];
    vault.certificates = [certificate('web')];

    const observations = await lookAt('example.vault.azure.net', asked);

    expect(asked).toHaveLength(1);
    expect(observations).toMatchObject([
      {
        location: expect.stringMatching(/^https:\/\/example\.vault\.azure\.net:\d+\/certificates\/web$/),
        problems: [],
      },
    ]);
  });

  it('gets none when its address lies elsewhere', async () => {
    const asked: TokenRequest[] = [];

    await expect(lookAt('vault.example', asked)).rejects.toMatchObject({
      name: 'CollectError',
      reason: 'service_error',
    });
    expect(asked).toEqual([]);
    expect(vault.requests.map((request) => request.token)).toEqual(['']);
  });
});
