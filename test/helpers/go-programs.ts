import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Kept for the next run: building one takes minutes. */
const BINARIES = path.join(tmpdir(), 'notafter-go-bin');
const BUILD_DEADLINE_MS = 900_000;

interface GoProgram {
  readonly name: string;
  /** What shows that it runs. */
  readonly proof: readonly string[];
  /** Arguments of go that build it into BINARIES. */
  readonly build: readonly string[];
  readonly cwd?: string;
}

const HELM: GoProgram = {
  name: 'helm',
  proof: ['version', '--short'],
  build: ['install', 'helm.sh/helm/v3/cmd/helm@v3.22.0'],
};

/**
 * Of late 2023: what came after it, up to v0.2.0, needs modules that proxies do not have. Its go.sum lies beside its go.mod
 * because the checksum database does not know a module without a release.
 */
const DASHBOARD_LINTER: GoProgram = {
  name: 'dashboard-linter',
  proof: ['rules'],
  build: ['build', '-mod=readonly', '-o', BINARIES, 'github.com/grafana/dashboard-linter'],
  cwd: path.join(import.meta.dirname, '../services/dashboard-linter'),
};

/** The helm of this machine, or the one that was built; undefined where there is none. */
export function findHelm(): string | undefined {
  return find(HELM);
}

/** Grafana's linter of dashboards, in the same way. */
export function findDashboardLinter(): string | undefined {
  return find(DASHBOARD_LINTER);
}

/** Builds from the Go proxy what no Debian package brings. A reason for each that cannot be had. */
export function buildGoPrograms(): readonly string[] {
  return [HELM, DASHBOARD_LINTER].flatMap((program) => build(program) ?? []);
}

function find({ name, proof }: GoProgram): string | undefined {
  return [name, path.join(BINARIES, name)].find((candidate) => spawnSync(candidate, proof).status === 0);
}

function build(program: GoProgram): string | undefined {
  if (find(program) !== undefined) return undefined;
  mkdirSync(BINARIES, { recursive: true });
  const { name, build: args, cwd } = program;
  const built = spawnSync('go', args, {
    env: { ...process.env, GOBIN: BINARIES, PATH: `/usr/local/go/bin:${process.env['PATH'] ?? ''}` },
    encoding: 'utf8',
    timeout: BUILD_DEADLINE_MS,
    ...(cwd === undefined ? {} : { cwd }),
  });
  if (existsSync(path.join(BINARIES, name))) return undefined;
  const why = built.error?.message ?? built.stderr.trim().split('\n').at(-1) ?? '';
  return `there is no ${name} here, and it could not be built (go ${args.join(' ')}): ${why}`;
}
