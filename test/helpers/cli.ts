import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../bin/notafter.js', import.meta.url));

export interface Ran {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the real program to its end, without a terminal. */
export function runCli(args: readonly string[], cwd = process.cwd()): Promise<Ran> {
  const { CI: _ci, FORCE_COLOR: _color, ...env } = process.env;
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [BIN, ...args],
      { cwd, env, timeout: 60_000, maxBuffer: 64 * 1024 * 1024 },
      (_error, stdout, stderr) => {
        resolve({ exitCode: child.exitCode, stdout, stderr });
      },
    );
  });
}

/** Everything that was printed, line by line. */
export function linesOf({ stdout, stderr }: Ran): readonly string[] {
  return (stdout + stderr).split('\n').filter((line) => line !== '');
}
