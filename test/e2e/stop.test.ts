import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { startDaemonProcess } from '../helpers/daemon-process.ts';
import { eventually } from '../helpers/eventually.ts';
import { createStage } from '../helpers/scenarios.ts';
import { startTcpServer, startTlsServer } from '../helpers/servers.ts';

const CERTIFICATES = 8;
const DAY_MS = 86_400_000;
/** Stops while a message is being answered, and while the silent server is being looked at. */
const ANSWER_MS = 400;

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
