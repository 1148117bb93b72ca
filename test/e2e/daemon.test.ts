import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startDaemonProcess, type DaemonProcess } from '../helpers/daemon-process.ts';
import { eventually } from '../helpers/eventually.ts';
import { parseExposition, samplesOf } from '../helpers/exposition.ts';
import { startHook, startMailbox, type Hook, type Mailbox, type ReceivedMail } from '../helpers/receivers.ts';
import { createStage, SCENARIOS, type Staged } from '../helpers/scenarios.ts';
import { startTlsServer, type RunningTls } from '../helpers/servers.ts';

/** Lifetime of the certificate that ends while the test runs, half of it over at the start. */
const LIFE_MS = 60_000;
const EXPIRED = 'expired.lab.test';
const ENDING = 'ending.lab.test';
const SHORT = 'short.lab.test';
const UNRELIABLE = 'unreliable.lab.test';

/*
 * The main job: real servers, a real mail server, a Slack hook, and the daemon as a process. Time passes for real.
 */
describe('the daemon, watching real servers', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-e2e-'));
  const stage = createStage(path.join(folder, 'files'));
  const staged = new Map<string, Staged>();
  let mailbox: Mailbox;
  let slack: Hook;
  let short: RunningTls;
  let unreliable: RunningTls;
  let daemon: DaemonProcess;

  const mailsAbout = (name: string, reason?: string): readonly ReceivedMail[] =>
    mailbox.received.filter(
      ({ mail }) =>
        mail.subject?.includes(name) === true &&
        (reason === undefined || mail.headers.get('x-notafter-reason') === reason),
    );
  const slackAbout = (name: string): readonly string[] =>
    slack.received.map(({ body }) => (JSON.parse(body) as { text: string }).text).filter((text) => text.includes(name));
  const target = (name: string): string => staged.get(name)?.target ?? '';

  beforeAll(async () => {
    for (const scenario of SCENARIOS) staged.set(scenario.name, await scenario.stage(stage));
    short = await startTlsServer(
      stage.intermediate.issue({
        names: [SHORT, '127.0.0.1'],
        notBefore: new Date(Date.now() - LIFE_MS / 2),
        notAfter: new Date(Date.now() + LIFE_MS / 2),
      }),
    );
    unreliable = await startTlsServer(
      stage.intermediate.issue({
        names: [UNRELIABLE, 'localhost'],
        notBefore: new Date(Date.now() - LIFE_MS / 2),
        notAfter: new Date(Date.now() + LIFE_MS / 2 + 5_000),
      }),
    );
    mailbox = await startMailbox();
    slack = await startHook();
    const targets = [
      ...SCENARIOS.filter((scenario) => scenario.kind === 'endpoint').map((scenario) => target(scenario.name)),
      `127.0.0.1:${short.port}`,
      `localhost:${unreliable.port}`,
    ];
    const config = path.join(folder, 'notafter.yaml');
    writeFileSync(
      config,
      `sources:
  - {name: servers, type: endpoint, every: 2s, timeout: 1s, targets: [${targets.map((one) => `"${one}"`).join(', ')}], labels: {owner: platform}}
  - {name: files, type: file, every: 2s, paths: ["${stage.folder}"]}
channels:
  - {name: mail, type: email, smtp: {host: 127.0.0.1, port: ${mailbox.port}, secure: none}, from: notafter@lab.test, to: [oncall@lab.test]}
  - {name: chat, type: slack, webhook_url: "\${TEST_SLACK_URL}"}
web: {listen: "127.0.0.1:0"}
store: "sqlite:${path.join(folder, 'notafter.db')}"
`,
    );
    daemon = await startDaemonProcess(config, {
      cwd: folder,
      environment: { TEST_SLACK_URL: `${slack.url}/services/test` },
    });
    await eventually('the first rounds end', () => daemon.stdout().includes('Found '));
  });

  afterAll(async () => {
    await daemon.stop();
    for (const one of staged.values()) await one.close();
    for (const server of [short, unreliable, mailbox, slack]) await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('exposes every certificate, and what could not be looked at', async () => {
    const samples = parseExposition(await daemon.metrics());
    const notAfter = (name: string): number | undefined => {
      const location = `${target(name)}@127.0.0.1`;
      return samplesOf(samples, 'notafter_certificate_not_after_timestamp_seconds', {
        source: 'servers',
        location,
        role: 'server',
        place: 'chain',
      })[0]?.value;
    };

    for (const { name, kind, reason } of SCENARIOS) {
      if (kind !== 'endpoint') continue;
      const up = samplesOf(samples, 'notafter_location_up', {
        source: 'servers',
        location: `${target(name)}@127.0.0.1`,
      });
      expect(
        up.map((sample) => sample.value),
        name,
      ).toEqual([reason === undefined ? 1 : 0]);
      if (reason === undefined) expect(notAfter(name), name).toBeTypeOf('number');
      else {
        expect(
          samplesOf(samples, 'notafter_collect_errors_total', { source: 'servers', reason })[0]?.value,
          name,
        ).toBeGreaterThan(0);
      }
    }
    expect(notAfter('expired')).toBeLessThan(Date.now() / 1000);
    expect(notAfter('mutual')).toBeGreaterThan(Date.now() / 1000);
    expect(
      samplesOf(samples, 'notafter_location_up', { location: `localhost:${unreliable.port}@127.0.0.1` })[0]?.value,
    ).toBe(1);
    expect(
      samplesOf(samples, 'notafter_certificate_not_after_timestamp_seconds', {
        source: 'files',
        name: 'reporting',
        role: 'client',
      }),
    ).toHaveLength(1);
    expect(
      samplesOf(samples, 'notafter_findings', { rule: 'expired', severity: 'critical' }).map((sample) => sample.value),
    ).toEqual([1, 1]);
  });

  it('tells what was already wrong in one digest, and what ends within 7 days by itself', async () => {
    const digests = await eventually('the digest arrives', () => {
      const found = mailbox.received.filter(
        ({ mail }) => (mail.text ?? '').includes(EXPIRED) && (mail.text ?? '').includes('old.lab.test'),
      );
      return found.length > 0 && found;
    });
    await eventually(
      'the single messages arrive, on both channels',
      () => mailsAbout(ENDING).length > 0 && mailsAbout('reporting').length > 0 && slackAbout(ENDING).length > 0,
    );

    expect(digests).toHaveLength(1);
    expect(digests[0]?.mail.text).not.toContain(ENDING);
    expect(mailsAbout(ENDING)).toHaveLength(1);
    expect(mailsAbout(ENDING, 'first')).toHaveLength(1);
    expect(slackAbout(ENDING)).toHaveLength(1);
    expect(mailsAbout(ENDING)[0]?.mail.text).toContain(`${target('ending')}@127.0.0.1`);
    expect(mailsAbout('valid.lab.test')).toHaveLength(0);
  });

  it('tells once of a server that cannot be reached three times in a row', async () => {
    const { port } = new URL(`tls://${target('silent')}`);
    await eventually('the mail about the silent server arrives', () => mailsAbout(`:${port}`).length > 0, 30_000);

    expect(mailsAbout(`:${port}`)).toHaveLength(1);
  });

  it('keeps the series of a server that stopped answering, and says that it is down', async () => {
    const location = `localhost:${unreliable.port}@127.0.0.1`;
    const before = samplesOf(
      parseExposition(await daemon.metrics()),
      'notafter_certificate_not_after_timestamp_seconds',
      { location },
    );

    await unreliable.close();
    const samples = await eventually('the server is seen to be down', async () => {
      const now = parseExposition(await daemon.metrics());
      return samplesOf(now, 'notafter_location_up', { location })[0]?.value === 0 && now;
    });

    expect(before.length).toBeGreaterThan(0);
    expect(samplesOf(samples, 'notafter_certificate_not_after_timestamp_seconds', { location })).toEqual(before);
    expect(mailbox.received.filter(({ mail }) => mail.headers.get('x-notafter-reason') === 'resolved')).toHaveLength(0);
  });

  it('says worse and never resolved when a certificate passes its end', { timeout: 60_000 }, async () => {
    await eventually(
      'the end is told',
      () =>
        mailsAbout(SHORT).some(
          ({ mail }) => mail.headers.get('x-notafter-reason') === 'worse' && /expired|ended/i.test(mail.text ?? ''),
        ),
      50_000,
    );

    const reasons = mailsAbout(SHORT).map(({ mail }) => mail.headers.get('x-notafter-reason'));
    expect(reasons[0]).toBe('first');
    expect(reasons.slice(1).every((reason) => reason === 'worse')).toBe(true);
    expect(reasons.length).toBeLessThanOrEqual(3);
    const samples = parseExposition(await daemon.metrics());
    expect(
      samplesOf(samples, 'notafter_certificate_not_after_timestamp_seconds', { name: SHORT })[0]?.value,
    ).toBeLessThan(Date.now() / 1000);
  });

  it('tells on time of the end of a certificate whose server has been down since', { timeout: 40_000 }, async () => {
    const ended = await eventually(
      'its end is told',
      () => mailsAbout(UNRELIABLE).find(({ mail }) => /ended/.test(mail.subject ?? '')),
      30_000,
    );

    expect(ended.at / 1000).toBeLessThan(
      (samplesOf(parseExposition(await daemon.metrics()), 'notafter_certificate_not_after_timestamp_seconds', {
        name: UNRELIABLE,
      })[0]?.value ?? 0) + 10,
    );
    expect(mailsAbout(UNRELIABLE, 'resolved')).toHaveLength(0);
  });

  it('says resolved after three good looks at the new certificate', { timeout: 40_000 }, async () => {
    short.use(stage.intermediate.issue({ names: [SHORT, '127.0.0.1'] }));
    const [resolved] = await eventually(
      'the mail that it is resolved',
      () => {
        const found = mailsAbout(SHORT, 'resolved');
        return found.length > 0 && found;
      },
      30_000,
    );

    expect(mailsAbout(SHORT, 'resolved')).toHaveLength(1);
    const root = mailsAbout(SHORT, 'first')[0]?.mail.references;
    expect(resolved?.mail.references).toEqual(root);
    await eventually('Slack hears of it', () => slackAbout(SHORT).length === mailsAbout(SHORT).length);
  });

  it('has told nobody twice by then', () => {
    expect(mailsAbout(ENDING)).toHaveLength(1);
    expect(slackAbout(ENDING)).toHaveLength(1);
    expect(mailbox.received.filter(({ mail }) => (mail.text ?? '').includes('old.lab.test'))).toHaveLength(1);
    const ids = mailbox.received.map(({ mail }) => mail.messageId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('applies a good config and refuses a bad one, on SIGHUP and on POST', async () => {
    const file = path.join(folder, 'notafter.yaml');
    const refused = await fetch(`${daemon.url}/-/reload`, {
      method: 'POST',
      headers: { origin: 'https://evil.example' },
    });
    expect(refused.status).toBe(403);

    writeFileSync(file, 'sorces: []\n');
    const answer = await fetch(`${daemon.url}/-/reload`, { method: 'POST' });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain('did you mean "sources"?');
    expect(
      samplesOf(parseExposition(await daemon.metrics()), 'notafter_location_up', { source: 'files' }).length,
    ).toBeGreaterThan(0);

    writeFileSync(
      file,
      `sources:\n  - {name: files, type: file, every: 2s, paths: ["${stage.folder}"]}\nweb: {listen: "127.0.0.1:0"}\nstore: "sqlite:${path.join(folder, 'notafter.db')}"\n`,
    );
    daemon.child.kill('SIGHUP');
    await eventually(
      'the source is withdrawn',
      async () =>
        samplesOf(parseExposition(await daemon.metrics()), 'notafter_location_up', { source: 'servers' }).length === 0,
    );
    expect(
      samplesOf(parseExposition(await daemon.metrics()), 'notafter_location_up', { source: 'files' }).length,
    ).toBeGreaterThan(0);
  });

  it('ends cleanly on SIGTERM', async () => {
    expect(await daemon.stop()).toBe(0);
  });
});
