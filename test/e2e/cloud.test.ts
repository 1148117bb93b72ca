import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { createAzureKeyVault } from '../../collectors/azure-key-vault/index.ts';
import type { Config } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/load.ts';
import { startDaemon, type Daemon } from '../../src/daemon.ts';
import type { Collector } from '../../src/plugin/collector.ts';
import { eventually } from '../helpers/eventually.ts';
import { accessDenied, startFakeAws, type FakeAws } from '../helpers/fake-aws.ts';
import { startFakeKeyVault, vaultFault, type FakeKeyVault } from '../helpers/fake-key-vault.ts';
import { createAuthority } from '../helpers/pki.ts';
import { startMailbox, type Mailbox } from '../helpers/receivers.ts';

const DAY_MS = 86_400_000;
const REGION = 'eu-west-1';
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

const authority = createAuthority({ name: 'Issuing' });
const inDays = (days: number): Date => new Date(Date.now() + days * DAY_MS);
const lasting = (name: string, days: number): ReturnType<typeof authority.issue> =>
  authority.issue({ names: [name], notBefore: inDays(-80), notAfter: inDays(days) });

/* From a cloud store to a mail: the vendors' real clients, our whole way in between, a real mail server. */
describe('a certificate in a cloud store', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-cloud-'));
  let aws: FakeAws;
  let vault: FakeKeyVault;
  let mailbox: Mailbox;
  let daemon: Daemon | undefined;

  beforeEach(async () => {
    for (const [name, value] of Object.entries({
      AWS_ACCESS_KEY_ID: 'AKIATEST',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_EC2_METADATA_DISABLED: 'true',
    })) {
      vi.stubEnv(name, value);
    }
    aws = await startFakeAws();
    vault = await startFakeKeyVault();
    mailbox = await startMailbox();
  });

  afterEach(async () => {
    await daemon?.stop();
    await aws[Symbol.asyncDispose]();
    await vault[Symbol.asyncDispose]();
    await mailbox.close();
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The config as a person writes it; only the login of Azure is the test's own. */
  function config(): Config {
    const read = parseConfig(
      'notafter.yaml',
      `sources:
  - {name: acm, type: aws-acm, every: 1s, regions: [${REGION}], endpoint: "${aws.url}"}
  - {name: vault, type: azure-key-vault, every: 1s, vaults: ["${vault.url}"]}
channels:
  - {name: mail, type: email, smtp: {host: 127.0.0.1, port: ${mailbox.port}, secure: none}, from: notafter@lab.test, to: [oncall@lab.test]}
web: {listen: "127.0.0.1:0"}
store: "sqlite:${path.join(folder, 'notafter.db')}"
`,
      {},
    );
    const credential = {
      getToken: () => Promise.resolve({ token: 'token-of-the-test', expiresOnTimestamp: Date.now() + 3_600_000 }),
    };
    const azure = createAzureKeyVault(() => Promise.resolve(credential)) as unknown as Collector;
    return {
      ...read,
      sources: read.sources.map((source) => (source.name === 'vault' ? { ...source, collector: azure } : source)),
    };
  }

  async function start(): Promise<Daemon> {
    const inForce = config();
    daemon = await startDaemon({
      config: inForce,
      version: 'test',
      log: quiet,
      loadConfig: () => Promise.resolve(inForce),
    });
    return daemon;
  }

  it('goes from ACM and from Key Vault to a mail when it is about to end', async () => {
    const [one, other] = [lasting('acm.example.com', 4), lasting('vault.example.com', 4)];
    aws.certificates.set(REGION, [
      {
        arn: `arn:aws:acm:${REGION}:111122223333:certificate/1`,
        domain: 'acm.example.com',
        pem: one.pem,
        notBefore: inDays(-80),
        notAfter: inDays(4),
        type: 'IMPORTED',
      },
    ]);
    vault.certificates = [
      {
        name: 'web',
        der: other.der,
        notBefore: inDays(-80),
        notAfter: inDays(4),
        updated: inDays(-80),
        policy: { issuer: 'Unknown', actions: [] },
      },
    ];

    await start();
    const about = (name: string): readonly string[] =>
      mailbox.received.filter(({ mail }) => mail.subject?.includes(name) === true).map(({ mail }) => mail.text ?? '');
    await eventually(
      'both mails arrive',
      () => about('acm.example.com').length > 0 && about('vault.example.com').length > 0,
    );

    expect(about('acm.example.com')).toHaveLength(1);
    expect(about('acm.example.com')[0]).toContain(`arn:aws:acm:${REGION}:111122223333:certificate/1`);
    expect(about('vault.example.com')).toHaveLength(1);
    expect(about('vault.example.com')[0]).toContain(`${vault.url}/certificates/web`);
    expect(aws.requests[0]?.body.Includes?.keyTypes).toHaveLength(7);
    expect(aws.requests[0]?.body.CertificateKeyPairOrigins?.toSorted()).toEqual([
      'ACME',
      'AWS_MANAGED',
      'CUSTOMER_PROVIDED',
    ]);
  });

  it('stays known, and is reported as not covered, when the second page is denied', async () => {
    const names = ['one', 'two', 'three'];
    aws.pageSize = 2;
    vault.pageSize = 2;
    aws.certificates.set(
      REGION,
      names.map((name) => ({
        arn: `arn:aws:acm:${REGION}:111122223333:certificate/${name}`,
        domain: name,
        pem: lasting(`${name}.example.com`, 300).pem,
        notBefore: inDays(-80),
        notAfter: inDays(300),
      })),
    );
    vault.certificates = names.map((name) => ({
      name,
      der: lasting(`${name}.example.com`, 300).der,
      notBefore: inDays(-80),
      notAfter: inDays(300),
      updated: inDays(-80),
      policy: { issuer: 'Self', actions: [] },
    }));
    const { store } = await start();
    const known = async (source: string): Promise<number> =>
      (await store.inventory.locations({ source })).filter((location) => location.sightings.length > 0).length;
    await eventually(
      'both pages of both are known',
      async () => (await known('acm')) === 3 && (await known('vault')) === 3,
    );

    aws.intercept = (request) =>
      request.operation === 'ListCertificates' && request.body.NextToken !== undefined
        ? accessDenied('acm:ListCertificates')
        : undefined;
    vault.intercept = (request) =>
      request.path === '/certificates' && request.query.has('$skiptoken')
        ? vaultFault(403, 'Forbidden', 'Caller is not authorized to perform action')
        : undefined;
    const uncovered = await eventually('both are reported', async () => {
      const alerts = (await store.alerts.alerts({ state: 'open' })).filter((alert) =>
        alert.places.some((place) => place.findings.some((finding) => finding.rule === 'not-covered')),
      );
      return alerts.length === 2 && alerts;
    });
    const rounds = aws.requests.length;
    await eventually('more rounds have passed', () => aws.requests.length > rounds + 4);

    expect(uncovered.flatMap((alert) => alert.places.map((place) => place.source)).toSorted()).toEqual([
      'acm',
      'vault',
    ]);
    expect(JSON.stringify(uncovered)).toContain('acm:ListCertificates');
    expect(await known('acm')).toBe(3);
    expect(await known('vault')).toBe(3);
  });
});
