/* The scanner of the scale benchmark, in a process of its own, so that nothing else is in its memory. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

import { dial } from '../src/network/dialer.ts';
import { createScanner } from '../src/tls/scanner/scanner.ts';

export interface ScaleRequest {
  readonly port: number;
  readonly names: readonly string[];
  readonly probes: number;
  readonly concurrency: number;
}

export interface ScaleAnswer {
  readonly failed: number;
  readonly wallMs: number;
  /** Resident set after each tenth of the probes. */
  readonly memoryMb: readonly number[];
  readonly delayMs: { readonly p99: number; readonly longest: number };
}

const MEGABYTE = 1024 * 1024;
/** How often the loop is asked how late it is; counted as a delay by Node, so taken off. */
const RESOLUTION_MS = 5;

process.once('message', (request) => {
  void scanAll(request as ScaleRequest).then((answer) => process.send?.(answer));
});
process.once('disconnect', () => process.exit(0));

async function scanAll({ port, names, probes, concurrency }: ScaleRequest): Promise<ScaleAnswer> {
  const scanner = createScanner({
    now: () => performance.now(),
    onCrash(error) {
      throw error;
    },
    threads: 1,
  });
  const never = new AbortController().signal;
  const alpn = ['h2', 'http/1.1'];
  const memoryMb: number[] = [];
  let failed = 0;
  let begun = 0;
  let ended = 0;
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (begun < probes) {
        const serverName = names[begun++ % names.length] ?? 'none.example';
        const options = {
          connect: dial,
          isDirect: true,
          address: '127.0.0.1',
          port,
          serverName,
          alpn,
          timeoutMs: 10_000,
        };
        const result = await scanner.probe(options, 'hello', never);
        if (result.chain.length !== 3 || !result.established) failed += 1;
        if (++ended % (probes / 10) === 0) memoryMb.push(process.memoryUsage.rss() / MEGABYTE);
      }
    }),
  );
  const wallMs = performance.now() - startedAt;
  delay.disable();
  await scanner.close();
  return {
    failed,
    wallMs,
    memoryMb,
    delayMs: { p99: delay.percentile(99) / 1e6 - RESOLUTION_MS, longest: delay.max / 1e6 - RESOLUTION_MS },
  };
}
