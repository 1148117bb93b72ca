import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest';

import { vault } from '../../../collectors/vault/index.ts';
import type { CollectorInstance, Known, Target } from '../../../src/plugin/collector.ts';
import { CollectError } from '../../../src/plugin/error.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { errors, serialOf, startFakeVault, type FakeVault } from '../../helpers/fake-vault.ts';
import { kubeContext } from '../../helpers/kube-look.ts';
import { createAuthority, createCrl } from '../../helpers/pki.ts';

const DAY_MS = 86_400_000;
const never = new AbortController().signal;
const folder = mkdtempSync(path.join(tmpdir(), 'notafter-vault-'));
const root = createAuthority({ name: 'Root' });
const issuing = createAuthority({ name: 'Issuing', parent: root });
const inDays = (days: number): Date => new Date(Date.now() + days * DAY_MS);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function lasting(name: string, days: number, age = 30): string {
  return issuing.issue({ names: [name], notBefore: inDays(-age), notAfter: inDays(days) }).pem;
}

interface Seen {
  readonly at: ReadonlyMap<string, Observation>;
  readonly failures: ReadonlyMap<string, CollectError>;
}

interface VaultLook {
  readonly server: FakeVault;
  readonly instance: CollectorInstance;
  look(): Promise<Seen>;
}

/** Opens the collector on a server of the test; both end with it. */
async function lookInto(given: object = {}): Promise<VaultLook> {
  const server = await startFakeVault();
  const token = path.join(folder, `token-${Math.random()}`);
  writeFileSync(token, 'root\n');
  const options = vault.options.parse({ address: server.url, auth: { method: 'token', token_file: token }, ...given });
  const instance = await vault.create(options, kubeContext());
  onTestFinished(() => server[Symbol.asyncDispose]());
  const versions = new Map<string, string>();
  const known: Known = { version: (location) => versions.get(location), checkpoint: undefined };
  return {
    server,
    instance,
    async look() {
      const at = new Map<string, Observation>();
      const failures = new Map<string, CollectError>();
      const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
        try {
          await work();
        } catch (error) {
          if (!(error instanceof CollectError)) throw error;
          failures.set(what, error);
        }
      };
      await attempt('discovery', async () => {
        for await (const target of instance.discover(never)) {
          await attempt(target.key, async () => {
            for await (const one of instance.observe(target, known, never)) at.set(one.location, one);
          });
        }
      });
      for (const { location, version } of at.values()) if (version !== undefined) versions.set(location, version);
      return { at, failures };
    },
  };
}

function tell(observation: Observation | undefined): readonly string[] {
  return (observation?.items ?? []).map(({ kind, place, role }) => `${kind} ${place.key} ${role}`);
}

describe('a PKI mount', () => {
  it('gives what was issued, its issuers with their chains, and their lists', async () => {
    const { server, look } = await lookInto();
    const mount = server.mount('team/pki');
    mount.certificates.set(serialOf(1), lasting('shop.example.com', 60));
    const client = issuing.issue({ names: ['billing'], extendedKeyUsage: ['clientAuth'] });
    mount.certificates.set(serialOf(2), client.pem);
    mount.issuers?.set('i-1', {
      pem: issuing.certificate.pem,
      chain: [root.certificate.pem],
      crl: createCrl(issuing).pem,
    });
    mount.issuers?.set('i-2', { pem: root.certificate.pem, hasKey: false });
    server.mount('secret', 'kv');

    const { at, failures } = await look();

    expect([...failures]).toEqual([]);
    expect(Object.fromEntries([...at].map(([location, one]) => [location, tell(one)]))).toEqual({
      'team/pki/issuer/i-1': ['certificate certificate issuer', 'certificate chain trust-anchor', 'crl crl issuer'],
      'team/pki/issuer/i-2': ['certificate certificate trust-anchor'],
      'team/pki/cert/39-dd-2e-00-00-01': ['certificate certificate server'],
      'team/pki/cert/39-dd-2e-00-00-02': ['certificate certificate client'],
    });
  });

  it('asks for each certificate once, and for the lists alone after that', async () => {
    const { server, look } = await lookInto();
    const mount = server.mount('pki');
    for (let rank = 0; rank < 30; rank++) mount.certificates.set(serialOf(rank), lasting(`host-${rank}`, 60));
    await look();
    server.calls.length = 0;

    const { at } = await look();

    expect(server.paths().filter((one) => one.startsWith('pki/cert/') && one !== 'pki/cert/ca')).toEqual([]);
    expect([...at.values()].filter(({ unchanged }) => unchanged === true)).toHaveLength(30);
  });

  it.each([
    ['pages where the server has them', true, 2],
    ['a whole list where it has none', false, 1],
  ])('takes %s', async (_what, hasPages, requests) => {
    const { server, instance } = await lookInto({ mounts: ['pki'], auth_mounts: [] });
    server.hasPages = hasPages;
    const mount = server.mount('pki');
    for (let rank = 0; rank < 10_001; rank++) mount.certificates.set(serialOf(rank), '');
    // Of what is known, nothing is asked.
    const known: Known = { version: () => 'zzzzzzzz.0123456789abcdef', checkpoint: undefined };
    const target: Target = { key: 'pki', data: { kind: 'pki', mount: 'pki' } };

    const seen = await Array.fromAsync(instance.observe(target, known, never));

    expect(seen.filter(({ unchanged }) => unchanged === true)).toHaveLength(10_001);
    expect(server.calls.filter(({ path: one }) => one === 'pki/certs')).toHaveLength(requests);
  });

  it('gives of certificates for the same names the latest alone, whenever it was issued', async () => {
    const { server, look } = await lookInto();
    const mount = server.mount('pki');
    mount.certificates.set(serialOf(1), lasting('shop.example.com', 10));
    mount.certificates.set(serialOf(2), lasting('shop.example.com', 70));
    mount.certificates.set(serialOf(3), lasting('api.example.com', 10));
    const first = await look();
    mount.certificates.set(serialOf(4), lasting('api.example.com', 80));

    const second = await look();

    expect([...first.at.keys()]).toEqual(['pki/cert/39-dd-2e-00-00-02', 'pki/cert/39-dd-2e-00-00-03']);
    expect([...second.at.keys()]).toEqual(['pki/cert/39-dd-2e-00-00-04', 'pki/cert/39-dd-2e-00-00-02']);
  });

  it('leaves out what was revoked, lives for hours, or has ended long ago', async () => {
    const { server, look } = await lookInto();
    const mount = server.mount('pki');
    mount.certificates.set(serialOf(1), lasting('revoked', 60));
    mount.revoked.add(serialOf(1));
    mount.certificates.set(serialOf(2), lasting('pod', 0.2, 0.1));
    mount.certificates.set(serialOf(3), lasting('long-gone', -30, 90));
    mount.certificates.set(serialOf(4), lasting('just-ended', -2, 90));
    mount.certificates.set(serialOf(5), lasting('renewed', -2, 90));
    mount.certificates.set(serialOf(6), lasting('renewed', 60));

    const { at } = await look();
    server.calls.length = 0;
    await look();

    expect([...at.keys()].toSorted()).toEqual(['pki/cert/39-dd-2e-00-00-04', 'pki/cert/39-dd-2e-00-00-06']);
    expect(server.paths().filter((one) => one.startsWith('pki/cert/39'))).toEqual([]);
  });

  it('of an older server has one issuer', async () => {
    const { server, look } = await lookInto();
    const mount = server.mount('pki');
    mount.issuers = undefined;
    server.intercept = ({ path: asked }, response) => {
      if (asked !== 'pki/crl/pem' && asked !== 'pki/cert/ca') return false;
      if (asked === 'pki/crl/pem') response.end(createCrl(root).pem);
      else response.end(JSON.stringify({ data: { certificate: root.certificate.pem } }));
      return true;
    };

    const { at } = await look();

    expect(tell(at.get('pki/cert/ca'))).toEqual(['certificate certificate issuer', 'crl crl issuer']);
  });
});

describe('the certificate auth method', () => {
  it('gives whom it trusts, as what decides about the clients of the server', async () => {
    const { server, look } = await lookInto();
    server.mount('auth/cert', 'cert').certificates.set('partners', root.certificate.pem);

    const { at } = await look();
    const again = await look();

    expect(at.get('auth/cert/certs/partners')?.items).toMatchObject([
      { role: 'trust-anchor', usedBy: [{ type: 'endpoint', id: new URL(server.url).host }] },
    ]);
    expect(again.at.get('auth/cert/certs/partners')?.unchanged).toBe(true);
  });
});

describe('our own token', () => {
  it('is told with its end where the config gives it', async () => {
    const { server, look } = await lookInto();
    const expires = inDays(20).toISOString();
    server.tokens.set('root', {
      accessor: 'acc',
      display_name: 'notafter',
      expire_time: expires,
      ttl: 1,
      renewable: false,
      creation_ttl: 2,
    });

    const { at } = await look();

    expect(at.get('auth/token/self')?.items).toMatchObject([
      { kind: 'credential', id: 'acc', notAfter: new Date(expires), renewal: { mode: 'manual' } },
    ]);
  });

  it('is renewed when half of its life is over, and told as stuck when it may not be', async () => {
    const { server, look } = await lookInto();
    const low = {
      accessor: 'acc',
      expire_time: inDays(1).toISOString(),
      ttl: 86_400,
      creation_ttl: 30 * 86_400,
      renewable: true,
    };
    server.tokens.set('root', { ...low });
    const renewed = await look();
    server.tokens.set('root', { ...low });
    server.denied.add('update auth/token/renew-self');

    const stuck = await look();

    const [item] = renewed.at.get('auth/token/self')?.items ?? [];
    expect(item?.kind === 'credential' && item.notAfter.getTime()).toBeGreaterThan(Date.now() + 29 * DAY_MS);
    expect(stuck.at.get('auth/token/self')?.items[0]?.renewal?.stuck).toContain('update auth/token/renew-self');
  });

  it('without an end, as a root token, is nothing to tell', async () => {
    const { look } = await lookInto();

    expect((await look()).at.size).toBe(0);
  });
});

describe('a login', () => {
  const secret = path.join(folder, 'secret');
  writeFileSync(secret, 's3cr3t\n');

  it.each([
    [
      { method: 'approle', role_id: 'r-1', secret_file: secret },
      'auth/approle/login',
      { role_id: 'r-1', secret_id: 's3cr3t' },
    ],
    [
      { method: 'kubernetes', role: 'notafter', token_file: secret, mount: 'k8s/prod' },
      'auth/k8s/prod/login',
      { role: 'notafter', jwt: 's3cr3t' },
    ],
    [{ method: 'jwt', role: 'notafter', token_file: secret }, 'auth/jwt/login', { role: 'notafter', jwt: 's3cr3t' }],
  ])('by %j is made once, in its namespace, and its token is used', async (auth, loginPath, body) => {
    const { server, look } = await lookInto({ auth, namespace: 'team-a' });
    server.mount('pki').certificates.set(serialOf(1), lasting('shop', 60));
    server.login = () => ({ token: 'granted', seconds: 3600 });

    const { at, failures } = await look();

    expect([...failures]).toEqual([]);
    expect(at.size).toBe(1);
    const [login, ...others] = server.calls;
    expect(login).toMatchObject({ path: loginPath, body, namespace: 'team-a', token: '' });
    expect(new Set(others.map(({ token, namespace }) => `${token} ${namespace}`))).toEqual(new Set(['granted team-a']));
  });

  it('is made again when its token was revoked in between', async () => {
    const { server, look } = await lookInto({
      auth: { method: 'approle', role_id: 'r' },
      mounts: ['pki'],
      auth_mounts: [],
    });
    server.mount('pki').certificates.set(serialOf(1), lasting('shop', 60));
    let logins = 0;
    server.login = () => ({ token: `granted-${++logins}`, seconds: 3600 });
    await look();
    server.tokens.clear();

    const { failures } = await look();

    expect([...failures]).toEqual([]);
    expect(logins).toBe(2);
  });

  it('is made again before its lease is over', async () => {
    const { server, look } = await lookInto({
      auth: { method: 'approle', role_id: 'r' },
      mounts: ['pki'],
      auth_mounts: [],
    });
    server.mount('pki');
    let logins = 0;
    server.login = () => ({ token: `granted-${++logins}`, seconds: 60 });
    await look();
    const { now } = Date;
    vi.spyOn(Date, 'now').mockImplementation(() => now() + 45_000);
    onTestFinished(() => void vi.restoreAllMocks());

    await look();

    expect(logins).toBe(2);
  });

  it('that is refused is told as such, and never with its secret', async () => {
    const { look } = await lookInto({
      auth: { method: 'approle', role_id: 'r', secret_file: secret },
      mounts: ['pki'],
      auth_mounts: [],
    });

    const { failures } = await look();

    expect(failures.get('pki')).toMatchObject({ reason: 'authentication_failed' });
    expect(failures.get('pki')?.message).toContain('invalid role or secret ID');
    expect(failures.get('pki')?.message).not.toContain('s3cr3t');
  });
});

describe('a server that refuses', () => {
  it.each([
    ['list pki/certs', 'permission_denied', 'path "pki/certs" { capabilities = ["list"] }'],
    ['list pki/issuers', 'permission_denied', 'path "pki/issuers" { capabilities = ["list"] }'],
  ])('to %s names what the policy lacks', async (denied, reason, text) => {
    const { server, look } = await lookInto({ mounts: ['pki'], auth_mounts: [] });
    server.mount('pki').certificates.set(serialOf(1), lasting('shop', 60));
    server.denied.add(denied);

    const { failures } = await look();

    expect(failures.get('pki')).toMatchObject({ reason });
    expect(failures.get('pki')?.message).toContain(text);
  });

  it('to read one certificate tells that one, and reads the others', async () => {
    const { server, look } = await lookInto();
    const mount = server.mount('pki');
    mount.certificates.set(serialOf(1), lasting('one', 60));
    mount.certificates.set(serialOf(2), lasting('two', 60));
    server.denied.add('read pki/cert/39-dd-2e-00-00-01');

    const { at } = await look();

    expect(at.get('pki/cert/39-dd-2e-00-00-01')?.problems).toMatchObject([{ reason: 'permission_denied' }]);
    expect(tell(at.get('pki/cert/39-dd-2e-00-00-02'))).toEqual(['certificate certificate server']);
  });

  it('to list its mounts says how to do without, and looks at those that are named', async () => {
    const { server, look } = await lookInto({ mounts: ['pki'] });
    server.mount('pki').certificates.set(serialOf(1), lasting('one', 60));
    server.denied.add('read sys/auth');

    const { at, failures } = await look();

    expect(at.has('pki/cert/39-dd-2e-00-00-01')).toBe(true);
    expect(failures.get('discovery')).toMatchObject({ reason: 'permission_denied' });
    expect(failures.get('discovery')?.message).toMatch(/path "sys\/auth".*or name the mounts in the config/);
  });

  it.each([
    ['is sealed', 503, ['Vault is sealed'], 'service_error', /sealed; unseal it/],
    ['has a quota', 429, ['request path "pki/certs": rate limit quota exceeded'], 'throttled', /quota exceeded/],
    ['fails', 500, ['internal error'], 'service_error', /HTTP 500: internal error/],
    ['has no such mount', 404, ['no handler for route "pki/certs"'], 'not_found', /no such mount/],
  ])('because it %s is told for what it is', async (_what, code, messages, reason, text) => {
    const { server, look } = await lookInto({ mounts: ['pki'], auth_mounts: [] });
    server.intercept = ({ path: asked }, response) => {
      if (!asked.startsWith('pki/')) return false;
      errors(response, code, ...messages);
      return true;
    };

    const { failures } = await look();

    expect(failures.get('pki')).toMatchObject({ reason });
    expect(failures.get('pki')?.message).toMatch(text);
  });

  it('in the middle of a look keeps what is known, and says that not everything was seen', async () => {
    const { server, look } = await lookInto();
    const mount = server.mount('pki');
    mount.certificates.set(serialOf(1), lasting('known', 60));
    await look();
    for (let rank = 2; rank < 40; rank++) mount.certificates.set(serialOf(rank), lasting(`new-${rank}`, 60));
    server.intercept = ({ path: asked }, response) => {
      if (!asked.startsWith('pki/cert/39')) return false;
      errors(response, 429, 'quota');
      return true;
    };

    const { at } = await look();

    expect(at.get('pki/cert/39-dd-2e-00-00-01')?.unchanged).toBe(true);
    expect(at.get('pki/certs')?.problems).toMatchObject([{ reason: 'throttled', place: 'pki/cert' }]);
    expect(server.paths().filter((one) => one.startsWith('pki/cert/39')).length).toBeLessThan(20);
  });

  it('because its token has ended is told as such, and the token is read anew at the next look', async () => {
    const { server, look } = await lookInto({ mounts: ['pki'], auth_mounts: [] });
    server.mount('pki');
    server.tokens.clear();

    const { failures } = await look();

    expect(failures.get('pki')).toMatchObject({ reason: 'authentication_failed' });
    expect(failures.get('pki')?.message).toContain('Put a new one into its place');
  });

  it('because it is a standby is asked where the active node is', async () => {
    const active = await lookInto();
    active.server.mount('pki').certificates.set(serialOf(1), lasting('one', 60));
    const standby = await lookInto({ mounts: ['pki'], auth_mounts: [] });
    standby.server.intercept = ({ path: asked, query }, response) => {
      response.writeHead(307, { location: `${active.server.url}/v1/${asked}?${query.toString()}` });
      response.end();
      return true;
    };

    const { at, failures } = await standby.look();

    expect([...failures]).toEqual([]);
    expect(at.has('pki/cert/39-dd-2e-00-00-01')).toBe(true);
  });

  it('and sends on to another path is not followed: what is not Vault gets no token', async () => {
    const other = await lookInto();
    const asked: string[] = [];
    other.server.intercept = ({ path: called }) => {
      asked.push(called);
      return false;
    };
    const { server, look } = await lookInto({ mounts: ['pki'], auth_mounts: [] });
    server.intercept = (_call, response) => {
      response.writeHead(307, { location: `${other.server.url}/v1/sys/internal` });
      response.end();
      return true;
    };

    const { failures } = await look();

    expect(failures.get('pki')?.message).toContain('which is not followed');
    expect(asked).toEqual([]);
  });

  it('with the page of a proxy is told for what it is', async () => {
    const { server, look } = await lookInto({ mounts: ['pki'], auth_mounts: [] });
    server.intercept = (_call, response) => {
      response.end('<html>Sign in</html>');
      return true;
    };

    const { failures } = await look();

    expect(failures.get('pki')).toMatchObject({ reason: 'service_error' });
    expect(failures.get('pki')?.message).toContain('not one of Vault');
  });
});
