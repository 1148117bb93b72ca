import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { eventually } from '../helpers/eventually.ts';
import { parseExposition, samplesOf } from '../helpers/exposition.ts';
import { startHook, type Hook } from '../helpers/receivers.ts';
import { createStage } from '../helpers/scenarios.ts';
import { startTlsServer, type RunningTls } from '../helpers/servers.ts';

const BIN = fileURLToPath(new URL('../../bin/notafter.js', import.meta.url));
/** The daemon itself needs about 35: what is left is too little for the targets that never answer. */
const DESCRIPTORS = 48;
const SILENT_TARGETS = 100;

describe('a daemon that runs out of file descriptors', () => {
  let folder: string;
  let silent: Server;
  let server: RunningTls;
  let hook: Hook;
  const sockets = new Set<{ destroy(): void }>();

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'notafter-scarcity-'));
    const stage = createStage(folder);
    hook = await startHook();
    server = await startTlsServer(stage.intermediate.issue({ names: ['api.scarce.test', '127.0.0.1'] }));
    silent = createServer((socket) => sockets.add(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => silent.close(resolve));
    await server.close();
    await hook.close();
    rmSync(folder, { recursive: true });
  });

  it('lives, looks at what it can, and has them back afterwards', { timeout: 90_000 }, async () => {
    const { port } = silent.address() as AddressInfo;
    const targets = Array.from({ length: SILENT_TARGETS }, (_, index) => `"127.0.0.${index + 1}:${port}"`);
    const config = path.join(folder, 'notafter.yaml');
    writeFileSync(
      config,
      `sources:
  - {name: silent, type: endpoint, every: 3s, timeout: 1s, targets: [${targets.join(', ')}]}
  - {name: good, type: endpoint, every: 1s, targets: ["127.0.0.1:${server.port}"]}
channels: [{name: hook, type: webhook, url: "${hook.url}"}]
heartbeat: {url: "${hook.url}/beat", every: 1s}
web: {listen: "127.0.0.1:0"}
log: {level: debug, format: json}
store: "sqlite:${path.join(folder, 'notafter.db')}"
`,
    );
    const child = spawn(
      'sh',
      ['-c', `ulimit -n ${DESCRIPTORS} && exec "$0" "$@"`, process.execPath, BIN, 'run', '--config', config],
      {
        cwd: folder,
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    const exited = once(child, 'exit');
    const url = await eventually('it serves', () => /(http:\/\/\S+)\/metrics/.exec(output)?.[1], 60_000);
    const observations = async (): Promise<number> => {
      const answer = await fetch(`${url}/metrics`).catch(() => undefined);
      if (answer === undefined) return 0;
      const samples = parseExposition(await answer.text());
      return samplesOf(samples, 'notafter_observations_total', { source: 'good', result: 'ok' })[0]?.value ?? 0;
    };
    await eventually('the good one is looked at again and again', async () => (await observations()) >= 3, 60_000);
    const beats = hook.received.length;
    await eventually('its heart goes on', () => hook.received.length > beats, 30_000);
    // It was no lack that could have been told by nothing.
    await eventually('a lack of descriptors', () => /EMFILE|too many open files/i.test(output), 30_000);
    expect(child.exitCode).toBeNull();
    child.kill('SIGTERM');
    const [code] = (await exited) as [number | null];
    expect([code, output]).toEqual([0, expect.stringContaining('/metrics')]);
  });
});
