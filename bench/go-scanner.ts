import { execFileSync, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import type { Measure } from './measure.ts';

export interface GoScan {
  readonly port: number;
  readonly names: readonly string[];
  readonly concurrency: number;
  readonly x25519Only: boolean;
  readonly processors: number;
}

export interface GoScanner extends Disposable {
  readonly version: string;
  scan(request: GoScan): Promise<Measure>;
}

/** Builds and starts the scanner in Go; `undefined` when there is no Go. */
export function startGoScanner(folder: string): GoScanner | undefined {
  const source = fileURLToPath(new URL('peers/tls-scan.go', import.meta.url));
  const binary = path.join(folder, 'tls-scan');
  let version: string;
  try {
    version = execFileSync('go', ['env', 'GOVERSION'], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
  execFileSync('go', ['build', '-o', binary, source], {
    env: { ...process.env, GOFLAGS: '-mod=mod', GO111MODULE: 'off' },
  });
  const child = spawn(binary, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    version,
    async scan(request) {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const { value, done } = await lines.next();
      if (done === true) throw new Error('the scanner in Go ended early');
      return JSON.parse(value) as Measure;
    },
    [Symbol.dispose]() {
      child.stdin.end();
      child.kill();
    },
  };
}
