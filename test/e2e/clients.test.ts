import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Alert } from '../../src/notify/model.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import { runCli } from '../helpers/cli.ts';
import { startDaemonProcess, type DaemonProcess } from '../helpers/daemon-process.ts';
import { eventually } from '../helpers/eventually.ts';
import { parseExposition, samplesOf } from '../helpers/exposition.ts';
import { createAuthority, type TestCertificate } from '../helpers/pki.ts';
import { startTlsServer, type RunningTls } from '../helpers/servers.ts';

const DAY_MS = 86_400_000;

/*
 * Client identities, all in files that are watched and configured for rehearsals, at three real servers: two trust their
 * CA, one trusts another. `billing` is healthy, `old` has ended, `soon` ends in three days. `dated` outlives its CA, which
 * the first server alone trusts; that server's trust store is a file that is watched, too.
 */
describe('client identities', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-clients-'));
  const serverCa = createAuthority({ name: 'Server Root' });
  const clientRoot = createAuthority({ name: 'Client Root' });
  const clientCa = createAuthority({ name: 'Client CA', parent: clientRoot });
  const otherCa = createAuthority({ name: 'Other Root' });
  const clientAuth = { names: [], extendedKeyUsage: ['clientAuth'] };
  const billing = clientCa.issue({ ...clientAuth, commonName: 'billing' });
  const old = clientCa.issue({
    ...clientAuth,
    commonName: 'old',
    notBefore: new Date(Date.now() - 90 * DAY_MS),
    notAfter: new Date(Date.now() - DAY_MS),
  });
  const soonAt = new Date(Math.floor(Date.now() / 1000) * 1000 + 3 * DAY_MS + DAY_MS / 2);
  const soon = clientCa.issue({
    ...clientAuth,
    commonName: 'soon',
    notBefore: new Date(Date.now() - 87 * DAY_MS),
    notAfter: soonAt,
  });
  const datedRoot = createAuthority({ name: 'Dated Root', days: 20 });
  const datedCa = createAuthority({ name: 'Dated CA', parent: datedRoot });
  const dated = datedCa.issue({ ...clientAuth, commonName: 'dated', notAfter: new Date(Date.now() + 80 * DAY_MS) });
  const trustFile = path.join(folder, 'trusted.pem');
  const config = path.join(folder, 'notafter.yaml');
  const storePath = path.join(folder, 'notafter.db');
  const servers: RunningTls[] = [];
  let daemon: DaemonProcess;
  let accepting: readonly string[];
  let refusing: string;

  const locationOf = ({ port }: RunningTls): string => `127.0.0.1:${port}@127.0.0.1`;

  async function startServer(...trusted: readonly TestCertificate[]): Promise<RunningTls> {
    const server = await startTlsServer(serverCa.issue(), {
      requestCert: true,
      rejectUnauthorized: true,
      ca: trusted.map(({ pem }) => pem),
    });
    servers.push(server);
    return server;
  }

  function writeClient(name: string, client: TestCertificate): string {
    writeFileSync(path.join(folder, `${name}.pem`), client.chainPem);
    writeFileSync(path.join(folder, `${name}.key`), client.keyPem);
    return `{name: ${name}, certificate_file: "${path.join(folder, `${name}.pem`)}", key_file: "${path.join(folder, `${name}.key`)}"}`;
  }

  /** What the store says, read beside the daemon. */
  async function openAlerts(): Promise<readonly Alert[]> {
    const store = await openSqlite(storePath, { readOnly: true });
    try {
      return await store.alerts.alerts({ state: 'open' });
    } finally {
      await store.close();
    }
  }

  /** `rule location` of every finding of the alerts about one certificate, by family. */
  async function told({ fingerprint }: TestCertificate): Promise<Readonly<Record<string, readonly string[]>>> {
    const alerts = (await openAlerts()).filter(({ cause }) => cause === fingerprint);
    return Object.fromEntries(
      alerts.map(({ family, places }) => [
        family,
        places.flatMap(({ location, findings }) => findings.map(({ rule }) => `${rule} ${location}`)).toSorted(),
      ]),
    );
  }

  beforeAll(async () => {
    const [one, two, three] = [
      await startServer(clientRoot.certificate, datedRoot.certificate),
      await startServer(clientRoot.certificate),
      await startServer(otherCa.certificate),
    ];
    accepting = [locationOf(one), locationOf(two)];
    refusing = locationOf(three);
    const clients = [
      writeClient('billing', billing),
      writeClient('old', old),
      writeClient('soon', soon),
      writeClient('dated', dated),
    ];
    writeFileSync(trustFile, clientRoot.certificate.pem + datedRoot.certificate.pem);
    writeFileSync(
      config,
      `sources:
  - name: partners
    type: endpoint
    every: 2s
    targets: [${servers.map(({ port }) => `"127.0.0.1:${port}"`).join(', ')}]
    clients: [${clients.join(', ')}]
  - {name: disk, type: file, every: 2s, paths: [${['billing', 'old', 'soon'].map((name) => `"${path.join(folder, `${name}.pem`)}"`).join(', ')}]}
  - {name: gateway, type: file, every: 2s, paths: ["${trustFile}"], trusts_clients_of: ["127.0.0.1:${one.port}"]}
web: {listen: "127.0.0.1:0"}
store: "sqlite:${storePath}"
`,
    );
    daemon = await startDaemonProcess(config, { cwd: folder });
    await eventually('the first rounds end', () => daemon.stdout().includes('Found '));
  });

  afterAll(async () => {
    await daemon.stop();
    for (const server of servers) await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('are one alert where one server refuses a healthy one, and none where it is accepted', async () => {
    expect(await told(billing)).toEqual({ client: [`client-rejected ${refusing}`, `issuer-not-accepted ${refusing}`] });
  });

  it('are one alert with the end of the certificate in its file, when they are rejected because it ended', async () => {
    const rejections = [...accepting, refusing].map((location) => `client-rejected ${location}`);
    const expected = [...rejections, `expired ${path.join(folder, 'old.pem')}`].toSorted();
    // That one of them does not know its CA either is a fault of its own.
    expect(await told(old)).toEqual({ expiry: expected, client: [`issuer-not-accepted ${refusing}`] });
  });

  it('are one alert at all three endpoints and in the file, before they end; that one refuses them is another', async () => {
    const failing = [...accepting, refusing].map((location) => `client-will-fail ${location}`);
    expect(await told(soon)).toEqual({
      expiry: [...failing, `expiring ${path.join(folder, 'soon.pem')}`].toSorted(),
      client: [`client-rejected ${refusing}`, `issuer-not-accepted ${refusing}`],
    });
  });

  it('end with the CA in the trust store of the server, which is one alert with that store', async () => {
    const [first = '', second = ''] = accepting;
    const expected = [`client-will-fail ${first}`, `trust-anchor-expiring ${trustFile}`];
    await eventually('the endpoint has heard of its trust store', async () => {
      const { expiry = [] } = await told(datedRoot.certificate);
      return expiry.length === expected.length;
    });
    expect(await told(datedRoot.certificate)).toEqual({ expiry: expected.toSorted() });

    const outages = samplesOf(parseExposition(await daemon.metrics()), 'notafter_client_outage_timestamp_seconds', {
      client: 'dated',
    });
    const byLocation = new Map(outages.map(({ labels, value }) => [labels['location'], value * 1000]));
    expect(byLocation.get(first)).toBeLessThan(Date.now() + 21 * DAY_MS);
    expect(byLocation.get(second)).toBeGreaterThan(Date.now() + 79 * DAY_MS);

    const ran = await runCli(['explain', datedRoot.certificate.fingerprint.slice(0, 8), '--config', config], folder);
    const [, logins = ''] = /Logins that fail on its last day[^\n]*\n([\s\S]*?)\n\n/.exec(ran.stdout) ?? [];
    expect(logins).toMatch(new RegExp(`\n {2}${RegExp.escape(first)} +dated +accepted .* Dated Root`));
    expect(logins).not.toContain(second);
  });

  it('have the verdict of every endpoint as a metric, and the time of the outage', async () => {
    const samples = parseExposition(await daemon.metrics());
    const accepted = (client: string): readonly (readonly [string | undefined, number])[] =>
      samplesOf(samples, 'notafter_rehearsal_accepted', { source: 'partners', client }).map(({ labels, value }) => [
        labels['location'],
        value,
      ]);
    const by = (value: number) => (location: string) => [location, value] as const;
    expect(new Map(accepted('billing'))).toEqual(new Map([...accepting.map(by(1)), by(0)(refusing)]));
    expect(new Map(accepted('old'))).toEqual(new Map([...accepting, refusing].map(by(0))));
    expect(new Map(accepted('soon'))).toEqual(new Map([...accepting.map(by(1)), by(0)(refusing)]));
    expect(new Map(accepted('none'))).toEqual(new Map([...accepting, refusing].map(by(0))));

    const outages = samplesOf(samples, 'notafter_client_outage_timestamp_seconds', { client: 'billing' });
    const ends = samplesOf(samples, 'notafter_certificate_not_after_timestamp_seconds', {
      source: 'disk',
      name: 'billing',
    });
    expect(ends).toHaveLength(1);
    expect(outages.map(({ value }) => value)).toEqual(Array(3).fill(ends[0]?.value));
    const soonOutages = samplesOf(samples, 'notafter_client_outage_timestamp_seconds', { client: 'soon' });
    expect(soonOutages.map(({ value }) => value * 1000)).toEqual(Array(3).fill(soonAt.getTime()));
  });

  it('are explained from the certificate: who breaks, where it lives, what to do', async () => {
    const ran = await runCli(['explain', billing.fingerprint.slice(0, 8), '--config', config], folder);
    expect([ran.exitCode, ran.stderr]).toEqual([0, '']);
    const lines = ran.stdout.split('\n');
    const [, logins = ''] = /Logins that fail on its last day[^\n]*\n([\s\S]*?)\n\n/.exec(ran.stdout) ?? [];
    for (const location of accepting) expect(logins).toContain(`\n  ${location}  billing  accepted`);
    expect(logins).toMatch(new RegExp(`\n {2}${RegExp.escape(refusing)} +billing +rejected: `));
    expect(lines).toContainEqual(
      expect.stringMatching(new RegExp(`^ {2}disk +${RegExp.escape(path.join(folder, 'billing.pem'))} `)),
    );
    expect(lines.filter((line) => / {2}client\/billing +client +\S+billing\.key /.test(line))).toHaveLength(3);
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}critical: client-rejected {2}/));
  });

  it('are explained from the endpoint, with the evidence', async () => {
    const [text, json] = await Promise.all([
      runCli(['explain', refusing, '--config', config], folder),
      runCli(['explain', refusing, '--config', config, '--json'], folder),
    ]);
    expect(text.stdout).toContain('asked for, from CN=Other Root');
    // What passed on the wire, of the probe and of each login, the server's alert by number and name included.
    expect(text.stdout).toMatch(/\n {2}Probe, hello handshake:\n {2}> ClientHello \(1\): /);
    expect(text.stdout).toMatch(/\n {2}Login as billing, rejected \(\w+\):\n {2}> ClientHello \(1\)/);
    expect(text.stdout).toMatch(/\n {2}< alert 116 certificate_required(?:\n|$)/);
    expect(text.stdout).toMatch(/\n {2}billing +rejected: \S+ +20\S+ \S+ UTC +\d+ days +billing +not-named /);
    expect(JSON.parse(json.stdout)).toMatchObject({
      locations: [
        {
          location: refusing,
          transcript: expect.arrayContaining(['Login without a certificate, rejected (certificate_required):']),
          clients: [
            {
              name: 'billing',
              client: billing.fingerprint,
              verdict: { status: 'rejected', evidence: expect.stringMatching(/./) },
              issuer: 'not_named',
            },
            { name: 'dated', client: dated.fingerprint },
            { name: 'old', client: old.fingerprint, limited_by: old.fingerprint },
            { name: 'soon', client: soon.fingerprint, outage_at: soonAt.toISOString() },
          ],
          findings: expect.arrayContaining([
            expect.objectContaining({ rule: 'client-rejected', cause: billing.fingerprint }),
          ]),
        },
      ],
    });
  });

  it(
    'are accepted again when the server trusts their CA: the alert resolves by rehearsals there alone',
    { timeout: 60_000 },
    async () => {
      const [, , server] = servers;
      if (server === undefined) throw new Error('the third server runs');
      await server.close();
      const again = await startTlsServer(
        serverCa.issue(),
        { requestCert: true, rejectUnauthorized: true, ca: clientRoot.certificate.pem },
        server.port,
      );
      servers[2] = again;
      await eventually(
        'the alert about billing resolves',
        async () => Object.keys(await told(billing)).length === 0,
        40_000,
      );
      expect((await told(old))['expiry']).toHaveLength(4);
    },
  );
});
