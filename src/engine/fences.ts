import type { DueTimes } from './due-times.ts';

/** Numbers for hand-outs that nodes share. */
export interface Fences {
  /** Greater than every one given before, to whichever node. */
  next(): Promise<bigint>;
}

/** The name under which the last epoch is remembered, beside the schedules. */
const EPOCH = 'engine:fences';

/** How far the next epoch is pushed ahead of one that the clock has not reached. Milliseconds. */
const STEP_MS = 60_000;

/** Fences within one millisecond of epoch: 2^20. With epochs up to the year 2248 a fence fits 63 bits. */
const SHIFT = 20n;

const ATTEMPTS = 10;

/**
 * Gives out numbers that only grow, over restarts too, even when the clock was set back meanwhile: each start takes an
 * epoch that is later than every one before it, by the clock where the clock allows it.
 */
export async function openFences(dueTimes: DueTimes, now: number): Promise<() => bigint> {
  await dueTimes.init(EPOCH, 0);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const last = (await dueTimes.next(EPOCH)) ?? 0;
    const epoch = Math.max(now, last + STEP_MS);
    if (!(await dueTimes.claim(EPOCH, last, epoch))) continue;
    let fence = BigInt(epoch) << SHIFT;
    return () => ++fence;
  }
  throw new Error('the store did not give the engine an epoch: too many start at once');
}
