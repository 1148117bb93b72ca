import { X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { parseConfig } from '../../src/config/load.ts';
import { startDaemon, type Daemon } from '../../src/daemon.ts';
import { PHASES } from '../../src/runbook/model.ts';
import { serveApiGateway, type FakeApiGateway } from '../helpers/aws/api-gateway.ts';
import { serveS3, type FakeBuckets } from '../helpers/aws/s3.ts';
import { eventually } from '../helpers/eventually.ts';
import { startFakeAws, type FakeAws } from '../helpers/fake-aws.ts';
import { alertAbout, commandsOf, runbookOf } from '../helpers/open-alerts.ts';
import { createAuthority } from '../helpers/pki.ts';
import { startHttpProxy, type ProxyServer } from '../helpers/proxies.ts';
import { startMailbox, type Mailbox } from '../helpers/receivers.ts';
import { setUpDesk, typed, type Desk } from '../helpers/runbook-follower.ts';
import { startTlsServer, type RunningTls } from '../helpers/servers.ts';

const DAY_MS = 86_400_000;
const REGION = 'eu-west-1';
const DOMAIN = 'api.example.com';
const ARN = `arn:aws:acm:${REGION}:111122223333:certificate/12345678-1234-1234-1234-123456789012`;
const DOMAIN_ARN = `arn:aws:apigateway:${REGION}::/domainnames/${DOMAIN}`;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const inDays = (days: number): Date => new Date(Math.floor((Date.now() + days * DAY_MS) / 1000) * 1000);

/*
 * An API behind API Gateway: the CA of the partners in the truststore in S3 ends in 20 days, the client certificate of
 * billing from that CA, in a file, in 6, and the certificate of the API, imported into ACM, in 5.
 */
describe('an API behind mutual TLS', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-mtls-'));
  const at = (...names: readonly string[]): string => path.join(folder, ...names);
  const partners = createAuthority({ name: 'Partner CA', notBefore: inDays(-1800), notAfter: inDays(20) });
  const successor = createAuthority({ name: 'Partner CA', key: partners.key, days: 1800 });
  const servers = createAuthority({ name: 'Server CA' });
  const billing = partners.issue({
    commonName: 'billing',
    names: [],
    extendedKeyUsage: ['clientAuth'],
    notBefore: inDays(-84),
    notAfter: inDays(6),
  });
  const server = servers.issue({ names: [DOMAIN], notBefore: inDays(-85), notAfter: inDays(5) });
  let aws: FakeAws;
  let gateway: FakeApiGateway;
  let buckets: FakeBuckets;
  let api: RunningTls;
  let proxy: ProxyServer;
  let mailbox: Mailbox;
  let desk: Desk;
  let daemon: Daemon;

  beforeAll(async () => {
    for (const [name, value] of Object.entries({
      AWS_ACCESS_KEY_ID: 'AKIATEST',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_EC2_METADATA_DISABLED: 'true',
    })) {
      vi.stubEnv(name, value);
    }
    mkdirSync(at('clients'));
    writeFileSync(at('clients', 'billing.pem'), billing.pem);
    writeFileSync(at('clients', 'billing.key'), billing.keyPem, { mode: 0o600 });
    writeFileSync(at('successor.pem'), successor.certificate.pem);
    aws = await startFakeAws();
    gateway = serveApiGateway(aws);
    buckets = serveS3(aws);
    aws.certificates.set(REGION, [
      {
        arn: ARN,
        domain: DOMAIN,
        pem: server.pem,
        chainPem: servers.certificate.pem,
        notBefore: inDays(-85),
        notAfter: inDays(5),
        type: 'IMPORTED',
        importedAt: inDays(-85),
      },
    ]);
    buckets.set('trust/partners.pem', [{ id: 'v1', body: partners.certificate.pem }]);
    gateway.domains = [
      {
        domainName: DOMAIN,
        domainNameStatus: 'AVAILABLE',
        regionalCertificateArn: ARN,
        mutualTlsAuthentication: { truststoreUri: 's3://trust/partners.pem', truststoreVersion: 'v1' },
        tags: { owner: 'payments' },
      },
    ];
    api = await startTlsServer(server, { requestCert: true, rejectUnauthorized: true, ca: [partners.certificate.pem] });
    // The name is in no DNS, and nobody may listen at 443 here: a proxy knows the way.
    proxy = await startHttpProxy({ names: { [DOMAIN]: '127.0.0.1' }, ports: { 443: api.port } });
    mailbox = await startMailbox();
    desk = await setUpDesk(folder);
    const config = parseConfig(
      'notafter.yaml',
      `sources:
  - {name: gateway, type: aws-api-gateway, every: 2s, regions: [${REGION}], endpoint: "${aws.url}"}
  - {name: acm, type: aws-acm, every: 2s, regions: [${REGION}], endpoint: "${aws.url}"}
  - {name: clients, type: file, every: 2s, paths: ["${at('clients')}"]}
  - name: api
    type: endpoint
    every: 2s
    targets: [${DOMAIN}]
    proxy: "http://127.0.0.1:${proxy.port}"
    clients: [{name: billing, certificate_file: "${at('clients', 'billing.pem')}", key_file: "${at('clients', 'billing.key')}"}]
channels:
  - {name: mail, type: email, smtp: {host: 127.0.0.1, port: ${mailbox.port}, secure: none}, from: notafter@lab.test, to: [oncall@lab.test]}
web: {listen: "127.0.0.1:0"}
store: "sqlite:${at('notafter.db')}"
`,
      {},
    );
    daemon = await startDaemon({ config, version: 'test', log: quiet, loadConfig: () => Promise.resolve(config) });
  });

  afterAll(async () => {
    await daemon.stop();
    await desk[Symbol.asyncDispose]();
    await mailbox.close();
    await proxy[Symbol.asyncDispose]();
    await api.close();
    await aws[Symbol.asyncDispose]();
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is three causes, and no more', async () => {
    for (const [cause, places] of [
      [partners.certificate.fingerprint, 2],
      [billing.fingerprint, 2],
      [server.fingerprint, 3],
    ] as const) {
      await alertAbout(daemon, cause, places);
    }

    const open = await daemon.store.alerts.alerts({ state: 'open' });
    expect(open.filter(({ family }) => family === 'expiry').map(({ cause }) => cause)).toHaveLength(3);
  });

  it('tells of the CA with the domain and the clients that it decides about, and how to update the truststore', async () => {
    const alert = await alertAbout(daemon, partners.certificate.fingerprint, 2);
    const runbook = await runbookOf(daemon, alert);

    const places = alert.places.map(({ source, location, labels }) => [source, location, labels['owner']]);
    expect(places).toContainEqual(['gateway', DOMAIN_ARN, 'payments']);
    expect(alert.places.flatMap(({ findings }) => findings.map(({ rule }) => rule)).toSorted()).toEqual([
      'client-will-fail',
      'trust-anchor-expiring',
    ]);
    expect(runbook.impact.services).toContain(`${DOMAIN}:443`);
    const commands = commandsOf(runbook);
    expect(commands).toContain(
      `aws apigateway update-domain-name --region ${REGION} --domain-name ${DOMAIN} --patch-operations "op=replace,path=/mutualTlsAuthentication/truststoreVersion,value=$NEW_VERSION"`,
    );
    expect(commands).not.toContain('import-certificate');
  });

  it('tells of the client certificate with the login that fails, and nothing of AWS', async () => {
    const alert = await alertAbout(daemon, billing.fingerprint, 2);
    const runbook = await runbookOf(daemon, alert);

    expect(new Set(alert.places.map(({ source }) => source))).toEqual(new Set(['clients', 'api']));
    expect(runbook.impact.logins).toMatchObject([{ client: 'billing', certainty: 'certain' }]);
    const commands = commandsOf(runbook);
    expect(commands).toContain(at('clients', 'billing.pem'));
    expect(commands).not.toMatch(/^aws /m);
  });

  it('tells of the imported certificate at ACM, at the domain and on the wire, and how to import it again', async () => {
    const alert = await alertAbout(daemon, server.fingerprint, 3);
    const runbook = await runbookOf(daemon, alert);

    expect(new Set(alert.places.map(({ source }) => source))).toEqual(new Set(['gateway', 'acm', 'api']));
    const commands = commandsOf(runbook);
    expect(commands).toContain(`aws acm import-certificate --region ${REGION} --certificate-arn ${ARN}`);
    expect(commands).not.toContain('update-domain-name');
  });

  it('is told by mail', async () => {
    const told = (text: string): boolean => mailbox.received.some(({ mail }) => mail.text?.includes(text) === true);

    await eventually('each cause was told', () =>
      ['billing ends in', `${DOMAIN} ends in`, 'Partner CA: ends in'].every(told),
    );
    // What has weeks left was there when notafter came: it is in the digest of the first day.
    expect(told(at('clients', 'billing.pem'))).toBe(true);
    expect(told(ARN)).toBe(true);
  });

  it('has the successor in force once the runbook of the CA is typed as it stands', async () => {
    const runbook = await runbookOf(daemon, await alertAbout(daemon, partners.certificate.fingerprint, 2));
    const printed = { id: runbook.id, phases: PHASES.map((phase) => ({ phase, steps: runbook.phases[phase] })) };

    const { exitCode, output } = await desk.run(typed(printed, ['preparation', 'successor', 'trust'], /^never/), {
      AWS_ENDPOINT_URL: aws.url,
      AUTHORITY: at('successor.pem'),
    });

    expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
    const [domain] = gateway.domains;
    expect(domain?.['mutualTlsAuthentication']).toMatchObject({ truststoreVersion: 'v2' });
    const bundle = String(buckets.get('trust/partners.pem')?.at(-1)?.body);
    expect(bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)?.map(fingerprintOf)).toEqual([
      partners.certificate.fingerprint,
      successor.certificate.fingerprint,
    ]);
    await eventually('both are seen in the truststore', async () => {
      const found = (await daemon.store.inventory.locations({ source: 'gateway' })).find(
        ({ location }) => location === DOMAIN_ARN,
      );
      return found?.sightings.filter(({ place }) => place === 'truststore').length === 2;
    });
  });
});

function fingerprintOf(pem: string): string {
  return new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();
}
