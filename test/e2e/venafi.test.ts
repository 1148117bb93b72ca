import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { parseConfig } from '../../src/config/load.ts';
import { startDaemon, type Daemon } from '../../src/daemon.ts';
import { eventually } from '../helpers/eventually.ts';
import { API_KEY, startFakeSaas } from '../helpers/fake-venafi.ts';
import { createAuthority } from '../helpers/pki.ts';
import { startMailbox } from '../helpers/receivers.ts';
import { startTlsServer } from '../helpers/servers.ts';

const DAY_MS = 86_400_000;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/* From the inventory of Certificate Manager and a real server to a mail. */
describe('a certificate that Certificate Manager has renewed', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-venafi-'));
  let daemon: Daemon | undefined;

  afterEach(async () => {
    vi.restoreAllMocks();
    await daemon?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is told as not deployed while an installation serves the old one, with its owner, and to whom it belongs', async () => {
    const authority = createAuthority({ name: 'Issuing' });
    const inDays = (days: number): Date => new Date(Math.floor((Date.now() + days * DAY_MS) / 1000) * 1000);
    const old = authority.issue({ names: ['localhost'], notBefore: inDays(-40), notAfter: inDays(50) });
    const renewed = authority.issue({ names: ['localhost'], notBefore: inDays(-1), notAfter: inDays(89) });
    const server = await startTlsServer(old);
    await using saas = await startFakeSaas();
    const mailbox = await startMailbox();
    const key = path.join(folder, 'key');
    writeFileSync(key, `${API_KEY}\n`);
    saas.applications = [{ id: 'a1', name: 'Shop', owners: ['t1'] }];
    saas.teams = [{ id: 't1', name: 'web-team' }];
    const version = { managedId: 'm1', applicationIds: ['a1'] };
    const first = { ...version, id: 'v1', certificate: old, notAfter: inDays(50) };
    saas.certificates = [{ ...first, installedAt: [['localhost', server.port]] }];
    let aheadMs = 0;
    const { now } = Date;
    vi.spyOn(Date, 'now').mockImplementation(() => now() + aheadMs);
    try {
      const config = parseConfig(
        'notafter.yaml',
        `sources:
  - {name: manager, type: venafi, every: 1s, saas: {url: "${saas.url}", api_key_file: "${key}"}}
  - {name: edge, type: endpoint, every: 1s, targets: ["localhost:${server.port}"]}
channels:
  - {name: mail, type: email, smtp: {host: 127.0.0.1, port: ${mailbox.port}, secure: none}, from: notafter@lab.test, to: [oncall@lab.test]}
policy: {rollout_grace: 1s}
web: {listen: "127.0.0.1:0"}
store: "sqlite:${path.join(folder, 'notafter.db')}"
`,
        {},
      );
      const firstRounds = Promise.withResolvers<void>();
      daemon = await startDaemon({
        config,
        version: 'test',
        log: quiet,
        loadConfig: () => Promise.resolve(config),
        onFirstRounds: () => firstRounds.resolve(),
      });
      await firstRounds.promise;
      const { store } = daemon;

      saas.certificates = [
        { ...version, id: 'v2', certificate: renewed, notAfter: inDays(89) },
        { ...first, version: 'OLD', installedAt: [['localhost', server.port]] },
      ];
      await eventually('the renewed one is known', async () =>
        (await store.inventory.locations({})).some(({ sightings }) =>
          sightings.some(({ item }) => item.id === renewed.fingerprint),
        ),
      );
      // A roll-out has its time.
      aheadMs = 20 * 60_000;
      const text = await eventually('a mail is sent', () =>
        mailbox.received
          .map(({ mail }) => mail.text ?? '')
          .find((mail) => mail.includes('A newer certificate lies at')),
      );

      expect(text).toContain(`${saas.url}/certificates/m1`);
      expect(text).toContain(`localhost:${server.port}`);
      const labels = (await store.inventory.locations({ source: 'manager' })).map((location) => location.labels);
      expect(labels).toContainEqual({ application: 'Shop', owner: 'web-team' });
    } finally {
      await server.close();
      await mailbox.close();
    }
  });
});
