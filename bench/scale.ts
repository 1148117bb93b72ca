import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import type { ScaleAnswer, ScaleRequest } from './scale-scanner.ts';
import { startTlsFarm } from './tls-farm.ts';

const NAMES = 2_000;
const PROBES = 100_000;
const CONCURRENCY = 64;

const MEMORY_TARGET_MB = 250;
const DELAY_TARGET_MS = 50;

/** A hundred thousand probes by a fresh process: its memory on the way, and how long its main thread kept others waiting. */
export async function benchScale(): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-bench-'));
  try {
    using farm = await startTlsFarm(folder, NAMES);
    const child = fork(fileURLToPath(new URL('scale-scanner.ts', import.meta.url)));
    const request: ScaleRequest = {
      port: farm.port('EC', '1.3'),
      names: farm.names,
      probes: PROBES,
      concurrency: CONCURRENCY,
    };
    child.send(request);
    const [answer] = (await once(child, 'message')) as [ScaleAnswer];
    child.disconnect();
    const { failed, wallMs, memoryMb, delayMs } = answer;
    const highest = Math.max(...memoryMb);
    return [
      `scale: ${PROBES.toLocaleString('en')} probes (hello) of ${farm.kind} in the scanner thread, ${CONCURRENCY} at a time`,
      `  ${(wallMs / 1_000).toFixed(1)} s, ${Math.round(PROBES / (wallMs / 1_000)).toLocaleString('en')} probes/s, ${failed} failed`,
      `  memory after each tenth, MB: ${memoryMb.map(Math.round).join(' ')}; highest ${Math.round(highest)} (target under ${MEMORY_TARGET_MB}: ${highest < MEMORY_TARGET_MB ? 'met' : 'missed'})`,
      `  delay of the main thread's loop: 99 of 100 under ${delayMs.p99.toFixed(1)} ms (target ${DELAY_TARGET_MS}: ${delayMs.p99 < DELAY_TARGET_MS ? 'met' : 'missed'}), longest ${delayMs.longest.toFixed(1)} ms`,
    ].join('\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
