import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startDaemonProcess } from '../helpers/daemon-process.ts';
import { eventually } from '../helpers/eventually.ts';
import { createKey } from '../helpers/pki.ts';
import { startHook, type Hook } from '../helpers/receivers.ts';
import { createStage, type Stage } from '../helpers/scenarios.ts';
import { startTlsServer, type RunningTls } from '../helpers/servers.ts';

const BIN = fileURLToPath(new URL('../../bin/notafter.js', import.meta.url));
const DAY_MS = 86_400_000;
/** Of the heap, in MiB: from what is too little to begin with to what is nearly enough for the load. */
const LIMITS = [24, 40, 64];
/** A bundle that is worth some memory. */
const LOAD = 2_000;
/** Who has not died of it by then lives with it. */
const LIVES_MS = 10_000;

describe('a daemon that has too little memory for what it meets', () => {
  let folder: string;
  let config: string;
  let stage: Stage;
  let hook: Hook;
  const servers: RunningTls[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'notafter-memory-'));
    config = path.join(folder, 'notafter.yaml');
    stage = createStage(folder);
    hook = await startHook();
    const notBefore = new Date(Date.now() - 80 * DAY_MS);
    const notAfter = new Date(Date.now() + 4 * DAY_MS);
    for (const name of ['one', 'two']) {
      const names = [`${name}.memory.test`, '127.0.0.1'];
      servers.push(await startTlsServer(stage.intermediate.issue({ names, notBefore, notAfter })));
    }
  });
  afterAll(async () => {
    for (const server of servers) await server.close();
    await hook.close();
    rmSync(folder, { recursive: true });
  });

  function write(targets: readonly RunningTls[], load: string): void {
    writeFileSync(
      config,
      `sources:
  - {name: served, type: endpoint, every: 1s, targets: [${targets.map(({ port }) => `"127.0.0.1:${port}"`).join(', ')}]}
  - {name: disk, type: file, every: 1s, paths: ["${load}"]}
channels: [{name: hook, type: webhook, url: "${hook.url}"}]
web: {listen: "127.0.0.1:0"}
log: {level: error}
store: "sqlite:${path.join(folder, 'notafter.db')}"
`,
    );
  }
  interface News {
    readonly id: string;
    readonly reason: string;
    readonly alerts: readonly { readonly id: string }[];
  }
  const told = (): readonly { readonly news: News; readonly body: string }[] =>
    hook.received.map(({ body }) => ({ news: JSON.parse(body) as News, body }));
  const isTold = (name: string): boolean => told().some(({ body }) => body.includes(`${name}.memory.test`));
  /** Alerts that were told as new under more than one id. */
  function toldAnew(): readonly string[] {
    const ids = new Map<string, Set<string>>();
    for (const { news } of told()) {
      if (news.reason !== 'first') continue;
      for (const { id } of news.alerts) ids.set(id, (ids.get(id) ?? new Set()).add(news.id));
    }
    return [...ids].flatMap(([alert, messages]) => (messages.size > 1 ? [alert] : []));
  }

  /** Runs with so much heap until it ends, or long enough; whether it died for want of memory. */
  async function starve(limit: number): Promise<boolean> {
    const child = spawn(process.execPath, [`--max-old-space-size=${limit}`, BIN, 'run', '--config', config], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
    const exited = once(child, 'exit');
    const patience = setTimeout(() => child.kill('SIGTERM'), LIVES_MS);
    await exited;
    clearTimeout(patience);
    return output.includes('heap out of memory');
  }

  it('loses no alert and repeats none, however often it dies of it', { timeout: 120_000 }, async () => {
    const [one, two] = servers as [RunningTls, RunningTls];
    const none = path.join(folder, 'none.pem');
    writeFileSync(none, stage.root.certificate.pem);
    write([one], none);
    const before = await startDaemonProcess(config, { cwd: folder, deadlineMs: 60_000 });
    await eventually('the first is told', () => isTold('one'), 60_000);
    await before.kill();

    const key = createKey();
    const bundle = path.join(folder, 'bundle.pem');
    const names = Array.from({ length: LOAD }, (_, index) => [`host-${index}.memory.test`]);
    writeFileSync(bundle, names.map((list) => stage.root.issue({ key, names: list }).pem).join(''));
    write([one, two], bundle);
    const died: boolean[] = [];
    for (const limit of LIMITS) died.push(await starve(limit));
    expect(died).toContain(true);

    const after = await startDaemonProcess(config, { cwd: folder, deadlineMs: 60_000 });
    await eventually('the second is told', () => isTold('two'), 60_000);
    expect(await after.stop()).toBe(0);
    expect(told().some(({ news }) => news.reason === 'first')).toBe(true);
    expect(toldAnew()).toEqual([]);
  });
});
