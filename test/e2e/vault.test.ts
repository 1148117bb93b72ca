import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { parseConfig } from '../../src/config/load.ts';
import { startDaemon, type Daemon } from '../../src/daemon.ts';
import type { Alert } from '../../src/notify/model.ts';
import { eventually } from '../helpers/eventually.ts';
import { serialOf, startFakeVault, type FakeVault } from '../helpers/fake-vault.ts';
import { createAuthority } from '../helpers/pki.ts';
import { startMailbox, type Mailbox } from '../helpers/receivers.ts';

const DAY_MS = 86_400_000;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

const authority = createAuthority({ name: 'Issuing' });
const inDays = (days: number): Date => new Date(Date.now() + days * DAY_MS);

function lasting(name: string, days: number): string {
  return authority.issue({ names: [name], notBefore: inDays(-80), notAfter: inDays(days) }).pem;
}

/* From Vault to a mail: our whole way in between, a Vault on the wire, a real mail server. */
describe('a certificate that Vault issued', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-vault-e2e-'));
  let server: FakeVault;
  let mailbox: Mailbox;
  let daemon: Daemon | undefined;

  beforeEach(async () => {
    server = await startFakeVault();
    mailbox = await startMailbox();
    writeFileSync(path.join(folder, 'secret'), 's3cr3t\n');
    server.login = () => ({ token: 'granted', seconds: 3600 });
  });

  afterEach(async () => {
    await daemon?.stop();
    daemon = undefined;
    await server[Symbol.asyncDispose]();
    await mailbox.close();
    rmSync(path.join(folder, 'notafter.db'), { force: true });
  });

  async function start(): Promise<Daemon> {
    const config = parseConfig(
      'notafter.yaml',
      `sources:
  - name: vault
    type: vault
    every: 1s
    address: "${server.url}"
    auth: {method: approle, role_id: notafter, secret_file: "${path.join(folder, 'secret')}"}
channels:
  - {name: mail, type: email, smtp: {host: 127.0.0.1, port: ${mailbox.port}, secure: none}, from: notafter@lab.test, to: [oncall@lab.test]}
web: {listen: "127.0.0.1:0"}
store: "sqlite:${path.join(folder, 'notafter.db')}"
`,
      {},
    );
    daemon = await startDaemon({ config, version: 'test', log: quiet, loadConfig: () => Promise.resolve(config) });
    return daemon;
  }

  async function alertsOf(rule: string): Promise<readonly Alert[]> {
    const alerts = (await daemon?.store.alerts.alerts()) ?? [];
    return alerts.filter(({ places }) => places.some(({ findings }) => findings.some((one) => one.rule === rule)));
  }

  it('is told before its end, and no more once its successor was issued', async () => {
    const mount = server.mount('pki');
    mount.certificates.set(serialOf(1), lasting('shop.example.com', 4));
    await start();
    const [mail] = await eventually('a mail is sent', () => {
      const found = mailbox.received.filter(({ mail: one }) => one.subject?.includes('shop.example.com') === true);
      return found.length > 0 && found;
    });

    mount.certificates.set(serialOf(2), lasting('shop.example.com', 80));
    const alert = await eventually('it is closed', async () =>
      (await alertsOf('expiring')).find(({ state }) => state !== 'open'),
    );

    expect(mail?.mail.text).toContain('pki/cert/39-dd-2e-00-00-01');
    expect(alert.state).toBe('withdrawn');
  });

  it('stays known while the policy lacks something, which is reported with the line that is missing', async () => {
    server.mount('pki').certificates.set(serialOf(1), lasting('shop.example.com', 300));
    const { store } = await start();
    const known = async (): Promise<number> =>
      (await store.inventory.locations({ source: 'vault' })).filter(({ sightings }) => sightings.length > 0).length;
    await eventually('it is known', async () => (await known()) === 1);

    server.denied.add('list pki/certs');
    const alerts = await eventually('it is reported', async () => {
      const found = await alertsOf('not-covered');
      return found.length > 0 && found;
    });

    expect(JSON.stringify(alerts)).toContain('capabilities = [');
    expect(await known()).toBe(1);
  });
});
