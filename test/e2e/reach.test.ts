import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Location } from '../../src/inventory/model.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import { startDaemonProcess, type DaemonProcess } from '../helpers/daemon-process.ts';
import { startDnsServer, type DnsServer } from '../helpers/dns-server.ts';
import { eventually } from '../helpers/eventually.ts';
import { parseExposition, samplesOf } from '../helpers/exposition.ts';
import { createAuthority } from '../helpers/pki.ts';
import { startSocksProxy, type ProxyServer } from '../helpers/proxies.ts';
import { startTlsServer, type RunningTls } from '../helpers/servers.ts';

const DAY_MS = 86_400_000;
const NAME = 'shop.lab.test';
const LOGIN = { username: 'notafter', password: 'let me through' };

/*
 * A name with three addresses: one serves the new certificate, one still the old one, one is dead. Looked at straight and
 * through a SOCKS5 proxy that wants a login; the name server is a real one, too.
 */
describe('a name with three addresses', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-reach-'));
  const storePath = path.join(folder, 'notafter.db');
  const now = Math.floor(Date.now() / 1000) * 1000;
  const root = createAuthority({ name: 'Root', notAfter: new Date(now + 3_000 * DAY_MS) });
  const renewed = root.issue({ names: [NAME], notAfter: new Date(now + 80 * DAY_MS) });
  const old = root.issue({ names: [NAME], notAfter: new Date(now + 50 * DAY_MS) });
  const SOURCES = ['straight', 'tunnelled'];
  let servers: RunningTls[];
  let dns: DnsServer;
  let proxy: ProxyServer;
  let daemon: DaemonProcess;
  let port: number;

  async function locationsOf(source: string): Promise<readonly Location[]> {
    const store = await openSqlite(storePath, { readOnly: true });
    try {
      return await store.inventory.locations({ source });
    } finally {
      await store.close();
    }
  }

  const at = (address: string): string => `${NAME}:${port}@${address}`;

  beforeAll(async () => {
    const first = await startTlsServer(renewed);
    ({ port } = first);
    servers = [first, await startTlsServer(old, {}, port, '127.0.0.2')];
    dns = await startDnsServer({ [NAME]: { a: ['127.0.0.3', '127.0.0.1', '127.0.0.2'], aaaa: [] } });
    proxy = await startSocksProxy({ login: LOGIN });
    writeFileSync(path.join(folder, 'password'), `${LOGIN.password}\n`);
    writeFileSync(
      path.join(folder, 'targets.json'),
      JSON.stringify([{ targets: [`${NAME}:${port}`], labels: { owner: 'shop', __meta_x: 'y' } }]),
    );
    writeFileSync(path.join(folder, 'root.pem'), root.certificate.pem);
    const config = path.join(folder, 'notafter.yaml');
    writeFileSync(
      config,
      `network:
  dns: {servers: ["${dns.address}"], timeout: 1s, cache: {max_ttl: 0s}}
trust: {ca_files: ["${path.join(folder, 'root.pem')}"]}
sources:
  - {name: straight, type: endpoint, every: 1s, timeout: 3s, file_sd: ["${folder}/*.json"]}
  - name: tunnelled
    type: endpoint
    every: 1s
    timeout: 3s
    targets: ["${NAME}:${port}"]
    proxy: {url: "socks5://127.0.0.1:${proxy.port}", username: ${LOGIN.username}, password_file: "${path.join(folder, 'password')}"}
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
    await dns[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(SOURCES)(
    'is three locations (%s), each with what that address serves and its own figures',
    async (source) => {
      const locations = await locationsOf(source);

      expect(
        locations.map(({ location, endpoint, chain, failure }) => [
          location,
          endpoint?.chain,
          chain?.leaf.at,
          failure?.reason,
        ]),
      ).toEqual([
        [at('127.0.0.1'), [renewed.fingerprint], now + 80 * DAY_MS, undefined],
        [at('127.0.0.2'), [old.fingerprint], now + 50 * DAY_MS, undefined],
        [at('127.0.0.3'), [], undefined, 'refused'],
      ]);
      // What a rule needs that compares the addresses of one target: who was asked for what, and how it was reached.
      for (const { target, endpoint } of locations) {
        expect(target).toBe(`${NAME}:${port}`);
        expect(endpoint?.serverName).toBe(NAME);
        expect(endpoint?.proxy).toBe(source === 'straight' ? undefined : `socks5://127.0.0.1:${proxy.port}`);
      }
      expect(locations.map(({ labels }) => labels['owner'])).toEqual(
        Array.from({ length: 3 }, () => (source === 'straight' ? 'shop' : undefined)),
      );
    },
  );

  it('shows the same through the proxy, which was asked for each address', async () => {
    expect(new Set(proxy.asked)).toEqual(
      new Set(['127.0.0.1', '127.0.0.2', '127.0.0.3'].map((address) => `${address}:${port}`)),
    );
    const samples = parseExposition(await daemon.metrics());
    for (const source of SOURCES) {
      const up = samplesOf(samples, 'notafter_location_up', { source });
      expect(up.map(({ value }) => value).toSorted((a, b) => a - b)).toEqual([0, 1, 1]);
      const ends = samplesOf(samples, 'notafter_certificate_not_after_timestamp_seconds', { source, role: 'server' });
      expect(ends.map(({ value }) => value).toSorted((a, b) => a - b)).toEqual([
        now / 1000 + 50 * 86_400,
        now / 1000 + 80 * 86_400,
      ]);
    }
  });

  it('lets an address go that leaves DNS, and says nothing about it', async () => {
    dns.zone = { [NAME]: { a: ['127.0.0.1'], aaaa: [] } };

    await eventually('the other addresses are gone', async () => {
      const all = await Promise.all(SOURCES.map(locationsOf));
      return all.every((locations) => locations.length === 1);
    });

    const store = await openSqlite(storePath, { readOnly: true });
    try {
      const alerts = await store.alerts.alerts();
      // The dead one was told of while it was in DNS; that it went is no alert.
      expect(alerts.map(({ state, places }) => [state, ...places.map(({ location }) => location)])).toEqual([
        ['withdrawn', at('127.0.0.3')],
        ['withdrawn', at('127.0.0.3')],
      ]);
    } finally {
      await store.close();
    }
    for (const source of SOURCES) {
      const samples = parseExposition(await daemon.metrics());
      expect(samplesOf(samples, 'notafter_location_up', { source })).toHaveLength(1);
    }
  });

  it('keeps everything when the name servers fail, and when the list is broken', async () => {
    dns.zone = { [NAME]: { a: 'servfail', aaaa: 'servfail' } };
    writeFileSync(path.join(folder, 'targets.json'), '[{"targets": ["');

    await eventually('the failures are recorded', async () => {
      const [straight, tunnelled] = await Promise.all(SOURCES.map(locationsOf));
      return (
        straight?.some(({ location, failure }) => location === '(discovery)' && failure?.reason === 'malformed') ===
          true &&
        straight.some(({ location, failure }) => location === at('127.0.0.1') && failure?.reason === 'dns') &&
        tunnelled?.[0]?.failure?.reason === 'dns'
      );
    });

    const [straight = []] = await Promise.all(SOURCES.map(locationsOf));
    expect(straight.find(({ location }) => location === '(discovery)')?.failure?.detail).toMatch(
      /targets\.json:1:\d+: this is neither JSON nor YAML/,
    );
    expect(straight.find(({ location }) => location === at('127.0.0.1'))?.endpoint?.chain).toEqual([
      renewed.fingerprint,
    ]);
  });
});
