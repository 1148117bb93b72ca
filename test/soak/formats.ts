import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { formatCorpus, MAX_CPU_MS, tryFormatMutation } from '../helpers/format-mutations.ts';
import type { SoakOptions } from './run.ts';

const COUNT = 5_000_000;
const REPORT_EVERY = 100_000;

/** Keeps the process answerable to signals. */
const YIELD_EVERY = 1_000;

interface Progress {
  done: number;
  cpuMs: number;
  ends: Record<string, number>;
  /** Resident memory in MiB at every report. */
  memory: number[];
}

/** Changed files of every format against our readers: none may make them throw, or take longer than 100 ms. */
export async function soakFormats({ count = COUNT, seed = 1 }: SoakOptions): Promise<void> {
  const folder = path.join(tmpdir(), 'notafter-soak');
  const file = path.join(folder, `formats-${seed}-${count}.json`);
  mkdirSync(folder, { recursive: true });
  const progress = load(file);
  if (progress.done > 0) console.log(`going on at ${progress.done} of ${count} (${file})`);

  const corpus = formatCorpus();
  let before = process.cpuUsage();
  for (let index = progress.done; index < count; index++) {
    const mutationSeed = (seed * COUNT + index) >>> 0;
    try {
      const end = tryFormatMutation(corpus, mutationSeed).replace(/^.*: /, '');
      progress.ends[end] = (progress.ends[end] ?? 0) + 1;
    } catch (error) {
      console.error(`mutation ${index} (seed ${mutationSeed}) went wrong:`);
      throw error;
    }
    progress.done = index + 1;
    if (progress.done % YIELD_EVERY === 0) await new Promise((resolve) => setImmediate(resolve));
    if (progress.done % REPORT_EVERY === 0) {
      const { user, system } = process.cpuUsage(before);
      before = process.cpuUsage();
      progress.cpuMs += (user + system) / 1000;
      progress.memory.push(mebibytes());
      writeFileSync(file, JSON.stringify(progress));
      const perMutation = ((user + system) / REPORT_EVERY).toFixed(0);
      console.log(`${progress.done} of ${count}, ${perMutation} µs each, ${progress.memory.at(-1)} MiB`);
    }
  }
  // What is left over since the last report; a short run has none before.
  const { user, system } = process.cpuUsage(before);
  progress.cpuMs += (user + system) / 1000;
  progress.memory.push(mebibytes());
  for (const [end, times] of Object.entries(progress.ends)) console.log(`${end.padEnd(28)} ${times}`);
  console.log(
    `${progress.done} changed files of ${corpus.length} kinds in ${(progress.cpuMs / 1000).toFixed(1)} s of the processor: ` +
      `no crash, none took more than ${MAX_CPU_MS} ms, ` +
      `memory ${Math.min(...progress.memory)} to ${Math.max(...progress.memory)} MiB`,
  );
  rmSync(file, { force: true });
}

function mebibytes(): number {
  return Math.round(process.memoryUsage.rss() / 1024 / 1024);
}

function load(file: string): Progress {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Progress;
  } catch {
    return { done: 0, cpuMs: 0, ends: {}, memory: [] };
  }
}
