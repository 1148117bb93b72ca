import { readContainer, type Container, type ReadOptions } from '../certificate/container.ts';
import type { Context, Limits } from '../plugin/context.ts';

/** Larger content is read in a process of its own: what is linear in its size takes under 20 ms up to here. */
const MAX_BYTES_ON_THE_SPOT = 1024 * 1024;
/** What opening a keystore may cost where others wait for their turn. */
const MAX_COST_ON_THE_SPOT_MS = 20;
/** What opening a keystore may cost there: enough for two passwords at the slowest of the usual settings. */
const MAX_COST_MS = 1_500;
/** The estimate of the cost is for a machine with nothing else to do; this is for when it is wrong. */
const LIMITS: Limits = { timeMs: 5_000, memoryMb: 256 };

/** `Context.parse` over `Context.isolate`. */
export function createParser(isolate: Context['isolate']): Context['parse'] {
  return async (bytes, { passwords = [] } = {}) => {
    if (bytes.length <= MAX_BYTES_ON_THE_SPOT) {
      const container = readContainer(bytes, { passwords, maxCostMs: MAX_COST_ON_THE_SPOT_MS });
      if (!container.parts.some(wantsMoreTime)) return container;
    }
    const options: ReadOptions = { passwords, maxCostMs: MAX_COST_MS };
    return isolate(new URL('./isolated-parse.ts', import.meta.url), { bytes, options }, LIMITS);
  };
}

function wantsMoreTime(part: Container['parts'][number]): boolean {
  return 'costMs' in part && part.costMs !== undefined && part.costMs <= MAX_COST_MS;
}
