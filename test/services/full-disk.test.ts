import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startDaemonProcess, type DaemonProcess } from '../helpers/daemon-process.ts';
import { eventually } from '../helpers/eventually.ts';
import { parseExposition, samplesOf } from '../helpers/exposition.ts';
import { startHook, type Hook } from '../helpers/receivers.ts';
import { createStage } from '../helpers/scenarios.ts';
import { startTlsServer, type RunningTls } from '../helpers/servers.ts';
import { mountSmallDisk } from '../helpers/small-disk.ts';

const DAY_MS = 86_400_000;
const PATIENCE_MS = 150_000;

const disk = mountSmallDisk(8);

describe.runIf(disk !== undefined)('the daemon whose disk is full', () => {
  const folder = disk?.folder ?? '';
  let hook: Hook;
  let server: RunningTls;
  let daemon: DaemonProcess;

  beforeAll(async () => {
    const stage = createStage(folder);
    hook = await startHook();
    server = await startTlsServer(
      stage.intermediate.issue({ names: ['api.disk.test', '127.0.0.1'], notAfter: new Date(Date.now() + 60 * DAY_MS) }),
    );
    const config = path.join(folder, 'notafter.yaml');
    writeFileSync(
      config,
      `sources:
  - {name: servers, type: endpoint, every: 2s, targets: ["127.0.0.1:${server.port}"]}
channels:
  - {name: hook, type: webhook, url: "${hook.url}/told"}
heartbeat: {url: "${hook.url}/beat", every: 5s}
web: {listen: "127.0.0.1:0"}
store: "sqlite:${path.join(folder, 'notafter.db')}"
`,
    );
    daemon = await startDaemonProcess(config, { cwd: folder });
    await eventually('the first round is complete', () => daemon.stdout().includes('Found '), PATIENCE_MS);
    await eventually('the heart beats', () => beats().length > 0, PATIENCE_MS);
  });
  afterAll(async () => {
    await daemon?.kill();
    await server?.close();
    await hook?.close();
    disk?.remove();
  });

  const beats = (): readonly number[] =>
    hook.received.filter(({ path: where }) => where === '/beat').map(({ at }) => at);
  const told = (): readonly string[] =>
    hook.received
      .filter(({ path: where }) => where === '/told')
      .flatMap(({ body }) => {
        const { reason, alerts } = JSON.parse(body) as {
          reason: string;
          alerts: readonly { rules: readonly string[] }[];
        };
        return alerts.map(({ rules }) => `${reason} ${rules.join()}`);
      });

  it('says so past its store, stops its heart, and lives', { timeout: PATIENCE_MS + 10_000 }, async () => {
    disk?.fill();
    // A new certificate is something to write down.
    server.use(
      createStage(folder).intermediate.issue({
        names: ['api.disk.test', '127.0.0.1'],
        notAfter: new Date(Date.now() + 50 * DAY_MS),
      }),
    );
    await eventually('everybody is told', () => told().includes('first store-failing'), PATIENCE_MS);
    const [last = 0] = beats().toReversed();
    expect(Date.now() - last).toBeGreaterThan(10_000);
    expect(samplesOf(parseExposition(await daemon.metrics()), 'notafter_build_info', {})).toHaveLength(1);
  });

  it('goes on by itself when there is room again', { timeout: PATIENCE_MS + 10_000 }, async () => {
    const since = Date.now();
    disk?.clear();
    await eventually('that it is over is told', () => told().includes('resolved store-failing'), PATIENCE_MS);
    await eventually('the heart beats again', () => beats().some((at) => at > since), PATIENCE_MS);
    expect(told().filter((line) => line.includes('store-failing'))).toHaveLength(2);
    expect(await daemon.stop()).toBe(0);
  });
});
