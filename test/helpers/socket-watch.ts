/*
 * Loaded before a program (`watchSockets` says how), writes down every connection that Node asks the system for, and every
 * datagram, at the last place before the system: whatever library asks, in whatever thread or process of ours.
 */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const FILE = 'NOTAFTER_TEST_SOCKETS';

/** What a program was seen to connect to: `tcp 127.0.0.1 443`, `pipe /run/x`, `udp 127.0.0.1 53`; sorted, each once. */
export interface SocketWatch {
  /** For the program's environment. */
  readonly environment: Readonly<Record<string, string>>;
  seen(): readonly string[];
}

/** Watches what is started with this environment; `file` is where it is written down. */
export function watchSockets(file: string): SocketWatch {
  writeFileSync(file, '');
  // Not --import: threads do not load that.
  return {
    environment: { NODE_OPTIONS: `--require=${import.meta.filename}`, [FILE]: file },
    seen: () => [...new Set(readFileSync(file, 'utf8').split('\n').slice(0, -1))].toSorted(),
  };
}

type Call = (...given: unknown[]) => unknown;

const file = process.env[FILE];
if (file !== undefined) {
  const { binding } = process as unknown as {
    binding(name: string): Record<string, { readonly prototype: Record<string, Call> }>;
  };
  const note = (line: string): void => appendFileSync(file, `${line}\n`);
  const tap = (of: string, name: string, method: string, tell: (...given: unknown[]) => string): void => {
    const prototype = binding(of)[name]?.prototype;
    const original = prototype?.[method];
    if (prototype === undefined || original === undefined) throw new Error(`there is no ${of} ${name}.${method}`);
    prototype[method] = function tapped(this: unknown, ...given: unknown[]) {
      note(tell(...given));
      return original.apply(this, given);
    };
  };
  tap('tcp_wrap', 'TCP', 'connect', (_request, address, port) => `tcp ${String(address)} ${String(port)}`);
  tap('tcp_wrap', 'TCP', 'connect6', (_request, address, port) => `tcp ${String(address)} ${String(port)}`);
  tap('pipe_wrap', 'Pipe', 'connect', (_request, path) => `pipe ${String(path)}`);
  for (const method of ['send', 'send6']) {
    tap(
      'udp_wrap',
      'UDP',
      method,
      (_request, _list, _count, port, address) => `udp ${String(address)} ${String(port)}`,
    );
  }
  // Says that it was there.
  note(isMainThread ? 'watched' : 'watched thread');
}
