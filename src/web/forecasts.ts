import type { AskedPeriod } from '../policy/period.ts';
import type { Forecast } from '../policy/forecast.ts';

/** How long one is good for who asks for the same: as long as reading its pages may take. */
const KEPT_MS = 60_000;
/** Made one after the other; who asks beyond these is sent away. */
const MAX_WAITING = 4;

export interface Forecasts {
  /** `busy`: too many ask for different ones at once. */
  get(asked: AskedPeriod, make: () => Promise<Forecast>): Promise<Forecast | 'busy'>;
}

/**
 * A forecast goes over everything that is known, which may take seconds of a processor: one is made at a time, and the pages
 * of one are those of the same forecast.
 */
export function createForecasts(now: () => number): Forecasts {
  let kept: { readonly key: string; readonly value: Promise<Forecast>; readonly at: number } | undefined;
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;

  return {
    async get({ at, from, until }, make) {
      const key = JSON.stringify([at, from, until]);
      if (kept?.key === key && now() - kept.at < KEPT_MS) return kept.value;
      if (waiting >= MAX_WAITING) return 'busy';
      waiting += 1;
      const value = last.then(make).finally(() => (waiting -= 1));
      last = value.catch(() => undefined);
      const own = { key, value, at: now() };
      kept = own;
      value.catch(() => {
        if (kept === own) kept = undefined;
      });
      return value;
    },
  };
}
