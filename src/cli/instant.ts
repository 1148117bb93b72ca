import { InvalidArgumentError } from 'commander';

import { parsePeriod, PeriodError } from '../policy/period.ts';

/** An option that is a date or a time from now: refuses what is neither before anything else is done. */
export function instant(text: string): string {
  try {
    parsePeriod({ at: text }, Date.now());
    return text;
  } catch (error) {
    if (error instanceof PeriodError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}
