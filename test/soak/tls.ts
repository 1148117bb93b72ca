import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { importKeys, readRecording } from '../helpers/recorded-flights.ts';
import { tryMutation } from '../helpers/tls-mutations.ts';
import type { SoakOptions } from './run.ts';

const COUNT = 1_000_000;
const SAVE_EVERY = 10_000;

/** Keeps the process answerable to signals. */
const YIELD_EVERY = 1_000;

interface Progress {
  done: number;
  ends: Record<string, number>;
}

/** Mutated server flights against our own reader: none may make it throw, hang or be content with half a handshake. */
export async function soakTls({ count = COUNT, seed = 1 }: SoakOptions): Promise<void> {
  const folder = path.join(tmpdir(), 'notafter-soak');
  const file = path.join(folder, `tls-${seed}-${count}.json`);
  mkdirSync(folder, { recursive: true });
  const progress = load(file);
  if (progress.done > 0) console.log(`going on at ${progress.done} of ${count} (${file})`);

  const recording = readRecording();
  const keys = importKeys(recording.keys);
  const startedAt = performance.now();
  const first = progress.done;
  for (let index = first; index < count; index++) {
    const mutationSeed = (seed * COUNT + index) >>> 0;
    try {
      const end = tryMutation(recording.flights, keys, mutationSeed);
      progress.ends[end] = (progress.ends[end] ?? 0) + 1;
    } catch (error) {
      console.error(`mutation ${index} (seed ${mutationSeed}) went wrong:`);
      throw error;
    }
    progress.done = index + 1;
    if (progress.done % YIELD_EVERY === 0) await new Promise((resolve) => setImmediate(resolve));
    if (progress.done % SAVE_EVERY === 0) {
      writeFileSync(file, JSON.stringify(progress));
      const perSecond = Math.round((progress.done - first) / ((performance.now() - startedAt) / 1_000));
      const megabytes = Math.round(process.memoryUsage.rss() / 1024 / 1024);
      console.log(`${progress.done} of ${count}, ${perSecond}/s, ${megabytes} MiB`);
    }
  }
  for (const [end, times] of Object.entries(progress.ends)) console.log(`${end.padEnd(28)} ${times}`);
  console.log(`${progress.done} mutated flights, no crash`);
  rmSync(file, { force: true });
}

function load(file: string): Progress {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Progress;
  } catch {
    return { done: 0, ends: {} };
  }
}
