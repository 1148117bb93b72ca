import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, describe, expect, test } from 'vitest';

import { startDaemonProcess } from '../helpers/daemon-process.ts';

const BIN = fileURLToPath(new URL('../../bin/notafter.js', import.meta.url));
/** Takes nothing, as a full disk does. */
const FULL = '/dev/full';
const folder = mkdtempSync(path.join(tmpdir(), 'notafter-output-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function writeConfig(name: string): string {
  const file = path.join(folder, `${name}.yaml`);
  const lines = [
    `sources: [{name: disk, type: file, every: 1s, paths: ["${folder}"]}]`,
    `store: "sqlite:${path.join(folder, `${name}.db`)}"`,
    'web: {listen: "127.0.0.1:0"}',
    'log: {level: debug}',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

/** Something that is logged, and then a sign of life. */
async function reloadAndAsk(url: string): Promise<number> {
  const signal = AbortSignal.timeout(10_000);
  for (let times = 0; times < 3; times += 1) await fetch(`${url}/-/reload`, { method: 'POST', signal });
  return (await fetch(`${url}/-/healthy`, { signal })).status;
}

describe('a command', () => {
  test.runIf(existsSync(FULL))('whose answer finds no room says so, with the code for unknown', async () => {
    const full = openSync(FULL, 'w');
    const child = spawn(process.execPath, [BIN, 'plugins'], { stdio: ['ignore', full, 'pipe'] });
    closeSync(full);
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const [code] = await once(child, 'close');
    expect(stderr).toMatch(/^notafter: the output cannot be written: ENOSPC[^\n]*\n$/);
    expect(code).toBe(3);
  });
});

describe('the daemon goes on', () => {
  test.runIf(existsSync(FULL))('when the disk of its log is full', { timeout: 60_000 }, async () => {
    const full = openSync(FULL, 'w');
    const daemon = await startDaemonProcess(writeConfig('full'), { cwd: folder, stderr: full });
    closeSync(full);
    expect(await reloadAndAsk(daemon.url)).toBe(200);
    expect(await daemon.stop()).toBe(0);
  });

  test('when nobody reads what it says any more', { timeout: 60_000 }, async () => {
    const daemon = await startDaemonProcess(writeConfig('unread'), { cwd: folder });
    daemon.child.stdout?.destroy();
    daemon.child.stderr?.destroy();
    expect(await reloadAndAsk(daemon.url)).toBe(200);
    expect(await daemon.stop()).toBe(0);
  });
});
