import { execFileSync, spawn } from 'node:child_process';
import path from 'node:path';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

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
  let version: string;
  try {
    version = execFileSync('go', ['env', 'GOVERSION'], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
  const source = path.join(folder, 'go');
  mkdirSync(source);
  copyFileSync(new URL('peers/tls-scan.go', import.meta.url), path.join(source, 'main.go'));
  // Without a version Go behaves as it did long ago.
  const release = /1\.\d+/.exec(version)?.[0] ?? '1.19';
  writeFileSync(path.join(source, 'go.mod'), `module peer\n\ngo ${release}\n`);
  const binary = path.join(folder, 'tls-scan');
  execFileSync('go', ['build', '-o', binary, '.'], { cwd: source });
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
