import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const bin = path.resolve(import.meta.dirname, '../../bin/notafter.js');

interface Ran {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(file: string, args: readonly string[], nodeArgs: readonly string[] = []): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [...nodeArgs, file, ...args],
      { timeout: 15_000 },
      (_error, stdout, stderr) => {
        resolve({ exitCode: child.exitCode, stdout, stderr });
      },
    );
  });
}

/** Loaded before the program: makes this Node say that it is another version. */
function pretend(version: string): string[] {
  const code = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });`;
  return ['--import', `data:text/javascript,${encodeURIComponent(code)}`];
}

describe('with a Node that is too old', () => {
  test.each(['12.22.12', '18.20.8', '22.99.0', '23.11.1'])(
    '%s is told what to do, and nothing of ours is loaded',
    async (version) => {
      const { exitCode, stdout, stderr } = await run(bin, ['--help'], pretend(version));

      expect(stdout).toBe('');
      expect(stderr).toContain(`notafter needs Node.js 24 or newer; this is ${version} (${process.execPath}).`);
      expect(stderr).toContain('npx -p node@24 -p notafter notafter');
      expect(stderr).toContain('nvm install 24');
      expect(exitCode).toBe(3);
    },
  );
});

describe('in a copy of the package', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'notafter-bin-'));
    await writeFile(path.join(folder, 'package.json'), '{"type": "module"}');
    await cp(bin, path.join(folder, 'bin/notafter.js'));
    await mkdir(path.join(folder, 'dist/src'), { recursive: true });
    await mkdir(path.join(folder, 'src'));
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function place(file: string, code: string): Promise<void> {
    await writeFile(path.join(folder, file), code);
  }

  test('the built files run when they are there', async () => {
    await place('dist/src/main.js', 'console.log("built", ...process.argv.slice(2));');
    await place('src/main.ts', 'console.log("source");');

    expect(await run(path.join(folder, 'bin/notafter.js'), ['check', 'x'])).toEqual({
      exitCode: 0,
      stdout: 'built check x\n',
      stderr: '',
    });
  });

  test.each(['24.0.0', '26.10.0', '100.0.0'])('Node %s runs the source when nothing is built', async (version) => {
    await place(
      'src/main.ts',
      'const words: string[] = process.argv.slice(2);\nconsole.log("source", ...words);\nprocess.exitCode = 2;',
    );

    expect(await run(path.join(folder, 'bin/notafter.js'), ['check'], pretend(version))).toEqual({
      exitCode: 2,
      stdout: 'source check\n',
      stderr: '',
    });
  });

  test('a program that cannot be loaded says so and exits with unknown', async () => {
    await place('src/main.ts', 'throw new Error("no store");');

    const { exitCode, stderr } = await run(path.join(folder, 'bin/notafter.js'), []);

    expect(stderr).toMatch(/^notafter could not start: Error: no store\n/);
    expect(exitCode).toBe(3);
  });

  test('compiled code is kept beside the package for the next start, and nowhere else', async () => {
    const printFolder = `import module from 'node:module';\nconsole.log(module.getCompileCacheDir());`;
    await place('src/main.ts', printFolder);

    const { stdout } = await run(path.join(folder, 'bin/notafter.js'), []);
    const kept = stdout.trim();
    expect(path.dirname(kept)).toBe(path.join(folder, 'node_modules/.cache/notafter'));
    expect(await readdir(kept)).not.toEqual([]);
  });

  test('a package that cannot be written starts all the same', async () => {
    await place('src/main.ts', 'console.log("source");');
    await place('node_modules', 'a file, where the folder should be');

    expect(await run(path.join(folder, 'bin/notafter.js'), [])).toEqual({
      exitCode: 0,
      stdout: 'source\n',
      stderr: '',
    });
  });

  test('SQLite brings no warning along', async () => {
    await place(
      'src/main.ts',
      `import { DatabaseSync } from 'node:sqlite';\nconst database: DatabaseSync = new DatabaseSync(':memory:');\ndatabase.close();`,
    );

    expect(await run(path.join(folder, 'bin/notafter.js'), [])).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });
});
