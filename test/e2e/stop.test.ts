import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { afterAll, describe, expect, it } from 'vitest';

import { startDaemonProcess } from '../helpers/daemon-process.ts';
import { eventually } from '../helpers/eventually.ts';
import { parseExposition, samplesOf } from '../helpers/exposition.ts';
import { newsIn, type News } from '../helpers/kill-run.ts';
import type { TestCertificate } from '../helpers/pki.ts';
import { startHook } from '../helpers/receivers.ts';
import { createStage } from '../helpers/scenarios.ts';
import { startTcpServer, startTlsServer } from '../helpers/servers.ts';

const CERTIFICATES = 8;
const DAY_MS = 86_400_000;
/** Stops while a message is being answered, and while the silent server is being looked at. */
const ANSWER_MS = 400;
/** What a certificate has left before a pause, beyond the time that the daemon took to start. */
const NEARLY_OVER_MS = 1_500;
const HOUR_MS = 3_600_000;

describe('SIGTERM', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-stop-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('in the middle of looks and of sending loses nothing and tells nothing twice', { timeout: 60_000 }, async () => {
    const stage = createStage(folder);
    const servers = await Promise.all(
      Array.from({ length: CERTIFICATES }, (_, index) =>
        startTlsServer(
          stage.intermediate.issue({
            names: [`host-${index}.stop.test`],
            notBefore: new Date(Date.now() - 85 * DAY_MS),
            notAfter: new Date(Date.now() + 5 * DAY_MS),
          }),
        ),
      ),
    );
    const silent = await startTcpServer(() => undefined);
    const begun: string[] = [];
    const answered: { id: string; title: string }[] = [];
    const slow = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { id, alerts } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as {
          id: string;
          alerts: { title: string }[];
        };
        begun.push(id);
        setTimeout(() => {
          response.end('ok');
          answered.push(...alerts.map(({ title }) => ({ id, title })));
        }, ANSWER_MS);
      });
    });
    await new Promise<void>((resolve) => {
      slow.listen(0, '127.0.0.1', resolve);
    });
    const config = path.join(folder, 'notafter.yaml');
    const targets = [...servers, silent].map(({ port }) => `"127.0.0.1:${port}"`).join(', ');
    writeFileSync(
      config,
      `sources:
  - {name: servers, type: endpoint, every: 1s, timeout: 2s, targets: [${targets}]}
channels:
  - {name: hook, type: webhook, url: "http://127.0.0.1:${(slow.address() as AddressInfo).port}/"}
web: {listen: "127.0.0.1:0"}
log: {level: error}
store: "sqlite:${path.join(folder, 'notafter.db')}"
`,
    );
    const told = (): ReadonlySet<string> =>
      new Set(answered.map(({ title }) => title).filter((title) => title.startsWith('host-')));

    for (let stop = 0; stop < 4; stop++) {
      const before = begun.length;
      const daemon = await startDaemonProcess(config, { cwd: folder });
      await eventually('a message is under way', () => begun.length > before || told().size === CERTIFICATES, 20_000);
      expect(await daemon.stop()).toBe(0);
    }
    const daemon = await startDaemonProcess(config, { cwd: folder });
    await eventually('everything is told', () => told().size === CERTIFICATES, 20_000);
    expect(await daemon.stop()).toBe(0);

    expect(told().size).toBe(CERTIFICATES);
    expect(begun.length).toBe(new Set(begun).size);
    for (const server of [...servers, silent]) await server.close();
    await new Promise((resolve) => {
      slow.close(resolve);
      slow.closeAllConnections();
    });
  });
});

describe('SIGSTOP', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-pause-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const isAbout =
    (rule: string) =>
    ({ rules }: News): boolean =>
      rules.includes(rule);

  it(
    'tells once what ended during the pause, and nothing else; looks and heartbeats go on',
    { timeout: 90_000 },
    async () => {
      const stage = createStage(folder);
      const issue = (name: string, from: number, until: number): TestCertificate =>
        stage.intermediate.issue({ names: [name], notBefore: new Date(from), notAfter: new Date(until) });
      const server = await startTlsServer(issue('early.pause.test', Date.now() - DAY_MS, Date.now() + 90 * DAY_MS));
      const beats: number[] = [];
      const hook = await startHook();
      const heart = await startHook(({ at }) => beats.push(at));
      const beatsSince = (since: number): number => beats.filter((at) => at > since).length;
      const config = path.join(folder, 'notafter.yaml');
      writeFileSync(
        config,
        `sources:
  - {name: servers, type: endpoint, every: 1s, timeout: 5s, targets: ["127.0.0.1:${server.port}"]}
channels:
  - {name: hook, type: webhook, url: "${hook.url}"}
heartbeat: {url: "${heart.url}", every: 1s}
web: {listen: "127.0.0.1:0"}
log: {level: error}
store: "sqlite:${path.join(folder, 'notafter.db')}"
`,
      );
      const told = newsIn(hook);
      const startedAt = Date.now();
      const daemon = await startDaemonProcess(config, { cwd: folder, deadlineMs: 60_000 });
      const startMs = Date.now() - startedAt;
      const looks = async (): Promise<number> => {
        const samples = parseExposition(await daemon.metrics());
        return samplesOf(samples, 'notafter_observations_total', { source: 'servers', result: 'ok' })[0]?.value ?? 0;
      };
      try {
        await eventually('the first round is over', () => daemon.stdout().includes('Found '), 60_000);
        await eventually('its heart beats', () => beats.length > 0, 30_000);
        // Who was slow to start is given longer to tell that it is nearly over.
        const endsAt = Math.ceil((Date.now() + NEARLY_OVER_MS + startMs) / 1000) * 1000;
        server.use(issue('nearly-over.pause.test', endsAt - HOUR_MS, endsAt));
        await eventually('that it is nearly over is told', () => told().some(isAbout('expiring')), 30_000);

        daemon.child.kill('SIGSTOP');
        const pausedAt = Date.now();
        expect(pausedAt).toBeLessThan(endsAt);
        await wait(endsAt + 500 - pausedAt);
        expect(told().some(isAbout('expired'))).toBe(false);
        // One may have been on its way.
        expect(beatsSince(pausedAt)).toBeLessThanOrEqual(1);
        const resumedAt = Date.now();
        daemon.child.kill('SIGCONT');

        await eventually('its end is told', () => told().some(isAbout('expired')), 30_000);
        const before = await looks();
        await eventually('looks go on', async () => (await looks()) >= before + 2, 30_000);
        await eventually('the heart goes on', () => beatsSince(resumedAt) >= 2, 30_000);
        expect(await daemon.stop()).toBe(0);
        // All that was told: no end twice, nothing resolved, nothing out of reach, and no clock that cannot be trusted.
        const nearlyOver = { family: 'expiry', title: 'nearly-over.pause.test' };
        expect(told()).toMatchObject([
          { ...nearlyOver, reason: 'first', rules: ['expiring'] },
          { ...nearlyOver, reason: 'worse', rules: ['expired'] },
        ]);
      } finally {
        await daemon.kill();
        await server.close();
        await hook.close();
        await heart.close();
      }
    },
  );
});
