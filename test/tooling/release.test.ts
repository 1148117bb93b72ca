import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const run = promisify(execFile);
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const hasAnalyze = spawnSync('systemd-analyze', ['--version'], { stdio: 'ignore' }).status === 0;

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

describe('the package', () => {
  it('holds what users need, and nothing else', { timeout: 60_000 }, async () => {
    const { stdout } = await run('npm', ['pack', '--dry-run', '--ignore-scripts', '--json'], { cwd: root });
    const [{ files } = { files: [] }] = Object.values(
      JSON.parse(stdout) as Record<string, { readonly files: readonly { readonly path: string }[] }>,
    );
    const names = files.map(({ path: name }) => name);
    expect(names).toEqual(
      expect.arrayContaining([
        'LICENSE',
        'README.md',
        'CHANGELOG.md',
        'SECURITY.md',
        'bin/notafter.js',
        'notafter.yaml',
        'deploy/systemd/notafter.service',
        'docs/guides/hardening.md',
        'docs/runbooks/expired.md',
      ]),
    );
    expect(
      names.filter((name) =>
        /^(?:test|bench|src(?!\/web\/assets)|node_modules|\.ci|data)\/|\.(?:db|key|pem|p12)$/.test(name),
      ),
    ).toEqual([]);
  });

  it('can be listed whole, every part with a version and a hash', { timeout: 60_000 }, async () => {
    const [, documented = ''] =
      /`npm (sbom [^`]*--sbom-format cyclonedx)`/.exec(read('docs/guides/hardening.md')) ?? [];
    const { stdout } = await run('npm', documented.split(' '), {
      cwd: root,
      maxBuffer: 64 * 1024 * 1024,
    });
    const { components } = JSON.parse(stdout) as {
      readonly components: readonly {
        readonly name: string;
        readonly version?: string;
        readonly hashes?: readonly object[];
      }[];
    };
    const { dependencies } = JSON.parse(read('package.json')) as Manifest;
    const versions = new Set(components.map(({ name, version }) => `${name} ${version}`));
    expect(Object.entries(dependencies).filter((entry) => !versions.has(entry.join(' ')))).toEqual([]);
    // What a tool needs as well is left out by `--omit dev`: nodemailer, pg, zod.
    const { packages } = JSON.parse(read('package-lock.json')) as {
      readonly packages: Readonly<
        Record<string, { readonly version: string; readonly dev?: true; readonly optional?: true }>
      >;
    };
    const locked = Object.entries(packages).flatMap(([place, { version, dev, optional }]) =>
      place === '' || dev || optional ? [] : [`${place.replace(/^.*node_modules\//, '')} ${version}`],
    );
    expect(locked).toContainEqual(expect.stringMatching(/^nodemailer /));
    expect(locked.filter((part) => !versions.has(part))).toEqual([]);
    expect(components.filter(({ version, hashes }) => version === undefined || hashes === undefined)).toEqual([]);
  });

  it('names each part by one exact version', () => {
    const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Manifest;
    const versions = Object.values({ ...dependencies, ...devDependencies });
    expect(versions.filter((version) => !/^\d+\.\d+\.\d+/.test(version))).toEqual([]);
  });
});

/** The rules of hadolint that can bite here, by their numbers there. */
describe('the Dockerfile', () => {
  const lines = read('Dockerfile')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const of = (instruction: string): readonly string[] =>
    lines.filter((line) => line.startsWith(`${instruction} `)).map((line) => line.slice(instruction.length + 1).trim());

  it.each([
    ['DL3000 every WORKDIR is absolute', () => of('WORKDIR').every((folder) => folder.startsWith('/'))],
    ['DL3002 the last USER is not root', () => !['root', '0', undefined].includes(of('USER').at(-1))],
    ['DL3004 no sudo', () => of('RUN').every((line) => !/\bsudo\b/.test(line))],
    [
      'DL3006, DL3007 every image has a tag, and none is latest',
      () => of('ARG').some((line) => /^NODE_IMAGE=\S+:\d\S+$/.test(line)),
    ],
    ['DL3016 npm installs by the lock file', () => of('RUN').every((line) => !/npm (?:i|install|add)\b/.test(line))],
    ['DL3020 COPY, not ADD', () => of('ADD').length === 0],
    [
      'DL3025 CMD and ENTRYPOINT as lists',
      () => [...of('CMD'), ...of('ENTRYPOINT')].every((line) => line.startsWith('[')),
    ],
    ['DL4000 no MAINTAINER', () => of('MAINTAINER').length === 0],
    ['DL4006 no pipe whose failure is not seen', () => of('RUN').every((line) => !line.includes(' | '))],
    [
      'no secret comes by ARG or ENV',
      () => [...of('ARG'), ...of('ENV')].every((line) => !/pass|token|secret|key=/i.test(line)),
    ],
    [
      'scripts of packages do not run',
      () =>
        of('RUN')
          .filter((line) => line.includes('npm '))
          .every((line) => line.includes('--ignore-scripts')),
    ],
    ['a HEALTHCHECK', () => lines.some((line) => line.startsWith('HEALTHCHECK'))],
  ])('%s', (_rule, holds) => {
    expect(holds()).toBe(true);
  });

  it('starts with the version of Node that is tested', () => {
    const [, tested] =
      /"node": "(\d+\.\d+\.\d+)"/.exec(read('package.json').slice(read('package.json').indexOf('devDependencies'))) ??
      [];
    expect(of('ARG')).toContainEqual(expect.stringContaining(`node:${tested}-`));
  });
});

describe.runIf(hasAnalyze)('the unit of systemd', () => {
  it('is what systemd understands, and leaves little exposed', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'notafter-unit-'));
    const unit = path.join(folder, 'notafter.service');
    // The program is not installed where this runs.
    writeFileSync(unit, read('deploy/systemd/notafter.service').replace('/usr/local/bin/notafter', '/bin/true'));
    const verified = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' });
    expect([verified.status, verified.stderr.includes('notafter.service')]).toEqual([0, false]);
    const rated = execFileSync('systemd-analyze', ['security', '--offline=true', '--threshold=20', unit], {
      encoding: 'utf8',
    });
    expect(Number(/exposure level for \S+ (\d+\.\d)/.exec(rated)?.[1])).toBeLessThan(2);
    rmSync(folder, { recursive: true });
  });
});
