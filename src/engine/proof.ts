import type { DueTimes } from './due-times.ts';

/** The name under which the last proof is remembered, beside the schedules. */
const NAME = 'engine:proof';

/** Commits a write to the store of the due times. Throws when it takes none. */
export async function proveWritable(dueTimes: DueTimes, now: number): Promise<void> {
  await dueTimes.init(NAME, 0);
  const last = (await dueTimes.next(NAME)) ?? 0;
  // Of several nodes another may have been faster: then the store has taken theirs.
  await dueTimes.claim(NAME, last, Math.max(now, last + 1));
}
