import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, expect, it } from 'vitest';

import { REPORT, reportIn } from '../helpers/loaded-modules.ts';

const BIN = fileURLToPath(new URL('../../bin/notafter.js', import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), 'notafter-startup-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const CASES: readonly (readonly [string, string, readonly string[]])[] = [
  [
    'files and endpoints alone',
    '{name: a, type: file, paths: [/etc/ssl]}, {name: b, type: endpoint, targets: [a.test]}',
    [],
  ],
  // So that it is certain that one would be noticed.
  ['AWS', '{name: a, type: aws-acm, regions: [eu-west-1]}', ['@aws-sdk', '@smithy']],
];

it.each(CASES)('a config with %s loads no SDK but what it needs', (_what, sources, sdks) => {
  const file = path.join(folder, 'notafter.yaml');
  writeFileSync(file, `sources: [${sources}]\n`);

  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    ['--import', REPORT, BIN, 'config', 'check', '--config', file],
    { encoding: 'utf8', timeout: 60_000, env: { ...process.env, AWS_CONFIG_FILE: '/dev/null' } },
  );

  expect({ status, stdout }).toMatchObject({ status: 0 });
  expect(reportIn(stderr).sdks).toEqual(sdks);
});
