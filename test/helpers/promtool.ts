import { spawnSync } from 'node:child_process';

/** Runs Prometheus's own checker; what it needs is installed by test/services/install.ts. */
export function promtool(args: readonly string[], input = ''): { status: number | null; output: string } {
  const { status, stdout, stderr, error } = spawnSync('promtool', args, { encoding: 'utf8', input, timeout: 60_000 });
  if (error !== undefined) throw new Error('promtool did not run: see test/services/install.ts', { cause: error });
  return { status, output: stdout + stderr };
}
