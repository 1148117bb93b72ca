import { createHash, X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import type { Alert } from '../../src/notify/model.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import { runCli } from '../helpers/cli.ts';
import { startDaemonProcess, type DaemonProcess } from '../helpers/daemon-process.ts';
import { eventually } from '../helpers/eventually.ts';
import { awsJson, startFakeAws, type AcmCertificate, type FakeAws } from '../helpers/fake-aws.ts';
import { createAuthority, createCrl, type TestCertificate } from '../helpers/pki.ts';
import { setUpDesk, typed, type Desk, type PrintedRunbook } from '../helpers/runbook-follower.ts';
import { startTlsServer, type RunningTls } from '../helpers/servers.ts';

const DAY_MS = 86_400_000;
const REGION = 'eu-west-1';
const ARN = `arn:aws:acm:${REGION}:111122223333:certificate/12345678-1234-1234-1234-123456789012`;
const FORWARD = ['diagnosis', 'preparation', 'successor', 'trust', 'servers', 'clients', 'proof'];

const inDays = (days: number): Date => new Date(Math.floor((Date.now() + days * DAY_MS) / 1000) * 1000);

/*
 * Five situations, one real daemon. Each runbook is asked for by the command line, what it says is typed into a shell as
 * it stands, and the alert has to resolve. Only programs that this machine does not have are stood in for.
 */
describe('a runbook that is followed to the letter', { timeout: 180_000 }, () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-runbook-'));
  const at = (...names: readonly string[]): string => path.join(folder, ...names);
  const ca = createAuthority({ name: 'Runbook CA' });
  const serverCa = createAuthority({ name: 'Server Root' });
  const put = (certificate: TestCertificate, file: string, key: string): void => {
    writeFileSync(file, certificate.chainPem);
    writeFileSync(key, certificate.keyPem, { mode: 0o600 });
  };
  const environment = {
    CA_CERT: at('ca.pem'),
    CA_KEY: at('ca.key'),
    SERVICE: 'billing.service',
    AWS_ACCESS_KEY_ID: 'AKIATEST',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  const servers: RunningTls[] = [];
  let chained: RunningTls;
  let web: RunningTls;
  let aws: FakeAws;
  let desk: Desk;
  let daemon: DaemonProcess;

  const client = ca.issue({
    names: [],
    commonName: "billing o'clock; reboot",
    extendedKeyUsage: ['clientAuth'],
    notBefore: inDays(-85),
    notAfter: inDays(5),
  });
  const imported = ca.issue({ names: ['acm.example.com'], notBefore: inDays(-85), notAfter: inDays(5) });
  const oldIntermediate = createAuthority({ name: 'Issuing CA', parent: serverCa, days: 20 });
  const newIntermediate = createAuthority({
    name: 'Issuing CA',
    parent: serverCa,
    key: oldIntermediate.key,
    days: 1000,
  });
  const below = oldIntermediate.issue({ names: ['127.0.0.1'], notAfter: inDays(90) });
  const oldList = createCrl(ca, { thisUpdate: inDays(-6), nextUpdate: inDays(1) });
  const undeployed = ca.issue({ names: ['web.example.com', '127.0.0.1'], notBefore: inDays(-85), notAfter: inDays(5) });
  const renewed = ca.issue({ names: ['web.example.com', '127.0.0.1'], notAfter: inDays(90) });

  async function serve(certificate: TestCertificate, options = {}): Promise<RunningTls> {
    const server = await startTlsServer(certificate, options);
    servers.push(server);
    return server;
  }

  /** The server as nginx would have it: from files, when it is told to. */
  function readsAnew(server: RunningTls, file: string, key: string): (call: string) => void {
    return (call) => {
      if (call !== 'nginx -s reload') return;
      const [chainPem, keyPem] = [readFileSync(file, 'utf8'), readFileSync(key, 'utf8')];
      server.use({ ...below, chainPem, keyPem });
    };
  }

  async function alertOf(cause: string): Promise<Alert | undefined> {
    const store = await openSqlite(at('notafter.db'), { readOnly: true });
    try {
      return (await store.alerts.alerts()).find((alert) => alert.cause === cause && alert.family === 'expiry');
    } finally {
      await store.close();
    }
  }

  async function runbookOf(cause: string, places: number): Promise<PrintedRunbook> {
    await eventually(
      'the alert is open at every place',
      async () => {
        const alert = await alertOf(cause);
        return alert?.state === 'open' && alert.places.length === places;
      },
      60_000,
    );
    const { exitCode, stdout, stderr } = await runCli(['runbook', cause, '--json'], folder);
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    return (JSON.parse(stdout) as { runbooks: readonly [PrintedRunbook] }).runbooks[0];
  }

  async function follow(runbook: PrintedRunbook, phases: readonly string[], more = {}): Promise<string> {
    const takes = /^(?:the CA is yours|nginx|a service of systemd)/;
    const { exitCode, output } = await desk.run(typed(runbook, phases, takes), { ...environment, ...more });
    expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
    return output;
  }

  async function resolves(cause: string): Promise<void> {
    await eventually('the alert resolves', async () => (await alertOf(cause))?.state === 'resolved', 60_000);
  }

  beforeAll(async () => {
    vi.stubEnv('NODE_COMPILE_CACHE', at('compiled'));
    for (const name of ['host a', 'host-b', 'chain', 'crl', 'web']) mkdirSync(at(name));
    writeFileSync(at('ca.pem'), ca.certificate.pem);
    writeFileSync(at('ca.key'), ca.certificate.keyPem);
    put(client, at('host a', 'client.pem'), at('host a', 'client.key'));
    put(client, at('host-b', 'client.pem'), at('host-b', 'client.key'));
    put(below, at('chain', 'server.pem'), at('chain', 'server.key'));
    writeFileSync(at('chain', 'next.pem.txt'), newIntermediate.certificate.pem);
    writeFileSync(at('crl', 'clients.crl'), oldList.pem);
    put(renewed, at('web', 'fullchain.pem'), at('web', 'privkey.pem'));
    aws = await startFakeAws();
    aws.certificates.set(REGION, [acmEntry(imported.pem, inDays(-85), inDays(5))]);
    desk = await setUpDesk(folder);
    const api = await serve(serverCa.issue(), {
      requestCert: true,
      rejectUnauthorized: true,
      ca: [ca.certificate.pem],
    });
    chained = await serve(below);
    web = await serve(undeployed);
    writeFileSync(
      at('notafter.yaml'),
      `sources:
  - {name: acm, type: aws-acm, every: 2s, regions: [${REGION}], endpoint: "${aws.url}"}
  - {name: host-a, type: file, every: 2s, paths: ["${at('host a')}"], labels: {owner: billing}}
  - {name: host-b, type: file, every: 2s, paths: ["${at('host-b')}"]}
  - {name: files, type: file, every: 2s, paths: ["${at('chain')}", "${at('crl')}", "${at('web')}"]}
  - name: api
    type: endpoint
    every: 2s
    targets: ["127.0.0.1:${api.port}"]
    clients: [{name: billing, certificate_file: "${at('host a', 'client.pem')}", key_file: "${at('host a', 'client.key')}"}]
  - {name: chained, type: endpoint, every: 2s, targets: ["127.0.0.1:${chained.port}"]}
  - {name: web, type: endpoint, every: 2s, targets: ["127.0.0.1:${web.port}"]}
notifications: {resolve_after_looks: 2}
web: {listen: "127.0.0.1:0"}
store: "sqlite:${at('notafter.db')}"
`,
    );
    daemon = await startDaemonProcess(at('notafter.yaml'), { cwd: folder, environment });
  });

  afterAll(async () => {
    await daemon.stop();
    for (const server of servers) await server.close();
    await aws[Symbol.asyncDispose]();
    await desk[Symbol.asyncDispose]();
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  });

  function acmEntry(pem: string, notBefore: Date, notAfter: Date): AcmCertificate {
    return { arn: ARN, domain: 'acm.example.com', pem, notBefore, notAfter, type: 'IMPORTED', importedAt: notBefore };
  }

  it('replaces a client certificate on two hosts, and the API goes on letting it in', async () => {
    const runbook = await runbookOf(client.fingerprint, 3);

    const output = await follow(runbook, FORWARD);

    const [a, b] = ['host a', 'host-b'].map((host) => new X509Certificate(readFileSync(at(host, 'client.pem'))));
    expect(a?.fingerprint256).toBe(b?.fingerprint256);
    expect(a?.subject).toBe(new X509Certificate(client.pem).subject);
    expect(a?.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(output).toContain('accepted until');
    expect(desk.calls).toContain('systemctl reload-or-restart billing.service');
    await resolves(client.fingerprint);
  });

  it('imports a certificate into ACM under its ARN', async () => {
    const runbook = await runbookOf(imported.fingerprint, 1);
    aws.intercept = (request) => {
      if (request.operation !== 'ImportCertificate') return undefined;
      const { Certificate } = request.body as { readonly Certificate?: string };
      const pem = Buffer.from(Certificate ?? '', 'base64').toString('utf8');
      const { validFromDate, validToDate } = new X509Certificate(pem);
      aws.certificates.set(REGION, [acmEntry(pem, validFromDate, validToDate)]);
      return awsJson({ CertificateArn: request.body.CertificateArn });
    };

    await follow(runbook, FORWARD, { AWS_ENDPOINT_URL: aws.url });

    expect(aws.operations()).toContain('ImportCertificate');
    const now = new X509Certificate(aws.certificates.get(REGION)?.[0]?.pem ?? '');
    expect(now.subjectAltName).toBe('DNS:acm.example.com');
    await resolves(imported.fingerprint);
  });

  it('replaces an intermediate in the file of the server, and leaves what it signed', async () => {
    desk.onCall = readsAnew(chained, at('chain', 'server.pem'), at('chain', 'server.key'));
    const runbook = await runbookOf(oldIntermediate.certificate.fingerprint, 2);

    const output = await follow(runbook, FORWARD, { AUTHORITY: at('chain', 'next.pem.txt') });

    expect(output).toContain('stdin: OK');
    expect(readFileSync(at('chain', 'server.pem'), 'utf8')).toBe(below.pem + newIntermediate.certificate.pem);
    await resolves(oldIntermediate.certificate.fingerprint);
  });

  it('publishes a newer revocation list', async () => {
    writeFileSync(at('index.txt'), '');
    writeFileSync(at('crlnumber'), '02\n');
    writeFileSync(
      at('ca.cnf'),
      `[ca]\ndefault_ca = own\n[own]\ndatabase = ${at('index.txt')}\ncrlnumber = ${at('crlnumber')}\ncertificate = ${at('ca.pem')}\nprivate_key = ${at('ca.key')}\ndefault_md = sha256\n`,
    );
    const cause = createHash('sha256').update(oldList.der).digest('hex');
    const runbook = await runbookOf(cause, 1);

    const output = await follow(runbook, FORWARD, { CA_CONFIG: at('ca.cnf') });

    expect(output).toContain('verify OK');
    await resolves(cause);
  });

  it('brings into use what was renewed and not deployed', async () => {
    desk.onCall = readsAnew(web, at('web', 'fullchain.pem'), at('web', 'privkey.pem'));
    const runbook = await runbookOf(undeployed.fingerprint, 1);

    await follow(runbook, FORWARD);

    expect(desk.calls.at(-1)).toBe('nginx -s reload');
    await resolves(undeployed.fingerprint);
  });
});
