import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { randomGraph } from '../helpers/chain-graphs.ts';
import { tryGraph } from '../helpers/chain-oracle.ts';
import type { SoakOptions } from './run.ts';

const COUNT = 100_000;
const SAVE_EVERY = 10_000;

/** Keeps the process answerable to signals. */
const YIELD_EVERY = 1_000;

interface Progress {
  done: number;
  outcomes: Record<string, number>;
}

/** Random PKIs: the search for trust paths must find what trying every path finds. */
export async function soakChains({ count = COUNT, seed = 1 }: SoakOptions): Promise<void> {
  const folder = path.join(tmpdir(), 'notafter-soak');
  const file = path.join(folder, `chains-${seed}-${count}.json`);
  mkdirSync(folder, { recursive: true });
  const progress = load(file);
  if (progress.done > 0) console.log(`going on at ${progress.done} of ${count} (${file})`);

  const startedAt = performance.now();
  const first = progress.done;
  for (let index = first; index < count; index++) {
    const graphSeed = (seed * COUNT + index) >>> 0;
    try {
      const outcome = tryGraph(randomGraph(graphSeed));
      progress.outcomes[outcome] = (progress.outcomes[outcome] ?? 0) + 1;
    } catch (error) {
      console.error(`graph ${index} (seed ${graphSeed}) went wrong:`);
      throw error;
    }
    progress.done = index + 1;
    if (progress.done % YIELD_EVERY === 0) await new Promise((resolve) => setImmediate(resolve));
    if (progress.done % SAVE_EVERY === 0) {
      writeFileSync(file, JSON.stringify(progress));
      const perSecond = Math.round((progress.done - first) / ((performance.now() - startedAt) / 1_000));
      console.log(`${progress.done} of ${count}, ${perSecond}/s`);
    }
  }
  for (const [outcome, times] of Object.entries(progress.outcomes)) console.log(`${outcome.padEnd(16)} ${times}`);
  console.log(`${progress.done} random PKIs, the search and the oracle agree on each`);
  rmSync(file, { force: true });
}

function load(file: string): Progress {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Progress;
  } catch {
    return { done: 0, outcomes: {} };
  }
}
