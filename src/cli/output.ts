import { once } from 'node:events';

let isDaemon = false;

/** The only way to stdout and stderr. A reader that went away (`notafter list | head`) is no error. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (isDaemon) return;
  if (error.code === 'EPIPE') process.exit(EXIT.ok);
  complain(`notafter: the output cannot be written: ${error.message}`);
  process.exit(EXIT.unknown);
});
// Whoever cannot be told of errors cannot be told of this one either.
process.stderr.on('error', () => undefined);

/** From now on the process goes on when nobody takes what it says: a full disk or a dead log reader ends no watch. */
export function outliveReaders(): void {
  isDaemon = true;
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Something long, as fast as the reader takes it. */
export async function printAll(texts: AsyncIterable<string> | Iterable<string>): Promise<void> {
  for await (const text of texts) {
    if (!process.stdout.write(text)) await once(process.stdout, 'drain');
  }
}

export function complain(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** One line that is overwritten, on a terminal alone. Returns what clears it. */
export function showProgress(line: () => string): () => void {
  if (!process.stderr.isTTY) return () => undefined;
  const timer = setInterval(() => process.stderr.write(`\r\u001b[2K${line()}`), 500);
  timer.unref();
  return () => {
    clearInterval(timer);
    process.stderr.write('\r\u001b[2K');
  };
}

/** Exit codes of the Nagios convention. */
export const EXIT = { ok: 0, warning: 1, critical: 2, unknown: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
