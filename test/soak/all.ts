import { readdirSync } from 'node:fs';

import type { SoakOptions } from './run.ts';

const ROUNDS = 20;
/** The first rounds fill caches: the slope is that of what follows. */
const SETTLED_AFTER = 2;
const MEBIBYTE = 1024 * 1024;

/** One of the long runs in small: what it is called, and how much of it makes a round of a minute or so. */
export interface Part {
  readonly name: string;
  readonly count: number;
  run(options: SoakOptions): Promise<void>;
}

/**
 * All of the parts in turn, again and again with other seeds, in one process: damage to stores, reloads of a working daemon,
 * hostile files and servers. Prints after each round what the process holds; at the end by how much its memory grew in a
 * round. Throws at the first part that goes wrong, and when a promise was rejected that nobody looked at.
 */
export async function soakAll(parts: readonly Part[], { count = ROUNDS, seed = 1 }: SoakOptions): Promise<void> {
  let unhandled = 0;
  const onUnhandled = (reason: unknown): void => {
    unhandled += 1;
    console.error('a rejection that nobody looked at:', reason);
  };
  process.on('unhandledRejection', onUnhandled);
  const memory: number[] = [];
  try {
    for (let round = 0; round < count; round += 1) {
      for (const part of parts) await runPart(part, round, seed * 1_000 + round);
      const { rss, heapUsed } = process.memoryUsage();
      memory.push(rss / MEBIBYTE);
      console.log(
        `round ${round + 1} of ${count}: ${Math.round(rss / MEBIBYTE)} MiB, heap ${Math.round(heapUsed / MEBIBYTE)} MiB, ` +
          `${readdirSync('/proc/self/fd').length} descriptors, ${process.getActiveResourcesInfo().length} things open, ` +
          `${unhandled} unhandled rejections`,
      );
    }
  } finally {
    process.off('unhandledRejection', onUnhandled);
  }
  console.log(`memory grew by ${slope(memory.slice(SETTLED_AFTER)).toFixed(2)} MiB in a round`);
  if (unhandled > 0) throw new Error(`${unhandled} rejections that nobody looked at`);
}

async function runPart({ name, count, run }: Part, round: number, seed: number): Promise<void> {
  try {
    await run({ count, seed });
  } catch (error) {
    throw new Error(`round ${round + 1}, ${name} with the seed ${seed} went wrong`, { cause: error });
  }
}

/** Of the straight line that fits best. */
function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  let [above, below, total] = [0, 0, 0];
  for (const value of values) total += value;
  const mean = total / Math.max(1, values.length);
  for (const [index, value] of values.entries()) {
    above += (index - middle) * (value - mean);
    below += (index - middle) ** 2;
  }
  return below === 0 ? 0 : above / below;
}
