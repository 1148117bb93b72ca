import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { startDaemonProcess, type DaemonProcess } from '../helpers/daemon-process.ts';
import { eventually } from '../helpers/eventually.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.ts';
import { startHook } from '../helpers/receivers.ts';
import { createStage } from '../helpers/scenarios.ts';
import { startTlsServer } from '../helpers/servers.ts';

const BIN = fileURLToPath(new URL('../../bin/notafter.js', import.meta.url));
const HOUR = 3_600_000;
const START_DEADLINE_MS = 60_000;

describe('moving a running notafter to a cluster by the guide', () => {
  let folder: string;
  let database: TestDatabase;
  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'notafter-move-'));
    database = await createTestDatabase();
  });
  afterEach(async () => {
    await database.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  function command(...words: readonly string[]): string {
    return execFileSync(process.execPath, [BIN, ...words], { cwd: folder, encoding: 'utf8' });
  }

  it(
    'keeps history, alerts, acknowledgements and silences, and tells nobody anything twice',
    { timeout: 180_000 },
    async () => {
      const stage = createStage(folder);
      const issue = (endsInMs: number) =>
        stage.intermediate.issue({
          names: ['api.move.test', '127.0.0.1'],
          notBefore: new Date(Date.now() - 1_000 * HOUR),
          notAfter: new Date(Date.now() + endsInMs),
        });
      const server = await startTlsServer(issue(3 * HOUR));
      const hook = await startHook(() => {});
      const told = (reason: string): number =>
        hook.received.filter(({ body }) => body.includes(`"reason":"${reason}"`) && body.includes('api.move.test'))
          .length;
      const config = path.join(folder, 'notafter.yaml');
      const write = (store: string): void =>
        writeFileSync(
          config,
          `sources:
  - {name: servers, type: endpoint, every: 1s, targets: ["127.0.0.1:${server.port}"]}
channels:
  - {name: hook, type: webhook, url: "${hook.url}"}
web: {listen: "127.0.0.1:0"}
log: {level: warn}
store: "${store}"
`,
        );
      const nodes: DaemonProcess[] = [];
      try {
        write(`sqlite:${path.join(folder, 'notafter.db')}`);
        const alone = await startDaemonProcess(config, { cwd: folder, deadlineMs: START_DEADLINE_MS });
        nodes.push(alone);
        await eventually('the first alert is told', () => told('first') > 0, 60_000);
        command('silence', 'add', 'owner="nobody"', '--for', '2h', '--comment', 'goes along', '--url', alone.url);
        await alone.stop();
        const before = JSON.parse(command('list', '--config', config, '--json')) as readonly object[];
        expect(before).not.toHaveLength(0);

        expect(command('store', 'copy', `sqlite:${path.join(folder, 'notafter.db')}`, database.url)).toMatch(
          /^copied \d+ rows/,
        );
        write(database.url);
        for (const name of ['a', 'b']) {
          const seat = { cwd: folder, arguments: ['--node', name], deadlineMs: START_DEADLINE_MS };
          nodes.push(await startDaemonProcess(config, seat));
        }
        const [, one] = nodes;
        expect(command('silence', 'list', '--url', one?.url ?? '')).toContain('goes along');
        const since = Date.now();
        await eventually(
          'the cluster has looked',
          async () => {
            const [row] = await database.query('select min(last_look_at) as at from targets');
            return Number(row?.['at']) > since;
          },
          60_000,
        );
        // A renewal is told by the cluster, about the alert that the single node had opened.
        server.use(issue(9_000 * HOUR));
        await eventually('the renewal is told', () => told('resolved') > 0, 90_000);
        expect([told('first'), told('resolved')]).toEqual([1, 1]);
        const opened = await database.query(
          `select opened_at from alerts where family = 'expiry' and state = 'resolved'`,
        );
        expect(Number(opened[0]?.['opened_at'])).toBeLessThan(since);
      } finally {
        for (const node of nodes) await node.kill();
        await server.close();
        await hook.close();
      }
    },
  );
});
