import { createHash } from 'node:crypto';

import type { TokenCredential } from '@azure/identity';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { createAzureKeyVault } from '../../../collectors/azure-key-vault/index.ts';
import type { CollectorInstance, Known } from '../../../src/plugin/collector.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { collect, deafContext, NOTHING_KNOWN } from '../../contract/collector.ts';
import { base64, itemsOf, knownOf } from '../../contract/rest-collector.ts';
import {
  startFakeKeyVault,
  vaultFault,
  type FakeKeyVault,
  type VaultCertificate,
} from '../../helpers/fake-key-vault.ts';
import { pkcs12 } from '../../helpers/pkcs12.ts';
import { createAuthority } from '../../helpers/pki.ts';

const NOW = Date.UTC(2026, 10, 23);
const DAY = 86_400_000;
const inDays = (days: number): Date => new Date(NOW + days * DAY);

const issuing = createAuthority({ name: 'Issuing' });
const leaf = issuing.issue({ names: ['api.example.com'], extendedKeyUsage: ['serverAuth'] });
const older = issuing.issue({ names: ['api.example.com'], notAfter: inDays(20) });

const credential: TokenCredential = {
  getToken: () => Promise.resolve({ token: 'token-of-the-test', expiresOnTimestamp: Date.now() + 3_600_000 }),
};

let vault: FakeKeyVault;
beforeEach(async () => {
  vault = await startFakeKeyVault();
});
afterEach(async () => {
  await vault[Symbol.asyncDispose]();
});

function open(options: object): Promise<CollectorInstance> {
  const collector = createAzureKeyVault(() => Promise.resolve(credential));
  const context = { ...deafContext(), clock: { now: () => NOW }, secret: () => Promise.resolve('of the file') };
  return collector.create(collector.options.parse({ vaults: [vault.url], ...options }), context);
}

async function look(options: object, part = '', known: Known = NOTHING_KNOWN): Promise<Observation[]> {
  const instance = await open(options);
  return collect(instance.observe({ key: `${vault.url}${part}`, data: {} }, known, new AbortController().signal));
}

function certificate(
  version: string,
  pair: { readonly der: Uint8Array },
  end: Date,
  changes: Partial<VaultCertificate> = {},
): VaultCertificate {
  return {
    name: 'web',
    version,
    der: pair.der,
    sha1: createHash('sha1').update(pair.der).digest(),
    notBefore: inDays(-100),
    notAfter: end,
    updated: inDays(-100),
    policy: { issuer: 'Self', actions: [{ type: 'AutoRenew', daysBeforeExpiry: 30 }] },
    ...changes,
  };
}

it('has a target for each kind of thing that it may read', async () => {
  const keysOf = async (options: object): Promise<readonly string[]> =>
    (await collect((await open(options)).discover(new AbortController().signal))).map(({ key }) =>
      key.slice(vault.url.length),
    );

  expect(await keysOf({})).toEqual(['']);
  expect(await keysOf({ deleted: true, secrets: 'dates' })).toEqual(['', '/deletedcertificates', '/secrets']);
});

it('sees the older versions that a consumer may have pinned where it is asked to, page by page', async () => {
  vault.pageSize = 1;
  vault.certificates = [
    certificate('ended', older, inDays(-5)),
    certificate('off', older, inDays(20), { enabled: false }),
    certificate('pinned', older, inDays(20)),
    certificate('latest', leaf, inDays(200)),
  ];

  const [latest] = await look({});
  expect(latest?.items.map(({ place }) => place.key)).toEqual(['certificate']);

  const all = await look({ versions: 'all' });
  expect(itemsOf(all)[`${vault.url}/certificates/web`]).toMatchObject([
    { place: { key: 'certificate' }, role: 'server' },
    {
      kind: 'certificate',
      der: base64(older),
      place: { key: 'version/pinned' },
      role: 'server',
      renewal: { mode: 'manual' },
      supersededBy: `${vault.url}/certificates/web/latest`,
    },
  ]);
  expect(vault.paths().filter((path) => path.endsWith('/versions'))).toHaveLength(4);

  // Far from its end, too: nothing tells that an older version was disabled.
  vault.certificates = vault.certificates.map((one) => (one.version === 'pinned' ? { ...one, enabled: false } : one));
  const later = await look({ versions: 'all' }, '', knownOf(all));
  expect(later[0]?.items.map(({ place }) => place.key)).toEqual(['certificate']);
});

it('says why there is no next version when Key Vault should have made it', async () => {
  vault.certificates = [certificate('one', older, inDays(20))];
  const renewal = async (): Promise<unknown> => (await look({}))[0]?.items[0]?.renewal;
  const due = inDays(-10);

  expect(await renewal()).toEqual({ mode: 'automatic', due });

  vault.pending.set('web', {
    status: 'failed',
    error: { code: 'IssuerError', message: 'Order was rejected by the CA.' },
  });
  expect(await renewal()).toEqual({
    mode: 'automatic',
    due,
    stuck: 'Key Vault could not make the next version: IssuerError Order was rejected by the CA.',
  });

  vault.pending.set('web', { status: 'inProgress', status_details: 'Pending certificate created.' });
  expect(await renewal()).toMatchObject({ stuck: 'the next version waits (inProgress): Pending certificate created.' });

  vault.certificates = [certificate('one', leaf, inDays(200))];
  expect(await renewal()).toEqual({ mode: 'automatic', due: inDays(170) });
});

it('lists what was deleted and can be recovered, and until when', async () => {
  vault.pageSize = 1;
  const gone = certificate('one', leaf, inDays(200));
  vault.deleted = ['one', 'two'].map((name) => ({ ...gone, name, deletedOn: inDays(-1), purgedOn: inDays(89) }));

  const observations = await look({ deleted: true }, '/deletedcertificates');

  expect(observations).toMatchObject([
    {
      location: `${vault.url}/deletedcertificates/one`,
      items: [
        {
          kind: 'described',
          sha1: createHash('sha1').update(leaf.der).digest('hex'),
          notAfter: inDays(200),
          labels: { deleted: 'true' },
          remarks: [
            'it was deleted on 2026-11-22T00:00:00.000Z and can be recovered until 2027-02-20T00:00:00.000Z: az keyvault certificate recover',
          ],
        },
      ],
    },
    { location: `${vault.url}/deletedcertificates/two` },
  ]);
});

it('sees when secrets end without reading one', async () => {
  vault.pageSize = 1;
  vault.secrets = [
    { name: 'token', value: 'hunter2', expires: inDays(9) },
    { name: 'forever', value: 'hunter3' },
    { name: 'web', contentType: 'application/x-pkcs12', managed: true, expires: inDays(9) },
    { name: 'pfx', contentType: 'application/x-pkcs12', expires: inDays(8) },
  ];

  expect(await look({ secrets: 'dates' }, '/secrets')).toMatchObject([
    {
      location: `${vault.url}/secrets/token`,
      items: [{ kind: 'credential', name: 'token', notAfter: inDays(9), place: { key: 'secret' } }],
    },
    { location: `${vault.url}/secrets/pfx`, items: [{ kind: 'credential', notAfter: inDays(8) }] },
  ]);
  expect(new Set(vault.paths())).toEqual(new Set(['/secrets']));
});

it('reads the certificates in secrets that say that they hold one, and no others', async () => {
  const pfx = pkcs12([issuing.certificate, leaf], undefined, 'of the file');
  vault.secrets = [
    { name: 'pfx', value: pfx.toString('base64'), contentType: 'application/x-pkcs12', updated: inDays(-3) },
    { name: 'pem', value: `${leaf.pem}${issuing.certificate.pem}`, contentType: 'application/x-pem-file' },
    { name: 'other', value: 'hunter2', contentType: 'text/plain' },
    { name: 'off', value: leaf.pem, contentType: 'application/x-pem-file', enabled: false },
    { name: 'none', value: 'hunter2', contentType: 'application/x-pem-file' },
  ];
  const options = { secrets: 'certificates', pfx_password_file: '/run/secrets/pfx' };

  const observations = await look(options, '/secrets');

  const items = [
    {
      kind: 'certificate',
      der: base64(leaf),
      place: { key: 'certificate' },
      role: 'server',
      renewal: { mode: 'manual' },
    },
    { kind: 'certificate', der: base64(issuing.certificate), place: { key: 'chain', index: 0 }, role: 'trust-anchor' },
  ];
  expect(itemsOf(observations)).toMatchObject({
    [`${vault.url}/secrets/pfx`]: items,
    [`${vault.url}/secrets/pem`]: items,
    [`${vault.url}/secrets/none`]: [],
  });
  expect(observations.flatMap(({ problems }) => problems)).toMatchObject([{ reason: 'empty', place: 'secret' }]);
  expect(vault.paths().filter((path) => /other|off/.test(path))).toEqual([]);
  expect(JSON.stringify(observations)).not.toContain('PRIVATE KEY');

  const again = await look(options, '/secrets', knownOf(observations));
  expect(again[0]).toMatchObject({ unchanged: true });
});

it.each([
  ['/deletedcertificates', { deleted: true }],
  ['/secrets', { secrets: 'dates' }],
])('keeps the first page of %s, and the rest from being withdrawn, when the second fails', async (part, options) => {
  vault.pageSize = 1;
  vault.deleted = ['one', 'two'].map((name) => ({ ...certificate('1', leaf, inDays(200)), name }));
  vault.secrets = ['one', 'two'].map((name) => ({ name, expires: inDays(9) }));
  vault.intercept = ({ query }) =>
    query.has('$skiptoken') ? vaultFault(500, 'InternalServerError', 'try later') : undefined;

  expect(await look(options, part)).toMatchObject([
    { location: `${vault.url}${part}/one`, problems: [] },
    {
      location: `azure-key-vault:${vault.url}${part}`,
      problems: [{ reason: 'partial', detail: expect.stringContaining('the list is incomplete') as unknown }],
    },
  ]);
  // One version for both clients, whatever is the newest of each.
  expect(new Set(vault.requests.map(({ query }) => query.get('api-version')))).toEqual(new Set(['2025-07-01']));
});

it('keeps the dates of the others when the value of a secret is denied, and names the role', async () => {
  vault.secrets = [
    { name: 'pem', value: leaf.pem, contentType: 'application/x-pem-file' },
    { name: 'token', expires: inDays(9) },
  ];
  vault.intercept = ({ path }) =>
    path.startsWith('/secrets/pem') ? vaultFault(403, 'Forbidden', 'no', 'ForbiddenByRbac') : undefined;

  expect(await look({ secrets: 'certificates' }, '/secrets')).toMatchObject([
    {
      problems: [{ reason: 'permission_denied', detail: expect.stringContaining('Key Vault Secrets User') as unknown }],
    },
    { items: [{ name: 'token' }] },
  ]);
});

it('tries what it may call', async () => {
  vault.certificates = [certificate('one', leaf, inDays(200))];
  vault.intercept = ({ path }) =>
    path === '/secrets' ? vaultFault(403, 'Forbidden', 'no', 'ForbiddenByRbac') : undefined;
  const instance = await open({ secrets: 'certificates' });
  const tried = async (part: string): Promise<Record<string, string>> => {
    const found = await instance.permissions?.({ key: `${vault.url}${part}`, data: {} }, new AbortController().signal);
    return Object.fromEntries((found ?? []).map(({ action, status }) => [action, status]));
  };

  expect(await tried('')).toEqual({ 'certificates/list': 'allowed', 'certificates/get': 'allowed' });
  expect(await tried('/secrets')).toEqual({ 'secrets/list': 'denied', 'secrets/get': 'untried' });
});
