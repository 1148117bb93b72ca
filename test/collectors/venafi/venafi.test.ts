import { hash } from 'node:crypto';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { venafi } from '../../../collectors/venafi/index.ts';
import { createContext } from '../../../src/look/context.ts';
import { createNetwork } from '../../../src/network/create-network.ts';
import type { CollectorInstance } from '../../../src/plugin/collector.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { collect } from '../../contract/collector.ts';
import {
  API_KEY,
  PLATFORM_USER,
  startFakePlatform,
  startFakeSaas,
  type FakePlatform,
  type FakeSaas,
} from '../../helpers/fake-venafi.ts';
import { createAuthority } from '../../helpers/pki.ts';

const DAY = 86_400_000;
const start = Date.now();
const root = createAuthority({ name: 'Root' });
const issuing = createAuthority({ name: 'Issuing', parent: root });
const inDays = (days: number): Date => new Date(Math.floor((start + days * DAY) / 1000) * 1000);
const web = issuing.issue({ names: ['www.example.com'], notAfter: inDays(40) });
const renewed = issuing.issue({ names: ['www.example.com'], notAfter: inDays(85) });
const client = issuing.issue({
  commonName: 'billing',
  names: [],
  extendedKeyUsage: ['clientAuth'],
  notAfter: inDays(60),
});

interface Source {
  readonly clock: { at: number };
  look(): Promise<readonly Observation[]>;
  permissions(): Promise<readonly string[]>;
}

/** A source, looked at as the host does; what it does not say anew is unchanged. */
async function open(given: object): Promise<Source> {
  const clock = { at: start };
  const context = createContext({
    clock: { now: () => clock.at },
    log: { debug() {}, info() {}, warn() {}, error() {} },
    network: createNetwork(),
    // What is asked is counted here; how fast is the limiter's own test.
    limit: () => ({ run: (work) => work() }),
    environment: { KEY: API_KEY, PASSWORD: PLATFORM_USER.password, WRONG: 'wrong', TOKEN: 'token-of-the-config' },
  });
  const instance: CollectorInstance = await venafi.create(venafi.options.parse(given), context);
  let versions = new Map<string, string>();
  return {
    clock,
    async look() {
      const [target] = await collect(instance.discover(AbortSignal.timeout(20_000)));
      if (target === undefined) throw new Error('there is no target');
      const known = { version: (at: string) => versions.get(at), checkpoint: undefined };
      const seen = await collect(instance.observe(target, known, AbortSignal.timeout(20_000)));
      versions = new Map(
        seen.flatMap(({ location, version }) => (version === undefined ? [] : [[location, version] as const])),
      );
      return seen;
    },
    async permissions() {
      const [target] = await collect(instance.discover(AbortSignal.timeout(20_000)));
      if (target === undefined) throw new Error('there is no target');
      const all = (await instance.permissions?.(target, AbortSignal.timeout(20_000))) ?? [];
      return all.map(({ action, status }) => `${action} ${status}`);
    },
  };
}

/** `place role title` of each item, by what follows the address. */
function summary(observations: readonly Observation[], url: string): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    observations.map(({ location, items }) => [
      location.slice(url.length),
      items.map((item) => {
        const title = item.kind === 'certificate' ? (item.parsed?.subject.commonName ?? '') : item.kind;
        return `${item.place.key} ${item.role} ${title}`;
      }),
    ]),
  );
}

function problems(observations: readonly Observation[]): readonly string[] {
  return observations.flatMap(({ problems: own }) => own.map(({ reason, place }) => `${reason} ${place ?? ''}`));
}

describe('SaaS', () => {
  let saas: FakeSaas;
  beforeEach(async () => {
    saas = await startFakeSaas();
    saas.applications = [{ id: 'app-1', name: 'Shop', owners: ['user-1', 'team-1'] }];
    saas.users = [{ id: 'user-1', username: 'anna@example.com' }];
    saas.teams = [{ id: 'team-1', name: 'Web team' }];
    saas.certificates = [
      {
        id: 'v2',
        managedId: 'm1',
        certificate: renewed,
        notAfter: inDays(85),
        applicationIds: ['app-1'],
        installedAt: [['WWW.example.com', 443]],
      },
      {
        id: 'v1',
        managedId: 'm1',
        certificate: web,
        notAfter: inDays(40),
        version: 'OLD',
        applicationIds: ['app-1'],
        installedAt: [['10.0.0.7', 8443]],
      },
      { id: 'v0', managedId: 'm1', certificate: web, notAfter: inDays(-50), version: 'OLD' },
      { id: 'c1', managedId: 'm2', certificate: client, notAfter: inDays(60), installedAt: [['a.example.com', 443]] },
    ];
  });
  afterEach(() => saas[Symbol.asyncDispose]());
  const given = (): object => ({ saas: { url: saas.url, api_key: '${KEY}' } });

  test('gives each certificate with its chain, its owners, its applications and where it is installed', async () => {
    const seen = await (await open(given())).look();

    expect(summary(seen, saas.url)).toEqual({
      '/certificates/m1': [
        'older/v1 server www.example.com',
        'older/v1/chain intermediate Issuing',
        'certificate server www.example.com',
        'certificate/chain intermediate Issuing',
      ],
      '/certificates/m2': ['certificate client billing', 'certificate/chain intermediate Issuing'],
    });
    const [first, second] = seen;
    expect(first?.labels).toEqual({ application: 'Shop', owner: 'Web team, anna@example.com' });
    // Where the old one is still installed, the new one has to come.
    const current = first?.items.find(({ place }) => place.key === 'certificate');
    expect(current?.usedBy).toEqual([
      { type: 'endpoint', id: '10.0.0.7:8443' },
      { type: 'endpoint', id: 'www.example.com:443' },
      { type: 'app', id: 'Shop' },
    ]);
    expect(second?.items[0]?.usedBy).toBeUndefined();
    expect(problems(seen)).toEqual([]);
  });

  test('asks for content once, and again only for what is new', async () => {
    const source = await open(given());
    await source.look();
    const contents = (): number => saas.pages.asked.filter(({ path }) => path.includes('/contents')).length;
    expect(contents()).toBe(3);

    expect((await source.look()).every(({ unchanged }) => unchanged)).toBe(true);
    expect(contents()).toBe(3);

    saas.teams = [{ id: 'team-1', name: 'Other team' }];
    const again = await source.look();
    expect(again.map(({ unchanged, labels }) => [unchanged, labels?.['owner']])).toEqual([
      [undefined, 'Other team, anna@example.com'],
      [true, undefined],
    ]);
  });

  test('reads all pages, to the short one', async () => {
    saas.certificates = Array.from({ length: 1_100 }, (_, index) => ({
      id: `v${index}`,
      managedId: `m${index}`,
      certificate: web,
      notAfter: inDays(40 + index),
    }));
    // Of these, the list is all that is wanted here.
    saas.fault = ({ path }) => (path.includes('/contents') ? { status: 429 } : undefined);
    const seen = await (await open(given())).look();

    expect(seen.filter(({ items }) => items[0]?.kind === 'described')).toHaveLength(1_100);
    const searches = saas.pages.asked.filter(({ path }) => path.endsWith('/certificatesearch'));
    expect(searches.map(({ body }) => (JSON.parse(body) as { paging: object }).paging)).toEqual(
      [0, 1, 2].map((pageNumber) => ({ pageNumber, pageSize: 500 })),
    );
  });

  test('says so when a later page fails, and describes what it may not ask for', async () => {
    saas.certificates = Array.from({ length: 600 }, (_, index) => ({
      id: `v${index}`,
      managedId: `m${index}`,
      certificate: web,
      notAfter: inDays(40),
    }));
    saas.fault = ({ path, body }) => {
      if (path.endsWith('/certificatesearch') && body.includes('"pageNumber":1')) return { status: 500, body: 'no' };
      if (path.includes('/contents')) return { status: 429, headers: { 'retry-after': '7' } };
      return path === '/v1/teams' ? { status: 403 } : undefined;
    };
    const seen = await (await open(given())).look();

    expect(seen).toHaveLength(501);
    expect(seen[0]?.items).toMatchObject([
      { kind: 'described', sha1: hash('sha1', web.der, 'hex'), notAfter: inDays(40), names: ['www.example.com'] },
    ]);
    expect(saas.pages.asked.filter(({ path }) => path.includes('/contents'))).toHaveLength(1);
    expect(problems(seen.slice(-1)).toSorted()).toEqual([
      'partial certificatesearch',
      'permission_denied teams',
      'throttled certificates/contents',
    ]);
  });

  test('learns what it may call by calling each thing once', async () => {
    saas.fault = ({ path }) => (path === '/v1/teams' ? { status: 403 } : undefined);

    expect(await (await open(given())).permissions()).toEqual([
      'certificatesearch allowed',
      'certificateinstancesearch allowed',
      'applications allowed',
      'users allowed',
      'teams denied',
      'certificates/contents allowed',
      'useraccounts allowed',
    ]);
    expect(saas.pages.asked).toHaveLength(7);
  });

  test('tells of the end of its own API key', async () => {
    saas.keyEndsAt = inDays(12);
    const seen = await (await open(given())).look();

    expect(seen.find(({ location }) => location.endsWith('/api-key'))?.items).toMatchObject([
      { kind: 'credential', name: 'API key of notafter (notafter@example.com)', notAfter: inDays(12) },
    ]);
  });

  test.each([
    ['an API key that ended', '${WRONG}', undefined, 'authentication_failed', /may have expired.*make a new one/],
    ['no API key', '${NOTHING}', undefined, 'authentication_failed', /NOTHING is not set/],
    [
      'a page for people',
      '${KEY}',
      { headers: { 'content-type': 'text/html' }, body: '<html>' },
      'service_error',
      /no JSON/,
    ],
    ['an answer of another kind', '${KEY}', { body: '{"certificates":{}}' }, 'service_error', /not as expected/],
    ['an answer that is cut', '${KEY}', { body: '{"certificates":[{' }, 'service_error', /no JSON/],
  ])('with %s says what to do, and nothing is lost', async (_what, key, page, reason, text) => {
    if (page !== undefined) saas.fault = () => page;
    const source = await open({ saas: { url: saas.url, api_key: key } });
    const failure = await source.look().catch((error: unknown) => error);

    expect(failure).toMatchObject({ reason });
    expect(String(failure)).toMatch(text);
    expect(String(failure)).not.toContain(API_KEY);
  });
});

describe('self-hosted', () => {
  let platform: FakePlatform;
  beforeEach(async () => {
    platform = await startFakePlatform();
    platform.people = new Map([['local:{1}', 'Anna Example']]);
    platform.certificates = [
      {
        dn: String.raw`\VED\Policy\Web\www`,
        guid: '{g1}',
        certificate: web,
        notAfter: inDays(40),
        contacts: ['local:{1}'],
        consumers: [String.raw`\VED\Policy\Devices\lb1\Shop`],
        installedAt: [['www.example.com', 443]],
      },
      { dn: String.raw`\VED\Policy\Old\gone`, guid: '{g2}', certificate: web, notAfter: inDays(-5) },
      { dn: String.raw`\VED\Elsewhere\x`, guid: '{g3}', certificate: web, notAfter: inDays(40) },
    ];
  });
  afterEach(() => platform[Symbol.asyncDispose]());
  const given = (more: object = {}): object => ({
    self_hosted: { url: `${platform.url}/`, username: PLATFORM_USER.username, password: '${PASSWORD}', ...more },
  });
  const asked = (path: string): number => platform.pages.asked.filter((one) => one.path === path).length;

  test('gives each certificate below the folder, those that have ended too, with owners and installations', async () => {
    const seen = await (await open(given())).look();

    expect(summary(seen, platform.url)).toEqual({
      [String.raw`\VED\Policy\Old\gone`]: [
        'certificate server www.example.com',
        'certificate/chain intermediate Issuing',
      ],
      [String.raw`\VED\Policy\Web\www`]: [
        'certificate server www.example.com',
        'certificate/chain intermediate Issuing',
      ],
    });
    expect(seen[1]?.labels).toEqual({ owner: 'Anna Example', application: 'Shop' });
    expect(seen[1]?.items[0]?.usedBy).toEqual([
      { type: 'endpoint', id: 'www.example.com:443' },
      { type: 'app', id: 'Shop' },
    ]);
    expect(problems(seen)).toEqual([]);
    expect(platform.pages.asked.some(({ path }) => path.includes('ValidToGreater'))).toBe(false);
    expect(platform.pages.asked.some(({ body }) => /IncludePrivateKey/i.test(body))).toBe(false);
  });

  test('logs in once, then by the refresh token, which is another one each time', async () => {
    platform.lifeS = 300;
    const source = await open(given());
    await source.look();
    await source.look();
    expect([asked('/vedauth/authorize/oauth'), asked('/vedauth/authorize/token')]).toEqual([1, 0]);

    platform.now = () => source.clock.at;
    for (const round of [1, 2]) {
      source.clock.at = start + round * 400_000;
      platform.tokens.clear();
      expect((await source.look()).every(({ unchanged }) => unchanged)).toBe(true);
      expect([asked('/vedauth/authorize/oauth'), asked('/vedauth/authorize/token')]).toEqual([1, round]);
    }
  });

  test('logs in with the user again when the refresh token is not accepted any more', async () => {
    const source = await open(given());
    await source.look();
    platform.refreshes = false;
    platform.tokens.clear();

    expect((await source.look()).every(({ unchanged }) => unchanged)).toBe(true);
    expect([asked('/vedauth/authorize/oauth'), asked('/vedauth/authorize/token')]).toEqual([2, 1]);
  });

  test('reads all pages, to the short one', async () => {
    platform.certificates = Array.from({ length: 700 }, (_, index) => ({
      dn: String.raw`\VED\Policy\x` + String(index),
      guid: `{${index}}`,
      certificate: web,
      notAfter: inDays(40),
    }));

    platform.fault = ({ path }) => (path.includes('%7B') ? { status: 429 } : undefined);
    const seen = await (await open(given())).look();

    expect(seen.filter(({ items }) => items[0]?.kind === 'described')).toHaveLength(700);
  });

  test('learns what it may call by calling each thing once', async () => {
    platform.fault = ({ path }) => (path === '/vedsdk/certificates/retrieve' ? { status: 403 } : undefined);

    expect(await (await open(given())).permissions()).toEqual([
      'certificates allowed',
      'certificates/{guid} allowed',
      'certificates/{guid}/validationresults allowed',
      'identity/validate untried',
      'certificates/retrieve denied',
    ]);
    expect(await (await open(given({ password: '${WRONG}' }))).permissions()).toContain('certificates failed');
  });

  test('asks for owners and installations anew after a while', async () => {
    const source = await open(given());
    await source.look();
    platform.people = new Map([['local:{2}', 'Bert']]);
    const [first] = platform.certificates;
    if (first !== undefined) platform.certificates[0] = { ...first, contacts: ['local:{2}'] };
    source.clock.at = start + DAY;
    platform.lifeS = 10 * 86_400;
    const seen = await source.look();

    expect(seen.find(({ location }) => location.endsWith('www'))?.labels?.['owner']).toBe('Bert');
  });

  test('says so when a later page fails, when details are denied, and when content is none', async () => {
    platform.certificates = Array.from({ length: 500 }, (_, index) => ({
      dn: String.raw`\VED\Policy\x` + String(index),
      guid: `{${index}}`,
      certificate: web,
      notAfter: inDays(40),
    }));
    platform.fault = ({ path }) => {
      if (path.includes('offset=500')) return { status: 503 };
      if (path === '/vedsdk/certificates/%7B7%7D') return { status: 403 };
      if (path.includes('%7B8%7D')) return { status: 429 };
      return path === '/vedsdk/certificates/retrieve' ? { body: '{"CertificateData":"AAAA"}' } : undefined;
    };
    const seen = await (await open(given())).look();

    expect(seen.slice(0, -1).every(({ items }) => items[0]?.kind === 'described')).toBe(true);
    expect(problems(seen.filter(({ location }) => location.endsWith('x7')))).toEqual([
      'permission_denied details',
      'malformed certificate',
    ]);
    expect(problems(seen.slice(-1)).toSorted()).toEqual(['partial certificates', 'throttled certificates/retrieve']);
  });

  test.each([
    ['a wrong password', (): object => given({ password: '${WRONG}' }), /user, its password/],
    [
      'an access token that ended',
      (): object => ({ self_hosted: { url: platform.url, access_token: '${TOKEN}' } }),
      /an access token ends/,
    ],
  ])('with %s says what to do', async (_what, make, text) => {
    const failure = await (await open(make())).look().catch((error: unknown) => error);

    expect(failure).toMatchObject({ reason: 'authentication_failed' });
    expect(String(failure)).toMatch(text);
    expect(String(failure)).not.toContain('wrong');
  });
});
