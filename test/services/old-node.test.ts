import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const bin = path.resolve(import.meta.dirname, '../../bin/notafter.js');
/** The first line that understands modules without a flag, and the one that most machines still have. */
const versions = ['12.22.12', '20.20.2'];

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'notafter-old-node-'));
  const aliases = versions.map((version) => `old-${version}@npm:node-linux-${process.arch}@${version}`);
  execFileSync('npm', ['install', '--silent', '--no-save', '--no-audit', '--no-fund', '--prefix', folder, ...aliases], {
    timeout: 120_000,
  });
}, 150_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

test.each(versions)('Node %s can still read the front door, and says that it is too old', (version) => {
  const node = path.join(folder, 'node_modules', `old-${version}`, 'bin/node');

  const { status, stdout, stderr } = spawnSync(node, [bin, 'check', 'example.com'], {
    encoding: 'utf8',
    timeout: 15_000,
  });

  expect(stdout).toBe('');
  expect(stderr).toContain(`notafter needs Node.js 24 or newer; this is ${version} (${node}).`);
  expect(status).toBe(3);
});
