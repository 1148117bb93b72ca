import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { parseConfig } from '../../src/config/load.ts';
import { startDaemon, type Daemon } from '../../src/daemon.ts';
import { nginxLine, type Call } from '../helpers/access-log.ts';
import { eventually } from '../helpers/eventually.ts';
import { startMailbox, type Mailbox } from '../helpers/receivers.ts';

const DAY_MS = 86_400_000;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/* From nginx's log to a mail: a partner whose certificate nobody here has ever had in hands. */
describe("a partner's client certificate that is seen in nginx's log alone", () => {
  let folder: string;
  let log: string;
  let mailbox: Mailbox;
  let daemon: Daemon | undefined;

  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'notafter-log-'));
    log = path.join(folder, 'clients.log');
    mailbox = await startMailbox();
  });

  afterEach(async () => {
    await daemon?.stop();
    await mailbox.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The partner calls with a certificate that ends after so many days. */
  function call(fingerprint: string, days: number, more: Partial<Call> = {}): void {
    appendFileSync(
      log,
      nginxLine({
        at: Date.now(),
        fingerprint: fingerprint.repeat(20),
        serial: `0${fingerprint.toUpperCase()}`,
        ends: Date.now() + days * DAY_MS + DAY_MS / 2,
        ...more,
      }),
    );
  }

  function mails(subject: RegExp): readonly string[] {
    return mailbox.received.filter(({ mail }) => subject.test(mail.subject ?? '')).map(({ mail }) => mail.text ?? '');
  }

  it('is reported 20 days before its end with what it calls and how often, and resolved by its successor in use', async () => {
    writeFileSync(log, '');
    call('cc', 300, { subject: 'CN=healthy' });
    const given = parseConfig(
      'notafter.yaml',
      `sources:
  - {name: callers, type: access-log, every: 1s, format: nginx, paths: ["${log}"], successor_grace: 1s, labels: {owner: partner-desk}}
channels:
  - {name: mail, type: email, smtp: {host: 127.0.0.1, port: ${mailbox.port}, secure: none}, from: notafter@lab.test, to: [oncall@lab.test]}
web: {listen: "127.0.0.1:0"}
store: "sqlite:${path.join(folder, 'notafter.db')}"
`,
      {},
    );
    const firstRounds = Promise.withResolvers<void>();
    daemon = await startDaemon({
      config: given,
      version: 'test',
      log: quiet,
      loadConfig: () => Promise.resolve(given),
      onFirstRounds: () => firstRounds.resolve(),
    });
    await firstRounds.promise;

    for (let times = 0; times < 7; times++) call('0a', 20, { path: `/v1/payments/${times}` });
    call('0a', 20, { path: '/v1/refunds' });
    await eventually('the partner is reported', () => mails(/billing/).length > 0);

    const [told = ''] = mails(/billing/);
    expect(told).toContain('ends in 20 days');
    expect(told).toContain('api.example.com/v1/payments (7 times)');
    expect(told).toContain('api.example.com/v1/refunds (1 time)');
    expect(told).toContain('8 times');
    expect(told).toContain('Tell partner-desk');
    expect(told).toContain(`${log} client CN=billing,O=Partner`);

    call('0b', 385);
    await eventually('the alert is resolved', () => mails(/resolved.*billing|billing.*resolved/i).length > 0);
    expect(mails(/billing/)).toHaveLength(2);
  });
});
