import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { REPORT, reportIn, type Report } from '../test/helpers/loaded-modules.ts';

const BIN = fileURLToPath(new URL('../bin/notafter.js', import.meta.url));
const ROUNDS = 5;

const CONFIGS: Readonly<Record<string, string>> = {
  'files and endpoints': '{name: a, type: file, paths: [/etc/ssl]}, {name: b, type: endpoint, targets: [a.test]}',
  'ACM besides':
    '{name: a, type: file, paths: [/etc/ssl]}, {name: b, type: endpoint, targets: [a.test]}, {name: c, type: aws-acm, regions: [eu-west-1]}',
  'all of AWS besides': [
    '{name: a, type: file, paths: [/etc/ssl]}',
    ...['acm', 'api-gateway', 'iot', 'load-balancer', 'private-ca', 'rds', 'roles-anywhere'].map(
      (type) => `{name: ${type}, type: aws-${type}, regions: [eu-west-1]}`,
    ),
    ...['cloudfront', 'iam'].map((type) => `{name: ${type}, type: aws-${type}}`),
  ].join(', '),
};

/**
 * A start: reading a config, loading what its sources need, opening them, and ending. A source that is not configured must
 * add nothing.
 */
export async function benchStartup(): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-bench-'));
  try {
    const lines = Object.entries(CONFIGS).map(([name, sources]) => {
      const file = path.join(folder, 'notafter.yaml');
      writeFileSync(file, `sources: [${sources}]\n`);
      const reports = Array.from({ length: ROUNDS }, () => start(file)).toSorted((a, b) => a.cpuMs - b.cpuMs);
      const middle = reports[Math.floor(ROUNDS / 2)];
      if (middle === undefined) throw new Error('nothing was measured');
      const sdks = middle.sdks.length === 0 ? 'no SDK' : middle.sdks.join(', ');
      return `  ${name.padEnd(24)} ${middle.cpuMs.toFixed(0).padStart(6)} ms CPU  ${middle.peakMb.toFixed(0).padStart(4)} MB  ${sdks}`;
    });
    return [`startup: config check, medians of ${ROUNDS} rounds`, ...lines].join('\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function start(config: string): Report {
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--import', REPORT, BIN, 'config', 'check', '--config', config],
    { encoding: 'utf8', timeout: 120_000, env: { ...process.env, AWS_CONFIG_FILE: '/dev/null' } },
  );
  if (status !== 0) throw new Error(`notafter could not start: ${stderr}`);
  return reportIn(stderr);
}
