import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { eventually } from '../helpers/eventually.ts';
import { startHook, type Hook } from '../helpers/receivers.ts';

const ALERTS = 20;
const KILLS = 10;
const HOUR_MS = 3_600_000;

/** The same question that notafter is asked in kill.test.ts, put to Alertmanager with its own settings for its data. */
describe('Alertmanager, killed after it told of alerts and took a silence', () => {
  let folder: string;
  let hook: Hook;
  let url: string;
  let child: ChildProcess | undefined;
  let args: readonly string[];

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'notafter-alertmanager-'));
    hook = await startHook();
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const config = path.join(folder, 'alertmanager.yml');
    writeFileSync(
      config,
      `route: {receiver: hook, group_by: [alertname], group_wait: 1s, group_interval: 1s, repeat_interval: 4h}
receivers: [{name: hook, webhook_configs: [{url: "${hook.url}"}]}]
`,
    );
    args = [
      `--config.file=${config}`,
      `--storage.path=${path.join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--cluster.listen-address=',
    ];
  });
  afterAll(async () => {
    child?.kill('SIGKILL');
    await hook.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(): Promise<void> {
    child = spawn('prometheus-alertmanager', args, { stdio: 'ignore' });
    await eventually('it is ready', async () => (await fetch(`${url}/-/ready`).catch(() => undefined))?.ok, 30_000);
  }

  async function kill(): Promise<void> {
    if (child === undefined) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  /** As Prometheus does again and again while a rule fires. */
  async function post(what: 'alerts' | 'silences', body: unknown): Promise<void> {
    const answer = await fetch(`${url}/api/v2/${what}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(answer.status).toBe(200);
  }

  const told = (): readonly string[] =>
    hook.received.flatMap(({ body }) =>
      (JSON.parse(body) as { alerts: readonly { labels: { alertname: string } }[] }).alerts.map(
        ({ labels }) => labels.alertname,
      ),
    );

  it('is held to the same count: who is told again, and which silences are left', { timeout: 300_000 }, async () => {
    let [again, silencesLost] = [0, 0];
    for (let round = 0; round < KILLS; round += 1) {
      const names = Array.from({ length: ALERTS }, (_, index) => `end-${round}-${index}`);
      const alerts = names.map((alertname) => ({ labels: { alertname }, endsAt: new Date(Date.now() + HOUR_MS) }));
      await start();
      await post('alerts', alerts);
      await eventually('all is told', () => names.every((name) => told().includes(name)), 30_000);
      await post('silences', {
        matchers: [{ name: 'alertname', value: `quiet-${round}`, isRegex: false }],
        startsAt: new Date(),
        endsAt: new Date(Date.now() + HOUR_MS),
        createdBy: 'test',
        comment: `round ${round}`,
      });
      const before = hook.received.length;
      await kill();
      await start();
      const silences = await (await fetch(`${url}/api/v2/silences`)).text();
      if (!silences.includes(`round ${round}`)) silencesLost += 1;
      await post('alerts', alerts);
      // When what came later is told, twice in a row, the old ones would have been.
      for (const fresh of [`fresh-${round}`, `fresher-${round}`]) {
        await post('alerts', [{ labels: { alertname: fresh } }]);
        await eventually('what is new is told', () => told().includes(fresh), 30_000);
      }
      const since = hook.received
        .slice(before)
        .flatMap(({ body }) => names.filter((name) => body.includes(`"${name}"`)));
      again += new Set(since).size;
      await kill();
      rmSync(path.join(folder, 'data'), { recursive: true, force: true });
    }
    console.log(
      `Alertmanager, ${KILLS} kills: of ${KILLS * ALERTS} alerts that were told ${again} were told again, of ${KILLS} silences ${silencesLost} were lost`,
    );
    expect(again).toBeLessThanOrEqual(KILLS * ALERTS);
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
