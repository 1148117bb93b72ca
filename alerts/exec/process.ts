import { spawn } from 'node:child_process';

/** Each of the two outputs is read to its end, and kept up to this. */
export const MAX_OUTPUT_BYTES = 64 * 1024;
/** Between the polite signal and the other one, milliseconds. */
const GRACE_MS = 2_000;

export interface Command {
  readonly program: string;
  readonly arguments: readonly string[];
  readonly folder: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly input: string;
}

/** How a command ended. The output is its tail. */
export type Ending =
  | { readonly kind: 'exit'; readonly code: number; readonly output: string }
  | { readonly kind: 'signal'; readonly signal: string; readonly output: string }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'not started'; readonly code: string };

/**
 * Runs a command without a shell, in a process group of its own, which is ended as a whole when the signal aborts:
 * first asked, then made to. Resolves when the command has ended and nobody holds its output any more, or was stopped.
 */
export function runCommand(command: Command, signal: AbortSignal): Promise<Ending> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve({ kind: 'stopped' });
      return;
    }
    const child = spawn(command.program, command.arguments, {
      cwd: command.folder,
      env: command.environment,
      detached: true,
      shell: false,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const tail = createTail();
    let killing: NodeJS.Timeout | undefined;
    const stop = (): void => {
      endGroup(child.pid, 'SIGTERM');
      killing = setTimeout(() => {
        endGroup(child.pid, 'SIGKILL');
        // What left the group may hold the output open for ever.
        child.stdout.destroy();
        child.stderr.destroy();
      }, GRACE_MS);
    };
    const settle = (ending: Ending): void => {
      clearTimeout(killing);
      signal.removeEventListener('abort', stop);
      // Those of the group that heed no polite signal outlive its leader.
      if (signal.aborted) endGroup(child.pid, 'SIGKILL');
      resolve(signal.aborted ? { kind: 'stopped' } : ending);
    };
    signal.addEventListener('abort', stop, { once: true });
    child.on('error', (error: NodeJS.ErrnoException) =>
      settle({ kind: 'not started', code: error.code ?? error.name }),
    );
    child.on('close', (code, by) => {
      const output = tail.text();
      settle(code === null ? { kind: 'signal', signal: by ?? 'unknown', output } : { kind: 'exit', code, output });
    });
    child.stdout.on('data', () => undefined);
    child.stderr.on('data', (chunk: Buffer) => tail.add(chunk));
    // A command need not read what it is told.
    child.stdin.on('error', () => undefined);
    child.stdin.end(command.input);
  });
}

/** The whole group, so that nothing that the command began lives on. */
function endGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended by itself.
  }
}

/** The last bytes of what came. */
function createTail(): { add(chunk: Buffer): void; text(): string } {
  let kept: Buffer = Buffer.alloc(0);
  return {
    add(chunk) {
      const joined = Buffer.concat([kept, chunk]);
      kept = joined.subarray(Math.max(0, joined.length - MAX_OUTPUT_BYTES));
    },
    text: () => kept.toString('utf8'),
  };
}
