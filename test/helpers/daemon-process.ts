import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { eventually } from './eventually.ts';

const BIN = fileURLToPath(new URL('../../bin/notafter.js', import.meta.url));

/** The real daemon as a process of its own. */
export interface DaemonProcess {
  readonly url: string;
  readonly child: ChildProcess;
  /** Everything it printed so far. */
  stdout(): string;
  stderr(): string;
  metrics(): Promise<string>;
  /** SIGTERM, then the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

export interface StartOptions {
  readonly cwd: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** After the config. */
  readonly arguments?: readonly string[];
  /** Default 15 000. */
  readonly deadlineMs?: number;
  /** A descriptor that takes what it logs, in place of `stderr()`. */
  readonly stderr?: number;
}

/** Starts `notafter run` and waits until it serves. The config must listen on port 0 or a free port. */
export async function startDaemonProcess(config: string, options: StartOptions): Promise<DaemonProcess> {
  const child = spawn(process.execPath, [BIN, 'run', '--config', config, ...(options.arguments ?? [])], {
    cwd: options.cwd,
    env: { ...process.env, ...options.environment },
    stdio: ['ignore', 'pipe', options.stderr ?? 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const exited = once(child, 'exit');
  const url = await eventually(
    'the daemon serves',
    () => {
      if (child.exitCode !== null) throw new Error(`the daemon ended with ${child.exitCode}:\n${stdout}\n${stderr}`);
      return /(https?:\/\/\S+)\/metrics/.exec(stdout)?.[1];
    },
    options.deadlineMs,
  );
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await exited;
    return child.exitCode;
  };
  return {
    url,
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    async metrics() {
      const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(10_000) });
      return answer.text();
    },
    stop: () => end('SIGTERM'),
    async kill() {
      await end('SIGKILL');
    },
  };
}
