import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { expect, it } from 'vitest';

/** Longer, and nobody would wait for it at each run. */
const DEADLINE_MS = 15 * 60_000;

/**
 * The servers that our fakes stand for. Neither is packaged for Debian; each is asked of the Go proxy at every run. On the
 * day on which one of them can be had this fails, and says so: then the collector is to be tested against it as well.
 */
const SERVERS = [
  ['OpenBao', 'github.com/openbao/openbao@latest', 'collectors/vault'],
  ['kube-apiserver', 'k8s.io/kubernetes/cmd/kube-apiserver@v1.34.1', 'collectors/kubernetes'],
] as const;

/** Why it cannot be built here; undefined when it can. */
async function whyNotBuilt(module: string): Promise<string | undefined> {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-go-'));
  try {
    const build = spawn('go', ['install', module], {
      env: { ...process.env, GOBIN: folder, PATH: `/usr/local/go/bin:${process.env['PATH'] ?? ''}` },
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: DEADLINE_MS,
    });
    let said = '';
    build.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-10_000)));
    const code = await new Promise<number | string>((resolve) => {
      build.on('error', (error) => resolve(error.message));
      build.on('close', (status, signal) => resolve(status ?? `ended by ${signal ?? 'nothing'} after 15 minutes`));
    });
    if (code === 0) return undefined;
    const lines = said.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('go: downloading'));
    return typeof code === 'string' ? code : lines.slice(-4).join(' ').replaceAll(/\s+/g, ' ').trim();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

it.each(SERVERS)(
  '%s is not tested against, since it cannot be built here',
  async (name, module, collector) => {
    const reason = await whyNotBuilt(module);

    console.warn(
      `${collector} is tested against a fake alone, and not against ${name}: go install ${module}: ${reason}`,
    );
    expect(reason, `${name} can be built now (go install ${module}): test ${collector} against it`).toEqual(
      expect.stringMatching(/\S/),
    );
  },
  DEADLINE_MS + 60_000,
);
