import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { parseConfig } from '../../src/config/load.ts';
import { startDaemon, type Daemon } from '../../src/daemon.ts';
import type { Location } from '../../src/inventory/model.ts';
import type { Alert } from '../../src/notify/model.ts';
import { eventually } from '../helpers/eventually.ts';
import { startFakeKube, tlsSecret, type FakeKube } from '../helpers/fake-kube.ts';
import { createAuthority, type TestCertificate } from '../helpers/pki.ts';
import { startMailbox, type Mailbox } from '../helpers/receivers.ts';
import { startTlsServer } from '../helpers/servers.ts';

const DAY_MS = 86_400_000;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

const authority = createAuthority({ name: 'Issuing' });
const inDays = (days: number): Date => new Date(Date.now() + days * DAY_MS);

function lasting(name: string, days: number, age = 80): TestCertificate {
  return authority.issue({ names: [name], notBefore: inDays(-age), notAfter: inDays(days) });
}

/* From a cluster to a mail: our whole way in between, a cluster on the wire, a real mail server. */
describe('a certificate in a cluster', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-kube-'));
  let cluster: FakeKube;
  let mailbox: Mailbox;
  let daemon: Daemon | undefined;

  beforeEach(async () => {
    cluster = await startFakeKube();
    mailbox = await startMailbox();
  });

  afterEach(async () => {
    await daemon?.stop();
    daemon = undefined;
    await cluster[Symbol.asyncDispose]();
    await mailbox.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(more = '', policy = ''): Promise<Daemon> {
    const config = parseConfig(
      'notafter.yaml',
      `sources:
  - {name: cluster, type: kubernetes, every: 1s, server: "${cluster.url}"}
${more}
channels:
  - {name: mail, type: email, smtp: {host: 127.0.0.1, port: ${mailbox.port}, secure: none}, from: notafter@lab.test, to: [oncall@lab.test]}
web: {listen: "127.0.0.1:0"}
store: "sqlite:${path.join(folder, 'notafter.db')}"
${policy}`,
      {},
    );
    daemon = await startDaemon({ config, version: 'test', log: quiet, loadConfig: () => Promise.resolve(config) });
    return daemon;
  }

  function mails(text: string): readonly string[] {
    return mailbox.received
      .filter(({ mail }) => mail.subject?.includes(text) === true)
      .map(({ mail }) => mail.text ?? '');
  }

  async function alertsOf(rule: string): Promise<readonly Alert[]> {
    const alerts = (await daemon?.store.alerts.alerts()) ?? [];
    return alerts.filter(({ places }) => places.some(({ findings }) => findings.some((one) => one.rule === rule)));
  }

  it('that was copied into 300 namespaces is one alert and one mail', async () => {
    const wildcard = lasting('*.example.com', 4);
    cluster.put(
      'secrets',
      ...Array.from({ length: 300 }, (_, rank) => tlsSecret(`team-${rank}`, 'wildcard', wildcard)),
    );

    await start();
    await eventually('all of them are known', async () => (await alertsOf('expiring'))[0]?.places.length === 300);
    await eventually('it is told', () => mails('*.example.com').length > 0);
    const looks = cluster.requests.length;
    await eventually('more rounds have passed', () => cluster.requests.length > looks + 20);

    expect(await alertsOf('expiring')).toHaveLength(1);
    expect(mails('*.example.com')).toHaveLength(1);
    expect(mails('*.example.com')[0]).toContain('secret/team-');
  });

  it('that was renewed while its Ingress still serves the old one is told as not deployed', async () => {
    const [old, renewed] = [lasting('localhost', 50, 40), lasting('localhost', 89, 1)];
    const server = await startTlsServer(old);
    let aheadMs = 0;
    const { now } = Date;
    vi.spyOn(Date, 'now').mockImplementation(() => now() + aheadMs);
    try {
      cluster.put('secrets', tlsSecret('shop', 'web', old));
      cluster.put('ingresses', {
        metadata: { namespace: 'shop', name: 'web' },
        spec: { tls: [{ secretName: 'web', hosts: ['localhost'] }] },
      });
      const { store } = await start(
        `  - {name: edge, type: endpoint, every: 1s, targets: ["localhost:${server.port}"]}`,
        'policy: {rollout_grace: 1s}',
      );
      await eventually('both are known', async () => {
        const known = await store.inventory.locations({});
        return known.filter(({ sightings }) => sightings.length > 0).length >= 2;
      });

      cluster.put('secrets', tlsSecret('shop', 'web', renewed));
      const isSeen = ({ sightings }: Location): boolean =>
        sightings.some(({ item }) => item.id === renewed.fingerprint);
      await eventually('the renewed one is known', async () => (await store.inventory.locations({})).some(isSeen));
      // A roll-out has its time.
      aheadMs = 20 * 60_000;
      const [alert] = await eventually('it is told', async () => {
        const found = await alertsOf('not-deployed');
        return found.length > 0 && found;
      });

      expect(alert?.places.map(({ source }) => source)).toEqual(['edge']);
      expect(JSON.stringify(alert)).toContain('secret/shop/web');
      await eventually('a mail is sent', () => mails('localhost').some((text) => text.includes('secret/shop/web')));
    } finally {
      vi.restoreAllMocks();
      await server.close();
    }
  });

  it('is looked at where its Gateway serves it, without anybody listing that', async () => {
    const pair = lasting('localhost', 300);
    const server = await startTlsServer(pair);
    try {
      cluster.put('secrets', tlsSecret('edge', 'web', pair));
      cluster.put('gateways', {
        metadata: { namespace: 'edge', name: 'public' },
        spec: {
          listeners: [
            {
              protocol: 'HTTPS',
              hostname: 'localhost',
              port: server.port,
              tls: { certificateRefs: [{ name: 'web' }] },
            },
          ],
        },
      });

      const { store } = await start('  - {name: edge, type: endpoint, every: 1s, targets_from: [cluster]}');
      const [served] = await eventually('it is looked at', async () => {
        const found = (await store.inventory.locations({ source: 'edge' })).filter((one) => one.sightings.length > 0);
        return found.length > 0 && found;
      });

      expect(served?.target).toBe(`localhost:${server.port}`);
      expect(served?.sightings[0]?.item.id).toBe(pair.fingerprint);
    } finally {
      await server.close();
    }
  });

  it('that is deleted is withdrawn, and not said to be resolved', async () => {
    cluster.put(
      'secrets',
      tlsSecret('shop', 'web', lasting('shop.example.com', 4)),
      tlsSecret('shop', 'other', lasting('other.example.com', 300)),
    );
    await start();
    await eventually('it is told', () => mails('shop.example.com').length > 0);

    cluster.remove('secrets', 'web', 'shop');
    const [alert] = await eventually('it is closed', async () => {
      const found = (await alertsOf('expiring')).filter(({ state }) => state !== 'open');
      return found.length > 0 && found;
    });

    expect(alert?.state).toBe('withdrawn');
  });

  it('stays known while a right is missing, which is reported by verb and resource', async () => {
    cluster.put('secrets', tlsSecret('shop', 'web', lasting('shop.example.com', 300)));
    const { store } = await start();
    const known = async (): Promise<number> =>
      (await store.inventory.locations({ source: 'cluster' })).filter(({ sightings }) => sightings.length > 0).length;
    await eventually('it is known', async () => (await known()) === 1);

    cluster.denied.add('list secrets');
    const alerts = await eventually('it is reported', async () => {
      const found = await alertsOf('not-covered');
      return found.length > 0 && found;
    });
    const looks = cluster.requests.length;
    await eventually('more rounds have passed', () => cluster.requests.length > looks + 20);

    expect(JSON.stringify(alerts)).toContain('Allow the verb list on secrets');
    expect(await known()).toBe(1);
  });

  it('whose renewal is stuck is told long before its end', async () => {
    cluster.put('secrets', tlsSecret('shop', 'web-tls', lasting('shop.example.com', 80, 10)));
    cluster.put('certificates', {
      metadata: { namespace: 'shop', name: 'web' },
      spec: { secretName: 'web-tls', issuerRef: { name: 'acme' } },
      status: {
        notAfter: inDays(80).toISOString(),
        failedIssuanceAttempts: 3,
        lastFailureTime: inDays(-1).toISOString(),
      },
    });

    await start();
    await eventually('it is told', async () => (await alertsOf('renewal-overdue')).length === 1);

    expect(JSON.stringify(await alertsOf('renewal-overdue'))).toContain(
      '3 attempts to issue Certificate shop/web failed',
    );
  });
});
