import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

/** A program that answers requests, each a line of JSON. */
export interface Program<Request, Answer> extends Disposable {
  readonly processId: number | undefined;
  ask(request: Request): Promise<Answer>;
}

export function startProgram<Request, Answer>(command: string, args: readonly string[] = []): Program<Request, Answer> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    processId: child.pid,
    async ask(request) {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`${command} ended early`);
      return JSON.parse(value) as Answer;
    },
    [Symbol.dispose]() {
      child.stdin.end();
      child.kill();
    },
  };
}

/** A program of bench/peers, built; `undefined` when there is no Go. */
export function buildGo(
  name: string,
  folder: string,
): { readonly version: string; readonly binary: string } | undefined {
  let version: string;
  try {
    version = execFileSync('go', ['env', 'GOVERSION'], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
  const source = path.join(folder, `${name}-source`);
  mkdirSync(source);
  copyFileSync(new URL(`peers/${name}.go`, import.meta.url), path.join(source, 'main.go'));
  // Without a version Go behaves as it did long ago.
  const release = /1\.\d+/.exec(version)?.[0] ?? '1.19';
  writeFileSync(path.join(source, 'go.mod'), `module peer\n\ngo ${release}\n`);
  const binary = path.join(folder, name);
  execFileSync('go', ['build', '-o', binary, '.'], { cwd: source });
  return { version, binary };
}

const INSTALL_DEADLINE_MS = 120_000;

/** Why a released program was not measured. Where it can be had, what it takes to run it is not known here. */
export function textAboutReleased(module: string, folder: string): string {
  try {
    execFileSync('go', ['install', module], {
      env: { ...process.env, GOBIN: folder },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: INSTALL_DEADLINE_MS,
    });
    return `builds here (${module}); it is not part of this comparison yet`;
  } catch (error) {
    const text = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
    return `not measured, it does not build here: ${text.trim().split('\n').at(-1)?.trim() ?? ''}`;
  }
}
