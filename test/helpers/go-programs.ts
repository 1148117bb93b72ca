import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Kept for the next run: building one takes minutes. */
const BINARIES = path.join(tmpdir(), 'notafter-go-bin');
const BUILD_DEADLINE_MS = 900_000;

const HELM_MODULE = 'helm.sh/helm/v3/cmd/helm@v3.22.0';

/** The helm of this machine, or the one that was built; undefined where there is none. */
export function findHelm(): string | undefined {
  return ['helm', path.join(BINARIES, 'helm')].find(
    (candidate) => spawnSync(candidate, ['version', '--short']).status === 0,
  );
}

/** Builds helm from the Go proxy where there is none: no Debian package brings it. The reason when it cannot be had. */
export function buildHelm(): string | undefined {
  if (findHelm() !== undefined) return undefined;
  mkdirSync(BINARIES, { recursive: true });
  const build = spawnSync('go', ['install', HELM_MODULE], {
    env: { ...process.env, GOBIN: BINARIES, PATH: `/usr/local/go/bin:${process.env['PATH'] ?? ''}` },
    encoding: 'utf8',
    timeout: BUILD_DEADLINE_MS,
  });
  if (existsSync(path.join(BINARIES, 'helm'))) return undefined;
  const why = build.error?.message ?? build.stderr.trim().split('\n').at(-1) ?? '';
  return `there is no helm here, and it could not be built (go install ${HELM_MODULE}): ${why}`;
}
