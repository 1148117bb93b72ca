import {
  CertificateClient,
  type CertificatePolicy,
  type KeyVaultCertificateWithPolicy,
} from '@azure/keyvault-certificates';
import { SecretClient } from '@azure/keyvault-secrets';
import { ManagedIdentityCredential } from '@azure/identity';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { azureKeyVault } from '../../collectors/azure-key-vault/index.ts';
import type { Collector } from '../../src/plugin/collector.ts';
import type { Observation } from '../../src/plugin/observation.ts';
import { base64, knownOf, lookAt, restContext } from '../contract/rest-collector.ts';
import { pkcs12 } from '../helpers/pkcs12.ts';
import { selfSigned, type TestCertificate } from '../helpers/pki.ts';
import { installLowkeyVault, type LowkeyVault, startLowkeyVault } from './lowkey-vault.ts';

const DAY_MS = 86_400_000;
const missing = installLowkeyVault();

it('has a Key Vault by others to ask, or says why not', ({ skip }) => {
  if (missing !== undefined) console.warn(`the tests against lowkey-vault are skipped: ${missing}`);
  skip(missing !== undefined, missing);
  expect(missing).toBeUndefined();
});

describe.runIf(missing === undefined)('lowkey-vault', () => {
  let vault: LowkeyVault;
  let certificates: CertificateClient;
  let secrets: SecretClient;
  const settings = { disableChallengeResourceVerification: true, serviceVersion: '2025-07-01' } as const;

  beforeAll(async () => {
    vault = await startLowkeyVault();
  }, 220_000);
  afterAll(async () => {
    await vault[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    // The identity of a machine, which the vault itself plays.
    vi.stubEnv('AZURE_TOKEN_CREDENTIALS', 'ManagedIdentityCredential');
    vi.stubEnv('IDENTITY_ENDPOINT', vault.tokenUrl);
    vi.stubEnv('IDENTITY_HEADER', 'header');
    certificates = new CertificateClient(vault.url, new ManagedIdentityCredential(), settings);
    secrets = new SecretClient(vault.url, new ManagedIdentityCredential(), settings);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  async function look(options: object = {}, part = '', known?: ReturnType<typeof knownOf>): Promise<Observation[]> {
    const collector = azureKeyVault as unknown as Collector;
    const context = restContext({ clock: { now: () => Date.now() } });
    return lookAt(collector, { vaults: [vault.url], ...options }, { key: `${vault.url}${part}` }, known, context);
  }

  async function lookFor(name: string, options?: object, part?: string): Promise<Observation | undefined> {
    return (await look(options, part)).find(({ location }) => location.endsWith(`/${name}`));
  }

  const own = (names: readonly string[], changes: object = {}): TestCertificate =>
    selfSigned({ names, keyType: 'rsa', ...changes });

  function importPem(name: string, leaf: TestCertificate, tags: Record<string, string> = {}) {
    // It takes PEM in base64 alone.
    return certificates.importCertificate(name, Buffer.from(Buffer.from(leaf.keyPem + leaf.pem).toString('base64')), {
      policy: { contentType: 'application/x-pem-file' },
      tags,
    });
  }

  it('makes a certificate by its policy, which says who renews it and when', async () => {
    const policy: CertificatePolicy = {
      issuerName: 'Self',
      subject: 'CN=web.example.com',
      subjectAlternativeNames: { dnsNames: ['web.example.com'] },
      keyType: 'EC',
      keyCurveName: 'P-256',
      contentType: 'application/x-pkcs12',
      validityInMonths: 12,
      lifetimeActions: [{ action: 'AutoRenew', daysBeforeExpiry: 30 }],
    };
    const poller = await certificates.beginCreateCertificate('made', policy, { tags: { Owner: 'web' } });
    const made: KeyVaultCertificateWithPolicy = await poller.pollUntilDone();

    const seen = await lookFor('made');

    expect(seen).toMatchObject({
      location: `${vault.url}/certificates/made`,
      problems: [],
      items: [
        {
          kind: 'certificate',
          place: { key: 'certificate' },
          role: 'server',
          labels: { Owner: 'web' },
          renewal: {
            mode: 'automatic',
            due: new Date((made.properties.expiresOn?.getTime() ?? 0) - 30 * DAY_MS),
          },
        },
      ],
    });
    expect(seen?.items.map((item) => 'der' in item && base64(item))).toEqual([
      Buffer.from(made.cer ?? []).toString('base64'),
    ]);
  });

  it('gives back what was imported as PEM and as PFX, with the policy that was given to it', async () => {
    const pem = own(['pem.example.com']);
    const pfx = own(['pfx.example.com']);
    await importPem('pem', pem);
    // It takes what was imported for its own; Azure does not.
    await certificates.updateCertificatePolicy('pem', {
      issuerName: 'Unknown',
      subject: 'CN=pem.example.com',
      contentType: 'application/x-pem-file',
      keyType: 'RSA',
      lifetimeActions: [{ action: 'EmailContacts', lifetimePercentage: 80 }],
    });
    await certificates.importCertificate('pfx', pkcs12([pfx], pfx.key, 'hunter2'), {
      password: 'hunter2',
      policy: { contentType: 'application/x-pkcs12' },
    });

    for (const [name, leaf, mode] of [
      ['pem', pem, 'manual'],
      ['pfx', pfx, 'automatic'],
    ] as const) {
      const seen = await lookFor(name);
      expect(seen?.problems).toEqual([]);
      expect(seen?.items).toMatchObject([{ kind: 'certificate', renewal: { mode } }]);
      expect(seen?.items.map((item) => 'der' in item && base64(item))).toEqual([base64(leaf)]);
    }
  });

  it('keeps the versions before the last, and says which of them are disabled', async () => {
    const [first, second, third] = ['a', 'b', 'c'].map((name) => own([`${name}.example.com`]));
    if (first === undefined || second === undefined || third === undefined) throw new Error('there are three');
    const one = await importPem('versions', first);
    const two = await importPem('versions', second);
    const three = await importPem('versions', third);
    await certificates.updateCertificateProperties('versions', two.properties.version ?? '', { enabled: false });

    const latest = await lookFor('versions');
    const all = await lookFor('versions', { versions: 'all' });

    expect(latest?.items.map((item) => 'der' in item && base64(item))).toEqual([base64(third)]);
    expect(all?.items.map(({ place }) => place.key)).toEqual(['certificate', `version/${one.properties.version}`]);
    expect(all?.items.map((item) => 'der' in item && base64(item))).toEqual([base64(third), base64(first)]);

    await certificates.updateCertificateProperties('versions', three.properties.version ?? '', { enabled: false });
    expect((await lookFor('versions'))?.items[0]?.labels).toMatchObject({ enabled: 'false' });
  });

  it('has one that was deleted among those that can be recovered, and no longer among the others', async () => {
    const leaf = own(['deleted.example.com'], {
      notAfter: new Date(Math.floor(Date.now() / 1000) * 1000 + 40 * DAY_MS),
    });
    await importPem('deleted', leaf);
    await (await certificates.beginDeleteCertificate('deleted')).pollUntilDone();

    expect(await lookFor('deleted')).toBeUndefined();
    const seen = await lookFor('deleted', { deleted: true }, '/deletedcertificates');
    expect(seen).toMatchObject({
      location: `${vault.url}/deletedcertificates/deleted`,
      items: [
        {
          kind: 'described',
          labels: { deleted: 'true' },
          remarks: [expect.stringMatching(/^it was deleted on .* and can be recovered until /) as unknown],
        },
      ],
    });
  });

  it('is read to the last page, and once', async () => {
    const leaf = own(['many.example.com']);
    // A page holds 25.
    for (let index = 0; index < 26; index++) await importPem(`many-${index}`, leaf);

    const first = await look();
    const many = first.filter(({ location }) => location.includes('/many-'));
    expect(many).toHaveLength(26);

    const again = await look({}, '', knownOf(first));
    expect(again.filter(({ location, unchanged }) => location.includes('/many-') && unchanged === true)).toHaveLength(
      26,
    );
  });

  it('shows of plain secrets when they end, and the certificates in them', async () => {
    const leaf = own(['secret.example.com']);
    const expiresOn = new Date(Math.floor(Date.now() / 1000) * 1000 + 20 * DAY_MS);
    await secrets.setSecret('password', 'hunter2', { expiresOn });
    await secrets.setSecret('bundle', pkcs12([leaf], leaf.key, '').toString('base64'), {
      contentType: 'application/x-pkcs12',
    });
    await importPem('behind', own(['behind.example.com']));

    const seen = await look({ secrets: 'certificates' }, '/secrets');

    const at = (name: string): Observation | undefined => seen.find(({ location }) => location.endsWith(`/${name}`));
    expect(at('password')?.items).toMatchObject([{ kind: 'credential', name: 'password', notAfter: expiresOn }]);
    expect(at('bundle')?.items.map((item) => 'der' in item && base64(item))).toEqual([base64(leaf)]);
    expect(at('behind')).toBeUndefined();
    expect(seen.flatMap(({ problems }) => problems)).toEqual([]);
  });
});
